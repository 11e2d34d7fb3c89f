// Numbers as colour: one hue for what is below zero, one for what is above, and the paper for nothing.

import { h, s } from "../../dom.js";

const GLYPH = 16; // numbers that a node shows of its vector
const PLAIN = 4; // where there are many nodes
const PER_ROW = 64; // of a strip

// The first numbers of a vector, as a small square pattern; `side` in pixels, centred on the origin.
export function glyph(vector, side, plain) {
  const shown = [...vector.slice(0, plain ? PLAIN : GLYPH)];
  const columns = Math.ceil(Math.sqrt(shown.length));
  const cell = side / columns;
  return shown.map((value, i) =>
    s("rect", {
      x: (i % columns) * cell - side / 2,
      y: Math.floor(i / columns) * cell - (Math.ceil(shown.length / columns) * cell) / 2,
      width: cell + 0.3,
      height: cell + 0.3,
      ...shade(value),
    }),
  );
}

function shade(value, scale = 1) {
  const strength = Math.min(1, Math.abs(value) / scale);
  return { class: value < 0 ? "cold" : "warm", "fill-opacity": strength.toFixed(3) };
}

// A vector as rows of cells, each of which says its number under the pointer.
export function strip(vector, { label, scale = null, marks = [], chosen = null } = {}) {
  const most = scale ?? Math.max(1e-9, ...[...vector].map(Math.abs));
  const columns = Math.min(PER_ROW, vector.length);
  const rows = Math.ceil(vector.length / columns);
  const [wide, high] = vector.length > 8 ? [10, 16] : [44, 20];
  const cells = [...vector].map((value, i) => {
    const place = { x: (i % columns) * wide, y: Math.floor(i / columns) * high, width: wide - 0.6, height: high - 1 };
    const attributes = { ...place, ...shade(value, most), "data-index": i };
    if (marks.includes(i)) attributes.class += " marked";
    return s("rect", attributes, s("title", {}, `${i}: ${figure(value)}`));
  });
  const viewBox = `-1 -1 ${columns * wide + 2} ${rows * high + 2}`;
  const style = { class: `strip${columns < 9 ? " few" : ""}`, viewBox, role: "img", "aria-label": label };
  const svg = s(
    "svg",
    style,
    s("rect", { class: "ground", x: 0, y: 0, width: columns * wide, height: rows * high }),
    cells,
  );
  if (chosen) {
    svg.addEventListener("click", ({ target }) => target.dataset.index && chosen(Number(target.dataset.index)));
    svg.classList.add("choosable");
  }
  return svg;
}

// What the colours mean.
export function legend() {
  const values = [-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1];
  const cells = values.map((value, i) => s("rect", { x: 20 * i, y: 0, width: 20, height: 10, ...shade(value) }));
  const words = [
    [0, "−1", "start"],
    [90, "0", "middle"],
    [180, "1", "end"],
  ].map(([x, text, anchor]) => s("text", { x, y: 24, "text-anchor": anchor }, text));
  return s(
    "svg",
    { class: "tree-legend", viewBox: "-1 -1 182 28", role: "img", "aria-label": "Blue is below zero, orange above" },
    cells,
    words,
  );
}

// A weight matrix (rows, columns) as a picture, a pixel a weight; `line` is the row that is looked at.
export function matrix({ shape: [rows, columns], numbers }, { label, line = null, split = null, chosen = null }) {
  const canvas = h("canvas", { width: columns, height: rows, class: "weights", role: "img", "aria-label": label });
  const style = getComputedStyle(document.documentElement);
  const [warm, cold] = ["--warm", "--cold"].map((name) => rgb(style.getPropertyValue(name)));
  const sorted = Float32Array.from(numbers, Math.abs).sort();
  const scale = sorted[Math.floor(sorted.length * 0.995)] || 1;
  const brush = canvas.getContext("2d");
  const image = brush.createImageData(columns, rows);
  numbers.forEach((value, i) => {
    const colour = value < 0 ? cold : warm;
    image.data.set([...colour, Math.round(255 * Math.min(1, Math.abs(value) / scale))], 4 * i);
  });
  brush.putImageData(image, 0, 0);
  const holder = h("div", { class: "matrix" }, canvas);
  if (line !== null) {
    const mark = h("div", { class: "line" });
    mark.style.top = `${(100 * line) / rows}%`;
    mark.style.height = `${100 / rows}%`;
    holder.append(mark);
  }
  for (let part = 1; split && part < split; part += 1) {
    const mark = h("div", { class: "split" });
    mark.style.left = `${(100 * part) / split}%`;
    holder.append(mark);
  }
  if (chosen) {
    canvas.addEventListener("click", (event) => {
      const box = canvas.getBoundingClientRect();
      chosen(Math.min(rows - 1, Math.floor(((event.clientY - box.top) / box.height) * rows)));
    });
  }
  return holder;
}

function rgb(colour) {
  const hex = colour.trim().replace("#", "");
  return [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

export function figure(value) {
  if (value === 0) return "0";
  return Math.abs(value) >= 1000 || Math.abs(value) < 0.0005 ? value.toExponential(2) : value.toFixed(3);
}
