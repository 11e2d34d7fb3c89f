// The texts, as the server made them of their Markdown: the lesson, the cheat sheet, the cards for paper.

import { h } from "../../dom.js";

// What a path of the server holds, asked for once.
const asked = new Map();
export function once(context, path) {
  if (!asked.has(path)) {
    const answer = context.api(path);
    answer.catch(() => asked.delete(path));
    asked.set(path, answer);
  }
  return asked.get(path);
}

// An element around HTML of the product's own making.
export function made(tag, attributes, html) {
  const element = h(tag, attributes);
  element.innerHTML = html;
  return element;
}

export class Text {
  constructor(context, name) {
    this.context = context;
    this.article = h("article", { class: "prose" }, h("p", { class: "soft" }, "Opening …"));
    this.contents = h("nav", { class: "contents", "aria-label": "Sections", hidden: true });
    this.element = h("div", { class: "reading" }, this.contents, this.article);
    this.element.addEventListener("click", (event) => this.link(event));
    this.opened = this.open(name);
  }

  async open(name) {
    try {
      const { html, sections = [] } = await once(this.context, `api/learn/${name}`);
      this.article.innerHTML = html;
      for (const heading of this.article.querySelectorAll("h1"))
        heading.replaceWith(made("h2", { class: "title" }, heading.innerHTML));
      this.contents.hidden = !sections.length;
      const links = sections.map(({ title, anchor }) => h("li", {}, made("a", { href: `#${anchor}` }, title)));
      this.contents.replaceChildren(h("ol", {}, links));
    } catch (error) {
      this.article.replaceChildren(h("p", { class: "trouble", role: "alert" }, error.message));
    }
  }

  // The address belongs to the shell, so a link within the text is a state: the section that is read.
  link(event) {
    const href = event.target.closest("a")?.getAttribute("href");
    if (!href?.includes("#")) return;
    event.preventDefault();
    const [page, anchor] = href.split("#");
    if (page.startsWith("practice")) this.context.setState({ view: "practice", section: null, q: anchor });
    else this.context.setState({ section: anchor });
  }

  async update({ section }) {
    if (section === this.section) return;
    this.section = section;
    await this.opened;
    const heading = section && this.article.querySelector(`[id="${CSS.escape(section)}"]`);
    if (!heading) return;
    heading.tabIndex = -1;
    heading.scrollIntoView();
    heading.focus({ preventScroll: true });
  }

  close() {}
}

export class Paper {
  constructor(context) {
    const print = h(
      "button",
      { type: "button", class: "main", on: { click: () => globalThis.print() } },
      "Print the cards",
    );
    this.cards = h("div", { class: "paper" });
    this.element = h(
      "div",
      {},
      h(
        "div",
        { class: "no-paper" },
        h("h2", {}, "Cards to print"),
        h("p", {}, "One card a page, A6, landscape: fold at the line, or cover the answer."),
        h("p", { class: "buttons" }, print),
      ),
      this.cards,
    );
    this.keys = [{ key: "p", does: "print", run: () => print.click() }];
    this.open(context);
  }

  async open(context) {
    try {
      const { cards } = await once(context, "api/learn/cards");
      this.cards.replaceChildren(
        ...cards.map(({ front, back }, i) =>
          h(
            "section",
            { class: "paper-card", "aria-label": `Card ${i + 1}` },
            h("small", {}, `${i + 1} of ${cards.length}`),
            made("p", { class: "question" }, front),
            h("small", {}, "answer"),
            made("p", {}, back),
          ),
        ),
      );
    } catch (error) {
      this.cards.replaceChildren(h("p", { class: "trouble", role: "alert" }, error.message));
    }
  }

  update() {}

  close() {}
}
