// A text, each symbol coloured by how surprising it was, and its whole as a few figures.

import { h } from "../../dom.js";
import { visible } from "../../model/codec.js";

const DEEPEST = 8; // nats, at which the colour is full: one in 3,000

// A button for each symbol and for the end; `at` is the place that is looked at, `look(place)` hears another.
export function scoredText({ symbols }, at, look) {
  const places = symbols.map(({ symbol, nats, known }, place) => {
    const shown = symbol === null ? "end" : visible(symbol);
    const label = `${symbol ?? "the end"}: ${known ? `${nats.toFixed(2)} nats` : "never met"}`;
    const classes = ["scored", symbol === null && "end", place === at && "at", !known && "unknown"]
      .filter(Boolean)
      .join(" ");
    const tile = h(
      "button",
      { type: "button", class: classes, "aria-label": label, title: label, on: { click: () => look(place) } },
      h("b", {}, shown),
      h("small", {}, known ? nats.toFixed(1) : "∞"),
    );
    tile.style.setProperty("--depth", `${Math.min(100, (100 * Math.min(nats, DEEPEST)) / DEEPEST)}%`);
    return tile;
  });
  return h("div", { class: "scored-text", role: "group", "aria-label": "The text, symbol by symbol" }, places);
}

// What the whole text comes to.
export function scoreFigures({ symbols, nats, bitsPerSymbol }) {
  const unknown = symbols.filter(({ known }) => !known).map(({ symbol }) => visible(symbol));
  if (unknown.length) {
    return h(
      "p",
      { class: "problem" },
      `The model never met ${[...new Set(unknown)].join(" ")}: the surprise is infinite. For what follows, the mark stands in its place.`,
    );
  }
  const worst = symbols.reduce((a, b) => (b.nats > a.nats ? b : a), symbols[0]);
  if (!worst) return h("p", { class: "soft" }, "An empty text: type something.");
  const figures = [
    ["in all", `${nats.toFixed(3)} nats`],
    ["a symbol", `${(bitsPerSymbol * Math.LN2).toFixed(3)} nats, ${bitsPerSymbol.toFixed(3)} bits`],
    ["probability", Math.exp(-nats).toExponential(2)],
    ["most surprising", `${worst.symbol === null ? "its end" : visible(worst.symbol)}, ${worst.nats.toFixed(2)} nats`],
  ];
  return h(
    "dl",
    { class: "figures" },
    figures.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );
}
