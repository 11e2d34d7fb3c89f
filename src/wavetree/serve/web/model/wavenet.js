// The WaveNet's fusion: a gate decides how much passes, the right child goes on, and a skip goes out at every level.
//
//   [a ; b] = W [u_1 ; ... ; u_K] + bias     u = norm(x)         z  = tanh(a) * sigmoid(b)
//   x'      = x_K + residual(z)              none at the last    s' = s_K + skip(z)

import { add, affine, concatenate, normStatistics, normed, readNorm, relu, sigmoid } from "./linear.js";

export function wavenetLevels(config, dilations, tensors, eps) {
  const skipWidth = tensors["levels.0.skip.weight"].shape[0];
  return dilations.map((dilation, l) => {
    const of = (name) => tensors[`levels.${l}.${name}`];
    const level = {
      kind: "gate",
      reaches: Array.from({ length: config.kernel - 1 }, (_, k) => (config.kernel - 1 - k) * dilation),
      dilation,
      weight: of("weight"),
      bias: of("bias"),
      norm: readNorm(tensors, `levels.${l}.norm`, eps),
      residual: of("residual.weight") && { weight: of("residual.weight"), bias: of("residual.bias") },
      skip: { weight: of("skip.weight"), bias: of("skip.bias") },
    };
    return { ...level, open: (children) => openGate(level, children, skipWidth) };
  });
}

function openGate(level, children, skipWidth) {
  const right = children[children.length - 1];
  const inputs = children.map(({ vector }) =>
    level.norm ? normed(normStatistics(level.norm, vector), vector) : vector,
  );
  const pair = concatenate(inputs);
  const sums = affine(level.weight.numbers, pair, level.bias.numbers);
  const filter = sums.slice(0, sums.length / 2);
  const gate = sums.slice(sums.length / 2);
  const z = filter.map((a, i) => Math.tanh(a) * sigmoid(gate[i]));
  const residual = level.residual && affine(level.residual.weight.numbers, z, level.residual.bias.numbers);
  const vector = residual ? add(right.vector, residual) : right.vector;
  const skip = affine(level.skip.weight.numbers, z, level.skip.bias.numbers);
  const skips = add(right.skips ?? new Float64Array(skipWidth), skip);
  return { inputs, pair, filter, gate, z, residual, skip, node: { vector, skips } };
}

export function wavenetOutput(tensors, eps) {
  const norm = readNorm(tensors, "norm", eps);
  const of = (name) => tensors[name].numbers;
  return ({ skips }) => {
    const x = norm ? normed(normStatistics(norm, skips), skips) : skips;
    const hidden = affine(of("head.weight"), x.map(relu), of("head.bias")).map(relu);
    return affine(of("output.weight"), hidden, of("output.bias"));
  };
}
