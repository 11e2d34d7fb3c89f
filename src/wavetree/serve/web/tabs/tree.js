// The tree, on a text of the reader's own: every node with its numbers, in three layouts.

import { choice, h, number, rebuild } from "../dom.js";
import { ranked, softmax } from "../model/choice.js";
import { UnknownSymbol, visible } from "../model/codec.js";
import { PAD } from "../model/network.js";
import { textField } from "./field.js";
import { readTold, toldFields } from "./told.js";
import { Flipping } from "./tree/flipping.js";
import { fusionPanel } from "./tree/fusion.js";
import { legend } from "./tree/heat.js";
import { LAYOUTS, key, layout } from "./tree/layout.js";
import { levelLabels } from "./tree/levels.js";
import { Stage } from "./tree/stage.js";

const ZOOMS = [10, 14, 18, 24, 31, 36, 44, 52, 60, 72, 96];
const LEAST_FITTED = 2; // the smallest zoom that is chosen by itself
const MOST_FITTED = 8;
const PREDICTED = 6; // symbols that stand above the root

export const tree = {
  id: "tree",
  title: "Tree",
  needsModel: true,
  needsServer: false,
  mount: (element, context) => new TreeTab(element, context),
};

class TreeTab {
  constructor(element, context) {
    Object.assign(this, { context, model: context.model, network: context.model.network, shown: null });
    this.costs = this.model.costs();
    this.stage = new Stage({
      open: (row, position) => this.open(row, position),
      leaf: (position) => this.flipping.choose(position),
      fold: (row, position) => this.fold(row, position),
      type: (position, symbol) => this.flipping.to(position, symbol),
      light: (node) => this.tell(node),
    });
    this.build(element);
    this.keys = [
      { key: "/", does: "type a text", run: () => this.input.select() },
      { key: "n", does: "slide one symbol on", run: () => this.slide(1) },
      { key: "b", does: "slide one symbol back", run: () => this.slide(-1) },
      { key: "l", does: "the next layout", run: () => this.nextLayout() },
      { key: "f", does: "flip a symbol, or end the flip", run: () => this.flipping.toggle() },
      { key: "+", does: "zoom in", run: () => this.zoom(1) },
      { key: "-", does: "zoom out", run: () => this.zoom(-1) },
      { key: "Escape", does: "close what is open", run: () => this.closeAll() },
    ];
    this.hints = [
      ["← → ↑ ↓", "from node to node"],
      ["Enter", "open a fusion, or choose a symbol"],
      ["c", "on a node: fold away what is below it (or double-click)"],
      ["a … z", "on a symbol: flip it to this one"],
    ];
  }

  build(element) {
    const on = (run) => ({ click: run });
    this.input = textField(this.model, "tree-text", (text) =>
      this.context.setState({ text, at: null, node: null, flip: null, empty: text ? null : "1" }),
    );
    this.layouts = choice("Layout", LAYOUTS, (kind) =>
      this.context.setState({ layout: kind === "tree" ? null : kind }),
    );
    this.back = h(
      "button",
      { type: "button", "aria-label": "Slide one symbol back", on: on(() => this.slide(-1)) },
      "◀",
    );
    this.on = h("button", { type: "button", "aria-label": "Slide one symbol on", on: on(() => this.slide(1)) }, "▶");
    this.place = h("output", { class: "place" });
    this.flipping = new Flipping(this);
    this.problem = h("p", { class: "problem", role: "alert" });
    this.counters = h("dl", { class: "counters" });
    this.hint = h("p", { class: "hint" });
    this.side = h("aside", { class: "fusion", "aria-label": "A fusion" });
    this.told = h("div", { class: "told" });
    const zooms = h(
      "div",
      { class: "group", role: "group", "aria-label": "Zoom" },
      h("button", { type: "button", "aria-label": "Zoom out", on: on(() => this.zoom(-1)) }, "−"),
      h("button", { type: "button", "aria-label": "Zoom in", on: on(() => this.zoom(1)) }, "+"),
    );
    element.append(
      h(
        "div",
        { class: "bar" },
        h("label", { class: "field grow" }, h("span", {}, "A text"), this.input),
        this.told,
        h(
          "div",
          { class: "field" },
          h("span", {}, "Window"),
          h("div", { class: "group", role: "group", "aria-label": "Slide the window" }, this.back, this.place, this.on),
        ),
        this.flipping.button,
        this.layouts.element,
        zooms,
      ),
      this.problem,
      this.flipping.tray,
      h("div", { class: "work" }, h("div", { class: "left" }, this.stage.element, this.hint, this.counters), this.side),
    );
  }

