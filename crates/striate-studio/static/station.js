// A station's page: the state of its exercises as checks run elsewhere, and the learner's notes.

import { connect, post } from "./connection.js";

const page = document.querySelector("[data-station-page]");
const id = page.dataset.stationPage;
const VERDICTS = ["not_attempted", "does_not_load", "wrong_shape", "wrong_value", "fragile", "passed"];
const cards = new Map([...page.querySelectorAll("[data-exercise]")].map((card) => [card.dataset.exercise, card]));
const news = new Map();

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** The report, unless it is on the page already: what the reader has selected or opened stays. */
function showReport(card, html) {
  const place = card.querySelector("[data-report]");
  if (place.dataset.shown === html) return;
  place.dataset.shown = html;
  place.innerHTML = html;
}

function showFiles() {
  const language = chosen();
  for (const [id, card] of cards) {
    for (const file of card.querySelectorAll("[data-file]")) file.hidden = file.dataset.file !== language;
    const missing = card.querySelector("[data-missing]");
    if (missing) missing.hidden = !news.has(id) || news.get(id).files.includes(language);
  }
}

function showExercise(id, card, seen) {
  const before = news.get(id);
  news.set(id, seen);
  card.classList.remove(...VERDICTS);
  card.classList.add(seen.state);
  setText(card.querySelector("[data-verdict]"), seen.label);
  setText(card.querySelector("[data-when]"), seen.when);
  card.querySelector("[data-outdated]").hidden = !seen.is_outdated;
  card.querySelector("[data-earlier]").hidden = !seen.passed_before;
  card.querySelector("[data-mistakes]").replaceChildren(
    ...seen.mistakes.map((mistake) => Object.assign(document.createElement("li"), { textContent: mistake })),
  );
  if (before?.at === seen.at && before?.report === seen.report) return;
  showReport(card, seen.report);
  // Only what happens while the page is open is said aloud.
  if (before) card.querySelector("[data-announce]").textContent = `${id}: ${seen.label}. ${seen.headline}`;
}

function showMark(view) {
  const state = page.querySelector("[data-state]");
  state.className = `state ${view.state}`;
  setText(state, view.label);
  for (const button of page.querySelectorAll("[data-mark]")) {
    button.hidden = button.dataset.mark === "" ? view.mark === null : view.mark !== null;
  }
}

connect(`/live/stations/${id}`, {
  onMessage(station) {
    showMark(station);
    for (const [name, card] of cards) {
      if (station.exercises[name]) showExercise(name, card, station.exercises[name]);
    }
    showFiles();
  },
});

for (const button of page.querySelectorAll("[data-mark]")) {
  button.addEventListener("click", async () => {
    const problem = page.querySelector("[data-mark-error]");
    try {
      await post(`/stations/${id}/mark`, { mark: button.dataset.mark || null });
      problem.textContent = "";
      // The button pressed disappears; the focus goes to the one that takes its place.
      setTimeout(() => button.hidden && page.querySelector("[data-mark]:not([hidden])").focus(), 800);
    } catch (error) {
      problem.textContent = error.message;
    }
  });
}

const languages = page.querySelectorAll("[name=language]");
const chosen = () => page.querySelector("[name=language]:checked")?.value ?? "python";
for (const language of languages) language.addEventListener("change", showFiles);

const start = page.querySelector("[data-start]");
start?.addEventListener("click", async () => {
  const state = page.querySelector("[data-start-state]");
  try {
    const { folder, written, kept } = await post(`/stations/${id}/start`, { language: chosen() });
    const parts = [];
    if (written.length) parts.push(`new ${written.join(", ")}`);
    if (kept.length) parts.push(`kept as they are ${kept.join(", ")}`);
    state.textContent = `In ${folder}: ${parts.join("; ")}.`;
  } catch (error) {
    state.textContent = error.message;
  }
});

async function check(name, card) {
  const buttons = page.querySelectorAll("[data-check]");
  const button = card.querySelector("[data-check]");
  const problem = card.querySelector("[data-check-error]");
  problem.hidden = true;
  buttons.forEach((other) => other.setAttribute("aria-disabled", "true"));
  button.textContent = "Checking…";
  try {
    const { headline, report } = await post(`/exercises/${name}/check`, { language: chosen() });
    showReport(card, report);
    card.querySelector("[data-announce]").textContent = `${name}: ${headline}`;
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
  }
  button.textContent = "Check now";
  buttons.forEach((other) => other.removeAttribute("aria-disabled"));
}
for (const [name, card] of cards) {
  const button = card.querySelector("[data-check]");
  button?.addEventListener("click", () => button.hasAttribute("aria-disabled") || check(name, card));
}

const note = page.querySelector("[data-note]");
const noteState = page.querySelector("[data-note-state]");
let saved = note.value;
let timer = 0;

async function save() {
  clearTimeout(timer);
  const text = note.value;
  if (text === saved) return;
  try {
    await post(`/stations/${id}/note`, { text });
    saved = text;
    noteState.textContent = note.value === saved ? "Saved." : "Saving…";
  } catch (error) {
    noteState.textContent = `Not saved: ${error.message}`;
    timer = setTimeout(save, 3000);
  }
}
note.addEventListener("input", () => {
  noteState.textContent = "Saving…";
  clearTimeout(timer);
  timer = setTimeout(save, 500);
});
note.addEventListener("blur", save);
addEventListener("beforeunload", (event) => {
  if (note.value === saved) return;
  save();
  event.preventDefault();
});
