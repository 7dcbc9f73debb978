// A run's page: numbers and curves as they are written, and what can be done with the run.

import { connect, post } from "./connection.js";
import { drawPlot } from "./panes.js";

const page = document.querySelector("[data-run-page]");
const id = page.dataset.runPage;
const show = (name, text) => (page.querySelector(`[data-${name}]`).textContent = text);
const MOST_POINTS = 600;

let steps = [];
let epochs = [];
let drawing = false;

/** Every k-th point, so that a long run draws as fast as a short one. */
function thinned(points) {
  const every = Math.ceil(points.length / MOST_POINTS);
  return every <= 1 ? points : points.filter((_, index) => index % every === 0 || index === points.length - 1);
}

function draw() {
  drawing = false;
  const plot = (name, series, y, range) => {
    const node = page.querySelector(`[data-plot=${name}]`);
    drawPlot(node, { series, x: "step", y, range }, name);
    node.dataset.points = Math.max(...series.map((each) => each.points.length));
  };
  const curve = (name, source, value) => ({ name, points: thinned(source.map((event) => [event.step, value(event)])) });
  plot("loss", [curve("training", steps, (e) => e.loss), curve("validation", epochs, (e) => e.validation_loss)], "loss");
  const accuracies = epochs.map((event) => event.validation_accuracy);
  const low = accuracies.length > 0 ? Math.max(0, Math.min(...accuracies) - 0.02) : 0;
  plot("accuracy", [curve("", epochs, (e) => e.validation_accuracy)], "accuracy", [low, 1]);
  plot("speed", [curve("", steps, (e) => e.images_per_second)], "images/s");
  plot("rate", [curve("", steps, (e) => e.learning_rate)], "learning rate");
}

function plan() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(draw);
}

function duration(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

function take(event) {
  if (event.event === "step") {
    steps.push(event);
    show("step", `${event.step} of ${event.total_steps}`);
    show("loss", event.loss === null ? "NaN" : event.loss.toFixed(4));
    show("speed", Math.round(event.images_per_second).toLocaleString("en"));
    show("left", `${duration(event.seconds_left)} left`);
    page.querySelector("[data-progress]").value = event.step / event.total_steps;
  } else if (event.event === "epoch") {
    epochs.push(event);
    show("accuracy", `${(event.validation_accuracy * 100).toFixed(2)} %`);
  } else if (event.event === "finished") {
    show("test", `${(event.test_accuracy * 100).toFixed(2)} %`);
    show("left", `done in ${duration(event.seconds)}`);
    page.querySelector("[data-progress]").value = 1;
    // The last steps of a run are not all written down.
    const total = steps.at(-1)?.total_steps;
    if (total) show("step", `${total} of ${total}`);
  } else if (event.event === "started" && event.resumed_at > 0) {
    // What came after the checkpoint is done again.
    steps = steps.filter((step) => step.step <= event.resumed_at);
    epochs = epochs.filter((epoch) => epoch.step <= event.resumed_at);
  }
  const failure = page.querySelector("[data-failure]");
  failure.hidden = event.event !== "failed";
  if (event.event === "failed") failure.textContent = event.message;
}

connect(`/live/runs/${id}`, {
  onMessage(news) {
    if (news.anew) [steps, epochs] = [[], []];
    news.events.forEach(take);
    const status = page.querySelector("[data-status]");
    status.textContent = news.status;
    status.className = `run-state ${news.status}`;
    page.querySelector("[data-do=stop]").hidden = !(news.ours && news.status === "running");
    page.querySelector("[data-do=resume]").hidden = news.status !== "interrupted";
    page.querySelector("[data-do=evaluate]").hidden = news.status !== "finished";
    if (news.status === "interrupted") show("left", "stopped");
    plan();
  },
});

for (const button of page.querySelectorAll("[data-do]")) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    show("action-state", { stop: "Stopping after this batch…", resume: "Reading the data…", evaluate: "Measuring…" }[button.dataset.do]);
    try {
      await post(`/runs/${id}/${button.dataset.do}`);
      show("action-state", "");
      if (button.dataset.do === "evaluate") {
        location.hash = "evaluation";
        location.reload();
      }
    } catch (error) {
      show("action-state", error.message);
    }
    button.disabled = false;
  });
}
addEventListener("resize", plan);
