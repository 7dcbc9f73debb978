// A station's page: the state of its exercises as checks run elsewhere, and the learner's notes.

import { connect, post } from "./connection.js";

const page = document.querySelector("[data-station-page]");
const id = page.dataset.stationPage;
const VERDICTS = ["not_attempted", "does_not_load", "wrong_shape", "wrong_value", "fragile", "passed"];

connect("/live/progress", {
  onMessage(snapshot) {
    const state = page.querySelector("[data-state]");
    const view = snapshot.stations[id];
    state.className = `state ${view.state}`;
    if (state.textContent !== view.label) state.textContent = view.label;
    for (const card of page.querySelectorAll("[data-exercise]")) {
      const seen = snapshot.exercises[card.dataset.exercise];
      const verdict = card.querySelector("[data-verdict]");
      if (!seen || !verdict) continue;
      card.classList.remove(...VERDICTS);
      card.classList.add(seen.state);
      if (verdict.textContent !== seen.label) verdict.textContent = seen.label;
      card.querySelector("[data-when]").textContent = seen.when;
      card.querySelector("[data-earlier]").hidden = !seen.passed_before;
      card.querySelector("[data-mistakes]").replaceChildren(
        ...seen.mistakes.map((mistake) => Object.assign(document.createElement("li"), { textContent: mistake })),
      );
    }
  },
});

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
