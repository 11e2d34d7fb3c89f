// A network of fusions, and three places to find the left neighbours in: a window, the row so far, the rings.
//
//   row 0        the vectors of the symbols        row l + 1   what level l makes of row l
//   reaches      of a level: how far back its left children lie, the oldest first; of a tree [2^l]
//   node         {vector}, and {vector, skips} in a WaveNet: what one fusion hands on
//
// Position 0 of a text is the pad before it, and so is everything further back: a row answers a position below 0 with
// its one response to nothing but pad. `fusions` counts every fusion that is computed, wherever it is asked for.

export const PAD = 0;

export class Network {
  // `levels` each have `reaches` and `open(children)`, which computes a fusion with all that lies between; `embed(id)`
  // makes a node of a symbol, `predict(node)` the logits (V) of the last node.
  constructor({ levels, embed, predict, vocabSize }) {
    this.levels = levels;
    this.embed = embed;
    this.predict = predict;
    this.vocabSize = vocabSize;
    this.fusions = 0;
    this.receptiveField = 1 + levels.reduce((sum, level) => sum + Math.max(...level.reaches), 0);
    this.forget();
  }

  // To be called when what is told besides the symbols has changed.
  forget() {
    this.row = null;
    this.pads = null;
  }

  // How many symbols a node of row `row` has seen.
  sees(row) {
    return 1 + this.levels.slice(0, row).reduce((sum, level) => sum + Math.max(...level.reaches), 0);
  }

  // The node that level `level` makes of its children, the oldest first.
  fuse(level, children) {
    this.fusions += 1;
    return this.levels[level].open(children).node;
  }

  // For each row its response to nothing but pad.
  padResponses() {
    if (!this.pads) {
      const counted = this.fusions;
      this.pads = [this.embed(PAD)];
      for (const [l, level] of this.levels.entries()) {
        this.pads.push(this.fuse(l, new Array(level.reaches.length + 1).fill(this.pads[l])));
      }
      this.fusions = counted; // once for all texts, so no part of what a prediction costs
    }
    return this.pads;
  }

  // Which nodes the output at position 0 needs: for each row how far back they lie, the oldest first.
  needed() {
    const rows = [[0]];
    for (const { reaches } of [...this.levels].reverse()) {
      const below = new Set(rows[0].flatMap((back) => [...reaches, 0].map((far) => back + far)));
      rows.unshift([...below].sort((a, b) => b - a));
    }
    return rows;
  }

  // The definition: exactly the R symbols that a prediction sees, every node of their own, to the logits.
  window(ids) {
    const needed = this.needed();
    const last = this.receptiveField - 1;
    let nodes = new Map(needed[0].map((back) => [back, this.embed(ids[last - back])]));
    for (const [l, { reaches }] of this.levels.entries()) {
      const children = (back) => [...reaches, 0].map((far) => nodes.get(back + far));
      nodes = new Map(needed[l + 1].map((back) => [back, this.fuse(l, children(back))]));
    }
    return this.predict(nodes.get(0));
  }

  // The dense run from nothing but pad: ids (T), to the rows of nodes, each (T). What was there before is kept.
  dense(ids) {
    const old = this.row ?? { ids: [], rows: this.levels.map(() => []).concat([[]]) };
    let same = 0;
    while (same < ids.length && same < old.ids.length && ids[same] === old.ids[same]) same += 1;
    const rows = old.rows.map((row) => row.slice(0, same));
    this.row = { ids: [...ids], rows };
    for (let position = same; position < ids.length; position += 1) {
      rows[0].push(this.embed(ids[position]));
      for (const l of this.levels.keys()) rows[l + 1].push(this.fuse(l, this.children(rows, l, position)));
    }
    return rows;
  }

  // The node of a row at a position; below 0 the response to pad.
  at(rows, row, position) {
    return position < 0 ? this.padResponses()[row] : rows[row][position];
  }

  // What level `level` fuses at a position, the oldest first.
  children(rows, level, position) {
    return [...this.levels[level].reaches, 0].map((far) => this.at(rows, level, position - far));
  }

  // Every prediction of a text: logits (V) for the symbol after each of its positions.
  logits(ids) {
    const rows = this.dense(ids);
    return rows[rows.length - 1].map((node) => this.predict(node));
  }

  // The state before the first symbol: for each level a ring of as many nodes as it reaches back, all pad.
  start() {
    const pads = this.padResponses();
    return this.levels.map(({ reaches }, l) => new Array(Math.max(...reaches)).fill(pads[l]));
  }

  // One symbol on: an id and a state to the logits and the state after it. The old state stays good.
  step(id, state) {
    let node = this.embed(id);
    const after = state.map((ring, l) => {
      const below = node;
      const children = this.levels[l].reaches.map((far) => ring[ring.length - far]);
      node = this.fuse(l, [...children, below]);
      return [...ring.slice(1), below];
    });
    return { logits: this.predict(node), state: after };
  }
}
