// What comes next: the chances of every symbol, step by step; samples with their marks; a text by its surprise.

import { h, number, rebuild } from "../dom.js";
import { pick, drawable } from "../model/choice.js";
import { UnknownSymbol } from "../model/codec.js";
import { PAD } from "../model/network.js";
import { textField } from "./field.js";
import { chanceBars } from "./next/chances.js";
import { scoredText, scoreFigures } from "./next/scored.js";
import { readTold, toldFields } from "./told.js";

const ITEMS = 12; // that are drawn at once
const PASSAGES = 2;
const PASSAGE = 160; // symbols

export const next = {
  id: "next",
  title: "Next",
  needsModel: true,
  needsServer: false,
  mount: (element, context) => new NextTab(element, context),
};

class NextTab {
  constructor(element, context) {
    Object.assign(this, { context, model: context.model, text: "" });
    this.build(element);
    this.keys = [
      { key: "/", does: "type a text", run: () => this.input.select() },
      { key: "d", does: "draw one symbol", run: () => this.draw() },
      { key: "Backspace", does: "take the last symbol back", run: () => this.undo() },
      { key: "s", does: "sample with the next seed", run: () => this.again() },
    ];
  }

  build(element) {
    const { setState } = this.context;
    this.input = textField(this.model, "next-text", (text) => setState({ text, at: null }));
    this.told = h("div", { class: "told" });
    this.scored = h("div", {});
    this.figures = h("div", {});
    this.heading = h("h2", {});
    this.bars = h("div", { class: "chances" });
    this.temperature = h("input", {
      type: "range",
      id: "temperature",
      min: 0,
      max: 2,
      step: 0.05,
      on: { input: ({ target }) => setState({ t: target.value === "1" ? null : target.value }) },
    });
    this.topK = h("input", {
      type: "range",
      id: "top-k",
      min: 1,
      max: this.model.document.vocab_size,
      step: 1,
      on: { input: ({ target }) => setState({ k: target.value === target.max ? null : target.value }) },
    });
    this.temperatureShown = h("output", {});
    this.topKShown = h("output", {});
    this.seed = h("input", {
      type: "number",
      id: "seed",
      min: 0,
      max: 999999999,
      on: {
        change: ({ target }) =>
          setState({ seed: target.value === "1" ? null : String(Math.max(0, Math.round(Number(target.value)))) }),
      },
    });
    this.samples = h("div", { class: "samples", id: "samples" });
    this.tally = h("p", { class: "soft" });
    const knob = (name, input, shown) => h("label", { class: "knob" }, h("span", {}, name, " ", shown), input);
    element.append(
      h("div", { class: "bar" }, h("label", { class: "field grow" }, h("span", {}, "A text"), this.input), this.told),
      h(
        "section",
        { class: "card", "aria-label": "Score" },
        h("h2", {}, "How surprising is it?"),
        this.scored,
        this.figures,
      ),
      h(
        "div",
        { class: "pair" },
        h(
          "section",
          { class: "card", "aria-label": "Next symbol" },
          this.heading,
          h(
            "div",
            { class: "knobs" },
            knob("temperature", this.temperature, this.temperatureShown),
            knob("top-k", this.topK, this.topKShown),
          ),
          this.bars,
          h(
            "div",
            { class: "group" },
            h("button", { type: "button", class: "main", id: "draw", on: { click: () => this.draw() } }, "Draw one"),
            h("button", { type: "button", on: { click: () => this.undo() } }, "Take back"),
          ),
        ),
        h(
          "section",
          { class: "card", "aria-label": "Samples" },
          h("h2", {}, this.model.ofItems ? "Whole items" : "Passages"),
          h(
            "div",
            { class: "group" },
            h("label", {}, "seed ", this.seed),
            h(
              "button",
              { type: "button", class: "main", id: "again", on: { click: () => this.again() } },
              "Another seed",
            ),
          ),
          this.samples,
          this.tally,
        ),
      ),
    );
  }

