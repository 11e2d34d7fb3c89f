// A fusion as a Python program that computes it again: the numbers are in it, and nothing needs to be installed.

const WIDTH = 100;
const TOLERANCE = "1e-12";

// `outputs` are those to compute, or null for all.
export function asPython(fusion, level, opened, outputs) {
  return (level.kind === "fuse" ? treeProgram : gateProgram)(fusion, level, opened, outputs);
}

function treeProgram(fusion, level, opened, outputs) {
  const { statistics, before, normed, after } = opened;
  const chosen = outputs ?? [...after.keys()];
  const [left, right] = fusion.children;
  const own = statistics.kind === "layer" && outputs === null; // then its statistics can be had from the sums
  const named = own ? ["scale", "shift"] : ["mean", "variance", "scale", "shift"];
  return [
    heading(fusion, outputs, after.length),
    "import math",
    "",
    `# The children: ${left.node.vector.length} numbers each, which have seen ${quoted(left.sees)} and ${quoted(right.sees)}.`,
    list("left", left.node.vector),
    list("right", right.node.vector),
    "pair = left + right",
    "",
    ...weights("weight", level.weight, chosen, "the pair"),
    "before = [sum(w * x for w, x in zip(row, pair)) for row in weight]",
    "",
    statistics.kind === "batch"
      ? "# The norm: batch norm, by the statistics that it kept from training."
      : "# The norm: layer norm, by the statistics of this node's own sums.",
    ...(own
      ? [
          "average = sum(before) / len(before)",
          "mean = [average] * len(before)",
          "variance = [sum((b - average) ** 2 for b in before) / len(before)] * len(before)",
        ]
      : []),
    ...named.map((name) =>
      list(
        name,
        chosen.map((output) => statistics[name][output]),
      ),
    ),
    `eps = ${statistics.eps}`,
    "normed = [",
    "    (b - m) / math.sqrt(v + eps) * a + s",
    "    for b, m, v, a, s in zip(before, mean, variance, scale, shift)",
    "]",
    "after = [math.tanh(x) for x in normed]",
    "",
    ...checks({ before, normed, after }, chosen),
  ].join("\n");
}

function gateProgram(fusion, level, opened, outputs) {
  const { inputs, filter, gate, z } = opened;
  const chosen = outputs ?? [...z.keys()];
  const hidden = z.length;
  const names = inputs.map((_, i) => (inputs.length === 2 ? ["left", "right"][i] : `child_${i + 1}`));
  const seen = fusion.children.map(({ sees }) => quoted(sees)).join(" and ");
  return [
    heading(fusion, outputs, hidden),
    "import math",
    "",
    `# The children${level.norm ? ", each after its layer norm" : ""}: ${inputs[0].length} numbers each, which have seen ${seen}.`,
    ...inputs.map((vector, i) => list(names[i], vector)),
    `pair = ${names.join(" + ")}`,
    "",
    ...weights("weight", level.weight, chosen, "the pair"),
    ...weights(
      "gate_weight",
      level.weight,
      chosen.map((output) => output + hidden),
      "the pair, for the gates",
    ),
    list(
      "bias",
      chosen.map((output) => level.bias.numbers[output]),
    ),
    list(
      "gate_bias",
      chosen.map((output) => level.bias.numbers[output + hidden]),
    ),
    "value = [b + sum(w * x for w, x in zip(row, pair)) for b, row in zip(bias, weight)]",
    "gate = [b + sum(w * x for w, x in zip(row, pair)) for b, row in zip(gate_bias, gate_weight)]",
    "after = [math.tanh(v) / (1 + math.exp(-g)) for v, g in zip(value, gate)]",
    "",
    ...checks({ value: filter, gate, after: z }, chosen),
  ].join("\n");
}

function heading({ level, position, text }, outputs, count) {
  const which = outputs === null ? "" : `, outputs ${outputs.join(", ")} of ${count}`;
  return `# Level ${level} at position ${position} of ${quoted(text)}${which}: one fusion, recomputed.`;
}

function weights(name, { shape: [, wide], numbers }, rows, over) {
  const row = (output) => `    [\n${wrapped(numbers.subarray(output * wide, (output + 1) * wide), "        ")}\n    ],`;
  return [
    `# The weights: one row for each output, over the ${wide} numbers of ${over}.`,
    `${name} = [`,
    ...rows.map(row),
    "]",
  ];
}

function checks(found, chosen) {
  const names = Object.keys(found);
  return [
    "# What the model itself has there.",
    ...names.map((name) =>
      list(
        `model_${name}`,
        chosen.map((output) => found[name][output]),
      ),
    ),
    `for ours, models in ${names.map((name) => `(${name}, model_${name})`).join(", ")}:`,
    `    assert all(math.isclose(a, b, rel_tol=${TOLERANCE}, abs_tol=${TOLERANCE}) for a, b in zip(ours, models))`,
    "",
    'print(f"the same {len(after)} numbers as the model")',
    "",
  ];
}

function list(name, numbers) {
  return `${name} = [\n${wrapped(numbers, "    ")}\n]`;
}

// Numbers such that Python reads back the very same ones, in lines.
function wrapped(numbers, indent) {
  const lines = [];
  let line = indent;
  for (const [i, value] of [...numbers].entries()) {
    const part = `${Object.is(value, -0) ? "-0.0" : value}${i === numbers.length - 1 ? "" : ", "}`;
    if (line.length + part.trimEnd().length > WIDTH && line !== indent) {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += part;
  }
  return [...lines, line].join("\n");
}

// A text as a Python literal, all in one line.
function quoted(text) {
  return JSON.stringify(text).replace(
    /[\u007f-\u00a0\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
