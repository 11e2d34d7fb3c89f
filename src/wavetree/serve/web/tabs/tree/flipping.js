// One symbol of the text becomes another: which nodes move? state.flip is "3" once a symbol is chosen, "3:z" once flipped.

import { h, rebuild } from "../../dom.js";
import { visible } from "../../model/codec.js";
import { flip } from "../../model/flip.js";
import { key } from "./layout.js";

export class Flipping {
  // `tab` is the tab it belongs to: its context, model and network, what it has shown, its stage.
  constructor(tab) {
    this.tab = tab;
    const on = { click: () => this.toggle() };
    this.button = h("button", { type: "button", id: "flip", "aria-pressed": "false", on }, "Flip a symbol");
    this.tray = h("div", { class: "flip-tray" });
  }

  // The flip of a state: {position, to, symbol}, or null.
  read(state, ids) {
    const [place, symbol] = (state.flip ?? "").split(/:(.*)/s);
    const position = Number(place);
    if (!(position > 0 && position < ids.length) || !symbol) return null;
    const to = this.tab.model.codec.symbols.indexOf(symbol) + 1;
    return to > 0 && to !== ids[position] ? { position, to, symbol } : null;
  }

  // The keys of the nodes that it moves.
  moved(ids, { position, to }) {
    const { network, shown } = this.tab;
    this.changes = flip(network, ids, position, to);
    network.dense(shown.ids); // so that what is shown is at hand again
    const moved = new Set();
    this.changes.slice(0, -1).forEach((row, r) => row.forEach((change, p) => change > 0 && moved.add(key(r, p))));
    return moved;
  }

  toggle() {
    const { context, shown } = this.tab;
    if (context.state.flip) context.setState({ flip: null });
    else this.choose(Math.max(1, shown.at - 2));
  }

  choose(position) {
    if (position > 0) this.tab.context.setState({ flip: String(position) });
  }

  // Whether the symbol is one that the model knows, and it was done.
  to(position, symbol) {
    if (position < 1 || !this.tab.model.codec.symbols.includes(symbol)) return false;
    this.tab.context.setState({ flip: `${position}:${symbol}` });
    return true;
  }

  show({ flip: wished }, moved) {
    this.button.setAttribute("aria-pressed", Boolean(wished));
    this.button.textContent = wished ? "End the flip" : "Flip a symbol";
    this.tray.hidden = !wished;
    if (!wished) return;
    const position = Number(wished.split(":")[0]);
    const { change, units, at } = this.tab.shown;
    const option = (value, text, selected) => h("option", { value, selected }, text);
    const others = this.tab.model.codec.symbols.filter((symbol) => symbol !== units[position - 1]);
    const places = h(
      "select",
      { "aria-label": "position", on: { change: ({ target }) => this.choose(Number(target.value)) } },
      units.map((unit, i) => option(i + 1, `${i + 1}: ${visible(unit)}`, i + 1 === position)),
    );
    const symbols = h(
      "select",
      { id: "flip-to", "aria-label": "becomes", on: { change: ({ target }) => this.to(position, target.value) } },
      change ? null : option("", "choose", true),
      others.map((symbol) => option(symbol, visible(symbol), change?.symbol === symbol)),
    );
    const verdict = this.verdict(position, at, moved);
    rebuild(
      this.tray,
      h("label", {}, "Symbol ", places),
      h("label", {}, " becomes ", symbols),
      h("p", { class: "verdict" }, verdict),
    );
    if (change) this.tab.context.announce(verdict);
  }

  verdict(position, at, moved) {
    if (!moved) return "Choose a symbol here or below, and type another one on it.";
    const nodes = [...this.tab.stage.made.nodes.values()].filter(({ row, part }) => row > 0 && part === "window");
    if (position > at) {
      return `It comes after this prediction: 0 of ${nodes.length} nodes move, and no logit does. That is what causal means.`;
    }
    const lit = nodes.filter(({ row, position: p }) => moved.has(key(row, p))).length;
    const change = this.changes.at(-1)[at].toFixed(3);
    return `${lit} of the ${nodes.length} fusions shown move, those that see it; the logits by up to ${change}.`;
  }
}
