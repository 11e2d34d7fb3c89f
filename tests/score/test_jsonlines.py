"""The quick lines are JSON, and say what the slow ones would."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.laws.cases import tree

from wavetree.codecs import AlphabetCodec
from wavetree.score import Calibration, Expected, Scored, scores
from wavetree.score.jsonlines import json_lines
from wavetree.score.lines import Batch, Fault

CODEC = AlphabetCodec("abcde")
HELD_OUT = Calibration.of(Expected(0.0, 2.0, 1.0, 0.5, 0.1), np.linspace(1, 40, 60), np.arange(60) % 9 + 2)
ODD = ["a", "abcde", '"', "\\", "a\nb", "é", "\x00", "\ud800x", "日本", "\x7f\x1b[31m", "ab\u2028", "cab"]


@pytest.mark.parametrize("items", [["a", "abcde", "cab", "a a"], ODD])
def test_every_line_is_what_json_would_say(items: list[str]) -> None:
    found = scores(tree(2), CODEC, items)
    threshold = HELD_OUT.threshold(0.2)
    text, flagged = json_lines(found, Batch(items, []), HELD_OUT, threshold)
    assert text.isascii()
    rows = [json.loads(line, parse_constant=pytest.fail) for line in text.splitlines()]
    assert len(rows) == len(items)
    assert flagged == sum(row["flagged"] for row in rows)
    for index, row in enumerate(rows):
        one = found[index]
        assert row["item"] == items[index]
        known = np.isfinite(one.surprisal)
        shown = [np.inf if bits is None else bits for bits in row["surprisal"]]
        np.testing.assert_allclose(shown, one.surprisal / np.log(2), atol=0.0005 + 1e-9)
        score = HELD_OUT.expected.score(np.array([one.nats]), np.array([one.symbols]))[0]
        assert row["flagged"] == bool(score > threshold.score)
        assert row["percentile"] == pytest.approx(100 * (HELD_OUT.scores <= score).mean(), abs=0.005)
        if known.all():
            assert (row["nats"], row["bits_per_symbol"]) == pytest.approx((one.nats, one.bits_per_symbol), abs=5e-5)
            assert "unknown" not in row
        else:
            assert (row["nats"], row["bits_per_symbol"], row["unknown"]) == (None, None, one.unknown)


def test_very_large_and_very_small_surprisals() -> None:
    nats = np.array([0.0, 1e-9, 44.3, 44.4, 300.0, np.inf]) * 1.0
    found = Scored(["abcde"], nats, np.array([6]))
    (row,) = map(json.loads, json_lines(found, Batch(["abcde"], []), HELD_OUT, HELD_OUT.threshold(0.1))[0].splitlines())
    np.testing.assert_allclose(row["surprisal"][:5], nats[:5] / np.log(2), atol=0.00051)
    assert row["surprisal"][5] is None


def test_what_equals_the_threshold_is_not_flagged() -> None:
    held = Calibration.of(Expected(0.0, 0.0, 1.0, 0.0, 1.0), np.arange(1.0, 21.0), np.full(20, 2))
    threshold = held.threshold(0.1)
    found = Scored(["a", "b"], np.array([threshold.score, 0.0, threshold.score + 0.1, 0.0]), np.array([2, 4]))
    text, flagged = json_lines(found, Batch(["a", "b"], []), held, threshold)
    assert ([json.loads(line)["flagged"] for line in text.splitlines()], flagged) == ([False, True], 1)


def test_lines_that_are_no_items_keep_their_place() -> None:
    items = ["a", "b"]
    faults = [(0, Fault(1, "is bad")), (1, Fault(3, "is bad")), (2, Fault(5, "is bad")), (2, Fault(6, "is bad"))]
    text, _ = json_lines(scores(tree(2), CODEC, items), Batch(items, faults), HELD_OUT, HELD_OUT.threshold(0.1))
    rows = [json.loads(line) for line in text.splitlines()]
    assert [row["item"] or row["line"] for row in rows] == [1, "a", 3, "b", 5, 6]
    assert rows[2]["error"] == "line 3 is bad."
    nothing = json_lines(scores(tree(2), CODEC, []), Batch([], faults[:1]), HELD_OUT, HELD_OUT.threshold(0.1))
    assert nothing[1] == 0
    assert json.loads(nothing[0])["line"] == 1
