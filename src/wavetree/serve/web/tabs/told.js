// What is told besides the text, such as sex=F,decade=1920: a choice for each field that the model knows.

import { h } from "../dom.js";

// The conditions of a state, {field: class}: those that the model knows.
export function readTold(model, { told = "" }) {
  const pairs = told.split(",").map((part) => part.split(/=(.*)/s));
  return Object.fromEntries(
    pairs.filter(([name, value]) =>
      model.document.fields.some((field) => field.name === name && field.classes.includes(value)),
    ),
  );
}

// A select for each field; `chosen` hears the new text of the state.
export function toldFields(model, told, chosen) {
  return model.document.fields.map(({ name, classes }) => {
    const set = ({ target }) => {
      const all = { ...told, [name]: target.value };
      chosen(
        Object.entries(all)
          .filter(([, value]) => value)
          .map(([field, value]) => `${field}=${value}`)
          .join(","),
      );
    };
    const options = ["", ...classes].map((value) =>
      h("option", { value, selected: value === (told[name] ?? "") }, value || "not told"),
    );
    return h(
      "label",
      { class: "field" },
      h("span", {}, name),
      h("select", { "data-field": name, on: { change: set } }, options),
    );
  });
}
