"""Watching a model learn: a line for every check, and on a terminal a bar with an honest time left."""

from __future__ import annotations

import bisect
import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar
from rich.table import Column
from rich.text import Text

from wavetree.cli.output import NO_VALUE, number, say
from wavetree.cli.wording import one_line, speed
from wavetree.codecs import Codec
from wavetree.train import Check, Progress

WORTH_A_BAR = 2.0
"""Seconds. What is over sooner needs no bar."""
REDRAWN_EVERY = 0.1
"""Seconds."""
WIDTH_OF_FIGURES = 74
"""Columns beside the bar; with some to spare, for the terminal's own ^C would push a full line up."""


class Pace:
    """Seconds a step over the last half of this session, checks included: what slows a run down is soon seen."""

    def __init__(self) -> None:
        self._times: list[float] = []
        self._steps: list[int] = []

    def mark(self, now: float, step: int) -> None:
        """`step` steps are done at time `now`, in seconds."""
        self._times.append(now)
        self._steps.append(step)

    def left(self, steps: int) -> float | None:
        """Seconds until `steps` steps are done; unknown before the second mark."""
        if len(self._times) < 2:
            return None
        halfway = (self._times[0] + self._times[-1]) / 2
        since = min(bisect.bisect_left(self._times, halfway), len(self._times) - 2)
        pace = (self._times[-1] - self._times[since]) / (self._steps[-1] - self._steps[since])
        return (steps - self._steps[-1]) * pace


class Display:
    """What is seen of a run in progress; a context, so that the bar never outlives the run."""

    def __init__(self, console: Console, codec: Codec, clock: Callable[[], float] = time.perf_counter) -> None:
        self._console, self._codec, self._clock = console, codec, clock
        self._begun = self._drawn = clock()
        self._pace = Pace()
        self._validation = NO_VALUE
        self._steps = 0
        self._told = False
        self._bar = Bar(
            BarColumn(bar_width=max(6, min(40, console.width - WIDTH_OF_FIGURES))),
            TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis")),
            console=console,
            transient=True,
            auto_refresh=False,  # drawn when there is news: no thread takes time from the training
        )
        self._task = self._bar.add_task("")

    def __enter__(self) -> Display:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        if self._bar.live.is_started:
            self._bar.stop()

    def progress(self, seen: Progress) -> None:
        """Called after every block of steps."""
        now = self._clock()
        self._steps = seen.steps
        self._pace.mark(now, seen.step)
        left = self._pace.left(seen.steps)
        if left is None or not self._console.is_terminal:
            return
        if not self._bar.live.is_started and now - self._begun + left > WORTH_A_BAR:
            self._bar.start()
        pace = speed(seen.symbols / seen.seconds, self._codec)
        self._bar.update(
            self._task,
            total=seen.steps,
            completed=seen.step,
            description=f"{duration(left)} left  {number(seen.step)}/{number(seen.steps)}  "
            f"loss {number(seen.loss, 3)}  validation {self._validation}  {pace}",
        )
        if now - self._drawn > REDRAWN_EVERY:
            self._drawn = now
            self._bar.refresh()

    def check(self, seen: Check) -> None:
        """Called after every check."""
        self._validation = number(seen.val_nll, 3)
        if seen.over and not self._told:
            self._told = True
            say(f"{seen.over} at each check; `wavetree evaluate` measures all of them")
        samples = "  ".join(one_line(sample) or "(empty)" for sample in seen.samples)
        line = f"step {number(seen.step):>9}   validation {number(seen.val_nll, 4)}   {samples}"
        if self._console.is_terminal:
            self._console.print(Text(line), no_wrap=True, overflow="ellipsis", crop=True)
        else:
            say(line)
        if seen.step == self._steps:
            self._bar.update(self._task, description="measuring the loss on everything it learnt from", refresh=True)


def duration(seconds: float) -> str:
    """Minutes and seconds, or hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
