// Draws panes. Each kind of content is one function here; the server decides what is shown (src/labs/pane.rs).

const SVG = "http://www.w3.org/2000/svg";

/** An element with properties and children. */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made && key !== "style") made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export function bytes(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

const MINUS = [33, 92, 176];
const NEUTRAL = 247;
const PLUS = [201, 84, 20];

/** Blue below zero, near white at zero, orange above; `share` from -1 to 1. */
function twoSided(share) {
  const end = share < 0 ? MINUS : PLUS;
  const strength = Math.min(Math.abs(share), 1) ** 0.75;
  return end.map((channel) => Math.round(NEUTRAL + (channel - NEUTRAL) * strength));
}

/** At most four significant digits, without an exponent where it can be avoided, with a true minus sign. */
export function short(value) {
  if (value === null || !Number.isFinite(value)) return "NaN";
  const size = Math.abs(value);
  let text;
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) text = value.toExponential(1);
  else text = String(Number(value.toFixed(size >= 100 ? 1 : size >= 10 ? 2 : 3)));
  return text.replace("-", "−");
}

function paint(canvas, width, height, pixel) {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let index = 0; index < width * height; index += 1) {
    const [red, green, blue] = pixel(index);
    image.data.set([red, green, blue, 255], index * 4);
  }
  context.putImageData(image, 0, 0);
}

/** Lets pointer and arrow keys choose a cell of `target`, which shows `rows` by `columns` of them. */
function inspectable(target, size, report) {
  const place = { row: Math.floor(size.rows / 2), column: Math.floor(size.columns / 2) };
  target.tabIndex = 0;
  target.classList.add("inspectable");
  target.addEventListener("pointermove", (event) => {
    const box = target.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) / box.width) * size.columns);
    const row = Math.floor(((event.clientY - box.top) / box.height) * size.rows);
    if (row === place.row && column === place.column) return;
    if (row < 0 || column < 0 || row >= size.rows || column >= size.columns) return;
    Object.assign(place, { row, column });
    report(place);
  });
  target.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    place.row = Math.max(0, Math.min(size.rows - 1, place.row + step[0]));
    place.column = Math.max(0, Math.min(size.columns - 1, place.column + step[1]));
    report(place);
  });
}

