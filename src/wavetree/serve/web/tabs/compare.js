// Compare: the lecture's ladder, rung by rung as each is trained, beside what the lecture reports. State: job.

import { h, number, s } from "../dom.js";
import { Chart } from "../chart.js";
import { follow } from "../events.js";

const COLUMNS = ["rung", "parameters", "sees", "train", "validation", "published", "seconds"];

export const compare = { id: "compare", title: "Compare", mount };

function mount(element, context) {
  const view = new Ladder(context);
  element.append(view.element);
  return { update: (state) => view.update(state), unmount: () => view.close(), keys: [], hints: [] };
}

class Ladder {
  constructor(context) {
    Object.assign(this, { context, rows: [], job: null, unfollow: () => {} });
    this.split = h(
      "select",
      { id: "ladder-split" },
      [
        ["hash", "by hash: no item on two sides"],
        ["lecture", "as in the lecture: it leaks"],
      ].map(([value, text]) => h("option", { value }, text)),
    );
    this.seeds = h(
      "select",
      { id: "ladder-seeds" },
      [1, 2, 3].map((count) => h("option", { value: count }, String(count))),
    );
    this.list = h("textarea", {
      id: "ladder-list",
      rows: 3,
      spellcheck: "false",
      placeholder: "Empty: the names that come along.",
    });
    this.start = h("button", { class: "main", type: "submit" }, "Climb the ladder");
    this.stop = h("button", { type: "button", disabled: true, on: { click: () => this.ask() } }, "Stop");
    this.note = h("p", { class: "soft", role: "status" });
    this.trouble = h("p", { class: "trouble", role: "alert" });
    this.table = h("tbody");
    this.dots = s("svg", { class: "dots", role: "img", "aria-label": "Validation loss of each rung" });
    this.curves = new Chart({ label: "Validation while they train, nats a symbol", x: "step", y: "nats" });
    this.results = h("div", { class: "results", hidden: true }, this.figures());
    this.element = h("section", { class: "compare", "aria-label": "Compare" }, this.intro(), this.results);
    this.watcher = new ResizeObserver(() => this.drawDots());
    this.watcher.observe(this.dots);
  }

  intro() {
    const parts = [
      ["ladder-split", "Split", this.split],
      ["ladder-seeds", "Seeds", this.seeds],
      ["ladder-list", "List", this.list],
    ];
    return [
      h("h2", {}, "The ladder"),
      h(
        "p",
        {},
        "Five networks, each a step up: flat and narrow, flat and wider, the tree with batch norm taken wrongly, the tree, the tree at size. Each is trained here on the same items, by the recipe of this product, and stands beside the loss that the lecture reports.",
      ),
      h(
        "form",
        { on: { submit: (event) => this.begin(event) } },
        h(
          "div",
          { class: "fields" },
          parts.map(([id, label, input]) => h("div", { class: "field" }, h("label", { for: id }, label), input)),
        ),
        h("p", { class: "buttons" }, this.start, this.stop),
      ),
      this.note,
      this.trouble,
    ];
  }

  figures() {
    const heads = COLUMNS.map((head, i) => h("th", { scope: "col", class: i ? "number" : null }, head));
    return [
      h(
        "figure",
        { class: "chart-frame" },
        h("figcaption", {}, "Validation loss, nats a symbol: further left is better"),
        h(
          "ul",
          { class: "legend", "aria-hidden": "true" },
          h("li", { class: "look-points shade-1" }, "measured here"),
          h("li", { class: "look-points shade-5" }, "published"),
        ),
        this.dots,
      ),
      h(
        "div",
        { class: "scroll", tabindex: 0, role: "region", "aria-label": "The rungs" },
        h("table", {}, h("thead", {}, h("tr", {}, heads)), this.table),
      ),
      this.curves.element,
    ];
  }

