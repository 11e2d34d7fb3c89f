// The learning tree: the same text through the weights of each check, so that one sees the nodes change as they learn.

import { h, number, s } from "../../dom.js";
import { openModel } from "../../model.js";
import { ranked, softmax } from "../../model/choice.js";
import { visible } from "../../model/codec.js";
import { glyph } from "../tree/heat.js";
import { layout } from "../tree/layout.js";

const MOST = 24; // snapshots: of more, every other one is dropped
const LIKELIEST = 6;
const PITCH = 38;
const RISE = 62;
const SIDE = 26;

export class Growing {
  constructor(context) {
    Object.assign(this, { context, snapshots: [], text: "", chosen: false, following: true, closed: false });
    this.input = h("input", {
      type: "text",
      id: "growing-text",
      maxlength: 60,
      autocomplete: "off",
      spellcheck: "false",
      on: { input: () => this.typed() },
    });
    this.slider = h("input", {
      type: "range",
      id: "growing-step",
      min: 0,
      max: 0,
      value: 0,
      on: { input: () => this.slid() },
    });
    this.when = h("output", { for: "growing-step" });
    this.trouble = h("p", { class: "soft" }, "The first check brings the first tree.");
    this.svg = s("svg", { class: "growing-tree", role: "img", "aria-label": "The tree" });
    this.controls = h(
      "div",
      { class: "fields", hidden: true },
      h("div", { class: "field" }, h("label", { for: "growing-text" }, "Text it reads"), this.input),
      h("div", { class: "field" }, h("label", { for: "growing-step" }, "After step ", this.when), this.slider),
    );
    this.element = h(
      "div",
      { class: "growing" },
      h("h3", {}, "The learning tree"),
      this.controls,
      this.trouble,
      h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "The tree as it learns" }, this.svg),
    );
  }

  // The run has new best weights, those of `check`. What comes while they are fetched is fetched next.
  async learnt(run, check) {
    if (!run) return;
    this.wanted = check;
    if (this.fetching) return;
    this.fetching = true;
    while (this.wanted && !this.closed) {
      const { step, samples } = this.wanted;
      this.wanted = null;
      try {
        const model = openModel(await this.context.api(`api/runs/${encodeURIComponent(run)}/model`));
        this.add({ step, model }, samples.find((sample) => sample.length > 2) ?? "");
      } catch (error) {
        this.trouble.textContent = error.message;
      }
    }
    this.fetching = false;
  }

  add(snapshot, sample) {
    this.snapshots = [...this.snapshots.filter(({ step }) => step !== snapshot.step), snapshot];
    if (this.snapshots.length > MOST) this.snapshots = this.snapshots.filter((_, i) => i % 2 || i === 0);
    if (this.following && !this.chosen) this.input.value = this.text = sample;
    this.controls.hidden = false;
    this.slider.max = this.snapshots.length - 1;
    if (this.following) this.slider.value = this.slider.max;
    this.draw();
  }

  typed() {
    this.chosen = true;
    this.text = this.input.value;
    this.draw();
  }

  slid() {
    this.following = Number(this.slider.value) === this.snapshots.length - 1;
    this.draw();
  }

  draw() {
    const { step, model } = this.snapshots[Number(this.slider.value)];
    this.when.textContent = number(step);
    this.slider.setAttribute("aria-valuetext", `step ${number(step)}`);
    let ids;
    try {
      ids = model.ids(this.text);
    } catch (error) {
      this.trouble.textContent = error.message;
      return;
    }
    this.trouble.textContent = "";
    const { network } = model;
    const rows = network.dense(ids);
    const at = ids.length - 1;
    const made = layout(network, { kind: "tree", at, length: at, pitch: PITCH, rise: RISE, toggled: new Set() });
    const units = ["", ...model.codec.units(this.text)];
    const chances = softmax(model.next(this.text));
    const likeliest = ranked(chances)
      .slice(0, LIKELIEST)
      .map((id) => [id ? model.codec.symbols[id - 1] : "end", chances[id]]);
    this.paint(made, (row, position) => network.at(rows, row, position).vector, units, likeliest);
    const says = likeliest.map(([symbol, share]) => `${symbol} ${(100 * share).toFixed(0)}%`).join(", ");
    this.svg.setAttribute("aria-label", `After step ${number(step)}, “${this.text}” is followed by: ${says}`);
  }

  paint(made, vector, units, likeliest) {
    const bars = 180;
    const edges = made.edges.map(({ from, to, side }) => {
      const [a, b] = [made.nodes.get(from), made.nodes.get(to)];
      const half = (a.y + b.y) / 2;
      return s("path", { class: `edge ${side}`, d: `M${a.x} ${a.y}C${a.x} ${half} ${b.x} ${half} ${b.x} ${b.y}` });
    });
    const nodes = [...made.nodes.values()].map(({ row, position, x, y }) =>
      s(
        "g",
        { transform: `translate(${x} ${y})` },
        s("rect", { class: "tile", x: -SIDE / 2 - 2, y: -SIDE / 2 - 2, width: SIDE + 4, height: SIDE + 4, rx: 5 }),
        row
          ? glyph(vector(row, position), SIDE, made.nodes.size > 160)
          : s("text", { y: 5, "text-anchor": "middle" }, visible(units[position] || "·")),
      ),
    );
    const top = Math.max(...[...made.nodes.values()].map(({ x }) => x).slice(0, 1), made.width);
    const next = likeliest.map(([symbol, share], i) =>
      s(
        "g",
        { transform: `translate(${top + 14} ${16 + i * 20})` },
        s("text", { x: 26, y: 4, "text-anchor": "end" }, visible(symbol)),
        s("rect", { class: "bar", x: 32, y: -6, height: 12, width: Math.max(1, share * (bars - 80)) }),
        s("text", { class: "tick", x: 36 + share * (bars - 80), y: 4 }, `${(100 * share).toFixed(0)}%`),
      ),
    );
    const [wide, high] = [top + bars, Math.max(made.height, 16 + LIKELIEST * 20)];
    this.svg.setAttribute("viewBox", `0 0 ${wide} ${high}`);
    this.svg.setAttribute("width", wide);
    this.svg.setAttribute("height", high);
    this.svg.replaceChildren(...edges, ...nodes, ...next);
  }

  close() {
    this.closed = true;
  }
}
