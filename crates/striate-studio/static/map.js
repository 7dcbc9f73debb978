// The map: search, prerequisites of the station under the pointer, live progress.

import { connect, post } from "./connection.js";

const map = document.querySelector("[data-map]");
const tiles = new Map([...map.querySelectorAll("[data-station]")].map((tile) => [tile.dataset.station, tile]));
const hiddenByGoal = new Set([...tiles.values()].filter((tile) => tile.hidden));
const search = map.querySelector("[data-search]");
const STATES = ["done", "skipped", "started", "ready", "ahead"];

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const tile of tiles.values()) {
    // A search looks through everything, also outside the chosen goal.
    tile.hidden = words.length > 0 ? !words.every((word) => tile.dataset.text.includes(word)) : hiddenByGoal.has(tile);
    found += tile.hidden ? 0 : 1;
  }
  for (const stage of map.querySelectorAll("[data-stage]")) stage.hidden = !stage.querySelector("[data-station]:not([hidden])");
  map.querySelector("[data-nothing]").hidden = found > 0;
  map.classList.toggle("searching", words.length > 0);
}

search.addEventListener("input", filter);
addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target.closest("input, textarea, select")) return;
  event.preventDefault();
  search.focus();
});

function relate(tile, on) {
  const before = tile.dataset.before.split(" ").filter(Boolean);
  map.classList.toggle("relating", on);
  tile.classList.toggle("focus", on);
  for (const id of before) tiles.get(id)?.classList.toggle("needed", on);
  for (const other of tiles.values()) {
    if (other.dataset.before.split(" ").includes(tile.dataset.station)) other.classList.toggle("opened", on);
  }
}
for (const tile of tiles.values()) {
  tile.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && relate(tile, true));
  tile.addEventListener("pointerleave", () => relate(tile, false));
  tile.addEventListener("focusin", (event) => event.target.matches(":focus-visible") && relate(tile, true));
  tile.addEventListener("focusout", () => relate(tile, false));
}

for (const button of map.querySelectorAll("[data-follow]")) {
  button.addEventListener("click", async () => {
    try {
      await post("/goal", { goal: button.dataset.follow });
      button.textContent = "This is your goal now";
      button.disabled = true;
    } catch (error) {
      button.textContent = error.message;
    }
  });
}

const next = map.querySelector("[data-next]");

function showNext(id) {
  const link = tiles.get(id)?.querySelector("h3 a");
  next.hidden = !link;
  map.querySelector("[data-arrived]").hidden = Boolean(link);
  if (!link || next.getAttribute("href") === link.getAttribute("href")) return;
  next.href = link.getAttribute("href");
  next.querySelector("[data-next-title]").textContent = link.textContent;
  next.querySelector("[data-next-outcome]").textContent = link.title;
}

connect("/live/progress", {
  onMessage(snapshot) {
    showNext(snapshot.next[next.dataset.next]);
    for (const [id, view] of Object.entries(snapshot.stations)) {
      const tile = tiles.get(id);
      if (!tile || (tile.classList.contains(view.state) && !tile.querySelector("[data-passed]"))) continue;
      tile.classList.remove(...STATES);
      tile.classList.add(view.state);
      tile.querySelector("use").setAttribute("href", `#s-${view.state}`);
      tile.querySelector("[data-label]").textContent = `${view.label}.`;
      const passed = tile.querySelector("[data-passed]");
      if (passed) passed.textContent = view.passed;
    }
    for (const stage of map.querySelectorAll("[data-stage]")) {
      stage.querySelector("[data-stage-done]").textContent = stage.querySelectorAll(".tile.done").length;
    }
    map.querySelector("[data-done]").textContent = map.querySelectorAll(".tile.done").length;
  },
});