  update({ job }) {
    if (job === this.watched) return;
    this.watched = job;
    this.unfollow();
    this.rows = [];
    this.draw();
    if (!job) return;
    this.unfollow = follow(
      job,
      {
        state: (found) => this.changed(found),
        note: ({ says }) => (this.note.textContent = says),
        row: (row) => this.add(row),
        end: (found) => this.changed(found),
      },
      (forGood) => {
        if (forGood) this.trouble.textContent = "The server knows no such comparison any more.";
      },
    );
  }

  async begin(event) {
    event.preventDefault();
    this.trouble.textContent = "";
    const text = this.list.value.trim() ? this.list.value : null;
    const body = { text, name: text ? "my-list" : "names", split: this.split.value, seeds: Number(this.seeds.value) };
    try {
      const { id } = await this.context.api("api/jobs/compare", { body });
      this.context.setState({ job: id });
    } catch (error) {
      this.trouble.textContent = error.message;
    }
  }

  async ask() {
    try {
      await this.context.api(`api/jobs/${encodeURIComponent(this.watched)}/stop`, { body: {} });
    } catch (error) {
      this.trouble.textContent = error.message;
    }
  }

  changed(job) {
    const going = ["running", "stopping"].includes(job.state);
    this.start.disabled = going;
    this.stop.disabled = job.state !== "running";
    if (job.error) this.trouble.textContent = job.error.message;
    if (going) {
      this.note.textContent ||= "Reading the list …";
      return;
    }
    const notes = job.summary?.notes ?? [];
    this.note.textContent = [`The comparison is ${job.state}.`, ...notes].join(" ");
  }

  add(row) {
    this.rows = [...this.rows.filter(({ name }) => name !== row.name), row];
    this.context.announce(`${row.name}: validation ${row.val_nll.toFixed(3)}.`);
    this.draw();
  }

  draw() {
    this.results.hidden = !this.rows.length;
    const loss = (value) => (value === null || value === undefined ? "" : value.toFixed(3));
    this.table.replaceChildren(
      ...this.rows.map((row) =>
        h(
          "tr",
          {},
          h("th", { scope: "row" }, row.name),
          [
            number(row.params),
            number(row.context),
            loss(row.train_nll),
            loss(row.val_nll),
            loss(row.published),
            number(row.seconds, 1),
          ].map((cell) => h("td", { class: "number" }, cell)),
        ),
      ),
    );
    const curves = this.rows.map((row, i) => ({
      label: row.name,
      points: row.validation ?? [],
      look: "line",
      shade: i + 1,
    }));
    this.curves.draw(curves, this.rows.map((row) => `${row.name} ${loss(row.val_nll)}`).join(", "));
    this.drawDots();
  }

  drawDots() {
    const width = this.dots.clientWidth;
    if (!this.rows.length || !width) return;
    const values = this.rows.flatMap((row) => [row.val_nll, row.published].filter(Boolean));
    const [low, high] = [Math.min(...values) - 0.01, Math.max(...values) + 0.01];
    const names = Math.min(200, width * 0.42);
    const x = (value) => names + ((value - low) / (high - low)) * (width - names - 44);
    const lines = this.rows.map((row, i) => {
      const y = 20 + i * 30;
      const marks = [
        s("text", { x: 0, y: y + 4 }, row.name),
        s("path", { class: "grid", d: `M${names} ${y}H${width}` }),
        s("circle", { class: "look-points shade-1", cx: x(row.val_nll), cy: y, r: 6 }),
        s("text", { class: "tick", x: x(row.val_nll), y: y - 8, "text-anchor": "middle" }, row.val_nll.toFixed(3)),
      ];
      if (row.published)
        marks.splice(2, 0, s("circle", { class: "look-points shade-5", cx: x(row.published), cy: y, r: 4 }));
      return s("g", {}, marks);
    });
    const height = 20 + this.rows.length * 30;
    this.dots.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.dots.setAttribute("height", height);
    this.dots.setAttribute("aria-label", this.rows.map((row) => `${row.name}: ${row.val_nll.toFixed(3)}`).join("; "));
    this.dots.replaceChildren(...lines);
  }

  close() {
    this.unfollow();
    this.watcher.disconnect();
    this.curves.close();
  }
}
