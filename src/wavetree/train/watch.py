"""What a run says while it trains, and what came out."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """Where a run is: `loss` is the mean over the last block, in nats a symbol; `rate` the learning rate."""

    step: int
    steps: int
    seconds: float
    symbols: int
    loss: float
    rate: float


@dataclass(frozen=True)
class Check:
    """What was measured at one point along the way; `val_nll` in nats a symbol.

    It is measured over `measured` symbols of the `held_out` that validation has: all, but for a long stream.
    """

    step: int
    seconds: float
    val_nll: float
    samples: list[str]
    measured: int = 0
    held_out: int = 0

    @property
    def over(self) -> str:
        """What validation was measured over, where that is not all of it."""
        return (
            f"validation over {self.measured:,} of {self.held_out:,} symbols" if self.measured < self.held_out else ""
        )


def _ignore(_: object) -> None: ...


def _warn(sentence: str) -> None:
    warnings.warn(sentence, stacklevel=2)


def _never() -> bool:
    return False


@dataclass(frozen=True)
class Watch:
    """Who looks on: called after every block and every check; asked before every step whether to stop.

    `note` is told, in a sentence, what is out of the ordinary in a run that goes on; by itself it is a warning.
    """

    progress: Callable[[Progress], None] = _ignore
    check: Callable[[Check], None] = _ignore
    stop: Callable[[], bool] = _never
    note: Callable[[str], None] = _warn

    def and_also(self, other: Watch) -> Watch:
        """Both look on, and either may stop it; notes go to the first one alone."""

        def progress(seen: Progress) -> None:
            self.progress(seen)
            other.progress(seen)

        def check(seen: Check) -> None:
            self.check(seen)
            other.check(seen)

        return Watch(progress, check, lambda: self.stop() or other.stop(), self.note)


@dataclass(frozen=True)
class Summary:
    """What came out. Losses in nats a symbol, end marks counted, of the checkpoint with the best validation.

    Of a long stream they are measured over a part that is spread evenly; `wavetree.losses` measures all of it.
    `train_nll` is missing when the run was stopped: it may take long.
    """

    run: str
    params: int
    receptive_field: int
    steps: int
    seconds: float
    symbols_per_second: float
    train_nll: float | None
    val_nll: float
    stopped: bool