/** Each renderer: `make(report)` once, then `draw(content)` for every frame. */
const RENDERERS = {
  image(report) {
    const canvas = element("canvas", { className: "pixels" });
    const overlay = element("div", { className: "marks", ariaHidden: "true" });
    const size = { rows: 1, columns: 1 };
    const frame = element("div", { className: "picture" }, canvas, overlay);
    let listening = false;
    return {
      node: frame,
      draw(content, title) {
        Object.assign(size, { rows: content.height, columns: content.width });
        const data = bytes(content.pixels);
        const three = content.channels === 3;
        paint(canvas, content.width, content.height, (i) =>
          three ? [data[3 * i], data[3 * i + 1], data[3 * i + 2]] : [data[i], data[i], data[i]],
        );
        frame.style.aspectRatio = `${content.width} / ${content.height}`;
        canvas.setAttribute("role", "img");
        canvas.setAttribute("aria-label", `${title}, ${content.height} by ${content.width} pixels`);
        if (content.inspectable && !listening) {
          listening = true;
          inspectable(frame, size, report);
          frame.setAttribute("aria-label", `${title}: arrow keys move the window`);
          frame.setAttribute("role", "application");
        }
      },
      mark(marks) {
        overlay.replaceChildren(
          ...marks.map((mark) => {
            const box = element("span");
            box.style.top = `${(mark.row / size.rows) * 100}%`;
            box.style.left = `${(mark.column / size.columns) * 100}%`;
            box.style.height = `${(mark.height / size.rows) * 100}%`;
            box.style.width = `${(mark.width / size.columns) * 100}%`;
            return box;
          }),
        );
      },
    };
  },

  "heat-map"(report) {
    const body = element("tbody");
    const table = element("table", { className: "heat" }, body);
    const overlay = element("div", { className: "marks", ariaHidden: "true" });
    const frame = element("div", { className: "matrix" }, table, overlay);
    const size = { rows: 1, columns: 1 };
    let listening = false;
    return {
      node: frame,
      draw(content, title) {
        const columns = content.columns;
        const rows = content.values.length / columns;
        Object.assign(size, { rows, columns });
        if (body.rows.length !== rows || body.rows[0].cells.length !== columns) {
          const row = () => element("tr", {}, ...Array.from({ length: columns }, () => element("td")));
          body.replaceChildren(...Array.from({ length: rows }, row));
          frame.style.setProperty("--columns", columns);
          table.setAttribute("aria-label", title);
        }
        const [low, high] = content.range;
        content.values.forEach((value, index) => {
          const cell = body.rows[Math.floor(index / columns)].cells[index % columns];
          const share = (value - low) / (high - low);
          const grey = Math.round(Math.max(0, Math.min(1, share)) * 255);
          const color = content.signed ? twoSided(share * 2 - 1) : [grey, grey, grey];
          const luminance = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2];
          cell.textContent = short(value);
          cell.style.backgroundColor = `rgb(${color.join(" ")})`;
          cell.style.color = luminance > 140 ? "#14161a" : "#fff";
        });
        if (content.inspectable && !listening) {
          listening = true;
          inspectable(frame, size, report);
          frame.setAttribute("aria-label", `${title}: arrow keys move the window`);
          frame.setAttribute("role", "application");
        }
      },
      mark(marks) {
        overlay.replaceChildren(
          ...marks.map((mark) => {
            const box = element("span");
            box.style.top = `${(mark.row / size.rows) * 100}%`;
            box.style.left = `${(mark.column / size.columns) * 100}%`;
            box.style.height = `${(mark.height / size.rows) * 100}%`;
            box.style.width = `${(mark.width / size.columns) * 100}%`;
            return box;
          }),
        );
      },
    };
  },

  plot() {
    const node = element("div", { className: "plot" });
    return { node, draw: (content, title) => drawPlot(node, content, title) };
  },

  scatter() {
    const canvas = element("canvas", { className: "pixels smooth" });
    const over = svg("svg", { preserveAspectRatio: "none", "aria-hidden": "true" });
    const node = element("div", { className: "scatter" }, canvas, over);
    return { node, draw: (content, title) => drawScatter(canvas, over, content, title) };
  },

  graph() {
    const picture = svg("svg", { viewBox: "0 0 400 260", role: "img" });
    const node = element("div", { className: "graph" }, picture);
    return { node, draw: (content, title) => drawGraph(picture, content, title) };
  },

  gallery() {
    const node = element("div", { className: "gallery" });
    return { node, draw: (content, title) => drawGallery(node, content, title) };
  },

  bars() {
    const node = element("ol", { className: "bars" });
    return {
      node,
      draw(content) {
        if (node.children.length !== content.labels.length) {
          node.replaceChildren(
            ...content.labels.map((label) =>
              element("li", {}, element("b", {}, label), element("span", { className: "track" }, element("i")), element("output")),
            ),
          );
        }
        content.values.forEach((value, index) => {
          const row = node.children[index];
          row.classList.toggle("marked", index === content.marked);
          row.querySelector("i").style.transform = `scaleX(${value})`;
          row.querySelector("output").textContent = `${(value * 100).toFixed(1)} %`;
        });
      },
    };
  },

  text() {
    const node = element("p", { className: "text-line" });
    return { node, draw: (content) => (node.textContent = content.text) };
  },
};

function ticks(low, high, count) {
  const span = high - low || 1;
  const raw = span / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= raw);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-6; value += step) found.push(Number(value.toFixed(10)));
  return found;
}

