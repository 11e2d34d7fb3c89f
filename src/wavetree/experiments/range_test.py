"""The learning-rate range test: a rate that rises from step to step, and where the loss begins to suffer.

Source: Smith 2017, "Cyclical learning rates for training neural networks", section 3.3.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from wavetree.experiments.doctor.of_run import Run
from wavetree.report.charts import SERIES, SOFT, drawing
from wavetree.report.charts import SIZE as CHART
from wavetree.report.page import charts, page, paragraph, table
from wavetree.runs import RunFolder

STEPS = 100
LOWEST, HIGHEST = 1e-5, 10.0
SMOOTH = 0.8
"""What of the mean loss so far each step keeps."""
BURST = 1.5
"""Times the least loss so far: from there on only worse is to come."""
SAFE = 2.0
"""Times: the rate suggested lies so far below the one of the least loss, where the loss just begins to suffer."""
POINTS = 12
"""Of a table."""


@dataclass(frozen=True)
class RangeTest:
    """The rate of each step, its loss in nats a symbol, the smoothed loss; `suggestion` is the rate to train with."""

    setting: float
    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]

    @property
    def least_at(self) -> float:
        """The rate at which the smoothed loss was least."""
        return self.rates[self.smoothed.index(min(self.smoothed))]

    @property
    def suggestion(self) -> float:
        """Two digits are more than this measures."""
        return float(f"{self.least_at / SAFE:.1g}")

    @property
    def says(self) -> str:
        """The result in words."""
        return (
            f"the loss is least around a rate of {self.least_at:.2g} and rises after it: try "
            f"train.learning_rate={self.suggestion:g} (it is {self.setting:g})."
        )

    def points(self) -> list[tuple[float, float]]:
        """Some rates and smoothed losses, evenly spaced, for a table."""
        every = max(1, len(self.rates) // POINTS)
        return list(zip(self.rates[::every], self.smoothed[::every], strict=True))

    def to_json(self) -> dict[str, object]:
        """The object of `--json`."""
        return {
            "name": "find-lr",
            "setting": self.setting,
            "suggestion": self.suggestion,
            "least_at": self.least_at,
            "rates": self.rates,
            "losses": self.losses,
            "smoothed": self.smoothed,
            "says": self.says,
        }


def range_test(folder: RunFolder, steps: int = STEPS, tell: Callable[[str], None] = lambda _: None) -> RangeTest:
    """Steps from the beginning of a run, with a rate that rises from 0.00001 to 10, until the loss has burst.

    The run folder is only read.
    """
    patient = Run(folder)
    trainee = patient.begin()
    rates: list[float] = []
    losses: list[float] = []
    smoothed: list[float] = []
    mean = 0.0
    for step in range(steps):
        rate = LOWEST * (HIGHEST / LOWEST) ** (step / (steps - 1))
        loss = trainee.step(step, rate)
        mean = SMOOTH * mean + (1 - SMOOTH) * loss
        now = mean / (1 - SMOOTH ** (step + 1))
        if not math.isfinite(loss) or (smoothed and now > BURST * min(smoothed)):
            break
        rates.append(rate)
        losses.append(loss)
        smoothed.append(now)
        tell(f"step {step + 1} of {steps}, rate {rate:.2g}")
    return RangeTest(patient.rate, tuple(rates), tuple(losses), tuple(smoothed))


def range_page(found: RangeTest, title: str) -> str:
    """The picture and the table, as a page."""
    words = (
        "The loss of each step and its running mean, against the rate of that step. The dashed line is the suggestion."
    )
    rows = [(f"{rate:.2g}", f"{loss:.3f}") for rate, loss in found.points()]
    said = found.says[:1].upper() + found.says[1:]
    parts = [paragraph(said), charts([(_picture(found), words)]), table([">rate", ">nats a symbol"], rows)]
    return page(f"wavetree train --find-lr: {title}", parts)


def _picture(found: RangeTest) -> str:
    low, high = min(found.smoothed), max(found.smoothed)
    with drawing(CHART) as (figure, svg):
        axes = figure.add_subplot()
        axes.plot(_list(found.rates), _list(found.losses), color=SOFT, linewidth=0.8, alpha=0.7, label="a step")
        axes.plot(_list(found.rates), _list(found.smoothed), color=SERIES[0], linewidth=1.7, label="running mean")
        axes.axvline(found.suggestion, color=SERIES[1], linestyle="--", label=f"{found.suggestion:g}")
        axes.set_xscale("log")
        axes.set_ylim(low - 0.1 * (high - low), high + 0.1 * (high - low))
        axes.set_xlabel("learning rate")
        axes.set_ylabel("nats a symbol")
        axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=3, frameon=False, borderaxespad=0.2)
    return svg()


def _list(numbers: Sequence[float]) -> list[float]:
    return list(numbers)
