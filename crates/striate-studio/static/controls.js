// Controls of a lab: each has a text value, the same text the address holds (src/labs/control.rs).

import { drawingSheet } from "./drawing.js";
import { element } from "./panes.js";
import { greyText } from "./picture.js";

const LONGEST_SIDE = 200;

function slider(input, changed) {
  const output = input.closest(".control").querySelector("output");
  const [min, max] = [Number(input.dataset.min), Number(input.dataset.max)];
  const logarithmic = "logarithmic" in input.dataset;
  const text = () => {
    const raw = logarithmic ? 10 ** Number(input.value) : Number(input.value);
    const rounded = logarithmic ? Number(raw.toPrecision(2)) : Number(raw.toFixed(6));
    return String(Math.max(min, Math.min(max, rounded)));
  };
  let value = input.dataset.value;
  input.addEventListener("input", () => {
    value = text();
    output.textContent = value;
    changed();
  });
  return () => value;
}

async function readPicture(file) {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, LONGEST_SIDE / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [Math.max(1, Math.round(bitmap.width * scale)), Math.max(1, Math.round(bitmap.height * scale))];
  const canvas = element("canvas", { width, height });
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0, width, height);
  return greyText(context.getImageData(0, 0, width, height));
}

function image(select, changed) {
  let own = null;
  const input = select.closest(".control").querySelector("[data-upload]");
  input.addEventListener("change", async () => {
    if (input.files.length === 0) return;
    const name = input.files[0].name;
    try {
      own = await readPicture(input.files[0]);
    } catch {
      input.setCustomValidity("This file is not a picture the browser can read.");
      input.reportValidity();
      return;
    }
    input.setCustomValidity("");
    select.querySelector("[value='']")?.remove();
    select.append(element("option", { value: "" }, name));
    select.value = "";
    changed();
  });
  select.addEventListener("change", changed);
  return () => (select.value === "" ? own : select.value);
}

function kernelGrid(table, changed) {
  const control = table.closest(".control");
  const [preset, rows, columns] = ["[data-preset]", "[data-rows]", "[data-columns]"].map((name) => control.querySelector(name));
  const body = table.tBodies[0];
  const text = () => [...body.rows].map((row) => [...row.cells].map((cell) => cell.firstChild.value.trim()).join(",")).join(";");
  const isNumber = (value) => /^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?(\s*\/\s*[-+]?(\d+\.?\d*|\.\d+))?\s*$/i.test(value) && !/\/\s*[-+]?0*\.?0*\s*$/.test(value);
  let value = text();
  const label = () => {
    [...body.rows].forEach((row, r) => [...row.cells].forEach((cell, c) => cell.firstChild.setAttribute("aria-label", `row ${r + 1}, column ${c + 1}`)));
    rows.value = body.rows.length;
    columns.value = body.rows[0].cells.length;
  };
  const fill = (matrix) => {
    const cell = (number) => element("td", {}, element("input", { type: "text", inputMode: "decimal", value: number }));
    body.replaceChildren(...matrix.map((row) => element("tr", {}, ...row.map(cell))));
    label();
  };
  const settle = () => {
    value = text();
    const known = [...preset.options].find((option) => option.dataset.matrix === value);
    preset.value = known ? known.value : "";
    changed();
  };
  for (const select of [rows, columns]) {
    for (let side = 1; side <= 7; side += 1) select.append(element("option", { value: side }, String(side)));
    select.addEventListener("change", () => {
      const old = [...body.rows].map((row) => [...row.cells].map((cell) => cell.firstChild.value));
      const shift = [Math.trunc((rows.value - old.length) / 2), Math.trunc((columns.value - old[0].length) / 2)];
      const at = (r, c) => old[r - shift[0]]?.[c - shift[1]] ?? "0";
      fill(Array.from({ length: rows.value }, (_, r) => Array.from({ length: columns.value }, (_, c) => at(r, c))));
      settle();
    });
  }
  preset.addEventListener("change", () => {
    const matrix = preset.selectedOptions[0].dataset.matrix;
    if (!matrix) return;
    fill(matrix.split(";").map((row) => row.split(",")));
    settle();
  });
  body.addEventListener("input", () => {
    const inputs = [...body.querySelectorAll("input")];
    for (const input of inputs) input.setAttribute("aria-invalid", String(!isNumber(input.value)));
    if (inputs.every((input) => isNumber(input.value))) settle();
  });
  body.addEventListener("keydown", (event) => {
    const cell = event.target.closest("td");
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!step || !cell) return;
    event.preventDefault();
    const row = body.rows[cell.parentNode.rowIndex + step[0]];
    row?.cells[cell.cellIndex].firstChild.select();
  });
  body.addEventListener("focusin", (event) => event.target.select?.());
  label();
  return () => value;
}

const KINDS = {
  slider,
  choice(select, changed) {
    select.addEventListener("change", changed);
    return () => select.value;
  },
  image,
  kernel: kernelGrid,
  drawing: (place, changed) => drawingSheet(place, changed),
};

/** Binds the controls in `form`; `changed` runs after each change. Returns a function giving all values by id. */
export function bindControls(form, changed) {
  const readers = new Map();
  for (const control of form.querySelectorAll("[data-control]")) {
    const input = control.querySelector("[data-kind]");
    readers.set(control.dataset.control, KINDS[input.dataset.kind](input, changed));
  }
  return () => Object.fromEntries([...readers].map(([id, read]) => [id, read()]));
}
