// The drawing: nodes that keep their identity while they move between layouts, and the edges between them.

import { visible } from "../../model/codec.js";
import { h, s } from "../../dom.js";
import { glyph } from "./heat.js";
import { above, below, key } from "./layout.js";

const FADING = 350; // milliseconds
const WEDGE = 31; // pixels, half the width of what is folded away
const MANY = 160; // nodes: from here on each shows fewer numbers

export class Stage {
  // `on`: {open(row, position), leaf(position), light(node or null)}.
  constructor(on) {
    this.on = on;
    this.nodes = new Map();
    this.edges = s("g", { class: "edges", "aria-hidden": "true" });
    this.rings = s("g", { class: "rings", "aria-hidden": "true" });
    this.holder = s("g", {});
    this.predicted = s("g", { class: "prediction", role: "img" });
    this.svg = s(
      "svg",
      { class: "stage", role: "group", "aria-label": "The nodes" },
      this.rings,
      this.edges,
      this.predicted,
      this.holder,
    );
    this.labels = h("div", { class: "levels" });
    this.scroller = h("div", { class: "scroller" }, this.svg);
    this.element = h("div", { class: "stage-frame" }, this.labels, this.scroller);
    this.svg.addEventListener("keydown", (event) => this.walk(event));
    this.svg.addEventListener("pointerdown", (event) => this.drag(event));
  }

  // `made` is a layout; `look(row, position)` says {vector, symbol, label, state} of a node, where state is a class.
  draw(made, look, { fresh = new Set(), moved = null, open = null, flipped = null } = {}) {
    this.made = made;
    this.rise = made.rise;
    this.size(made);
    const plain = made.nodes.size > MANY;
    let lost = false; // the focus, with a node that is no more
    for (const [id, element] of this.nodes) {
      if (made.nodes.has(id)) continue;
      lost ||= element === document.activeElement;
      this.leave(id, element);
    }
    for (const [id, node] of made.nodes) {
      const element = this.nodes.get(id) ?? this.add(id, node);
      const seen = look(node.row, node.position);
      const classes = ["node", node.row ? "fused" : "leaf", node.part];
      if (node.folded) classes.push("folded");
      if (fresh.has(id)) classes.push("fresh");
      if (moved?.has(id)) classes.push("moved");
      if (id === open) classes.push("open");
      if (node.row === 0 && node.position === flipped) classes.push("flipped");
      if (seen.pad) classes.push("pad");
      element.setAttribute("class", classes.join(" "));
      element.setAttribute("aria-label", seen.label);
      element.style.transform = `translate(${node.x}px, ${node.y}px) scale(${node.scale ?? 1})`;
      this.fill(element, node, seen, plain);
    }
    this.drawEdges(made, fresh, moved);
    this.drawRings(made);
    if (!made.nodes.has(this.focused)) this.focused = [...made.nodes.keys()].reduce((a, b) => (follows(a, b) ? b : a));
    for (const [id, element] of this.nodes) element.setAttribute("tabindex", id === this.focused ? 0 : -1);
    if (lost) this.focus(this.focused);
    this.light(this.lit ?? null);
  }

  size({ width, height }) {
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute("width", width);
    this.svg.setAttribute("height", height);
  }

  add(id, node) {
    const on = {
      click: () => (node.row ? this.on.open(node.row, node.position) : this.on.leaf(node.position)),
      dblclick: () => this.on.fold(node.row, node.position),
      pointerenter: () => this.light(id),
      pointerleave: () => this.light(null),
      focus: () => this.light(id),
      blur: () => this.light(null),
    };
    const element = s("g", { role: "button", "data-node": id, on });
    element.style.transform = `translate(${node.x}px, ${node.y}px) scale(${node.scale ?? 1})`;
    this.nodes.set(id, element);
    const after = [...this.holder.children].find((other) => other.dataset.node && follows(other.dataset.node, id));
    this.holder.insertBefore(element, after ?? null); // in reading order: from the top, from the left
    return element;
  }

  // A node that is no more fades, and can no longer be reached.
  leave(id, element) {
    this.nodes.delete(id);
    element.classList.add("leaving");
    for (const name of ["data-node", "tabindex", "role", "aria-label"]) element.removeAttribute(name);
    element.setAttribute("aria-hidden", "true");
    setTimeout(() => element.remove(), FADING);
  }

  fill(element, node, seen, plain) {
    const parts = [];
    if (node.row === 0) {
      parts.push(s("rect", { class: "tile", x: -14, y: -17, width: 28, height: 34, rx: 7 }));
      parts.push(s("text", { class: "symbol", y: 6 }, visible(seen.symbol)));
    } else if (node.folded) {
      const count = 2 ** node.row;
      parts.push(
        s("path", {
          class: "wedge",
          d: `M0 0L${1.1 * WEDGE} ${(node.row * this.rise) / node.scale - 22}H${-1.1 * WEDGE}Z`,
        }),
      );
      parts.push(
        s(
          "text",
          { class: "count", y: (node.row * this.rise) / node.scale - 30 },
          node.scale < 1 ? `${count}` : `${count} symbols`,
        ),
      );
      parts.push(
        s("rect", { class: "tile", x: -14, y: -14, width: 28, height: 28, rx: 7 }),
        ...glyph(seen.vector, 20, plain),
      );
    } else {
      parts.push(s("rect", { class: "tile", x: -14, y: -14, width: 28, height: 28, rx: 7 }));
      parts.push(...glyph(seen.vector, 20, plain));
    }
    element.replaceChildren(...parts);
  }

