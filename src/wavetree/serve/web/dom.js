// Elements, made in one line each.

const SVG = "http://www.w3.org/2000/svg";

// An HTML element: `on` holds listeners, what is null or false is left out, text is text.
export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

// An SVG element.
export function s(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, { on = {}, ...attributes }, children) {
  for (const [event, listener] of Object.entries(on)) element.addEventListener(event, listener);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

// Puts other children into an element. What has the focus in it passes it on to the one that stands in its place.
export function rebuild(element, ...children) {
  const reachable = () => [...element.querySelectorAll("button, input, select")];
  const focused = reachable().indexOf(document.activeElement);
  element.replaceChildren(...children.flat(Infinity).filter(Boolean));
  if (focused >= 0) (reachable()[focused] ?? reachable().at(-1))?.focus({ preventScroll: true });
}

// A number with thousands separators, and so many decimal places.
export function number(value, places = 0) {
  return value.toLocaleString("en", { minimumFractionDigits: places, maximumFractionDigits: places });
}

// One of some buttons: a radio group by its look and its keys. `choices` are [value, label]; `chosen` hears the value.
export function choice(label, choices, chosen) {
  const name = `choice-${label.replace(/\W/g, "")}`;
  const inputs = new Map();
  const parts = choices.map(([value, text]) => {
    const input = h("input", { type: "radio", name, value, on: { change: () => chosen(value) } });
    inputs.set(value, input);
    return h("label", {}, input, h("span", {}, text));
  });
  const element = h("fieldset", { class: "choice" }, h("legend", { class: "unseen" }, label), parts);
  return { element, set: (value) => inputs.has(value) && (inputs.get(value).checked = true) };
}

// Puts a text on the clipboard, also where the browser's own way is barred, as in a file from the disk.
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h("textarea", { class: "unseen", "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}
