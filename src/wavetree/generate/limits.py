"""Limits on what is drawn: items that do not keep to them are drawn again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from wavetree.errors import SettingError, WavetreeError
from wavetree.generate.marks import Drawn

MISSES = 20_000
"""So many draws in a row that do not fit are enough."""


@dataclass(frozen=True)
class Limits:
    """At least `min_length` symbols, and the whole item as the regular expression `pattern` has it ("" for any).

    With either, an item that was cut at the greatest length does not fit. Raises SettingError for limits without sense.
    """

    min_length: int = 0
    pattern: str = ""

    def __post_init__(self) -> None:
        if self.min_length < 0:
            raise SettingError(f"min-length cannot be {self.min_length}: give a whole number from 0.")
        _ = self._compiled

    def __bool__(self) -> bool:
        return self.min_length > 0 or bool(self.pattern)

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        try:
            return re.compile(self.pattern, re.DOTALL)
        except (re.error, RecursionError, OverflowError) as error:
            raise SettingError(
                f"pattern cannot be {self.pattern!r}: {error}. It is a regular expression, such as ma.*a."
            ) from None

    def reachable(self, max_length: int) -> None:
        """Raises SettingError where no item of up to `max_length` symbols, its end within them, can be long enough."""
        if self.min_length >= max_length:
            raise SettingError(
                f"min-length is {self.min_length}, and max-length {max_length} cuts every such item: lower the "
                "one, or raise the other."
            )

    def fit(self, drawn: Drawn) -> bool:
        """Whether an item keeps to them."""
        whole = not self.pattern or self._compiled.fullmatch(drawn.item) is not None
        return drawn.ended and len(drawn.item) >= self.min_length and whole

    def describe(self) -> str:
        """For a person."""
        length = f"has {self.min_length} symbols or more" if self.min_length else ""
        pattern = f"is as {self.pattern!r} has it" if self.pattern else ""
        return " and ".join(part for part in (length, pattern) if part)


def fitting(drawn: Iterator[Drawn], limits: Limits) -> Iterator[Drawn]:
    """The items that keep to the limits, without end. Raises WavetreeError after MISSES draws that do not."""
    misses = 0
    for candidate in drawn:
        if limits.fit(candidate):
            misses = 0
            yield candidate
        else:
            misses += 1
            if misses == MISSES:
                raise WavetreeError(
                    f"none of {MISSES:,} draws in a row {limits.describe()}: the model hardly ever makes such an item. "
                    "Loosen the limits, give a --prefix, or raise --temperature."
                )
