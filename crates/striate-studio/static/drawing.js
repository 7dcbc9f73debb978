// A sheet to draw on with mouse, finger or pen, or with the keyboard: arrow keys move the pen, Space puts it down or up.

import { element } from "./panes.js";
import { greyText } from "./picture.js";

const SIDE = 280;
const SENT = 112;
const WIDTH = 20;
const KEY_STEP = 8;

/** Builds a sheet inside `place`. `changed` runs while strokes grow. Returns a function giving the value's text. */
export function drawingSheet(place, changed) {
  const canvas = element("canvas", { width: SIDE, height: SIDE, className: "sheet", tabIndex: 0 });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", "Drawing sheet: draw with mouse, finger or pen, or with arrow keys, where Space puts the pen down or up; Ctrl+Z undoes, Delete clears");
  const small = element("canvas", { width: SENT, height: SENT });
  const undo = element("button", { type: "button" }, "Undo");
  const clear = element("button", { type: "button" }, "Clear");
  const hint = element("span", { className: "sheet-hint", ariaHidden: "true" }, "Draw a digit here");
  place.classList.add("drawing");
  place.append(element("div", { className: "sheet-frame" }, canvas, hint), element("div", { className: "row" }, undo, clear));
  const context = canvas.getContext("2d");
  const smallContext = small.getContext("2d", { willReadFrequently: true });
  let strokes = [];
  let current = null;
  const pen = { at: [SIDE / 2, SIDE / 4], shown: false, stroke: null };
  let value = "";

  const redraw = () => {
    context.fillStyle = "#fff";
    context.fillRect(0, 0, SIDE, SIDE);
    context.strokeStyle = context.fillStyle = "#111418";
    context.lineWidth = WIDTH;
    context.lineCap = context.lineJoin = "round";
    for (const stroke of strokes) {
      context.beginPath();
      if (stroke.length === 1) {
        context.arc(stroke[0][0], stroke[0][1], WIDTH / 2, 0, 2 * Math.PI);
        context.fill();
        continue;
      }
      context.moveTo(...stroke[0]);
      // Through the midpoints, bent at the points: no corners where the pointer was sampled.
      for (let i = 1; i < stroke.length - 1; i += 1) {
        const middle = [(stroke[i][0] + stroke[i + 1][0]) / 2, (stroke[i][1] + stroke[i + 1][1]) / 2];
        context.quadraticCurveTo(...stroke[i], ...middle);
      }
      context.lineTo(...stroke.at(-1));
      context.stroke();
    }
    if (pen.shown) {
      context.beginPath();
      context.arc(...pen.at, WIDTH / 2, 0, 2 * Math.PI);
      context.lineWidth = 2;
      context.strokeStyle = pen.stroke ? "#c95414" : "#2846c0";
      context.stroke();
    }
    hint.hidden = strokes.length > 0 || pen.shown;
    undo.disabled = clear.disabled = strokes.length === 0;
  };
  const update = () => {
    if (strokes.length === 0) value = "";
    else {
      const shown = pen.shown;
      pen.shown = false;
      redraw();
      smallContext.imageSmoothingQuality = "high";
      smallContext.drawImage(canvas, 0, 0, SENT, SENT);
      value = greyText(smallContext.getImageData(0, 0, SENT, SENT));
      pen.shown = shown;
    }
    redraw();
    changed();
  };
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE];
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    current = { id: event.pointerId, points: [at(event)] };
    strokes.push(current.points);
    update();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== current?.id) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length > 0 ? events : [event]) current.points.push(at(each));
    update();
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, (event) => {
      if (event.pointerId === current?.id) current = null;
    });
  }
  canvas.addEventListener("blur", () => {
    Object.assign(pen, { shown: false, stroke: null });
    redraw();
  });
  const takeBack = () => {
    pen.stroke = null;
    strokes.pop();
    update();
  };
  const wipe = () => {
    pen.stroke = null;
    strokes = [];
    update();
  };
  undo.addEventListener("click", takeBack);
  clear.addEventListener("click", wipe);
  const move = (x, y) => {
    pen.shown = true;
    pen.at = [pen.at[0] + x * KEY_STEP, pen.at[1] + y * KEY_STEP].map((place) => Math.max(0, Math.min(SIDE, place)));
    if (!pen.stroke) return redraw();
    pen.stroke.push(pen.at);
    update();
  };
  const toggle = () => {
    pen.shown = true;
    pen.stroke = pen.stroke ? null : [pen.at];
    if (pen.stroke) strokes.push(pen.stroke);
    update();
  };
  const STEPS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
  canvas.addEventListener("keydown", (event) => {
    if (event.key in STEPS) move(...STEPS[event.key]);
    else if (event.key === " ") toggle();
    else if (event.key === "z" && (event.ctrlKey || event.metaKey)) takeBack();
    else if (event.key === "Delete" || event.key === "Backspace") wipe();
    else return;
    event.preventDefault();
  });
  redraw();
  return () => value;
}
