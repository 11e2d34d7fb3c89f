// Where each node stands: the same nodes as a tree, as a dilated convolution, and in the rings of generation.
//
// A node is (row, position): row 0 are the symbols, row l + 1 is what level l makes; position 0 is the pad before the
// text. `at` is the position of the last symbol that the prediction sees.

export const LAYOUTS = [
  ["tree", "Tree"],
  ["dilated", "Dilated convolution"],
  ["rings", "Rings"],
];

export const key = (row, position) => `${row}.${position}`;

const WIDE = 31; // pixels: in narrower columns the nodes become smaller
const DEEP = 4; // rows from here up are folded away where the tree is large
const LARGE = 32; // symbols
const ALL_SHOWN = 64; // symbols: up to here the convolution shows all nodes, not only those of this output
const NEAR = 128; // symbols: of a network that sees more, the convolution shows the end
export const HEAD = 52; // pixels above the last level, for the prediction
const SLOTS = 64; // of a ring that are drawn one by one

// Whether the network is a tree proper: each level halves.
export function halves(network) {
  return network.levels.every(({ reaches }, l) => reaches.length === 1 && reaches[0] === 2 ** l);
}

// {width, height, nodes, edges, rings, columns}: nodes by key {row, position, x, y, part, folded}, where `part` is
// "window" for those that this output needs and "other" for the rest; edges {from, to, side}. `toggled` are the folds
// that the reader turned over, as "row.back"; `pitch` is the width of a column, `rise` the height of a row.
export function layout(network, { kind, at, length, pitch, rise, toggled }) {
  const frame = { network, at, length, pitch, rise, top: HEAD + rise / 2, depth: network.levels.length };
  frame.y = (row) => frame.top + (frame.depth - row) * rise;
  if (kind === "rings") return rings(frame);
  if (kind === "dilated") return dilated(frame);
  return halves(network) ? tree(frame, toggled) : graph(frame);
}

function tree(frame, toggled) {
  const { network, at, length, pitch, y, depth } = frame;
  const nodes = new Map();
  const edges = [];
  let column = 0;
  const columns = [];
  const place = (row, position) => {
    const back = at - position;
    const large = network.receptiveField > LARGE && row >= DEEP && back > 0;
    const folded = row > 0 && large !== toggled.has(`${row}.${back}`);
    let x;
    if (row === 0) {
      x = (column + 0.5) * pitch;
      columns.push({ position, x });
      column += 1;
    } else if (folded) {
      x = (column + 1.25) * pitch;
      column += 2.5;
    } else {
      const left = position - 2 ** (row - 1);
      x = (place(row - 1, left) + place(row - 1, position)) / 2;
      edges.push({ from: key(row - 1, left), to: key(row, position), side: "left" });
      edges.push({ from: key(row - 1, position), to: key(row, position), side: "right" });
    }
    nodes.set(key(row, position), { row, position, x, y: y(row), part: "window", folded });
    return x;
  };
  place(depth, at);
  for (let position = at + 1; position <= length; position += 1, column += 1) {
    nodes.set(key(0, position), { row: 0, position, x: (column + 0.5) * pitch, y: y(0), part: "later" });
    columns.push({ position, x: (column + 0.5) * pitch });
  }
  return finished(frame, { nodes, edges, rings: [], columns, width: column * pitch });
}

// A network that shares nodes within one output: every node above the last symbol that it sees.
function graph(frame) {
  const made = dilated(frame, true);
  const { network, pitch } = frame;
  for (const node of made.nodes.values()) {
    if (node.part === "window") node.x -= ((network.sees(node.row) - 1) / 2) * pitch * 0.999;
  }
  return made;
}

