// The shell: tabs, the run that is looked at, the address that a view is shared by, keys and help.
//
// A tab is {id, title, needsModel, mount(element, context)}; mount returns {update(state), unmount(), keys, focus}. Its
// state is a few strings, and lies in the address: #tree?run=names&text=maria. The context of a tab:
//
//   document, model     the model's document, and the model opened from it; null where there is none
//   run, runs           the id of the run, and what the server says of all of them
//   state, setState     the tab's state; a patch, in which null or "" takes a key out
//   api(path, options)  asks the server (source.js); null in a file
//   announce(text)      says something to those who listen
//   go(tab, patch)      another tab, with a state;   openRun(id)   another run
//   refresh()           asks for the runs and the model anew, after training

import { h, number } from "./dom.js";
import { openModel } from "./model.js";

const FORMAT = 1;

export function start({ tabs, source }) {
  new App(tabs, source).begin();
}

const byId = (id) => document.getElementById(id);

class App {
  constructor(tabs, source) {
    Object.assign(this, { tabs, source, states: {}, runs: [], run: null, document: null, model: null, view: null });
    this.tab = tabs[0];
    this.trouble = "";
    this.asked = false; // whether it is known which runs there are
  }

  begin() {
    this.buttons = this.tabs.map((tab) => this.tabButton(tab));
    byId("tabs").append(...this.buttons);
    byId("tabs").addEventListener("keydown", (event) => this.arrow(event));
    byId("help-button").addEventListener("click", () => this.help());
    byId("runs")
      .querySelector("select")
      .addEventListener("change", ({ target }) => this.openRun(target.value));
    document.querySelector(".skip").addEventListener("click", (event) => {
      event.preventDefault();
      byId("panel").focus();
    });
    document.addEventListener("keydown", (event) => this.key(event));
    window.addEventListener("hashchange", () => this.follow());
    globalThis.wavetree = this; // for the console: wavetree.model.next("ma")
    this.read();
    this.show();
    this.ready = this.refresh();
  }

  tabButton(tab) {
    const on = { click: () => this.go(tab.id) };
    return h("button", { type: "button", role: "tab", id: `tab-${tab.id}`, "aria-controls": "panel", on }, tab.title);
  }

  // What the address says: which tab, which run, the tab's state.
  read() {
    const [name, query = ""] = location.hash.slice(1).split(/\?(.*)/s);
    const tab = this.tabs.find(({ id }) => id === name);
    if (!tab) return;
    this.tab = tab;
    const { run, ...state } = Object.fromEntries(new URLSearchParams(query));
    this.wished = run ?? null;
    this.states[tab.id] = state;
  }

  write(push = false) {
    const state = { ...(this.source.api && this.run ? { run: this.run } : {}), ...this.states[this.tab.id] };
    const query = new URLSearchParams(state).toString();
    const address = `#${this.tab.id}${query && "?"}${query}`;
    if (address !== location.hash) history[push ? "pushState" : "replaceState"](null, "", address);
  }

  follow() {
    const before = this.tab;
    this.read();
    if (this.wished && this.wished !== this.run) this.openRun(this.wished);
    else if (this.tab === before && this.view) this.view.update(this.states[this.tab.id]);
    else this.show();
  }

  async refresh() {
    try {
      const found = await this.source.runs();
      this.runs = found.runs;
      this.asked = true;
      const usable = this.runs.filter(({ ready }) => ready);
      const wished = [this.run, this.wished, found.default].find((id) => usable.some((run) => run.id === id));
      await this.open(wished ?? usable[0]?.id ?? null);
    } catch (error) {
      this.fail(error);
    }
  }

  async openRun(id) {
    try {
      await this.open(id);
    } catch (error) {
      this.fail(error);
    }
  }

  async open(id) {
    this.run = id;
    this.trouble = "";
    this.showRuns();
    this.document = null;
    this.model = null;
    if (id !== null) {
      const found = await this.source.document(id);
      if (this.run !== id) return; // another one was asked for meanwhile
      if (found.format !== FORMAT) throw new Error(`This page reads models of format ${FORMAT}, not ${found.format}.`);
      this.document = found;
      this.model = openModel(found);
    }
    if (this.view && !this.tab.needsModel)
      this.showFacts(); // what was begun in it stays
    else this.show();
  }

  fail(error) {
    this.trouble = error.message;
    this.document = null;
    this.model = null;
    this.show();
  }

