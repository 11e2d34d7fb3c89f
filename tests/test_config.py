"""Settings: what says how long a run learns, and what is answered to a name that is none."""

from __future__ import annotations

import pytest

from wavetree.config import configure
from wavetree.errors import SettingError

Lengths = tuple[int | None, float | None, float | None]


@pytest.mark.parametrize(
    ("preset", "changes", "wanted"),
    [
        ("names", [], (None, 8, None)),
        ("names", ["train.seconds=60"], (None, 8, 60)),
        ("names", ["train.steps=5"], (5, None, None)),
        ("names", ["train.steps=5", "train.epochs=2"], (None, 2, None)),
        ("names", ["train.seconds=60", "train.epochs=2"], (None, 2, 60)),
        ("names", ["train.epochs=2", "train.seconds=60"], (None, 2, 60)),
        ("names", ["train.epochs=none", "train.seconds=60"], (None, None, 60)),
        ("names", ["train.steps=5", "train.epochs=none"], (5, None, None)),
        ("names", ["train.steps=none"], (None, 8, None)),
        ("text-small", [], (None, 8, 150)),
        ("text", ["train.seconds=900"], (None, 30, 900)),
        ("text", ["train.epochs=2"], (None, 2, None)),
        ("text", ["train.seconds=7", "train.steps=5"], (5, None, 7)),
        ("text", ["train.epochs=none"], (None, None, 150)),
    ],
)
def test_how_long(preset: str, changes: list[str], wanted: Lengths) -> None:
    """Steps or passes replace what the preset says; seconds are a limit beside them."""
    train = configure(preset, changes).train
    assert (train.steps, train.epochs, train.seconds) == wanted


def test_something_has_to_say_how_long() -> None:
    with pytest.raises(SettingError, match="nothing says how long: give steps, epochs or seconds"):
        configure("names", ["train.epochs=none"])


@pytest.mark.parametrize(
    ("name", "meant", "told", "untold"),
    [
        ("model.levls", "model.levels", "model.hidden", "train.seed"),
        ("train.lr", None, "train.learning_rate", "model.hidden"),
        ("lr", None, "train.learning_rate", "nothing of the kind"),
        ("levels", None, "its name is 'model.levels'", "train.seed"),
        ("kind", None, "there are data.kind, model.kind.", "train.seed"),
    ],
)
def test_a_name_that_is_none_is_told_those_that_are(name: str, meant: str | None, told: str, untold: str) -> None:
    with pytest.raises(SettingError) as refused:
        configure("names", [f"{name}=1"])
    assert (f"did you mean {meant!r}" if meant else told) in str(refused.value)
    assert ("did you mean" in str(refused.value)) == bool(meant)
    assert told in str(refused.value)
    assert untold not in str(refused.value)
