"""The time left is honest, and what is seen of a run is right."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from wavetree.cli.progress import Display, Pace, duration
from wavetree.codecs import AlphabetCodec
from wavetree.train import Check, Progress


def test_a_steady_run() -> None:
    pace = Pace()
    assert pace.left(100) is None
    pace.mark(10.0, 20)
    assert pace.left(100) is None
    for step in range(21, 61):
        pace.mark(10.0 + (step - 20) * 0.5, step)
        assert pace.left(100) == pytest.approx((100 - step) * 0.5)


def test_a_run_that_becomes_slow_is_noticed() -> None:
    """Ten steps a second, then one: after as long again, only the slow ones count."""
    pace = Pace()
    for step in range(101):
        pace.mark(step / 10, step)
    for step in range(101, 113):
        pace.mark(10.0 + step - 100, step)
    assert pace.left(212) == pytest.approx(100, rel=0.05)


@given(st.lists(st.floats(0, 10), min_size=2, max_size=50))
def test_the_time_left_is_never_less_than_nothing(laps: list[float]) -> None:
    pace, now = Pace(), 0.0
    for step, lap in enumerate(laps):
        now += lap
        pace.mark(now, step)
    left = pace.left(len(laps) + 10)
    assert left is not None
    assert 0 <= left <= 11 * now + 1e-9


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (59.6, "1:00"), (754, "12:34"), (3661, "1:01:01")])
def test_durations(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def _watch(terminal: bool, total: float) -> str:
    """What is seen of a run of 100 steps that takes `total` seconds, with a check in the middle and at the end."""
    now = 0.0
    text = io.StringIO()
    console = Console(file=text, force_terminal=terminal, width=80, color_system=None)
    with Display(console, AlphabetCodec("ab"), clock=lambda: now) as display:
        for step in range(1, 101):
            now = step * total / 100
            display.progress(Progress(step, 100, now, step * 1000, 2.5, 0.01))
            if step % 50 == 0:
                display.check(Check(step, now, 2.25, ["ka", "", "\x1b[0m", "x" * 100]))
    return text.getvalue()


def test_a_long_run_has_a_bar() -> None:
    seen = _watch(terminal=True, total=60)
    assert "0:30 left  50/100  loss 2.500  validation -  1,667 symbols/s" in seen
    assert "0:29 left  51/100  loss 2.500  validation 2.250  1,667 symbols/s" in seen
    assert "step        50   validation 2.2500   ka  (empty)  \\x1b[0m  xxx" in seen
    assert "measuring" in seen
    lines = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "\n", seen).split("\n")
    assert max(map(len, lines)) <= 80


def test_a_short_run_has_none() -> None:
    seen = _watch(terminal=True, total=1)
    assert "left" not in seen
    assert seen.count("step ") == 2


def test_where_there_is_no_terminal_only_checks_are_seen(capsys: pytest.CaptureFixture[str]) -> None:
    assert _watch(terminal=False, total=60) == ""
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[1] for line in lines] == ["50", "100"]
    assert lines[0].endswith("x" * 100)  # nothing is cut in a file
