// The margin of the drawing: of each level its real shape in this run, the share of the window that its vectors are, and
// how many symbols each has seen.

import { h, number } from "../../dom.js";
import { HEAD } from "./layout.js";

// Fills `element` with a label for every row of the layout `made`, at its height.
export function levelLabels(element, model, made, { kind, length }) {
  const { network } = model;
  const depth = network.levels.length;
  const field = network.receptiveField;
  const rows = Array.from({ length: depth + 1 }, (_, i) => depth - i);
  element.style.height = `${made.height}px`;
  const predicts = h(
    "div",
    { class: "level predicts" },
    h("b", {}, "predicts"),
    h("code", { class: "shape" }, `(B, ${model.document.vocab_size})`),
  );
  predicts.style.top = `${HEAD / 2}px`;
  element.replaceChildren(
    predicts,
    ...rows.map((row) => {
      const sees = network.sees(row);
      const { vectors, channels } = shapeOf(model, row);
      const shape = {
        tree: `(B, ${vectors}, ${channels})`,
        dilated: `(B, ${length + 1}, ${channels})`,
        rings: `(B, ${channels})`,
      }[kind];
      const share = { tree: vectors / field, dilated: 1, rings: 1 / field }[kind];
      const label = h(
        "div",
        { class: "level" },
        h("b", {}, row ? `level ${row - 1}` : "symbols"),
        h("code", { class: "shape", title: "batch, time, channels" }, shape),
        bar("time", share),
        bar("span", sees / field),
        h("span", { class: "sees" }, `sees ${number(sees)} symbol${sees === 1 ? "" : "s"}`),
      );
      label.style.top = `${HEAD + (depth - row + 0.5) * made.rise}px`;
      return label;
    }),
  );
}

// How many vectors a row hands on in the window run, and how many numbers each has, as the model showed it in Python.
function shapeOf({ document: { layers } }, row) {
  const found = row ? layers.filter(({ name }) => name.startsWith(`level ${row - 1} `)).at(-1) : layers[0];
  const numbers = found.shape
    .match(/^\(B, ([\d, ]+)\)/)[1]
    .split(", ")
    .map(Number);
  return { vectors: numbers.length > 1 ? numbers[0] : 1, channels: numbers.at(-1) };
}

function bar(name, share) {
  const inner = h("i", {});
  inner.style.width = `${Math.max(2, 100 * share)}%`;
  return h("span", { class: `share ${name}`, "aria-hidden": "true" }, inner);
}
