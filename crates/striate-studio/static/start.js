// The digit room without a network: trains one, or notices that one was trained elsewhere.

import { connect, post } from "./connection.js";

const button = document.querySelector("[data-train]");
const state = document.querySelector("[data-start-state]");
const bar = document.querySelector("[data-start-progress]");

connect("/live/runs", {
  onMessage(cards) {
    if (cards.some((card) => card.status === "finished" && card.about.includes("digits"))) location.reload();
    const running = cards.find((card) => card.status === "running");
    bar.hidden = !running;
    if (!running) return;
    button.disabled = true;
    bar.value = running.progress;
    const accuracy = running.validation === null ? "" : `, ${(running.validation * 100).toFixed(1)} % right on images it did not learn from`;
    state.textContent = `${running.id} is training: ${Math.round(running.progress * 100)} %${accuracy}.`;
  },
});

button.addEventListener("click", async () => {
  button.disabled = true;
  state.textContent = "Reading the data…";
  try {
    const { run } = await post("/runs", { model: "cnn4" });
    state.textContent = `${run} has started.`;
  } catch (error) {
    state.textContent = error.message;
    button.disabled = false;
  }
});
