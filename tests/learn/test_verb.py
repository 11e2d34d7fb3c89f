"""`wavetree learn`, as a learner meets it: by keyboard, through a pipe, and interrupted."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from wavetree.cli import learn, main
from wavetree.learn.cards import cards
from wavetree.learn.practice import QUESTIONS, find


@dataclass(frozen=True)
class Ran:
    """What a call returned and printed."""

    code: int
    out: str
    err: str


Learn = Callable[..., Ran]


@pytest.fixture
def wavetree_learn(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Learn:
    def call(*argv: object, typed: str | bytes = "") -> Ran:
        raw = typed.encode() if isinstance(typed, str) else typed
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8"))
        monkeypatch.setenv("COLUMNS", "80")
        capsys.readouterr()
        code = main(["learn", *map(str, argv)])
        return Ran(code, *capsys.readouterr())

    return call


def test_the_lesson_and_the_cheat_sheet_are_laid_out(wavetree_learn: Learn) -> None:
    for text, parts in (("lesson", ["A tree that reads", "14. Your turn", "def tree("]), ("cheatsheet", ["Pitfalls"])):
        ran = wavetree_learn(text)
        assert (ran.code, ran.err) == (0, "")
        assert all(part in ran.out for part in parts)
        assert "**" not in ran.out
        assert "```" not in ran.out
        assert max(map(len, ran.out.splitlines())) <= 80


def test_a_right_answer(wavetree_learn: Learn) -> None:
    asked = find("shapes").asked(1)
    ran = wavetree_learn("practice", "--question", "shapes", typed=f"{asked.answer.shown}\n")
    assert ran.code == 0
    assert "1 of 1: The shapes of a tree (shapes, section 5 of the lesson)" in ran.out
    assert "Right. " in ran.out
    assert asked.answer.shown not in ran.out, "the answer is not given away"
    assert ran.out.endswith("\n1 question: 1 right (1 at the first try), 0 looked up.\n")


def test_a_wrong_answer_gets_a_hint_and_another_try(wavetree_learn: Learn) -> None:
    right = find("rings").asked(1).answer.shown
    ran = wavetree_learn("practice", "--question", "rings", typed=f"what?\n7777\n{right}\n")
    assert "I cannot read that. Write one number, such as 12 or 0.5." in ran.out
    assert "Not quite. The rings are 1, 2, 4 ... long" in ran.out
    assert ran.out.endswith("\n1 question: 1 right (0 at the first try), 0 looked up.\n")


@pytest.mark.parametrize("asks", ["h", "H", "?"])
def test_a_hint_is_there_for_the_asking_and_costs_no_try(wavetree_learn: Learn, asks: str) -> None:
    asked = find("rings").asked(1)
    ran = wavetree_learn("practice", "--question", "rings", typed=f"{asks}\n{asked.answer.shown}\n")
    assert "h gives a hint" in ran.out.splitlines()[0]
    assert asked.hint.replace("`", "")[:40] in ran.out
    assert "I cannot read that" not in ran.out
    assert ran.out.endswith("\n1 question: 1 right (1 at the first try), 0 looked up.\n")


def test_the_answer_is_shown_when_asked_for(wavetree_learn: Learn) -> None:
    asked = find("rings").asked(3)
    ran = wavetree_learn("practice", "--question", "rings", "--seed", 3, typed="\n")
    assert f"\n{asked.answer.shown}\n" in ran.out
    assert ran.out.endswith("\n1 question: 0 right (0 at the first try), 1 looked up.\n")


def test_other_numbers(wavetree_learn: Learn) -> None:
    first, second = find("shapes").asked(1), find("shapes").asked(2)
    assert first.answer != second.answer
    ran = wavetree_learn("practice", "--question", "shapes", typed=f"n\n{second.answer.shown}\n")
    assert ran.out.endswith("\n1 question: 1 right (1 at the first try), 0 looked up.\n")


def test_all_questions_in_order(wavetree_learn: Learn) -> None:
    right = "".join(f"{question.asked(1).answer.shown}\n" for question in QUESTIONS)
    ran = wavetree_learn("practice", typed=right)
    n = len(QUESTIONS)
    assert f"{n} of {n}: " in ran.out
    assert ran.out.endswith(f"\n{n} questions: {n} right ({n} at the first try), 0 looked up.\n")


@pytest.mark.parametrize("typed", ["", "q\n", "Q", "\nq\n"])
def test_one_may_leave_at_any_time(wavetree_learn: Learn, typed: str) -> None:
    for verb, last in (("practice", "looked up."), ("cards", "cards known.")):
        ran = wavetree_learn(verb, typed=typed)
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.splitlines()[-1].endswith(last)


@pytest.mark.parametrize("typed", [b"\xff\xfe\n\x00\n", b"9" * 100_000 + b"\n", "ÿ\u200b\n".encode()])
def test_bytes_that_are_no_answer(wavetree_learn: Learn, typed: bytes) -> None:
    ran = wavetree_learn("practice", "--question", "rings", typed=typed)
    assert (ran.code, ran.err) == (0, "")
    assert "I cannot read that." in ran.out


def test_cards_come_back_until_they_are_known(wavetree_learn: Learn) -> None:
    n = len(cards())
    ran = wavetree_learn("cards", typed="\n1\n" + "\n2\n" * n)
    assert ran.out.count(f"\n1 of {n}\n") == 2
    assert ran.out.count(f"\n2 of {n}\n") == 1
    assert ran.out.endswith(f"\n{n} of {n} cards known.\n")


def test_a_card_is_not_turned_before_enter(wavetree_learn: Learn) -> None:
    front, back = wavetree_learn("cards").out, wavetree_learn("cards", typed="\n").out
    assert "ten times the context" not in " ".join(front.split())
    assert "ten times the context" in " ".join(back.split())


def test_another_key_at_a_card_is_explained(wavetree_learn: Learn) -> None:
    ran = wavetree_learn("cards", typed="\n7\n2\nq\n")
    assert "1: again later, 2: known, q: quit." in ran.out
    assert ran.out.endswith(f"\n1 of {len(cards())} cards known.\n")


@pytest.mark.parametrize("verb", ["practice", "cards"])
def test_an_interrupt_is_a_word(verb: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(io.StringIO):
        def readline(self, _: int | None = -1, /) -> str:
            raise KeyboardInterrupt

    monkeypatch.setattr(sys, "stdin", Interrupted())
    assert main(["learn", verb]) == 130
    assert capsys.readouterr().err == "wavetree: interrupted.\n"


def test_without_a_keyboard(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert main(["learn", "cards"]) == 0
    assert capsys.readouterr().out.endswith("cards known.\n")


def test_on_a_terminal_long_texts_are_paged_and_prompts_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    paged: list[str] = []
    monkeypatch.setattr(learn, "_is_terminal", lambda: True)
    monkeypatch.setattr("pydoc.pager", paged.append)
    monkeypatch.setenv("LESS", "-R")
    assert main(["learn", "lesson"]) == 0
    assert len(paged) == 1
    assert "\x1b[" in paged[0], "in colour"
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n2\n"))
    assert main(["learn", "cards"]) == 0
    ran = capsys.readouterr()
    assert ran.err == "Enter turns: 1 again, 2 known: Enter turns: "
    assert len(paged) == 1


@pytest.mark.parametrize(
    ("argv", "parts"),
    [
        (["practice", "--question", "fuse-by-hnd"], ["no question 'fuse-by-hnd'", "did you mean 'fuse-by-hand'"]),
        (["practice", "--question", ""], ["no question ''"]),
        (["practice", "--seed", "-1"], ["seed cannot be -1", "whole number"]),
        (["practice", "--seed", "x"], ["--seed"]),
        (["export"], ["DIR is missing"]),
        (["export", __file__], ["is a file: give a folder"]),
        (["export", Path(__file__).parent], ["is not empty", "--force"]),
        (["lesson", "2"], ["'2' is one argument too many"]),
        (["lessons"], ["lessons"]),
    ],
)
def test_bad_input_is_a_sentence(wavetree_learn: Learn, argv: list[object], parts: list[str]) -> None:
    ran = wavetree_learn(*argv)
    assert (ran.code, ran.out) == (2, "")
    (line,) = ran.err.splitlines()
    assert line.startswith("wavetree: ")
    assert all(part in line for part in parts), line


def test_export(wavetree_learn: Learn, tmp_path: Path) -> None:
    ran = wavetree_learn("export", tmp_path / "site")
    assert ran.code == 0
    assert sorted(map(Path, ran.out.splitlines())) == sorted((tmp_path / "site").iterdir())
    (line,) = ran.err.splitlines()
    assert "index.html in a browser" in line
    assert str(tmp_path / "site" / "cards.apkg") in ran.out.splitlines()
    again = wavetree_learn("export", tmp_path / "site")
    assert again.code == 2
    assert wavetree_learn("export", tmp_path / "site", "--force").code == 0


def test_export_without_genanki_says_how_to_get_the_deck(
    wavetree_learn: Learn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "genanki", None)
    ran = wavetree_learn("export", tmp_path / "site")
    assert ran.code == 0
    told, _ = ran.err.splitlines()
    assert told.startswith("cards.apkg, a deck for Anki, needs genanki: pip install 'wavetree[anki]', ")
    assert (tmp_path / "site" / "cards.tsv").exists()
    assert not (tmp_path / "site" / "cards.apkg").exists()
