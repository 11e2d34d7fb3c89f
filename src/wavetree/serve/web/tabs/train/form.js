// What to learn and for how long.

import { h, number } from "../../dom.js";

const SECONDS = 20;
const LONG = 10000; // symbols
const WAIT = 200; // milliseconds of quiet before a long list is counted

// The field of a form: a label above, a hint below.
export function field(label, input, hint) {
  const id = `field-${label.toLowerCase().replace(/\W+/g, "-")}`;
  input.id = id;
  if (hint) input.setAttribute("aria-describedby", `${id}-hint`);
  return h(
    "div",
    { class: "field" },
    h("label", { for: id }, label),
    input,
    hint && h("p", { class: "soft", id: `${id}-hint` }, hint),
  );
}

export class TrainForm {
  constructor(context, begun) {
    Object.assign(this, { context, begun, keys: [] });
    this.list = h("textarea", {
      rows: 10,
      spellcheck: "false",
      autocapitalize: "off",
      placeholder: "One item a line: paste a list, or drop a file here.",
      on: { input: () => this.count(), keydown: (event) => this.enter(event), paste: (event) => this.paste(event) },
    });
    this.file = h("input", {
      type: "file",
      accept: "text/*,.txt,.csv,.tsv,.list",
      on: { change: () => this.read(this.file.files[0]) },
    });
    this.counted = h("p", { class: "soft", role: "status" });
    this.name = h("input", {
      type: "text",
      value: "my-list",
      required: true,
      maxlength: 60,
      pattern: "[A-Za-z0-9][A-Za-z0-9._\\-]*",
      autocomplete: "off",
    });
    this.seconds = h("input", { type: "number", min: 1, max: 3600, value: SECONDS, required: true });
    this.preset = h(
      "select",
      {},
      [
        ["names", "names: wider, better"],
        ["lecture", "lecture: its network, quicker"],
      ].map(([value, text]) => h("option", { value }, text)),
    );
    this.kind = h(
      "select",
      {},
      ["tree", "wavenet", "flat", "transformer"].map((value) => h("option", { value }, value)),
    );
    this.levels = h(
      "select",
      {},
      [
        ["", "as the preset says"],
        ...[1, 2, 3, 4, 5, 6].map((level) => [level, `${level}: sees ${2 ** level} symbols`]),
      ].map(([value, text]) => h("option", { value }, text)),
    );
    this.trouble = h("p", { class: "trouble", role: "alert" });
    this.button = h("button", { class: "main", type: "submit" }, "Train");
    this.element = h("form", { class: "train-form", on: { submit: (event) => this.submit(event) } }, this.parts());
    this.takeFiles();
    this.unfinished();
  }

  parts() {
    const own = field("Your list", this.list);
    const files = field("Or a file", this.file);
    return [
      h("h2", {}, "Train a model"),
      h(
        "p",
        {},
        "An item a line: names, products, host names. Left empty, the 29,910 names that come along are learnt.",
      ),
      own,
      h("div", { class: "fields" }, files, h("div", { class: "field" }, this.counted)),
      h(
        "div",
        { class: "fields" },
        field("Name of the run", this.name),
        field("Seconds at most", this.seconds),
        field("Preset", this.preset),
      ),
      h(
        "details",
        {},
        h("summary", {}, "Another network"),
        h("div", { class: "fields" }, field("Model", this.kind), field("Levels", this.levels)),
      ),
      this.trouble,
      h("p", { class: "buttons" }, this.button),
      (this.others = h("div", { class: "others" })),
    ];
  }

  takeFiles() {
    const over = (event) => {
      event.preventDefault();
      this.element.classList.toggle("over", event.type === "dragover");
    };
    this.element.addEventListener("dragover", over);
    this.element.addEventListener("dragleave", over);
    this.element.addEventListener("drop", (event) => {
      over(event);
      const text = event.dataTransfer.getData("text");
      if (event.dataTransfer.files.length) this.read(event.dataTransfer.files[0]);
      else if (text) this.fill(text);
    });
  }

  async read(file) {
    if (!file) return;
    this.fill(await file.text());
    const name = file.name
      .replace(/\.[^.]*$/, "")
      .replace(/[^A-Za-z0-9._-]+/g, "-")
      .replace(/^[^A-Za-z0-9]+/, "");
    if (name) this.name.value = name.slice(0, 60);
  }

  // A browser takes minutes to type tens of thousands of lines into a field, and no time to set them.
  paste(event) {
    const text = event.clipboardData.getData("text");
    if (text.length < LONG) return;
    event.preventDefault();
    this.list.setRangeText(text, this.list.selectionStart, this.list.selectionEnd, "end");
    this.count();
  }

  fill(text) {
    this.list.value = text;
    this.count();
  }

  count() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => {
      const lines = this.list.value.split(/\r?\n/).filter(Boolean);
      const distinct = new Set(lines).size;
      const longest = lines.reduce((most, line) => Math.max(most, line.length), 0);
      const [all, each, most] = [lines.length, distinct, longest].map((count) => number(count));
      const says = `${all} items, ${each} distinct, the longest of ${most} symbols`;
      this.counted.textContent = lines.length ? says : "";
    }, WAIT);
  }

  enter(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.element.requestSubmit();
  }

  async submit(event) {
    event.preventDefault();
    this.trouble.textContent = "";
    this.button.disabled = true;
    const { kind, levels } = this;
    const body = {
      name: this.name.value,
      text: this.list.value.trim() ? this.list.value : null,
      preset: this.preset.value,
      seconds: Number(this.seconds.value),
      ...(kind.value === "tree" ? {} : { model: kind.value }),
      ...(levels.value ? { levels: Number(levels.value) } : {}),
    };
    try {
      this.begun(await this.context.api("api/jobs/train", { body }));
    } catch (error) {
      this.trouble.textContent = error.message;
      this.button.disabled = false;
    }
  }

  // Trainings that are going on, and runs that were stopped: one button takes up each.
  async unfinished() {
    try {
      const [{ jobs }, { runs }] = await Promise.all([this.context.api("api/jobs"), this.context.api("api/runs")]);
      const going = jobs.filter(({ kind }) => kind === "train");
      const left = runs.filter(({ complete, job, ready }) => ready && !complete && !job);
      const buttons = [
        ...going.map((job) => [`${job.run}: ${job.state}`, "Watch", () => this.begun(job)]),
        ...left.map((run) => [
          `${run.id}: stopped at step ${number(run.step)} of ${number(run.steps)}`,
          "Go on",
          () => this.resume(run.id),
        ]),
      ];
      if (!buttons.length) return;
      const rows = buttons.map(([says, does, click]) =>
        h(
          "li",
          {},
          h("span", {}, says),
          h("button", { type: "button", "aria-label": `${does}: ${says}`, on: { click } }, does),
        ),
      );
      this.others.replaceChildren(h("h3", {}, "Begun before"), h("ul", {}, rows));
    } catch (error) {
      this.trouble.textContent = error.message;
    }
  }

  async resume(run) {
    try {
      this.begun(await this.context.api(`api/runs/${encodeURIComponent(run)}/resume`, { body: {} }));
    } catch (error) {
      this.trouble.textContent = error.message;
    }
  }

  close() {
    clearTimeout(this.waiting);
  }
}
