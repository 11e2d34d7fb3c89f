// One fusion, opened: what goes in, what the weights make of it, and what comes out. All numbers are the model's own.

import { copyText, h, number } from "../../dom.js";
import { figure, matrix, strip } from "./heat.js";
import { asPython } from "./python.js";

const TERMS = 4; // products of a sum that are shown
const OUTPUTS = 3; // of the program that is short enough to paste

// The panel of a fusion. `fusion` is {network, level, position, text, children: [{node, sees, position}], shape};
// `output` is the output that is taken apart; `on` has output(i), close(), said(text).
export function fusionPanel(fusion, output, on) {
  const level = fusion.network.levels[fusion.level];
  const opened = level.open(fusion.children.map(({ node }) => node));
  const parts =
    level.kind === "fuse" ? treeParts(fusion, level, opened, output, on) : gateParts(fusion, level, opened, output, on);
  const seen = fusion.children.map(({ sees }) => sees);
  const close = h(
    "button",
    { type: "button", class: "round close", "aria-label": "Close the fusion", on: { click: on.close } },
    "×",
  );
  return [
    h("header", {}, h("h2", { tabindex: -1 }, `Level ${fusion.level}, position ${fusion.position}`), close),
    h(
      "p",
      { class: "joins" },
      ...seen.flatMap((sees, i) => [i ? h("span", { class: "plus" }, "+") : null, h("code", {}, sees)]),
      h("span", { class: "plus" }, "→"),
      h("code", {}, fusion.sees),
    ),
    ...parts,
    copies(fusion, level, opened, on),
  ];
}

function treeParts(fusion, level, opened, output, on) {
  const { before, statistics, normed, after, pair } = opened;
  const [hidden, wide] = level.weight.shape;
  const channels = wide / 2;
  const [left, right] = fusion.children;
  const chosen = { chosen: on.output, marks: [output] };
  return [
    ...step(
      "Left and right",
      `${channels} + ${channels} numbers: two neighbours, side by side`,
      vectors([
        ["left", left.node.vector],
        ["right", right.node.vector],
      ]),
    ),
    ...step(
      "Weights",
      `${number(hidden)} rows × ${number(wide)} columns: each row weighs the pair into one sum`,
      matrix(level.weight, {
        label: `The ${hidden} by ${wide} weights; row ${output} is chosen`,
        line: output,
        split: 2,
        chosen: on.output,
      }),
    ),
    ...step("Before the norm", `${hidden} sums`, strip(before, { label: `The sums: ${summary(before)}`, ...chosen })),
    ...step(
      "After the norm",
      statistics.kind === "batch" ? "each by the statistics kept from training" : "by the statistics of these sums",
      strip(normed, { label: `After the norm: ${summary(normed)}`, ...chosen }),
    ),
    ...step(
      "After tanh",
      "the vector of this node, between −1 and 1",
      strip(after, { label: `After tanh: ${summary(after)}`, scale: 1, ...chosen }),
    ),
    outputPicker(hidden, output, on),
    sumTable(level.weight, ["left", "right"], pair, output, before[output], null),
    chain([
      ["sum", before[output]],
      [
        `− ${figure(statistics.mean[output])}) / √${figure(statistics.variance[output])} · ${figure(statistics.scale[output])} + ${figure(statistics.shift[output])}`,
        normed[output],
      ],
      ["tanh", after[output]],
    ]),
  ];
}

function gateParts(fusion, level, opened, output, on) {
  const { inputs, pair, filter, gate, z, residual, skip, node } = opened;
  const [rows, wide] = level.weight.shape;
  const hidden = rows / 2;
  const names =
    inputs.length === 2
      ? ["left", "right"]
      : inputs.map((_, i) => (i === inputs.length - 1 ? "right" : `left ${i + 1}`));
  const chosen = { chosen: on.output, marks: [output] };
  const right = fusion.children.at(-1).node;
  return [
    ...step(
      "Neighbours",
      `${names.length} × ${wide / names.length} numbers${level.norm ? ", each after its layer norm" : ""}`,
      vectors(inputs.map((vector, i) => [names[i], vector])),
    ),
    ...step(
      "Weights",
      `${number(rows)} rows × ${number(wide)} columns: the upper half makes the values, the lower half their gates`,
      matrix(level.weight, {
        label: `The ${rows} by ${wide} weights`,
        line: output,
        split: names.length,
        chosen: (row) => on.output(row % hidden),
      }),
    ),
    ...step(
      "Value",
      "tanh of the upper half",
      strip(filter.map(Math.tanh), { label: "tanh of the values", scale: 1, ...chosen }),
    ),
    ...step(
      "Gate",
      "sigmoid of the lower half: 0 lets nothing pass, 1 all",
      strip(
        gate.map((x) => 1 / (1 + Math.exp(-x))),
        { label: "The gates", scale: 1, ...chosen },
      ),
    ),
    ...step("Value × gate", `${hidden} numbers`, strip(z, { label: `Gated: ${summary(z)}`, scale: 1, ...chosen })),
    ...step(
      "Residual",
      residual ? "right + what the gated values add: this goes up" : "the last level hands nothing up",
      vectors(
        residual
          ? [
              ["right", right.vector],
              ["added", residual],
              ["node", node.vector],
            ]
          : [["node", node.vector]],
      ),
    ),
    ...step(
      "Skip",
      "what this level says to the output, and the sum so far",
      vectors([
        ["added", skip],
        ["so far", node.skips],
      ]),
    ),
    outputPicker(hidden, output, on),
    sumTable(level.weight, names, pair, output, filter[output], level.bias.numbers[output]),
    chain([
      ["sum", filter[output]],
      ["tanh", Math.tanh(filter[output])],
      [`× σ(${figure(gate[output])})`, z[output]],
    ]),
  ];
}

