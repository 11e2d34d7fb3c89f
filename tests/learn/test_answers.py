"""Reading what a learner writes: generous about how, strict about what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavetree.learn.practice.answers import Amount, Amounts, Answer, Letter, Positions, Shape, Shapes

RIGHT: list[tuple[Answer, list[str]]] = [
    (Amount(1024), ["1024", "1,024", "1 024", "1_024", " 1024. ", "1024.0", "+1024", "(1024)"]),
    (Amount(-0.5, 0.01), ["-0.5", "-.5", "−0.5", "-0,5", "-0.505"]),
    (Amount(2.5), ["2.5", "2,5", "2.50"]),
    (Amount(0), ["0", "0.0", "-0"]),
    (Amounts((140, 60)), ["140, 60", "140,60", "140 60", "140; 60", "(140, 60)", "[140 60]"]),
    (Amounts((1550, 250)), ["1,550, 250", "1550, 250", "1,550 250", "1,550; 250"]),
    (Amounts((0.5, 1.5, -3), 0.01), ["0.5, 1.5, -3", "0.5,1.5,-3.0", "(.5 1.5 -3)", "0.5 ; 1.5 ; −3"]),
    (Shape((4, 4, 48)), ["(4, 4, 48)", "4,4,48", "4 x 4 x 48", "4x4x48", "4×4×48", "4 4 48", "[4, 4, 48]", "4*4*48"]),
    (Shape((4, 4, 48)), ["torch.Size([4, 4, 48])", "( 4 ,4 , 48 )", "4, 4, 48.", "(4, 4, 48"]),
    (Shape((68,)), ["(68,)", "68", "(68)"]),
    (
        Shapes(((4, 2, 8), (4, 8))),
        ["(4, 2, 8) (4, 8)", "(4,2,8),(4,8)", "4 2 8; 4 8", "4x2x8 -> 4x8", "[4,2,8]; [4,8]"],
    ),
    (
        Positions.of([4, 5, 6, 7]),
        ["4, 5, 6, 7", "7 6 5 4", "4-7", "4 to 7", "4..7", "{4, 5, 6, 7}", "4-5, 6 and 7", "4–7"],
    ),
    (Positions.of([3]), ["3", "3-3", "(3)"]),
    (Letter("B", "ABCD"), ["B", "b", "(b)", "B."]),
]
WRONG: list[tuple[Answer, list[str]]] = [
    (Amount(1024), ["1023", "10", "10.24", "-1024", "102.4"]),
    (Amount(-0.5, 0.01), ["0.5", "-0.52", "-0.48"]),
    (Amounts((140, 60)), ["60, 140", "140, 61", "14, 060"]),
    (Shape((4, 4, 48)), ["(4, 48)", "4,4,48,1", "48,4,4", "192,4", "(4, 4, 480)"]),
    (Shapes(((4, 2, 8), (4, 8))), ["(4, 2, 8)", "(4, 8) (4, 2, 8)", "(4, 2, 8) (4, 1, 8)", "4 2 8 4 8"]),
    (Positions.of([4, 5, 6, 7]), ["4-6", "4, 5, 6", "3-7", "4, 5, 6, 7, 8", "47"]),
    (Letter("B", "ABCD"), ["A", "c"]),
]
UNREADABLE: list[tuple[Answer, list[str]]] = [
    (Amount(1), ["", "one", "1 2 3", "nan", "inf", "1e999", "--1", "1.2.3", "9" * 5000]),
    (Amounts((140, 60)), ["140", "140, 60, 1", "a, b", "", "140, x", ","]),
    (Shape((4, 4, 48)), ["", "(B, 4, 48)", "4.5, 4, 48", "-4, 4, 48", "four", "1" * 20, "()"]),
    (Shapes(((4, 2, 8), (4, 8))), ["", "(4, 2, 8) and more", "(x) (y)", "() ()"]),
    (Positions.of([4]), ["", "four", "1-999999999", "-1", "4.5", "1" * 30]),
    (Letter("B", "ABCD"), ["", "E", "BA", "both", "2"]),
]


def spelled(cases: list[tuple[Answer, list[str]]]) -> list[tuple[Answer, str]]:
    return [(answer, text) for answer, texts in cases for text in texts]


@pytest.mark.parametrize(("answer", "text"), spelled(RIGHT))
def test_right_however_it_is_spelled(answer: Answer, text: str) -> None:
    assert answer.matches(text) is True


@pytest.mark.parametrize(("answer", "text"), spelled(WRONG))
def test_wrong(answer: Answer, text: str) -> None:
    assert answer.matches(text) is False


@pytest.mark.parametrize(("answer", "text"), spelled(UNREADABLE))
def test_unreadable_is_not_wrong(answer: Answer, text: str) -> None:
    assert answer.matches(text) is None


@pytest.mark.parametrize("answer", [answer for answer, _ in RIGHT])
def test_what_is_shown_can_be_written(answer: Answer) -> None:
    assert answer.matches(answer.shown) is True


@pytest.mark.parametrize("answer", [answer for answer, _ in RIGHT])
def test_the_example_can_be_read_and_is_not_the_answer(answer: Answer) -> None:
    example = answer.how.partition("such as ")[2].partition(" or ")[0]
    if not isinstance(answer, Letter):
        assert answer.matches(example) is False


@given(st.text(max_size=60))
def test_nothing_that_is_written_breaks_it(text: str) -> None:
    for answer, _ in RIGHT:
        assert answer.matches(text) in {True, False, None}


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e6, max_value=1e6))
def test_a_number_is_right_as_python_writes_it(value: float) -> None:
    assert Amount(value, 1e-3).matches(repr(value)) is True
    assert Amount(value, 1e-3).matches(repr(value + 1)) is False


def test_figures_have_no_idle_places() -> None:
    assert [Amount(value).shown for value in (0, 12, 76579, 0.01, 2.075)] == ["0", "12", "76,579", "0.01", "2.075"]
    assert Amounts((0.5, -3, 0), 0.01).shown == "0.5, -3, 0"
