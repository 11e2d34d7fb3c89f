// One symbol becomes another, and one looks which nodes move, and how far.

// For each row of nodes, and last for the logits, the largest change of any number of a node by position; 0 is none.
export function flip(network, ids, position, to) {
  const flipped = ids.with(position, to);
  const [before, after] = [ids, flipped].map((each) => {
    const rows = network.dense(each);
    return [...rows.map((row) => row.map(numbersOf)), rows.at(-1).map((node) => network.predict(node))];
  });
  return before.map((row, r) => row.map((numbers, p) => largestChange(numbers, after[r][p])));
}

// What a node hands on: its vector, and in a WaveNet its skips.
function numbersOf({ vector, skips }) {
  return skips ? [...vector, ...skips] : vector;
}

function largestChange(x, y) {
  return x.reduce((most, value, i) => Math.max(most, Math.abs(value - y[i])), 0);
}
