// A chart of lines and points as SVG, redrawn when its place changes its width, so that its text keeps its size.
//
// series   {label, points: [[x, y]], look: "faint" | "line" | "points" | "dashed", shade: 1 ... 5}
// The range of y leaves out the wildest hundredth of the faint points: they are there to be averaged.

import { h, number, s } from "./dom.js";

const HEIGHT = 280;
const EDGE = { left: 46, right: 12, top: 12, bottom: 34 };

export class Chart {
  constructor({ label, x, y }) {
    Object.assign(this, { label, x, y, series: [] });
    this.svg = s("svg", { class: "chart", role: "img", "aria-label": label, height: HEIGHT });
    this.legend = h("ul", { class: "legend", "aria-hidden": "true" });
    this.element = h("figure", { class: "chart-frame" }, h("figcaption", {}, label), this.legend, this.svg);
    this.watcher = new ResizeObserver(() => this.paint());
    this.watcher.observe(this.element);
  }

  draw(series, says) {
    this.series = series.filter(({ points }) => points.length);
    this.svg.setAttribute("aria-label", `${this.label}. ${says}`);
    const entries = this.series.map(({ label, look, shade }) =>
      h("li", { class: `look-${look} shade-${shade}` }, label),
    );
    this.legend.replaceChildren(...entries);
    this.paint();
  }

  paint() {
    const width = this.element.clientWidth;
    const points = this.series.flatMap((each) => each.points);
    if (!width || !points.length) return;
    const calm = this.series.flatMap(({ look, points: own }) => (look === "faint" ? middle(own) : own));
    const xs = scale(
      points.map(([x]) => x),
      EDGE.left,
      width - EDGE.right,
    );
    const ys = scale(
      calm.map(([, y]) => y),
      HEIGHT - EDGE.bottom,
      EDGE.top,
      0.06,
    );
    const place = ([x, y]) => [xs(x), Math.max(EDGE.top, Math.min(HEIGHT - EDGE.bottom, ys(y)))];
    this.svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.svg.replaceChildren(
      ...ticks(ys.from, ys.to, 4).map((y) => this.line(y, ys(y), width)),
      ...ticks(xs.from, xs.to, width < 420 ? 3 : 6).map((x) => tickBelow(x, xs(x))),
      s("text", { class: "axis", x: width - EDGE.right, y: HEIGHT - 4, "text-anchor": "end" }, this.x),
      s("text", { class: "axis", x: 2, y: HEIGHT - 4 }, this.y),
      ...this.series.flatMap((each) => marks(each, place)),
    );
  }

  line(value, y, width) {
    return s(
      "g",
      {},
      s("path", { class: "grid", d: `M${EDGE.left} ${y}H${width - EDGE.right}` }),
      s(
        "text",
        { class: "tick", x: EDGE.left - 6, y: y + 4, "text-anchor": "end" },
        String(Number(value.toPrecision(6))),
      ),
    );
  }

  close() {
    this.watcher.disconnect();
  }
}

function tickBelow(value, x) {
  return s("text", { class: "tick", x, y: HEIGHT - EDGE.bottom + 15, "text-anchor": "middle" }, number(value));
}

function marks({ points, look, shade }, place) {
  const placed = points.map(place);
  const colour = `look-${look} shade-${shade}`;
  if (look === "points") return placed.map(([x, y]) => s("circle", { class: colour, cx: x, cy: y, r: 3.5 }));
  const d = placed.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
  return [s("path", { class: colour, d })];
}

function middle(points) {
  const sorted = [...points].sort(([, a], [, b]) => a - b);
  return sorted.slice(0, Math.max(1, Math.ceil(sorted.length * 0.99)));
}

function scale(values, from, to, room = 0) {
  let [low, high] = values.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
  const more = (high - low) * room || (high === low ? 0.5 : 0);
  low -= more;
  high += more;
  return Object.assign((value) => from + ((value - low) / (high - low)) * (to - from), { from: low, to: high });
}

// Round numbers between two, about `count` of them.
export function ticks(from, to, count) {
  const rough = (to - from) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((each) => power * each >= rough);
  const found = [];
  for (let k = Math.ceil(from / step); k * step <= to; k += 1) found.push(k * step);
  return found;
}

// Each value with the mean of as many before it as make a twentieth of all.
export function averaged(points) {
  const reach = Math.max(1, Math.round(points.length / 20));
  let sum = 0;
  return points.map(([x, y], i) => {
    sum += y - (i >= reach ? points[i - reach][1] : 0);
    return [x, sum / Math.min(i + 1, reach)];
  });
}