/** Curves with axes into `node`. `content`: series of [x, y] points, names of the axes, optionally the ends of y. */
export function drawPlot(node, content, title) {
  const width = Math.max(node.clientWidth, 240);
  const height = Math.max(node.clientHeight, 150);
  const all = content.series.flatMap((series) => series.points).filter((point) => Number.isFinite(point[1]));
  const margin = { left: 46, right: 12, top: 10, bottom: 32 };
  let [x0, x1] = [Math.min(0, ...all.map((p) => p[0])), Math.max(...all.map((p) => p[0]))];
  let [y0, y1] = content.range ?? [Math.min(0, ...all.map((p) => p[1])), Math.max(...all.map((p) => p[1]))];
  if (all.length === 0) [x0, x1, y0, y1] = [0, 1, 0, 1];
  if (x1 === x0) x1 = x0 + 1;
  if (y1 === y0) y1 = y0 + 1;
  const left = (x) => margin.left + ((x - x0) / (x1 - x0)) * (width - margin.left - margin.right);
  const top = (y) => height - margin.bottom - ((y - y0) / (y1 - y0)) * (height - margin.top - margin.bottom);
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title });
  for (const y of ticks(y0, y1, 4)) {
    picture.append(svg("line", { x1: margin.left, x2: width - margin.right, y1: top(y), y2: top(y), class: "grid" }));
    picture.append(svg("text", { x: margin.left - 7, y: top(y) + 4, class: "tick end" }, short(y)));
  }
  for (const x of ticks(x0, x1, Math.max(2, Math.floor(width / 90)))) {
    picture.append(svg("text", { x: left(x), y: height - margin.bottom + 16, class: "tick middle" }, short(x)));
  }
  picture.append(svg("text", { x: width - margin.right, y: height - 3, class: "tick end" }, content.x));
  content.series.forEach((series, index) => {
    const points = series.points.filter((point) => Number.isFinite(point[1]));
    const path = points.map(([x, y]) => `${left(x).toFixed(1)},${top(y).toFixed(1)}`).join(" ");
    picture.append(svg("polyline", { points: path, class: `curve s${index}` }));
    if (points.length > 0 && points.length < 30) {
      for (const [x, y] of points) picture.append(svg("circle", { cx: left(x), cy: top(y), r: 2.6, class: `dot s${index}` }));
    }
  });
  const legend = content.series.length > 1 || content.series.some((series) => series.name)
    ? [element("ul", { className: "legend" }, ...content.series.map((series, index) => element("li", { className: `s${index}` }, series.name)))]
    : [];
  node.replaceChildren(picture, ...legend);
}

function drawScatter(canvas, over, content, title) {
  const { side, domain } = content;
  const data = bytes(content.background);
  if (side > 0) {
    // Between the two class colours, pale where the network is unsure.
    paint(canvas, side, side, (i) => twoSided((data[i] / 255) * 1.5 - 0.75));
  }
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", title);
  const [x0, x1, y0, y1] = domain;
  const scale = 400;
  const left = (x) => ((x - x0) / (x1 - x0)) * scale;
  const top = (y) => ((y1 - y) / (y1 - y0)) * scale;
  over.setAttribute("viewBox", `0 0 ${scale} ${scale}`);
  const drawn = content.lines.map((line) => {
    const [a, b, c] = line.coefficients;
    const size = Math.hypot(a, b);
    if (size < 1e-6) return svg("g");
    const foot = [(-a * c) / size ** 2, (-b * c) / size ** 2];
    const far = 4 * Math.max(x1 - x0, y1 - y0);
    const along = [(-b / size) * far, (a / size) * far];
    const ends = { x1: left(foot[0] - along[0]), y1: top(foot[1] - along[1]), x2: left(foot[0] + along[0]), y2: top(foot[1] + along[1]) };
    return svg("line", { ...ends, class: line.marked ? "boundary marked" : "boundary" }, svg("title", {}, line.label));
  });
  const points = content.points.map((point) =>
    point.class === 1
      ? svg("circle", { cx: left(point.x), cy: top(point.y), r: 4.2, class: "point one" })
      : svg("rect", { x: left(point.x) - 3.7, y: top(point.y) - 3.7, width: 7.4, height: 7.4, class: "point zero" }),
  );
  over.replaceChildren(...drawn, ...points);
}