  update(state) {
    const text = state.text ?? (state.empty ? "" : this.model.document.example);
    if (document.activeElement !== this.input || this.input.value !== text) this.input.value = text;
    const told = readTold(this.model, state);
    this.model.tell(told);
    rebuild(this.told, ...toldFields(this.model, told, (all) => this.context.setState({ told: all })));
    let ids;
    try {
      ids = this.model.ids(text);
      this.problem.textContent = "";
    } catch (error) {
      if (!(error instanceof UnknownSymbol)) throw error;
      this.problem.textContent = error.message;
      return;
    }
    const before = this.shown;
    const length = ids.length - 1;
    const at = Math.min(length, Math.max(0, Number(state.at ?? length)));
    const kind = LAYOUTS.some(([name]) => name === state.layout) ? state.layout : "tree";
    this.layouts.set(kind);
    const change = this.flipping.read(state, ids);
    const units = this.model.codec.units(text);
    const wish = { kind, at, length, rise: this.rise(kind), toggled: new Set((state.fold ?? "").split(",")) };
    const zoom = this.pitch(state, wish);
    const seen = {
      pitch: zoom,
      text,
      ids: change ? ids.with(change.position, change.to) : ids,
      units,
      at,
      length,
      kind,
      change,
    };
    this.shown = seen;
    this.rows = this.network.dense(seen.ids);
    const moved = change ? this.flipping.moved(ids, change) : null;
    const slid = before && before.text === text && before.at + 1 === at && !change;
    const fresh = new Set(slid ? this.network.levels.map((_, l) => key(l + 1, at)) : []);
    const made = layout(this.network, { ...wish, pitch: zoom });
    const open = this.openNode(state, made);
    this.stage.draw(made, (row, position) => this.look(row, position), {
      fresh,
      moved,
      open,
      flipped: change?.position,
    });
    levelLabels(this.stage.labels, this.model, made, seen);
    this.stage.drawPrediction(this.prediction(at), made.nodes.get(key(this.network.levels.length, at)));
    this.follow(made, before, at);
    this.place.textContent = `${at} of ${length}`;
    this.place.setAttribute("aria-label", `the window ends at position ${at} of ${length}`);
    this.back.disabled = at === 0;
    this.on.disabled = at === length;
    this.showCounters(length);
    this.flipping.show(state, moved);
    this.showSide(open, state);
    this.tell(null);
  }

  // What a node is, for the stage.
  look(row, position) {
    const pad = position <= 0;
    const node = this.network.at(this.rows, row, position);
    const symbol = this.symbol(position);
    const sees = this.sees(row, position);
    const label =
      row === 0
        ? pad
          ? "the pad before the text"
          : `symbol ${symbol} at position ${position}`
        : `level ${row - 1}, position ${position}, has seen ${sees}`;
    const last = row === this.network.levels.length && node.skips; // of a WaveNet: what it says to the output
    return { vector: last || node.vector, symbol, pad: pad && row === 0, label };
  }

  symbol(position) {
    const { units, change } = this.shown;
    if (position <= 0) return "·";
    return change?.position === position ? this.model.codec.symbols[change.to - 1] : units[position - 1];
  }

  sees(row, position) {
    const span = this.network.sees(row);
    const symbols = Array.from({ length: Math.min(span, 12) }, (_, i) => visible(this.symbol(position - i))).reverse();
    return `${span > 12 ? "…" : ""}${symbols.join("")}`;
  }

  // Slide.
  slide(step) {
    const { at, length } = this.shown;
    const to = Math.min(length, Math.max(0, at + step));
    if (to === at) return;
    this.context.setState({ at: to === length ? null : String(to), node: null });
    this.context.announce(`The window ends at position ${to}: ${this.network.levels.length} new fusions.`);
  }

  // Keeps the end of the window in view.
  follow(made, before, at) {
    if (before?.at === at && before.kind === this.shown.kind && before.text === this.shown.text) return;
    const node = made.nodes.get(key(0, at));
    const { scroller } = this.stage;
    scroller.scrollTo({ left: node.x - scroller.clientWidth * 0.75, behavior: "auto" });
  }

  // The height of a row: less where there are many.
  rise(kind) {
    if (kind === "rings") return 124;
    return this.network.levels.length > 7 ? 76 : 92;
  }

  // The width of a column: as the reader set it, or as much as fits.
  pitch({ zoom }, wish) {
    if (ZOOMS[zoom]) return ZOOMS[zoom];
    const columns = layout(this.network, { ...wish, pitch: 1 }).width;
    const fits = ZOOMS.findLastIndex((pitch) => pitch * columns <= this.stage.scroller.clientWidth - 24);
    return ZOOMS[Math.min(MOST_FITTED, Math.max(LEAST_FITTED, fits))];
  }

  // The likeliest symbols after position `at`, with their probabilities.
  prediction(at) {
    const chances = softmax(this.network.predict(this.network.at(this.rows, this.network.levels.length, at)));
    return ranked(chances)
      .slice(0, PREDICTED)
      .map((id) => ({ symbol: id ? this.model.codec.symbols[id - 1] : null, chance: chances[id] }));
  }