function dilated(frame, neededOnly = false) {
  const { network, at, length, pitch, y, depth } = frame;
  const first = Math.min(0, at - network.receptiveField + 1);
  const from = network.receptiveField > ALL_SHOWN ? Math.max(first, at - NEAR + 1) : first;
  const x = (position) => (position - from + 0.5) * pitch;
  const nodes = new Map();
  const edges = [];
  const needed = network.needed().map((row) => new Set(row));
  const all = !neededOnly && network.receptiveField <= ALL_SHOWN;
  for (let row = 0; row <= depth; row += 1) {
    for (let position = from; position <= (row === 0 ? length : at); position += 1) {
      const part = position > at ? "later" : needed[row].has(at - position) ? "window" : "other";
      if (part === "other" && !all && row > 0) continue;
      nodes.set(key(row, position), { row, position, x: x(position), y: y(row), part });
    }
  }
  for (const node of nodes.values()) {
    if (node.row === 0) continue;
    const { reaches } = network.levels[node.row - 1];
    for (const far of [...reaches, 0]) {
      const child = key(node.row - 1, node.position - far);
      const side = far ? "left" : "right";
      if (nodes.has(child)) edges.push({ from: child, to: key(node.row, node.position), side, part: node.part });
    }
  }
  const columns = [];
  for (let position = from; position <= length; position += 1) columns.push({ position, x: x(position) });
  return finished(frame, { nodes, edges, rings: [], columns, width: (length - from + 1) * pitch });
}

function rings(frame) {
  const { network, at, rise, y, depth } = frame;
  const radius = rise * 0.29;
  const centre = rise * 0.8;
  const newest = centre + radius + rise * 0.65;
  const nodes = new Map();
  const edges = [];
  const drawn = [];
  for (let row = 0; row <= depth; row += 1) {
    nodes.set(key(row, at), { row, position: at, x: newest, y: y(row), part: "window" });
    if (row === depth) continue;
    const { reaches } = network.levels[row];
    const slots = Math.max(...reaches);
    const size = slots === 1 ? 0 : radius;
    const angle = (position) => (2 * Math.PI * (((position % slots) + slots) % slots)) / slots - Math.PI / 2;
    drawn.push({ row, x: centre, y: y(row), radius: size, slots });
    for (let back = slots; back > 0; back -= 1) {
      const used = reaches.includes(back);
      if (slots > SLOTS && !used) continue;
      const at2 = angle(at - back);
      const small = slots > 1 ? Math.min(1, (1.55 * Math.PI * radius) / slots / 26) : 1;
      const place = { x: centre + size * Math.cos(at2), y: y(row) + size * Math.sin(at2) };
      nodes.set(key(row, at - back), {
        row,
        position: at - back,
        ...place,
        part: used ? "window" : "other",
        scale: small,
      });
      if (used) edges.push({ from: key(row, at - back), to: key(row + 1, at), side: "left", part: "window" });
    }
    edges.push({ from: key(row, at), to: key(row + 1, at), side: "right", part: "window" });
  }
  return finished({ ...frame, pitch: WIDE }, { nodes, edges, rings: drawn, columns: [], width: newest + rise * 0.8 });
}

function finished({ rise, depth, pitch }, made) {
  for (const node of made.nodes.values()) node.scale ??= Math.min(1, pitch / WIDE);
  return { ...made, rise, height: HEAD + (depth + 1) * rise };
}

// The nodes below a node, itself included, among those of a layout; and those above it.
export function below(made, start) {
  return reached(made, start, "to", "from");
}

export function above(made, start) {
  return reached(made, start, "from", "to");
}

function reached({ edges }, start, near, far) {
  const found = new Set([start]);
  const next = new Map();
  for (const edge of edges) {
    if (edge.part === "other") continue;
    next.set(edge[near], [...(next.get(edge[near]) ?? []), edge[far]]);
  }
  const waiting = [start];
  while (waiting.length) {
    for (const other of next.get(waiting.pop()) ?? []) {
      if (!found.has(other)) {
        found.add(other);
        waiting.push(other);
      }
    }
  }
  return found;
}
