"""Any words after `wavetree`: a result in a moment, or a sentence and exit code 2.

Verbs that are done at once are called. Of those that train, listen or measure the words are read, and nothing is begun.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from cyclopts import App, CycloptsError
from hypothesis import given
from hypothesis import strategies as st
from tests.fuzz.calling import call
from tests.fuzz.guard import guarded
from tests.fuzz.hostile import texts
from tests.fuzz.runs import Spoilable

from wavetree.cli.command import BENCHES, LESSONS, VERBS, make_app

QUICK = {"sample", "evaluate", "score", "rank", "complete", "memory", "inspect", "data"}
"""These are called."""
COUNTS = {"-n", "--count", "--length", "--seconds", "--max-length"}
"""How much is asked for: little, or nothing that can be given. A large number is no fault, and takes its time."""
AMOUNTS = st.integers(-3, 30).map(str) | st.sampled_from(["", "x", "nan", "-inf", "1e-9", "0.5", "2.0", "１"])
PATTERNS = ["(", "a{99999999999}", "[", "(?P<x", "\\", "ka.*", "*", "(?i)KA.*"]


def options() -> dict[str, list[str]]:
    """Every option of every verb, by the words that call it."""

    def of(app: App) -> list[str]:
        collection = app.assemble_argument_collection()
        return sorted({"--help"} | {name for argument in collection for name in argument.names if name[0] == "-"})

    app = make_app()
    known = {name: of(app[name]) for name in VERBS}
    for room, verbs in (("bench", BENCHES), ("learn", LESSONS)):
        known |= {f"{room} {name}": of(app[room][name]) for name in verbs}
    return known


OPTIONS = options()


@st.composite
def words(draw: st.DrawFn, verb: str, places: list[str]) -> list[str]:
    """A verb with arguments and options, most of which it knows."""
    argv = verb.split()
    argv += draw(st.lists(st.sampled_from(places) | texts(), max_size=2)) if draw(st.booleans()) else places[:1]
    for option in draw(st.lists(st.sampled_from(OPTIONS[verb]) | texts(6), max_size=3)):
        if option in COUNTS:
            values = AMOUNTS
        elif option == "--pattern":
            values = st.sampled_from(PATTERNS)
        else:
            values = texts() | AMOUNTS | st.sampled_from(["sex=F", "sex=", "1,1", "0,2", "3=a", "kana", "python"])
        argv += [option, draw(values)] if draw(st.booleans()) else [f"{option}={draw(values)}"]
    return argv


@given(data=st.data(), verb=st.sampled_from(sorted(QUICK & set(VERBS))), more=st.binary(max_size=40))
def test_verbs_that_are_done_at_once(
    listed: Spoilable, told: Spoilable, desk: Path, data: st.DataObject, verb: str, more: bytes
) -> None:
    (desk / "some.txt").write_bytes(b"kana\nmena\n")
    places = [str(listed.path), str(listed.path), str(told.path), str(desk / "some.txt"), str(desk), "-"]
    with listed.holding({}, sealed=False), told.holding({}, sealed=False):
        call(data.draw(words(verb, places)), more)


@given(data=st.data(), verb=st.sampled_from(sorted(OPTIONS)))
def test_words_are_read(data: st.DataObject, verb: str) -> None:
    argv = data.draw(words(verb, ["runs/x", "list.txt"]))
    with guarded(), suppress(CycloptsError):  # which `main` makes a sentence of
        make_app().parse_args(argv, exit_on_error=False, print_error=False)


@given(argv=st.lists(texts(), max_size=4))
def test_words_without_a_verb(argv: list[str]) -> None:
    known = {*VERBS, "bench", "learn"}
    call([word for word in argv if word not in known])


def named(app: App) -> Iterator[str]:
    """The names of an app's verbs."""
    return (name for name in app if not name.startswith("-"))


def test_every_verb_is_among_them() -> None:
    app = make_app()
    rooms = {"bench", "learn"}
    assert set(named(app)) - rooms == {verb for verb in OPTIONS if " " not in verb}
    assert {f"{room} {name}" for room in rooms for name in named(app[room])} == {
        verb for verb in OPTIONS if " " in verb
    }
    assert "--temperature" in OPTIONS["sample"]
