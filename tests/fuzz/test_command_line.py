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


def named(app: App) -> Iterator[str]:
    """The names of an app's verbs."""
    return (name for name in app if not name.startswith("-"))


def options(app: App, before: tuple[str, ...] = ()) -> dict[str, list[str]]:
    """Every option of every verb, by the words that call it."""
    known: dict[str, list[str]] = {}
    for name in named(app):
        words, verb = (*before, name), app[name]
        known |= options(verb, words)
        if verb.default_command is not None:
            arguments = verb.assemble_argument_collection()
            known[" ".join(words)] = sorted({"--help"} | {n for a in arguments for n in a.names if n[0] == "-"})
    return known


OPTIONS = options(make_app())


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
    known = {words.split()[0] for words in OPTIONS}
    call([word for word in argv if word not in known])


def test_every_verb_is_among_them() -> None:
    expected = {*VERBS, *(f"bench {name}" for name in BENCHES), *(f"learn {name}" for name in LESSONS)}
    assert expected <= set(OPTIONS)
    assert "--temperature" in OPTIONS["sample"]