  drawEdges(made, fresh, moved) {
    const paths = made.edges.map(({ from, to, side, part = "window" }) => {
      const [a, b] = [made.nodes.get(from), made.nodes.get(to)];
      const middle = (a.y + b.y) / 2;
      const d = `M${a.x} ${a.y}C${a.x} ${middle} ${b.x} ${middle} ${b.x} ${b.y}`;
      const classes = ["edge", side, part];
      if (fresh.has(to)) classes.push("fresh");
      if (moved?.has(to) && moved.has(from)) classes.push("moved");
      return s("path", { d, class: classes.join(" "), "data-from": from, "data-to": to });
    });
    this.edges.replaceChildren(...paths);
  }

  drawRings({ rings }) {
    this.rings.replaceChildren(
      ...rings.flatMap(({ x, y, radius, slots }) => [
        s("circle", { class: "ring", cx: x, cy: y, r: Math.max(radius, 15) }),
        s("text", { class: "slots", x, y: radius ? y + 4 : y + 32 }, radius ? `last ${slots}` : ""),
      ]),
    );
  }

  // What the last node predicts, above it: a bar for each of the likeliest symbols.
  drawPrediction(likeliest, { x, y }) {
    const wide = 30;
    const left = Math.max(
      4,
      Math.min(this.made.width - likeliest.length * wide - 4, x - (likeliest.length * wide) / 2),
    );
    const base = y - 46;
    const bars = likeliest.flatMap(({ symbol, chance }, i) => [
      s("rect", {
        class: "bar-of",
        x: left + i * wide + 6,
        y: base - 34 * chance ** 0.6,
        width: wide - 12,
        height: 34 * chance ** 0.6 + 1,
        rx: 2,
      }),
      s("text", { class: "of", x: left + (i + 0.5) * wide, y: base + 14 }, symbol === null ? "end" : visible(symbol)),
      s("text", { class: "chance", x: left + (i + 0.5) * wide, y: base + 26 }, `${Math.round(100 * chance)}%`),
    ]);
    const words = likeliest
      .map(({ symbol, chance }) => `${symbol ?? "the end"} ${Math.round(100 * chance)}%`)
      .join(", ");
    this.predicted.setAttribute("aria-label", `It predicts ${words}`);
    this.predicted.replaceChildren(...bars);
  }

  // Lights up what a node has seen, or of a leaf what has seen it.
  light(id) {
    this.lit = id;
    const node = id && this.made.nodes.get(id);
    const lit = node ? (node.row ? below(this.made, id) : above(this.made, id)) : null;
    this.svg.classList.toggle("lighting", Boolean(lit));
    for (const [other, element] of this.nodes) element.classList.toggle("lit", Boolean(lit?.has(other)));
    for (const edge of this.edges.children) {
      edge.classList.toggle("lit", Boolean(lit?.has(edge.dataset.from) && lit.has(edge.dataset.to)));
    }
    this.on.light(node ?? null);
  }

  // Pans with the mouse, from anywhere between the nodes; a finger scrolls by itself.
  drag({ pointerType, clientX, target, pointerId }) {
    if (pointerType !== "mouse" || target !== this.svg) return;
    const from = this.scroller.scrollLeft;
    const move = (event) => {
      this.scroller.scrollLeft = from - (event.clientX - clientX);
    };
    this.svg.setPointerCapture(pointerId);
    this.svg.addEventListener("pointermove", move);
    this.svg.addEventListener("pointerup", () => this.svg.removeEventListener("pointermove", move), { once: true });
  }

  // Arrow keys: along a row, up to the parent, down to the right child; Enter opens, Home and End are the row's ends.
  walk(event) {
    const id = [...this.nodes].find(([, element]) => element === event.target)?.[0];
    const node = id && this.made.nodes.get(id);
    if (!node) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      event.target.dispatchEvent(new MouseEvent("click"));
      return;
    }
    if (node.row === 0 && [...event.key].length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) {
      if (this.on.type(node.position, event.key)) event.preventDefault();
      return;
    }
    if (event.key === "c" && node.row > 0) {
      event.preventDefault();
      this.on.fold(node.row, node.position);
      return;
    }
    const row = [...this.made.nodes.values()]
      .filter((other) => other.row === node.row)
      .sort((a, b) => a.position - b.position);
    const place = row.indexOf(node);
    const to = {
      ArrowLeft: row[place - 1],
      ArrowRight: row[place + 1],
      Home: row[0],
      End: row.at(-1),
      ArrowUp: this.made.nodes.get(this.made.edges.find(({ from }) => from === id)?.to),
      ArrowDown: this.made.nodes.get(this.made.edges.findLast(({ to }) => to === id)?.from),
    };
    if (!(event.key in to)) return;
    event.preventDefault();
    if (to[event.key]) this.focus(key(to[event.key].row, to[event.key].position));
  }

  focus(id) {
    this.focused = id;
    for (const [other, element] of this.nodes) element.setAttribute("tabindex", other === id ? 0 : -1);
    this.nodes.get(id)?.focus();
  }
}

// Whether one node comes after another: below it, or to its right.
function follows(one, other) {
  const [[row, position], [otherRow, otherPosition]] = [one, other].map((id) => id.split(".").map(Number));
  return row < otherRow || (row === otherRow && position > otherPosition);
}