function drawGraph(picture, content, title) {
  picture.setAttribute("aria-label", title);
  const x = (node) => 22 + node.x * 356;
  const y = (node) => 18 + node.y * 224;
  const most = Math.max(1e-9, ...content.edges.map((edge) => Math.abs(edge.weight)));
  const edges = content.edges.map((edge) => {
    const [from, to] = [content.nodes[edge.from], content.nodes[edge.to]];
    const share = Math.abs(edge.weight) / most;
    const line = svg("line", { x1: x(from), y1: y(from), x2: x(to), y2: y(to), class: edge.weight < 0 ? "edge minus" : "edge plus" });
    line.style.strokeWidth = `${(0.4 + 4.6 * share).toFixed(2)}`;
    line.style.opacity = (0.15 + 0.8 * share).toFixed(2);
    line.append(svg("title", {}, `weight ${short(edge.weight)}`));
    return line;
  });
  const crowded = content.nodes.length > 26;
  const nodes = content.nodes.flatMap((node) => [
    svg("circle", { cx: x(node), cy: y(node), r: crowded ? 3.5 : 10, class: node.marked ? "node marked" : "node" }),
    ...(crowded ? [] : [svg("text", { x: x(node), y: y(node) + 3.5, class: "node-label" }, node.label)]),
  ]);
  picture.replaceChildren(...edges, ...nodes);
}

function drawGallery(node, content, title) {
  const { width, height, signed, tiles } = content;
  // Beside another pane there is room for fewer, or they become too small to read.
  const most = node.closest(".pane.medium") ? (tiles.length > 8 ? 8 : 4) : 16;
  node.style.setProperty("--tiles", Math.min(Math.max(tiles.length, most === 4 ? 4 : 6), most));
  node.classList.toggle("single", tiles.length === 1);
  while (node.children.length > tiles.length) node.lastChild.remove();
  while (node.children.length < tiles.length) {
    node.append(element("figure", {}, element("canvas", { className: "pixels" }), element("figcaption")));
  }
  tiles.forEach((tile, index) => {
    const figure = node.children[index];
    const data = bytes(tile.pixels);
    const canvas = figure.firstChild;
    paint(canvas, width, height, (i) => (signed ? twoSided((data[i] - 128) / 127) : [data[i], data[i], data[i]]));
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", tile.label || `${title} ${index}`);
    figure.lastChild.textContent = tile.label;
    figure.classList.toggle("marked", tile.marked);
  });
}

/** Shows frames inside `root`; `report(cell)` is called when the reader points at a cell. */
export class Panes {
  constructor(root, report = () => {}) {
    this.root = root;
    this.report = report;
    this.shown = new Map();
  }

  show(frame) {
    if (frame.complete) {
      const ids = new Set(frame.panes.map((pane) => pane.id));
      for (const [id, pane] of this.shown) {
        if (ids.has(id)) continue;
        pane.figure.remove();
        this.shown.delete(id);
      }
    }
    for (const pane of frame.panes) this.#draw(pane);
    if (frame.complete || frame.marks.length > 0) {
      for (const [id, pane] of this.shown) pane.view.mark?.(frame.marks.filter((mark) => mark.pane === id));
    }
  }

  #draw(pane) {
    let shown = this.shown.get(pane.id);
    if (shown && shown.kind !== pane.kind) {
      shown.figure.remove();
      shown = undefined;
    }
    if (!shown) {
      const view = RENDERERS[pane.kind]((place) => this.report({ pane: pane.id, row: place.row, column: place.column }));
      const heading = element("h3", {}, pane.title);
      const caption = element("figcaption", {}, pane.caption);
      const figure = element("figure", { className: `pane ${pane.size}` }, heading, view.node, caption);
      figure.dataset.pane = pane.id;
      shown = { kind: pane.kind, view, figure, heading, caption };
      this.shown.set(pane.id, shown);
      this.root.append(figure);
    }
    shown.heading.textContent = pane.title;
    shown.caption.textContent = pane.caption;
    shown.view.draw(pane, pane.title);
  }
}
