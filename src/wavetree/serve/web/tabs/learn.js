// Learn: the lesson, practice that is graded, the cheat sheet, flashcards, and the cards for paper. State: view, and
// what the view keeps (section; q and seed).

import { choice, h } from "../dom.js";
import { Cards } from "./learn/cards.js";
import { Practice } from "./learn/practice.js";
import { Paper, Text } from "./learn/texts.js";

const VIEWS = [
  ["lesson", "Lesson", Text],
  ["practice", "Practice", Practice],
  ["cheatsheet", "Cheat sheet", Text],
  ["cards", "Cards", Cards],
  ["print", "Print", Paper],
];

export const learn = { id: "learn", title: "Learn", mount };

function mount(element, context) {
  let name = null;
  let view = null;
  const holder = h("div", { class: "learn-view" });
  const chosen = (value) => context.setState({ view: value, section: null, q: null, seed: null });
  const views = choice(
    "What to learn from",
    VIEWS.map(([id, title]) => [id, title]),
    chosen,
  );
  element.append(h("div", { class: "learn-choice" }, views.element), holder);

  function update(state) {
    const [id, , View] = VIEWS.find(([known]) => known === state.view) ?? VIEWS[0];
    views.set(id);
    if (id !== name) {
      view?.close();
      name = id;
      view = new View(context, id);
      holder.className = `learn-view learn-${id}`;
      holder.replaceChildren(view.element);
    }
    view.update(state);
  }

  return {
    update,
    unmount: () => view?.close(),
    get keys() {
      return view?.keys ?? [];
    },
    get hints() {
      return view?.hints ?? [];
    },
  };
}