  update(state) {
    const text = state.text ?? "";
    if (this.input.value !== text) this.input.value = text;
    this.text = text;
    const told = readTold(this.model, state);
    this.model.tell(told);
    rebuild(this.told, ...toldFields(this.model, told, (all) => this.context.setState({ told: all })));
    const scored = this.model.score(text);
    const at = Math.min(scored.symbols.length, Number(state.at ?? this.model.codec.units(text).length));
    rebuild(
      this.scored,
      scoredText(scored, at, (place) => this.context.setState({ at: String(place) })),
    );
    this.figures.replaceChildren(scoreFigures(scored));
    this.choice = {
      temperature: Number(state.t ?? 1),
      topK: Number(state.k ?? 0),
      barred: this.model.ofItems ? null : PAD,
    };
    this.temperature.value = this.choice.temperature;
    this.temperatureShown.textContent = this.choice.temperature.toFixed(2);
    this.topK.value = this.choice.topK || this.topK.max;
    this.topKShown.textContent = this.choice.topK || "all";
    this.showChances(at);
    this.showSamples(state);
  }

  // The text before a place, as ids: what was never met is the mark there, as in the score.
  before(at) {
    return [PAD, ...this.model.codec.encodeLoosely(this.text).slice(0, at)];
  }

  showChances(at) {
    const ids = this.before(at);
    this.logits = this.model.network.logits(ids).at(-1);
    const field = this.model.network.receptiveField;
    const seen = ids
      .slice(-field)
      .map((id) => (id ? this.model.codec.symbols[id - 1] : "·"))
      .join("");
    this.heading.replaceChildren(
      "After ",
      h("code", {}, `${"·".repeat(Math.max(0, Math.min(field, 24) - ids.length))}${seen.slice(-24)}`),
    );
    rebuild(
      this.bars,
      ...chanceBars(this.model, this.logits, this.choice, (symbol) => this.add(symbol, at)).filter(Boolean),
    );
  }

  add(symbol, at = this.model.codec.units(this.text).length) {
    const { codec } = this.model;
    const text = codec.decode([
      ...codec.encodeLoosely(this.text).slice(0, at).filter(Boolean),
      codec.symbols.indexOf(symbol) + 1,
    ]);
    this.context.setState({ text, at: null });
    this.context.announce(`${symbol}: now ${text}`);
  }

  draw() {
    const id = pick(drawable(this.logits, this.choice), Math.random());
    if (id !== PAD) this.add(this.model.codec.symbols[id - 1]);
    else this.context.announce(`The end was drawn: ${this.text}.`);
    this.bars.classList.toggle("ended", id === PAD);
  }

  undo() {
    this.context.setState({ text: [...this.text].slice(0, -1).join(""), at: null });
  }

  again() {
    this.context.setState({ seed: String(Number(this.context.state.seed ?? 1) + 1) });
  }

  showSamples(state) {
    this.seed.value = state.seed ?? "1";
    const wanted = JSON.stringify([state.seed, state.t, state.k, this.text, state.told]);
    if (wanted === this.sampled) return;
    this.sampled = wanted;
    const { temperature, topK } = this.choice;
    const seed = Number(state.seed ?? 1);
    let made;
    try {
      const count = this.model.ofItems ? ITEMS : PASSAGES;
      const maxLength = this.model.ofItems ? 200 : this.model.codec.units(this.text).length + PASSAGE;
      made = Array.from({ length: count }, (_, i) =>
        this.model.sample({ seed, number: i, prefix: this.text, temperature, topK, maxLength }),
      );
    } catch (error) {
      if (!(error instanceof UnknownSymbol)) throw error;
      rebuild(this.samples, h("p", { class: "problem" }, error.message));
      this.tally.textContent = "";
      return;
    }
    rebuild(this.samples, ...made.map((sample) => this.sampleButton(sample)));
    this.tally.textContent = this.about(made.map(({ text }) => this.model.mark(text)));
  }

  sampleButton({ text, ended }) {
    const mark = this.model.ofItems ? this.model.mark(text) : null;
    const on = { click: () => this.context.setState({ text, at: null }) };
    const label = `${text || "(nothing)"}${mark ? `, ${mark}` : ""}: score it`;
    return h(
      "button",
      { type: "button", class: this.model.ofItems ? "sample" : "sample passage", "aria-label": label, on },
      h("span", { class: "mono" }, text, ended || !this.model.ofItems ? null : "…"),
      mark && h("span", { class: `mark ${mark.replace(" ", "-")}` }, mark),
    );
  }

  about(marks) {
    if (!this.model.ofItems) return "Each goes on from the text. The same seed gives the same passages as in Python.";
    if (marks[0] === null)
      return "Which items were in the list is not known here. The same seed gives the same items as in Python.";
    const fresh = marks.filter((mark) => mark === "new").length;
    return `${number(fresh)} of ${marks.length} are in no part of the list. The same seed gives the same items as wavetree sample.`;
  }

  unmount() {}
}
