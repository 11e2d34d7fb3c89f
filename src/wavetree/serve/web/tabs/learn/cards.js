// Flashcards: a card turns over, and one key says whether it was known. What was not comes back.

import { h } from "../../dom.js";
import { made, once } from "./texts.js";

const LATER = 3; // a card that was not known comes back after so many others

export class Cards {
  constructor(context) {
    Object.assign(this, { context, waiting: [], known: 0, turned: false });
    this.front = h("span", { class: "face front" });
    this.back = h("span", { class: "face back" });
    this.card = h(
      "button",
      { type: "button", class: "flashcard", "aria-pressed": "false", on: { click: () => this.turn() } },
      h("span", { class: "turning" }, this.front, this.back),
    );
    this.again = h(
      "button",
      { type: "button", on: { click: () => this.grade(false) } },
      h("kbd", {}, "1"),
      " Again later",
    );
    this.sure = h(
      "button",
      { type: "button", class: "main", on: { click: () => this.grade(true) } },
      h("kbd", {}, "2"),
      " Known",
    );
    this.grades = h("p", { class: "buttons" }, this.again, this.sure);
    this.tally = h("p", { class: "soft", role: "status" });
    this.element = h(
      "div",
      { class: "flashcards" },
      h("h2", {}, "Cards"),
      h(
        "p",
        { class: "soft" },
        "Click or Enter turns the card; then ",
        h("kbd", {}, "1"),
        " brings it back later and ",
        h("kbd", {}, "2"),
        " puts it away.",
      ),
      this.card,
      this.grades,
      this.tally,
    );
    this.hints = [
      ["Enter", "turn the card"],
      ["1", "again later"],
      ["2", "known"],
    ];
    // Before the shell hears them: 1 and 2 are its keys for tabs, and grades while an answer is shown.
    this.listener = (event) => this.key(event);
    document.addEventListener("keydown", this.listener, { capture: true });
    this.open();
  }

  async open() {
    try {
      ({ cards: this.everything } = await once(this.context, "api/learn/cards"));
      this.begin();
    } catch (error) {
      this.tally.textContent = error.message;
    }
  }

  begin() {
    this.waiting = this.everything.map((card, i) => ({ ...card, number: i + 1 }));
    this.known = 0;
    this.card.hidden = false;
    this.show();
  }

  show() {
    const [card] = this.waiting;
    this.turned = false;
    this.card.setAttribute("aria-pressed", "false");
    this.grades.hidden = true;
    if (!card) {
      this.card.hidden = true;
      this.tally.replaceChildren(
        "Every card is known. ",
        h("button", { type: "button", on: { click: () => this.begin() } }, "Once more"),
      );
      return;
    }
    this.fill(this.front, `${card.number} of ${this.everything.length}, question`, card.front);
    this.fill(this.back, `${card.number} of ${this.everything.length}, answer`, card.back);
    this.front.setAttribute("aria-hidden", "false");
    this.back.setAttribute("aria-hidden", "true");
    this.tally.textContent = `${this.known} known, ${this.waiting.length} to go`;
  }

  fill(face, label, html) {
    face.replaceChildren(h("small", {}, label), made("span", {}, html));
  }

  turn() {
    this.turned = !this.turned;
    this.card.setAttribute("aria-pressed", this.turned);
    this.front.setAttribute("aria-hidden", this.turned);
    this.back.setAttribute("aria-hidden", !this.turned);
    this.grades.hidden = !this.turned;
    this.context.announce((this.turned ? this.back : this.front).textContent);
  }

  grade(known) {
    const card = this.waiting.shift();
    if (known) this.known += 1;
    else this.waiting.splice(Math.min(LATER, this.waiting.length), 0, card);
    this.show();
    (this.waiting.length ? this.card : this.tally.querySelector("button")).focus();
  }

  key(event) {
    if (!this.turned || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]"))
      return;
    if (event.key !== "1" && event.key !== "2") return;
    event.preventDefault();
    this.grade(event.key === "2");
  }

  update() {}

  close() {
    document.removeEventListener("keydown", this.listener, { capture: true });
  }
}
