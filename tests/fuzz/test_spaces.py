"""The space of a sweep, a TOML file: dimensions that a sweep can try, or a sentence."""

from __future__ import annotations

from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st
from tests.fuzz.guard import a_result_or_a_sentence
from tests.fuzz.hostile import Long, spoilt
from tests.fuzz.test_settings import KNOWN

from wavetree.experiments.sweep.space import read_space, starting_point, to_json, untried

SPACE = b"""[train]
learning_rate = {low = 0.003, high = 0.05, log = true}
optimiser = ["muon", "adamw"]
seed = {low = 1, high = 9, step = 2}
[model]
hidden = {low = 64, high = 256, step = 32}
"""
VALUES = [
    "1",
    "0",
    "-1",
    "0.5",
    "nan",
    "-inf",
    "true",
    '""',
    '"muon"',
    "[]",
    "[1, 2]",
    "[[1]]",
    "{}",
    "1979-05-27",
    "9" * 30,
]
VALUES += ["9" * 5000, "0x7fffffffffffffff", "1e999", "{low = 1, high = 4}", "{low = 0, high = 9223372036854775807}"]


@st.composite
def ranges(draw: st.DrawFn) -> str:
    """A range with odd ends."""
    parts = [f"low = {draw(st.sampled_from(VALUES))}", f"high = {draw(st.sampled_from(VALUES))}"]
    parts += draw(
        st.lists(st.sampled_from(["log = true", "step = 1", "step = 0.1", "step = 1e-300", "x = 1"]), max_size=1)
    )
    return f"{{{', '.join(parts)}}}"


@st.composite
def spaces(draw: st.DrawFn) -> bytes:
    """Lines of settings with odd values, or a good space with wrong bytes in it."""
    if draw(st.booleans()):
        return draw(spoilt(SPACE))
    lines = []
    for name in draw(st.lists(st.sampled_from([*KNOWN, "x", "train", '"a.b".c']), max_size=3, unique=True)):
        section, _, setting = name.partition(".")
        value = draw(st.sampled_from(VALUES) | ranges())
        lines += [f"[{section}]", f"{setting or section} = {value}"]
    return "\n".join(lines).encode()


@given(raw=spaces())
@example(raw=SPACE)
@example(raw=Long(b"x = " + b"[" * 100_000))
@example(raw=Long(b"[train]\nseed = " + b"9" * 5000))
@example(raw=b"[train]\nseed = {low = 0, high = 9223372036854775807}")
def test_a_space(desk: Path, raw: bytes) -> None:
    (desk / "space.toml").write_bytes(raw)
    with a_result_or_a_sentence({2}):
        space = read_space(desk / "space.toml", "names", [])
        assert len(starting_point(space, "names", [])) == len(to_json(space)) == len(space)
        untried(space, [])
        assert all(str(dimension) for dimension in space)
