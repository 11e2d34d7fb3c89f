// The chances of the next symbol, as bars: the model's own, and what temperature and top-k make of them.

import { h } from "../../dom.js";
import { drawable, ranked, softmax } from "../../model/choice.js";
import { visible } from "../../model/codec.js";

const SHOWN = 14; // symbols

// `choice` is {temperature, topK, barred}; `add(symbol or null)` hears what is chosen, null for the end.
export function chanceBars(model, logits, choice, add) {
  const own = softmax(logits);
  const chances = drawable(logits, choice);
  const order = ranked(own).filter((id) => id !== choice.barred);
  const most = Math.max(own[order[0]], ...chances);
  const rows = order.slice(0, SHOWN).map((id) => {
    const symbol = id ? model.codec.symbols[id - 1] : null;
    const bar = (name, share) => {
      const made = h("i", { class: name });
      made.style.width = `${(100 * share) / most}%`;
      return made;
    };
    const label = `${symbol === null ? "the end" : symbol}, ${percent(own[id])}, drawn with ${percent(chances[id])}`;
    const on = { click: () => add(symbol) };
    return h(
      "button",
      {
        type: "button",
        class: `chance${chances[id] ? "" : " never"}`,
        "aria-label": label,
        disabled: symbol === null,
        on,
      },
      h("b", {}, symbol === null ? "end" : visible(symbol)),
      h("span", { class: "bars" }, bar("drawn", chances[id]), bar("own", own[id])),
      h("span", { class: "number" }, percent(chances[id])),
    );
  });
  const others = order.slice(SHOWN);
  const rest = others.reduce((sum, id) => sum + chances[id], 0);
  return [
    ...rows,
    others.length ? h("p", { class: "soft" }, `${others.length} others together: ${percent(rest)}`) : null,
    h("p", { class: "soft small" }, "The bar is the chance that it is drawn, the mark the model’s own."),
  ];
}

export function percent(share) {
  if (share === 0) return "0%";
  return share < 0.001 ? "<0.1%" : `${(100 * share).toFixed(1)}%`;
}