  showRuns() {
    const holder = byId("runs");
    holder.hidden = this.runs.length < 2;
    const options = this.runs
      .filter(({ ready }) => ready)
      .map(({ id }) => h("option", { value: id, selected: id === this.run }, id));
    holder.querySelector("select").replaceChildren(...options);
  }

  show() {
    for (const [i, button] of this.buttons.entries()) {
      const chosen = this.tabs[i] === this.tab;
      button.setAttribute("aria-selected", chosen);
      button.tabIndex = chosen ? 0 : -1;
    }
    const panel = byId("panel");
    panel.setAttribute("aria-labelledby", `tab-${this.tab.id}`);
    this.view?.unmount();
    this.view = null;
    panel.className = `panel-${this.tab.id}`;
    panel.replaceChildren();
    this.showFacts();
    if (this.tab.needsModel && !this.model) {
      panel.append(this.placeholder());
      return;
    }
    this.states[this.tab.id] ??= {};
    this.view = this.tab.mount(panel, this.context());
    this.view.update(this.states[this.tab.id]);
    this.write();
  }

  showFacts() {
    const found = this.document;
    const facts = found
      ? [
          found.name,
          found.config.kind,
          `${number(found.parameters)} parameters`,
          `sees ${number(found.receptive_field)} symbols`,
        ]
      : [];
    byId("facts").replaceChildren(...facts.map((fact) => h("span", {}, fact)));
  }

  placeholder() {
    if (this.trouble) return h("p", { class: "waiting trouble", role: "alert" }, this.trouble);
    if (!this.asked || this.run !== null) return h("p", { class: "waiting" }, "Opening the model …");
    const on = { click: () => this.go("train") };
    const button =
      this.tabs.some(({ id }) => id === "train") && h("button", { type: "button", class: "main", on }, "Train one");
    return h("div", { class: "waiting" }, h("p", {}, "There is no trained model here yet."), button);
  }

  context() {
    const app = this;
    const { id } = this.tab;
    return {
      document: this.document,
      model: this.model,
      run: this.run,
      runs: this.runs,
      get state() {
        return app.states[id];
      },
      setState: (patch) => this.setState(id, patch),
      api: this.source.api,
      announce: (text) => this.announce(text),
      go: (tab, patch) => this.go(tab, patch),
      openRun: (run) => this.openRun(run),
      refresh: () => this.refresh(),
    };
  }

  setState(id, patch) {
    const merged = Object.entries({ ...this.states[id], ...patch });
    this.states[id] = Object.fromEntries(
      merged.filter(([, value]) => value !== null && value !== undefined && value !== ""),
    );
    if (id !== this.tab.id || !this.view) return;
    this.write();
    this.view.update(this.states[id]);
  }

  announce(text) {
    byId("heard").textContent = text;
  }

  go(id, patch = {}) {
    this.tab = this.tabs.find((tab) => tab.id === id) ?? this.tab;
    this.states[this.tab.id] = { ...this.states[this.tab.id], ...patch };
    this.write(true);
    this.show();
  }

  arrow(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const last = this.tabs.length - 1;
    const from = this.tabs.indexOf(this.tab);
    const to = event.key === "Home" ? 0 : event.key === "End" ? last : step && (from + step + last + 1) % (last + 1);
    if (to === undefined) return;
    event.preventDefault();
    this.go(this.tabs[to].id);
    this.buttons[to].focus();
  }

  key(event) {
    const typing = event.target.closest?.(
      "input:not([type=radio]):not([type=checkbox]):not([type=range]), textarea, select",
    );
    if (typing || event.ctrlKey || event.metaKey || event.altKey || byId("help").open || event.defaultPrevented) return;
    const tab = this.tabs[Number(event.key) - 1];
    const action = (this.view?.keys ?? []).find(({ key }) => key === event.key)?.run;
    if (event.key === "?") this.help();
    else if (tab) this.go(tab.id);
    else if (action) action();
    else return;
    event.preventDefault();
  }

  help() {
    const dialog = byId("help");
    const rows = [
      ...this.tabs.map((tab, i) => [String(i + 1), tab.title]),
      ["?", "this help"],
      ...(this.view?.keys ?? []).map(({ key, does }) => [key, does]),
      ...(this.view?.hints ?? []),
    ];
    dialog.replaceChildren(
      h("h2", { id: "help-title" }, "Keys"),
      h(
        "dl",
        {},
        rows.map(([key, does]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, does))),
      ),
      h("p", { class: "soft" }, "The address holds what you see: copy it to share the view."),
      h("form", { method: "dialog" }, h("button", { class: "main" }, "Close")),
    );
    dialog.showModal();
  }
}
