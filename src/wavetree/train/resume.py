"""Where a run goes on: its latest checkpoint that is whole, and the best one, or what takes its place."""

from __future__ import annotations

import math

from wavetree.config import Config
from wavetree.errors import DamagedError, RunError
from wavetree.runs import RunFolder, differences, here
from wavetree.train.processes import Processes
from wavetree.train.training import Shape, Training, resumed
from wavetree.train.watch import Watch


def gone_on(folder: RunFolder, config: Config, shape: Shape, watch: Watch, processes: Processes) -> Training:
    """The training of the latest checkpoint that is whole. What is out of the ordinary about it is noted."""
    tensors, numbers, damaged = folder.newest(["model", "training"])
    training = resumed(config, shape, tensors, numbers, processes)
    for sentence in damaged:
        watch.note(f"{sentence} Going on from the checkpoint of step {training.step}.")
    if changed := differences(numbers["made_with"], here(training.device)):
        watch.note(f"this run goes on under other conditions, and may differ in its last digits: {changed}.")
    if training.best < math.inf:
        _see_to_best(folder, training, watch)
    return training


def _see_to_best(folder: RunFolder, training: Training, watch: Watch) -> None:
    """Puts another checkpoint in the place of the best one, if that does not load: the best of those that do."""
    complaint = ""
    try:
        folder.load("best", [])
    except (DamagedError, RunError) as error:
        complaint = str(error)
    if not training.processes.told(bool(complaint)):  # of the first, which may have mended it before others look
        return
    if best := folder.best_whole(training.step):
        name, training.best = best
        training.processes.lead(lambda: folder.checkpoints.point("best", name))
        watch.note(f"{complaint} Of those that are whole {name} is the best, and takes its place.")
    else:
        watch.note(f"{complaint} The best of what follows takes its place.")
        training.best, training.checked = math.inf, -1
