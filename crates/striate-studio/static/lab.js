// Runs every lab on the page: controls to the server, panes back, state into the address.

import { connect } from "./connection.js";
import { bindControls } from "./controls.js";
import { Panes } from "./panes.js";

const LONGEST_ADDRESS_VALUE = 400;

function start(lab) {
  const form = lab.querySelector("form");
  const notice = lab.querySelector("[data-notice]");
  const status = lab.querySelector("[data-status]");
  let cell = null;
  let changed = false;
  let planned = false;

  // One message each animation frame at most; the server answers only the newest.
  const plan = () => {
    if (planned) return;
    planned = true;
    requestAnimationFrame(() => {
      planned = false;
      if (changed && send({ set: values() })) changed = false;
      if (cell && send({ inspect: cell })) cell = null;
    });
  };
  const panes = new Panes(lab.querySelector("[data-panes]"), (at) => {
    cell = at;
    plan();
  });
  const values = bindControls(form, () => {
    changed = true;
    plan();
    if ("address" in lab.dataset) remember();
  });
  const remember = () => {
    const kept = Object.entries(values()).filter(([, value]) => value !== null && value.length <= LONGEST_ADDRESS_VALUE);
    history.replaceState(null, "", `${location.pathname}?${new URLSearchParams(kept)}${location.hash}`);
  };
  const send = connect(`/live/labs/${lab.dataset.lab}`, {
    onOpen: () => send({ set: values() }),
    onMessage(frame) {
      panes.show(frame);
      if (frame.complete || frame.notice) {
        notice.hidden = !frame.notice;
        notice.textContent = frame.notice?.text ?? "";
        notice.dataset.tone = frame.notice?.tone ?? "";
      }
      if (frame.status !== null) status.textContent = frame.status;
      lab.classList.toggle("running", frame.running);
      lab.dataset.frames = Number(lab.dataset.frames ?? 0) + 1;
    },
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const button of lab.querySelectorAll("[data-action]")) {
    button.addEventListener("click", () => send({ act: button.dataset.action }));
  }
  form.querySelector("[data-reset]").addEventListener("click", () => location.assign(location.pathname));
}

for (const lab of document.querySelectorAll("[data-lab]")) start(lab);
