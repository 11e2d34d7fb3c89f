// From logits to probabilities, and from those to one symbol: as `wavetree sample` does it.

// Probabilities (V) of logits (V) at a temperature above 0.
export function softmax(logits, temperature = 1) {
  const top = Math.max(...logits);
  const shares = Float64Array.from(logits, (logit) => Math.exp((logit - top) / temperature));
  const total = shares.reduce((sum, share) => sum + share, 0);
  return shares.map((share) => share / total);
}

// Ids by probability, the likeliest first; of equal ones the lower id.
export function ranked(probabilities) {
  return [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a] || a - b);
}

// What may be drawn, and how likely: the `topK` likeliest alone (0 for all), scaled to sum to one. Temperature 0 is the
// likeliest symbol; `barred` is an id that is never drawn, such as the mark within a text.
export function drawable(logits, { temperature = 1, topK = 0, barred = null } = {}) {
  const open = barred === null ? logits : logits.map((logit, id) => (id === barred ? -Infinity : logit));
  if (temperature === 0) {
    const likeliest = open.indexOf(Math.max(...open));
    return open.map((_, id) => Number(id === likeliest));
  }
  const probabilities = softmax(open, temperature);
  if (topK > 0) for (const id of ranked(probabilities).slice(topK)) probabilities[id] = 0;
  const total = probabilities.reduce((sum, share) => sum + share, 0);
  return probabilities.map((share) => share / total);
}

// The id that a uniform number in [0, 1) picks.
export function pick(probabilities, uniform) {
  const edges = [];
  let sum = 0;
  for (const share of probabilities) edges.push((sum += share));
  return Math.max(
    0,
    edges.findIndex((edge) => edge > uniform * sum),
  );
}
