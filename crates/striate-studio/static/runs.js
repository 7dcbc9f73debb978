// The list of runs, and the form that starts one.

import { connect, post } from "./connection.js";
import { element } from "./panes.js";

const body = document.querySelector("[data-runs]");
const form = document.querySelector("[data-train-form]");
const problem = form.querySelector("[data-form-error]");

const percent = (share) => (share === null ? "–" : `${(share * 100).toFixed(2)} %`);

function row(card) {
  const state = card.status === "running" ? `running, ${Math.round(card.progress * 100)} %` : card.status;
  const line = element(
    "tr",
    {},
    element("td", {}, element("a", { href: `/runs/${card.id}` }, card.id), element("small", {}, card.settings)),
    element("td", {}, element("span", { className: `run-state ${card.status}` }, state)),
    element("td", { className: "num" }, percent(card.validation)),
    element("td", { className: "num" }, percent(card.test)),
    element("td", {}, card.when),
  );
  line.dataset.run = card.id;
  return line;
}

connect("/live/runs", {
  onMessage(cards) {
    // A link that has the focus must not be taken away under the reader.
    const focused = body.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    body.replaceChildren(...cards.map(row));
    if (focused) body.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
    document.querySelector("[data-no-runs]").hidden = cards.length > 0;
    document.querySelector("[data-run-list]").hidden = cards.length === 0;
  },
});

form.elements.model.addEventListener("change", () => {
  const defaults = form.elements.model.selectedOptions[0].dataset;
  form.elements.epochs.value = defaults.epochs;
  form.elements.batch_size.value = defaults.batch_size;
  form.elements.learning_rate.placeholder = defaults.learning_rate;
});

function order() {
  const entries = Object.fromEntries(new FormData(form));
  const number = (name) => {
    const text = (entries[name] ?? "").trim();
    if (text === "") return null;
    if (!Number.isFinite(Number(text))) throw new Error(`${text} is not a number`);
    return Number(text);
  };
  return {
    model: entries.model,
    dataset: entries.dataset,
    optimizer: entries.optimizer,
    schedule: entries.schedule,
    augment: "augment" in entries,
    epochs: number("epochs"),
    batch_size: number("batch_size"),
    learning_rate: number("learning_rate"),
    weight_decay: number("weight_decay"),
    seed: number("seed"),
    train_limit: number("train_limit"),
  };
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  problem.hidden = true;
  button.disabled = true;
  button.textContent = "Reading the data…";
  try {
    const started = await post("/runs", order());
    location.assign(`/runs/${started.run}`);
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
    button.disabled = false;
    button.textContent = "Start training";
  }
});
