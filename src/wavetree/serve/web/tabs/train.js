// Train: a list in, a run out, and all of it to look at while it happens. State: job, the training that is looked at.

import { h } from "../dom.js";
import { TrainForm } from "./train/form.js";
import { JobView } from "./train/job.js";

export const train = { id: "train", title: "Train", mount };

function mount(element, context) {
  let shown = null;
  let job;
  const holder = h("div", { class: "train" });
  element.append(holder);

  function show(view) {
    shown?.close();
    shown = view;
    holder.replaceChildren(view.element);
  }

  function update(state) {
    if (shown && state.job === job) return;
    job = state.job;
    const begun = ({ id }) => context.setState({ job: id });
    if (job) show(new JobView(context, job, { again: () => context.setState({ job: null }), begun }));
    else show(new TrainForm(context, begun));
  }

  return {
    update,
    unmount: () => shown?.close(),
    get keys() {
      return shown?.keys ?? [];
    },
    hints: [["Ctrl + Enter", "in the list: train"]],
  };
}