function step(title, about, ...content) {
  return [h("section", {}, h("h3", {}, title, " ", h("small", {}, about)), ...content)];
}

function vectors(rows) {
  const most = Math.max(...rows.map(([, vector]) => Math.max(...[...vector].map(Math.abs))));
  return h(
    "div",
    { class: "vectors" },
    rows.map(([name, vector]) => [
      h("span", {}, name),
      strip(vector, { label: `${name}: ${summary(vector)}`, scale: most }),
    ]),
  );
}

function summary(vector) {
  const shown = [...vector].slice(0, 8).map(figure).join(", ");
  return `${vector.length} numbers, ${shown}${vector.length > 8 ? " and so on" : ""}`;
}

function outputPicker(count, output, on) {
  const input = h("input", {
    type: "number",
    min: 0,
    max: count - 1,
    value: output,
    on: { change: ({ target }) => on.output(Math.min(count - 1, Math.max(0, Math.round(Number(target.value))))) },
  });
  return h("label", { class: "picker" }, "Output ", input, ` of ${number(count)}, taken apart`);
}

// The largest products of one sum, and what all others add.
function sumTable(weight, names, pair, output, sum, bias) {
  const wide = weight.shape[1];
  const each = wide / names.length;
  const terms = Array.from(pair, (value, i) => ({ i, value, weight: weight.numbers[output * wide + i] }))
    .map((term) => ({ ...term, product: term.weight * term.value }))
    .sort((a, b) => Math.abs(b.product) - Math.abs(a.product));
  const shown = terms.slice(0, TERMS);
  const rest = sum - shown.reduce((total, { product }) => total + product, 0) - (bias ?? 0);
  const row = (...cells) =>
    h(
      "tr",
      {},
      cells.map((cell, i) => h(i ? "td" : "th", i ? { class: "number" } : { scope: "row" }, cell)),
    );
  return h(
    "table",
    { class: "sum" },
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        ["from", "weight", "× number", "= product"].map((head) => h("th", { scope: "col" }, head)),
      ),
    ),
    h(
      "tbody",
      {},
      shown.map((term) =>
        row(
          `${names[Math.floor(term.i / each)]} ${term.i % each}`,
          figure(term.weight),
          figure(term.value),
          figure(term.product),
        ),
      ),
      terms.length > TERMS ? row(`${terms.length - TERMS} more`, "", "", figure(rest)) : null,
      bias === null ? null : row("bias", "", "", figure(bias)),
      row("sum", "", "", figure(sum)),
    ),
  );
}

function chain(steps) {
  const [[, first], ...others] = steps;
  return h(
    "p",
    { class: "chain" },
    h("b", {}, figure(first)),
    ...others.flatMap(([how, value]) => [
      h("span", {}, ` ${how.startsWith("−") ? "(sum " : ""}${how} → `),
      h("b", {}, figure(value)),
    ]),
  );
}

function copies(fusion, level, opened, on) {
  const outputs = opened.after ?? opened.z;
  const largest = [...outputs.keys()].sort(
    (a, b) => Math.abs((opened.before ?? opened.filter)[b]) - Math.abs((opened.before ?? opened.filter)[a]),
  );
  const copy = async (chosen, said) => {
    await copyText(asPython(fusion, level, opened, chosen));
    on.said(said);
  };
  return h(
    "div",
    { class: "copies" },
    h(
      "button",
      {
        type: "button",
        class: "main",
        id: "copy-python",
        on: {
          click: () =>
            copy(largest.slice(0, OUTPUTS), `A program for the ${OUTPUTS} largest outputs is on the clipboard.`),
        },
      },
      "Copy as Python",
    ),
    h(
      "button",
      {
        type: "button",
        on: { click: () => copy(null, `A program for all ${outputs.length} outputs is on the clipboard.`) },
      },
      `all ${number(outputs.length)} outputs`,
    ),
  );
}
