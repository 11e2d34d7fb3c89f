"""The space of a sweep: which settings are tried, and within what limits.

[train]
learning_rate = {low = 0.003, high = 0.05, log = true}     a number between two; log: by its order of magnitude
optimiser = ["muon", "adamw"]                              one of a few
[model]
hidden = {low = 64, high = 256, step = 32}                 whole numbers, since both ends are
"""

from __future__ import annotations

import itertools
import math
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wavetree.config import configure
from wavetree.errors import InputError, SettingError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Value = None | bool | int | float | str
LISTED = 10_000
"""A space of so many combinations is listed, to see what is left of it."""
KEYS = {"low", "high", "log", "step"}


@dataclass(frozen=True)
class Choices:
    """A setting that takes one of some values."""

    name: str
    values: tuple[Value, ...]

    @property
    def ends(self) -> tuple[Value, ...]:
        """What has to be a value that the setting can take."""
        return self.values

    def holds(self, value: Value) -> bool:
        """Whether this is one of them."""
        return value in self.values

    def listed(self) -> Sequence[Value]:
        """All values."""
        return self.values

    def distribution(self) -> BaseDistribution:
        """The same, for Optuna."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(self.values)

    def __str__(self) -> str:
        return ", ".join(map(str, self.values))


@dataclass(frozen=True)
class Range:
    """A setting that takes a number from `low` to `high`, both included; whole ones where both are."""

    name: str
    low: float
    high: float
    log: bool = False
    step: float | None = None

    @property
    def ends(self) -> tuple[Value, ...]:
        """What has to be a value that the setting can take."""
        return (self.low, self.high)

    @property
    def whole(self) -> bool:
        """Whether its numbers are whole."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def holds(self, value: Value) -> bool:
        """Whether the number lies in the range, on a step of it."""
        if not isinstance(value, int | float) or isinstance(value, bool) or not self.low <= value <= self.high:
            return False
        steps = (value - self.low) / self.step if self.step else 0.0
        return abs(steps - round(steps)) < 1e-9

    def listed(self) -> Sequence[Value] | None:
        """All values, where they can be counted."""
        if self.whole:
            return range(int(self.low), int(self.high) + 1, int(self.step or 1))
        return None

    def distribution(self) -> BaseDistribution:
        """The same, for Optuna."""
        from optuna.distributions import FloatDistribution, IntDistribution

        if self.whole:
            return IntDistribution(int(self.low), int(self.high), self.log, int(self.step or 1))
        return FloatDistribution(self.low, self.high, self.log, self.step)

    def __str__(self) -> str:
        by = f" in steps of {self.step:g}" if self.step else ", by its order of magnitude" if self.log else ""
        return f"{self.low:g} to {self.high:g}{by}"


Dimension = Choices | Range


def read_space(path: Path, preset: str, changes: Sequence[str]) -> tuple[Dimension, ...]:
    """The space in a TOML file, checked against the settings that a sweep starts from.

    These must lie in it, since the first trial is they. Raises InputError for a file that is no such space,
    SettingError for a setting that does not exist or cannot take a value of it.
    """
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"could not read {path}: {(error.strerror or str(error)).lower()}.") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is no UTF-8 text: a space is a TOML file.") from None
    except (ValueError, RecursionError) as error:  # of a number of 5,000 digits, and of brackets in brackets, too
        reason = str(error)[:1].lower() + str(error)[1:]
        raise InputError(f"{path} is no TOML: {reason}. `wavetree sweep --help` shows a space.") from None
    space = tuple(_dimension(path, name, entry) for name, entry in _entries(path, document))
    if not space:
        raise InputError(f"{path} names no setting: write one as [train] and learning_rate = [0.01, 0.02] below it.")
    for dimension in space:
        for value in dimension.ends:
            configure(preset, [*changes, f"{dimension.name}={value}"])
    starts = starting_point(space, preset, changes)
    for dimension in space:
        if not dimension.holds(starts[dimension.name]):
            raise SettingError(
                f"the first trial is what the sweep starts from, and its {dimension.name}={starts[dimension.name]} is "
                f"not in the space of {path} ({dimension}): widen that, or start from another value with --set."
            )
    return space


def starting_point(space: Sequence[Dimension], preset: str, changes: Sequence[str]) -> dict[str, Value]:
    """The values that the preset with its changes has for the settings of the space."""
    sections = configure(preset, changes).model_dump()
    return {d.name: sections[d.name.partition(".")[0]][d.name.partition(".")[2]] for d in space}


def untried(space: Sequence[Dimension], tried: Sequence[Mapping[str, Value]]) -> list[dict[str, Value]] | None:
    """The combinations of a space that are left; None where there are too many to list."""
    values = [dimension.listed() for dimension in space]
    known = [some for some in values if some is not None]
    if len(known) < len(values) or math.prod(map(_count, known)) > LISTED:
        return None
    names = [dimension.name for dimension in space]
    every = [dict(zip(names, some, strict=True)) for some in itertools.product(*known)]
    return [some for some in every if some not in tried]


def _count(values: Sequence[Value]) -> int:
    """How many there are; of a range too long for `len`, more than are ever listed."""
    try:
        return len(values)
    except OverflowError:
        return LISTED + 1


def to_json(space: Sequence[Dimension]) -> list[dict[str, object]]:
    """The space as `study.json` keeps it."""
    return [{key: value for key, value in vars(dimension).items() if value is not None} for dimension in space]


def _entries(path: Path, document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for section, names in document.items():
        if not isinstance(names, dict):
            raise InputError(f"{path}: {section} stands in no section: write [train] or [model] above it.")
        for name, entry in names.items():
            yield f"{section}.{name}", entry


def _dimension(path: Path, name: str, entry: object) -> Dimension:
    """Raises InputError for what is neither a list of values nor a range."""
    if isinstance(entry, list):
        if not entry or not all(isinstance(value, bool | int | float | str) for value in entry):
            raise InputError(f"{path}: {name} needs a list of numbers or words to choose from.")
        return Choices(name, tuple(dict.fromkeys(entry)))
    if not isinstance(entry, dict) or not {"low", "high"} <= set(entry) <= KEYS:
        raise InputError(
            f"{path}: {name} is neither a list of values nor a range: write {name.partition('.')[2]} = "
            "{low = 1, high = 8}, with log = true or step = 1 if you like."
        )
    low, high, log, step = entry["low"], entry["high"], entry.get("log", False), entry.get("step")
    numbers = [low, high] if step is None else [low, high, step]
    if not all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers) or not isinstance(log, bool):
        raise InputError(f"{path}: {name} needs numbers for low, high and step, and true or false for log.")
    if not low < high or (step is not None and not 0 < step <= high - low):
        raise InputError(f"{path}: {name} needs a low below its high, and a step that fits between them.")
    if log and (low <= 0 or step is not None):
        raise InputError(f"{path}: {name} with log = true needs a low above 0, and no step.")
    if step is not None and not isinstance(step, int) and isinstance(low, int) and isinstance(high, int):
        low, high = float(low), float(high)
    return Range(name, low, high, log, step)
