// The tree: fuse(left, right) = tanh(norm(W [left ; right])), the left child 2^l positions back at level l.

import { affine, concatenate, normStatistics, normed, readNorm } from "./linear.js";

export function treeLevels(config, tensors, eps) {
  return Array.from({ length: config.levels }, (_, l) => {
    const weight = tensors[`levels.${l}.weight`];
    const norm = readNorm(tensors, `levels.${l}.norm`, eps);
    return { kind: "fuse", reaches: [2 ** l], weight, norm, open: (children) => openFusion(weight, norm, children) };
  });
}

// Everything between two vectors and the one that they become.
function openFusion(weight, norm, [left, right]) {
  const pair = concatenate([left.vector, right.vector]);
  const before = affine(weight.numbers, pair);
  const statistics = normStatistics(norm, before);
  const afterNorm = normed(statistics, before);
  const after = afterNorm.map(Math.tanh);
  return { pair, before, statistics, normed: afterNorm, after, node: { vector: after } };
}

export function treeOutput(tensors) {
  const weight = tensors["output.weight"].numbers;
  const bias = tensors["output.bias"].numbers;
  return (node) => affine(weight, node.vector, bias);
}
