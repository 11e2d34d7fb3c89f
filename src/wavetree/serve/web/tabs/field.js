// Where a text is typed: a line for an item, some lines for a text that has line ends.

import { h } from "../dom.js";

// The field of a tab, by what the model was learnt from; `typed` hears its text.
export function textField(model, id, typed) {
  const attributes = { class: "typed", id, spellcheck: "false", autocomplete: "off", autocapitalize: "off" };
  const on = { input: () => typed(field.value) };
  const field = model.ofItems
    ? h("input", { type: "text", ...attributes, on })
    : h("textarea", { rows: 2, ...attributes, on });
  return field;
}
