// Questions with numbers of their own; the product computes the answer, and judges what is typed.

import { h } from "../../dom.js";
import { made, once } from "./texts.js";

export class Practice {
  constructor(context) {
    Object.assign(this, { context, questions: [], at: 0, right: new Set(), shown: new Set() });
    this.list = h("ol", { class: "questions" });
    this.title = h("h2", { tabindex: "-1" });
    this.text = h("div", { class: "prose" });
    this.answer = h("input", {
      type: "text",
      id: "practice-answer",
      class: "text",
      autocomplete: "off",
      spellcheck: "false",
      autocapitalize: "off",
    });
    this.how = h("p", { class: "soft", id: "practice-how" });
    this.answer.setAttribute("aria-describedby", "practice-how");
    this.verdict = h("div", { class: "verdict-box", role: "status" });
    this.tally = h("p", { class: "soft" });
    const button = (text, click) => h("button", { type: "button", on: { click } }, text);
    this.element = h(
      "div",
      { class: "practice" },
      h(
        "article",
        {},
        this.title,
        this.text,
        h(
          "form",
          { class: "answering", on: { submit: (event) => this.grade(event) } },
          h("label", { for: "practice-answer" }, "Your answer"),
          this.answer,
          h("button", { class: "main", type: "submit" }, "Check"),
        ),
        this.how,
        this.verdict,
        h(
          "p",
          { class: "buttons" },
          button("Hint", () => this.hint()),
          button("Show the answer", () => this.show()),
          button("Other numbers", () => this.other()),
          button("Next question", () => this.go(this.at + 1)),
        ),
      ),
      h("nav", { class: "contents", "aria-label": "Questions" }, this.list, this.tally),
    );
    this.opened = this.open();
    this.hints = [["Enter", "in the answer: check it"]];
  }

  async open() {
    try {
      ({ questions: this.questions } = await once(this.context, "api/learn/questions"));
    } catch (error) {
      this.trouble(error);
    }
  }

  async update({ q, seed }) {
    await this.opened;
    if (!this.questions.length) return;
    const asked = `${q} ${seed}`;
    if (asked === this.asked) return;
    this.asked = asked;
    this.at = Math.max(
      0,
      this.questions.findIndex(({ id }) => id === q),
    );
    this.seed = Number(seed) || 1;
    const { id, title, section } = this.questions[this.at];
    this.title.textContent = `${this.at + 1}. ${title}`;
    this.verdict.replaceChildren();
    this.answer.value = "";
    this.showList();
    try {
      const found = await once(this.context, `${this.path(id)}?seed=${this.seed}`);
      if (asked !== this.asked) return;
      this.question = found;
      this.text.innerHTML = found.text;
      this.how.textContent = `Section ${section} of the lesson. Write ${found.how}.`;
    } catch (error) {
      this.trouble(error);
    }
  }

  path(id) {
    return `api/learn/questions/${encodeURIComponent(id)}`;
  }

  showList() {
    this.list.replaceChildren(
      ...this.questions.map(({ id, title }, i) => {
        const mark = this.right.has(id) ? "right" : this.shown.has(id) ? "looked up" : "";
        const here = i === this.at ? "step" : null;
        return h(
          "li",
          {},
          h(
            "button",
            { type: "button", "aria-current": here, on: { click: () => this.go(i) } },
            title,
            mark && h("small", {}, ` ${mark}`),
          ),
        );
      }),
    );
    this.tally.textContent = `${this.right.size} of ${this.questions.length} right, ${this.shown.size} looked up`;
  }

  go(place) {
    const { id } = this.questions[place % this.questions.length];
    this.context.setState({ q: id, seed: null });
    this.title.focus();
  }

  other() {
    this.context.setState({ q: this.questions[this.at].id, seed: String(this.seed + 1) });
    this.answer.focus();
  }

  hint() {
    this.say("", this.question.hint);
  }

  async show() {
    const { id } = this.questions[this.at];
    try {
      const { answer, why } = await this.context.api(`${this.path(id)}/answer?seed=${this.seed}`);
      if (!this.right.has(id)) this.shown.add(id);
      this.say(answer, why);
    } catch (error) {
      this.trouble(error);
    }
    this.showList();
  }

  async grade(event) {
    event.preventDefault();
    const { id } = this.questions[this.at];
    try {
      const { right, says } = await this.context.api(`${this.path(id)}/grade`, {
        body: { seed: this.seed, answer: this.answer.value },
      });
      if (right && !this.shown.has(id)) this.right.add(id);
      this.say({ true: "Right.", false: "Not quite.", null: "" }[right], says, right);
      this.showList();
    } catch (error) {
      this.trouble(error);
    }
  }

  say(verdict, html, right = null) {
    this.verdict.className = `verdict-box ${right === true ? "right" : right === false ? "wrong" : ""}`;
    this.verdict.replaceChildren(
      verdict && h("p", { class: "verdict" }, verdict),
      made("div", { class: "prose" }, html),
    );
  }

  trouble(error) {
    this.verdict.replaceChildren(h("p", { class: "trouble" }, error.message));
  }

  close() {}
}
