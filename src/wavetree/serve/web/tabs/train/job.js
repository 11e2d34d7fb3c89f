// One training while it happens: how far it is, its losses, what it makes up along the way, and the tree that learns.

import { averaged, Chart } from "../../chart.js";
import { h, number } from "../../dom.js";
import { follow } from "../../events.js";
import { Growing } from "./growing.js";

const OVER = new Set(["done", "stopped", "failed"]);
const WAIT = 80; // milliseconds: what comes together is drawn once

export class JobView {
  constructor(context, id, { again, begun }) {
    Object.assign(this, { context, id, again, begun, job: null, progress: [], checks: [] });
    this.title = h("h2", {}, "Training");
    this.state = h("span", { class: "pill" });
    this.bar = h("progress", { max: 1, value: 0, "aria-label": "How far it is" });
    this.facts = h("p", { class: "facts-line" });
    this.buttons = h("p", { class: "buttons" });
    this.trouble = h("p", { class: "trouble", role: "alert" });
    this.chart = new Chart({ label: "Loss, nats a symbol: lower is better", x: "step", y: "nats" });
    this.samples = h("tbody");
    this.growing = new Growing(context);
    this.pause = this.button("Pause", () => this.ask(this.job?.state === "paused" ? "resume" : "pause"));
    this.stop = this.button("Stop", () => this.ask("stop"));
    this.element = h("section", { class: "job", "aria-label": "Training" }, this.parts());
    this.keys = [
      { key: "p", does: "pause, or go on", run: () => this.pause.isConnected && this.pause.click() },
      { key: "s", does: "stop", run: () => this.stop.isConnected && this.stop.click() },
    ];
    this.unfollow = follow(
      id,
      {
        state: (job) => this.changed(job),
        progress: (one) => this.later(() => this.progress.push(one)),
        check: (one) => this.later(() => this.checked(one)),
        end: (job) => this.changed(job),
      },
      (forGood) => {
        this.trouble.textContent = forGood
          ? "The server knows no such training, or is gone: a stopped run can be taken up below “New training”."
          : "";
        if (forGood) this.buttons.replaceChildren(this.button("New training", this.again));
      },
    );
  }

  parts() {
    const heads = ["step", "validation", "what it makes up"].map((head) => h("th", { scope: "col" }, head));
    return [
      h("div", { class: "job-head" }, this.title, this.state),
      this.bar,
      this.facts,
      this.buttons,
      this.trouble,
      h(
        "div",
        { class: "job-grid" },
        this.chart.element,
        this.growing.element,
        h(
          "div",
          { class: "history" },
          h("h3", {}, "Samples over time"),
          h(
            "div",
            { class: "scroll", tabindex: 0, role: "region", "aria-label": "Samples over time" },
            h("table", {}, h("thead", {}, h("tr", {}, heads)), this.samples),
          ),
        ),
      ),
    ];
  }

  button(text, click) {
    return h("button", { type: "button", on: { click } }, text);
  }

  later(change) {
    change();
    this.waiting ??= setTimeout(() => {
      this.waiting = null;
      this.draw();
    }, WAIT);
  }

  changed(job) {
    const before = this.job?.state;
    this.job = job;
    this.title.textContent = job.run ?? job.name;
    this.state.textContent = job.state;
    this.state.className = `pill state-${job.state}`;
    if (before && before !== job.state) this.context.announce(`Training is ${job.state}.`);
    if (job.error) this.trouble.textContent = job.error.message;
    this.later(() => this.offer());
  }

  checked(check) {
    this.checks = [...this.checks.filter(({ step }) => step !== check.step), check];
    this.context.announce(`Step ${number(check.step)}: validation ${check.val_nll.toFixed(3)}.`);
    const best = this.checks.reduce((a, b) => (b.val_nll < a.val_nll ? b : a));
    if (best === check) this.growing.learnt(this.job?.run, check);
  }

  offer() {
    const { state, run } = this.job;
    this.pause.textContent = state === "paused" ? "Go on" : "Pause";
    this.pause.disabled = !["running", "paused"].includes(state);
    this.stop.disabled = !["running", "paused", "pausing"].includes(state);
    if (!OVER.has(state)) {
      if (!this.pause.isConnected) this.buttons.replaceChildren(this.pause, this.stop);
      return;
    }
    const more = state === "stopped" ? [this.button("Go on", () => this.resume(run))] : [];
    const open = (tab) => this.button(tab === "tree" ? "Look inside" : "Sample it", () => this.open(tab, run));
    const uses = this.checks.length ? [open("tree"), open("next")] : [];
    uses[0]?.classList.add("main");
    const focused = this.buttons.contains(document.activeElement);
    this.buttons.replaceChildren(...uses, ...more, this.button("New training", this.again));
    if (focused) this.buttons.querySelector("button").focus();
  }

  async open(tab, run) {
    await this.context.refresh();
    await this.context.openRun(run);
    this.context.go(tab);
  }

  async ask(what) {
    try {
      this.changed(await this.context.api(`api/jobs/${encodeURIComponent(this.id)}/${what}`, { body: {} }));
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

  draw() {
    const last = this.progress.at(-1);
    if (last) {
      this.bar.max = last.steps;
      this.bar.value = last.step;
      const rate = last.seconds ? last.symbols / last.seconds : 0;
      const left = OVER.has(this.job?.state) ? 0 : (last.seconds / last.step) * (last.steps - last.step);
      this.facts.replaceChildren(
        ...[
          `step ${number(last.step)} of ${number(last.steps)}`,
          `${number(last.seconds, 1)} s`,
          left > 0.5 ? `about ${number(left)} s left` : null,
          `${number(rate)} symbols/s`,
          `loss ${last.loss.toFixed(3)}`,
        ]
          .filter(Boolean)
          .map((fact) => h("span", {}, fact)),
      );
    }
    const raw = this.progress.map(({ step, loss }) => [step, loss]);
    const checks = this.checks.map(({ step, val_nll: loss }) => [step, loss]);
    const best = this.checks.length
      ? Math.min(...this.checks.map(({ val_nll: loss }) => loss)).toFixed(3)
      : "not measured yet";
    this.chart.draw(
      [
        { label: "training, raw", points: raw, look: "faint", shade: 1 },
        { label: "training, averaged", points: averaged(raw), look: "line", shade: 1 },
        { label: "validation", points: checks, look: "points", shade: 2 },
      ],
      `Training ${last ? last.loss.toFixed(3) : "not begun"}, validation ${best} at best.`,
    );
    const rows = this.checks.toReversed().map(({ step, val_nll: loss, samples }) =>
      h(
        "tr",
        {},
        h("td", {}, number(step)),
        h("td", {}, loss.toFixed(4)),
        h(
          "td",
          {},
          samples.map((sample) => h("span", { class: "made-up" }, sample || "(empty)")),
        ),
      ),
    );
    this.samples.replaceChildren(...rows);
  }

  close() {
    this.unfollow();
    clearTimeout(this.waiting);
    this.chart.close();
    this.growing.close();
  }
}