  nextLayout() {
    const names = LAYOUTS.map(([name]) => name);
    const next = names[(names.indexOf(this.shown.kind) + 1) % names.length];
    this.context.setState({ layout: next === "tree" ? null : next });
    this.context.announce(LAYOUTS.find(([name]) => name === next)[1]);
  }

  zoom(step) {
    const now = ZOOMS.indexOf(this.shown.pitch);
    this.context.setState({ zoom: String(Math.min(ZOOMS.length - 1, Math.max(0, now + step))) });
  }

  fold(row, position) {
    if (row < 1 || this.shown.kind !== "tree") return;
    const id = `${row}.${this.shown.at - position}`;
    const now = new Set((this.context.state.fold ?? "").split(",").filter(Boolean));
    if (!now.delete(id)) now.add(id);
    this.context.setState({ fold: [...now].join(",") });
  }

  // Open a fusion.
  open(row, position) {
    if (this.stage.made.nodes.get(key(row, position))?.folded) return this.fold(row, position);
    this.context.setState({ node: key(row, position), output: null });
    this.side.querySelector("h2")?.focus({ preventScroll: matchMedia("(min-width: 60rem)").matches });
  }

  openNode(state, made) {
    const [row, position] = (state.node ?? "").split(".").map(Number);
    return row > 0 && made.nodes.has(key(row, position)) ? key(row, position) : null;
  }

  showSide(open, state) {
    this.side.hidden = false;
    if (!open) {
      rebuild(
        this.side,
        h(
          "div",
          { class: "invite" },
          h("h2", {}, "Open a fusion"),
          h(
            "p",
            {},
            "Every square is a vector: its pattern shows the first numbers. Choose one, and see how it was made from the two below it.",
          ),
          h("p", {}, "Point at a node, and what it has seen lights up; at a symbol, and all that has seen it does."),
          legend(),
        ),
      );
      return;
    }
    const [row, position] = open.split(".").map(Number);
    const level = row - 1;
    const { reaches } = this.network.levels[level];
    const children = [...reaches, 0].map((far) => ({
      node: this.network.at(this.rows, level, position - far),
      sees: this.sees(level, position - far),
      position: position - far,
    }));
    const fusion = {
      network: this.network,
      level,
      position,
      text: this.shownText(),
      children,
      sees: this.sees(row, position),
    };
    rebuild(
      this.side,
      ...fusionPanel(fusion, Number(state.output ?? 0), {
        output: (output) => this.context.setState({ output: output ? String(output) : null }),
        close: () => this.closeFusion(open),
        said: (text) => {
          this.context.announce(text);
          this.hint.textContent = text;
        },
      }),
    );
  }

  shownText() {
    return this.model.codec.decode(this.shown.ids.slice(1));
  }

  closeFusion(open) {
    this.context.setState({ node: null, output: null });
    this.stage.focus(open);
  }

  closeAll() {
    this.context.setState({ node: null, output: null, flip: null });
  }

  // The line under the drawing: what the pointer is on.
  tell(node) {
    if (!this.shown || this.shown.ids.length === 0) return;
    const { at, kind } = this.shown;
    if (node && node.row > 0) {
      const [from, to] = [node.position - this.network.sees(node.row) + 1, node.position];
      this.hint.textContent = `Level ${node.row - 1} at position ${to}: it has seen positions ${from} to ${to}, ${this.sees(node.row, node.position)}.`;
    } else if (node) {
      this.hint.textContent =
        node.position > at ? "A later symbol: nothing here has seen it." : "The path of a symbol to the root.";
    } else {
      this.hint.textContent = ABOUT[kind](this.shown.at);
    }
  }

  showCounters(length) {
    const { window: w, dense, incremental } = this.costs;
    const cells = [
      ["window", w, `anew for every output: ${number(w * (length + 1))} for this text`],
      ["dense", dense, `each node once, used twice: ${number(dense * (length + 1))} for this text`],
      ["incremental", incremental, "a step of generation, from its rings"],
    ];
    this.counters.replaceChildren(
      ...cells.map(([name, count, about]) =>
        h(
          "div",
          {},
          h("dt", {}, name),
          h("dd", {}, h("b", {}, number(count)), ` fusion${count === 1 ? "" : "s"}`, h("small", {}, about)),
        ),
      ),
    );
  }

  unmount() {}
}

const ABOUT = {
  tree: () =>
    "A prediction fuses its window pair by pair, level by level. Slide it: what was computed stays, and only the right edge is new.",
  dilated: () =>
    "The same nodes over the whole text: level l finds its left child 2ˡ positions back. Each node is the right child of one, the left child of another.",
  rings: () =>
    "The same nodes while generating: each level keeps its last 2ˡ vectors; the oldest leaves as left child, the newest takes its place.",
};
