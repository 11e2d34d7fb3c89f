// The arithmetic of the layers, on plain arrays of doubles. A weight of shape (rows, columns) lies row by row.

// W x + b: weight (rows, x.length), bias (rows) or null, to (rows).
export function affine(weight, x, bias = null) {
  const columns = x.length;
  const out = new Float64Array(weight.length / columns);
  for (let row = 0, at = 0; row < out.length; row += 1) {
    let sum = bias ? bias[row] : 0;
    for (let column = 0; column < columns; column += 1, at += 1) sum += weight[at] * x[column];
    out[row] = sum;
  }
  return out;
}

// Vectors end to end.
export function concatenate(vectors) {
  const out = new Float64Array(vectors.reduce((total, vector) => total + vector.length, 0));
  let at = 0;
  for (const vector of vectors) {
    out.set(vector, at);
    at += vector.length;
  }
  return out;
}

export function add(x, y) {
  return x.map((value, i) => value + y[i]);
}

export function sigmoid(x) {
  return 1 / (1 + Math.exp(-x));
}

export function relu(x) {
  return Math.max(x, 0);
}

// What a norm does to a vector: {kind, mean, variance, eps, scale, shift}, one number of each for every channel.
// "batch" brings the statistics that it kept from training; those of "layer" are the vector's own.
export function normStatistics(norm, x) {
  if (norm.kind === "batch") return norm;
  let mean = 0;
  for (const value of x) mean += value / x.length;
  let variance = 0;
  for (const value of x) variance += (value - mean) ** 2 / x.length;
  return { ...norm, mean: new Float64Array(x.length).fill(mean), variance: new Float64Array(x.length).fill(variance) };
}

// (x - mean) / sqrt(variance + eps) * scale + shift.
export function normed({ mean, variance, eps, scale, shift }, x) {
  return x.map((value, i) => ((value - mean[i]) / Math.sqrt(variance[i] + eps)) * scale[i] + shift[i]);
}

// The norm whose tensors begin with `name`, or null where the model has none there.
export function readNorm(tensors, name, eps) {
  if (!(`${name}.weight` in tensors)) return null;
  const scale = tensors[`${name}.weight`].numbers;
  const shift = tensors[`${name}.bias`].numbers;
  if (!(`${name}.running_mean` in tensors)) return { kind: "layer", eps, scale, shift };
  const mean = tensors[`${name}.running_mean`].numbers;
  return { kind: "batch", eps, scale, shift, mean, variance: tensors[`${name}.running_var`].numbers };
}
