// The model in the browser: opened from its document (export/document.py), with all that the page asks of it.

import { drawable, pick, softmax } from "./model/choice.js";
import { openCodec } from "./model/codec.js";
import { Network, PAD } from "./model/network.js";
import { Generator } from "./model/random.js";
import { treeLevels, treeOutput } from "./model/tree.js";
import { wavenetLevels, wavenetOutput } from "./model/wavenet.js";

const BITS = 1 / Math.LN2;

export function openModel(document) {
  return new Model(document);
}

class Model {
  constructor(document) {
    const { config, norm_eps: eps } = document;
    const tensors = Object.fromEntries(
      Object.entries(document.tensors).map(([name, { shape, data }]) => [name, { shape, numbers: floats(data) }]),
    );
    this.document = document;
    this.kind = config.kind;
    this.codec = openCodec(document.codec);
    this.ofItems = document.of_items;
    this.tensors = tensors;
    this.told = {};
    this.known = document.known && { train: hashes(document.known.train), heldOut: hashes(document.known.held_out) };
    const tree = this.kind === "tree";
    this.network = new Network({
      levels: tree ? treeLevels(config, tensors, eps) : wavenetLevels(config, document.dilations, tensors, eps),
      embed: (id) => ({ vector: this.embedding(id) }),
      predict: tree ? treeOutput(tensors) : wavenetOutput(tensors, eps),
      vocabSize: document.vocab_size,
    });
  }

  // Sets what is told besides the text: {field: class}. A field that is left out is not told.
  tell(told) {
    if (JSON.stringify(told) === JSON.stringify(this.told)) return;
    this.told = { ...told };
    this.network.forget();
  }

  // The vector (C) of a symbol, and of what is told.
  embedding(id) {
    const { shape, numbers } = this.tensors["embedding.weight"];
    const vector = Float64Array.from(numbers.subarray(id * shape[1], (id + 1) * shape[1]));
    const given = this.tensors["embedding.given.weight"];
    let column = 0;
    for (const { name, classes } of this.document.fields) {
      const told = classes.indexOf(this.told[name]);
      for (let c = 0; told >= 0 && c < vector.length; c += 1) {
        vector[c] += given.numbers[c * given.shape[1] + column + told];
      }
      column += classes.length;
    }
    return vector;
  }

  // The pad and the text: the index of an id is its position. Throws UnknownSymbol.
  ids(text) {
    return [PAD, ...this.codec.encode(text)];
  }

  // Logits (V) for the symbol that follows the text.
  next(text) {
    const rows = this.network.dense(this.ids(text));
    return this.network.predict(rows[rows.length - 1].at(-1));
  }

  // How surprising a text is: for each symbol, and for the end of an item, {symbol, nats, known}. A symbol that was never
  // met has infinite surprise, and pad stands in its place for what follows.
  score(text) {
    const ids = [PAD, ...this.codec.encodeLoosely(text)];
    const logits = this.network.logits(ids);
    const units = this.codec.units(text);
    const targets = this.ofItems ? [...ids.slice(1), PAD] : ids.slice(1);
    const symbols = targets.map((id, place) => {
      const end = place === units.length;
      const known = end || id !== PAD;
      const nats = known ? -Math.log(softmax(logits[place])[id]) : Infinity;
      return { symbol: end ? null : units[place], nats, known };
    });
    const nats = symbols.reduce((sum, each) => sum + each.nats, 0);
    return { symbols, nats, bitsPerSymbol: symbols.length ? (nats * BITS) / symbols.length : 0 };
  }

  // Item number `number` of a seed, from a prefix on: its text, and whether it ended by itself. Of a text, a passage.
  sample({ seed = 1, number = 0, prefix = "", temperature = 1, topK = 0, maxLength = 200 } = {}) {
    const before = this.ids(prefix);
    const drawn = before.slice(1);
    const along = this.ofItems ? null : new Generator([seed, number]);
    let state = this.network.start();
    let logits;
    for (const id of before) ({ logits, state } = this.network.step(id, state));
    for (let place = drawn.length; place < maxLength; place += 1) {
      const generator = along ?? new Generator([seed, place]).advance(number);
      const chances = drawable(logits, { temperature, topK, barred: this.ofItems ? null : PAD });
      const id = pick(chances, generator.random());
      if (id === PAD && this.ofItems) return { text: this.codec.decode(drawn), ended: true };
      drawn.push(id);
      ({ logits, state } = this.network.step(id, state));
    }
    return { text: this.codec.decode(drawn), ended: false };
  }

  // "train", "held out" or "new"; null where the document says nothing of the list.
  mark(text) {
    if (!this.known) return null;
    const hash = fnv(text);
    if (this.known.train.has(hash)) return "train";
    return this.known.heldOut.has(hash) ? "held out" : "new";
  }

  // Fusions that one prediction costs in each run, counted while they are made.
  costs() {
    const { network } = this;
    const count = (run) => {
      const before = network.fusions;
      run();
      return network.fusions - before;
    };
    const field = network.receptiveField;
    const state = network.start();
    const window = count(() => network.window(new Array(field).fill(PAD)));
    const kept = network.row;
    network.row = null;
    network.dense([PAD]);
    const dense = count(() => network.dense([PAD, PAD])); // one symbol more
    network.row = kept;
    return { window, dense, incremental: count(() => network.step(PAD, state)) };
  }
}

// Float32 numbers from base64, little-endian as every browser's machine is.
function floats(base64) {
  return new Float32Array(bytes(base64));
}

function bytes(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)).buffer;
}

function hashes(base64) {
  return new Set(new Uint32Array(bytes(base64)));
}

// FNV-1a of the UTF-8 of a text, 32 bits: of a list, what is needed to say whether an item is in it.
export function fnv(text) {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
