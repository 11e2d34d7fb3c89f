"""A shape that does not fit is a sentence: which layer, what it got, what it takes, and what to do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from wavetree.errors import InputError
from wavetree.layers.scratch import (
    BatchNorm1d,
    Embedding,
    FlattenConsecutive,
    Layer,
    Linear,
    NeighbourError,
    Sequential,
    ShapeError,
    Tanh,
)


def level(channels: int, n: int = 2) -> list[Layer]:
    return [FlattenConsecutive(n), Linear(n * channels, 68, bias=False), BatchNorm1d(68), Tanh()]


def tree(levels: int, n: int = 2) -> list[Layer]:
    return [Embedding(27, 10), *(layer for k in range(levels) for layer in level(68 if k else 10, n))]


def ids(*shape: int) -> Tensor:
    return torch.randint(27, shape, generator=torch.Generator().manual_seed(1))


def said(layer: Callable[[Tensor], Tensor], x: Tensor) -> str:
    with pytest.raises(ShapeError) as caught:
        layer(x)
    assert isinstance(caught.value, InputError)
    assert str(caught.value).endswith((".", "?"))
    return str(caught.value)


def test_a_fourth_halving_of_8_symbols() -> None:
    assert said(Sequential([*tree(4), Linear(68, 27)]), ids(4, 8)) == (
        "layer 13 of 18 (counted from 0): FlattenConsecutive(2) got a tensor of shape (4, 68), and takes (B, T, C) "
        "with T a multiple of 2. 8 symbols halve 3 times (8, 4, 2, 1): leave this level out, its linear layer "
        "and norm too, or begin with a multiple of 16 symbols."
    )


def test_the_advice_for_a_fourth_halving_works() -> None:
    """What is left without the level runs, as the whole does over 16 symbols; without this one layer it would not."""
    layers = [*tree(4), Linear(68, 27)]
    assert Sequential([*layers[:13], *layers[17:]])(ids(4, 8)).shape == (4, 27)
    assert Sequential(layers)(ids(4, 16)).shape == (4, 27)
    assert "takes (..., 136)" in said(Sequential([*layers[:13], *layers[14:]]), ids(4, 8))


def test_a_window_that_is_no_power_of_two() -> None:
    sentence = said(Sequential([*tree(3), Linear(68, 27)]), ids(4, 12))
    assert sentence.endswith(
        "12 symbols halve 2 times (12, 6, 3): begin with a multiple of 8 symbols. Without this level and those above "
        "it, 3 vectors would be left, not one."
    )
    assert Sequential([*tree(3), Linear(68, 27)])(ids(4, 16)).shape == (4, 2, 27)
    assert Sequential([*tree(2), Linear(68, 27)])(ids(4, 12)).shape == (4, 3, 27)


def test_it_is_found_through_nested_networks() -> None:
    """However the levels are grouped: the place is told from the inside out, the halvings are those of all."""
    blocks = Sequential([Embedding(27, 10), *(Sequential(level(68 if k else 10)) for k in range(4))])
    sentence = said(blocks, ids(4, 8))
    assert sentence.startswith("layer 0 of 4 in layer 4 of 5 (counted from 0): FlattenConsecutive(2) got")
    assert "8 symbols halve 3 times (8, 4, 2, 1)" in sentence


@pytest.mark.parametrize(
    ("layers", "shape", "parts"),
    [
        (tree(5), (4, 16), ["layer 17 of 21", "16 symbols halve 4 times (16, 8, 4, 2, 1)", "multiple of 32"]),
        (tree(2), (4, 6), ["layer 5 of 9", "(4, 3, 68)", "6 symbols halve once (6, 3)", "multiple of 4"]),
        (tree(2), (1, 2), ["(1, 68)", "2 symbols halve once (2, 1)", "multiple of 4"]),
        (tree(3, n=3), (2, 9), ["9 symbols can be joined 2 times (9, 3, 1)", "multiple of 27"]),
        (tree(1), (4, 7), ["layer 1 of 5", "(4, 7, 10)", "T a multiple of 2"]),
        (tree(1), (4, 0), ["layer 1 of 5", "(4, 0, 10)", "T a multiple of 2"]),
        (tree(1), (8,), ["layer 1 of 5", "(8, 10)", "no axis of time", "(1, T, C)"]),
        (tree(1), (2, 3, 8), ["layer 1 of 5", "(2, 3, 8, 10)", "takes (B, T, C)"]),
    ],
    ids=["16 and 5", "6 and 2", "batch of 1", "threes", "7", "none", "no batch", "four axes"],
)
def test_time_that_cannot_be_shared_out(layers: list[Layer], shape: tuple[int, ...], parts: list[str]) -> None:
    sentence = said(Sequential(layers).train(False), ids(*shape))
    assert [part for part in parts if part not in sentence] == []


@pytest.mark.parametrize(
    ("layer", "x", "parts"),
    [
        (Linear(20, 3), torch.zeros(4, 30), ["Linear(20, 3) got", "(4, 30)", "takes (..., 20)."]),
        (Linear(20, 3), torch.zeros(()), ["shape ()", "takes (..., 20)."]),
        (Linear(20, 3), torch.zeros(4, 2, 10), ["is a FlattenConsecutive missing before it?"]),
        (Linear(20, 3, bias=False), ids(4, 20), ["bias=False", "whole numbers", "Embedding"]),
        (Embedding(27, 10), torch.zeros(4, 8), ["Embedding(27, 10) got", "(4, 8)", "whole numbers", "torch.float32"]),
        (Embedding(27, 10), ids(4, 8) == 3, ["whole numbers", "torch.bool"]),
        (Embedding(9, 10), torch.tensor([3, 9]), ["ids from 0 to 8", "One of them is 9."]),
        (Embedding(9, 10), torch.tensor([-1, 3]), ["ids from 0 to 8", "One of them is -1."]),
        (FlattenConsecutive(2), torch.zeros(4, 68), ["(4, 68)", "all vectors have become one already"]),
        (FlattenConsecutive(2), torch.zeros(4, 7, 68), ["(4, 7, 68)", "T a multiple of 2."]),
        (BatchNorm1d(3), torch.zeros(4, 5), ["(4, 5)", "takes (N, 3) or (B, T, 3)."]),
        (BatchNorm1d(3), torch.zeros(3), ["(3,)", "takes (N, 3) or (B, T, 3)."]),
        (BatchNorm1d(3), torch.zeros(2, 3, 4, 3), ["takes (N, 3) or (B, T, 3)."]),
        (BatchNorm1d(3), torch.zeros(2, 3, 4), ["(2, 3, 4)", "takes (N, 3) or (B, T, 3)."]),
        (BatchNorm1d(3), torch.zeros(1, 3), ["in training with two vectors or more", "One has no variance."]),
        (BatchNorm1d(3, dims=(0,)), torch.zeros(1, 4, 3), ["in training with two vectors or more"]),
        (BatchNorm1d(3), torch.zeros(0, 3), ["in training with two vectors or more"]),
        (BatchNorm1d(3, dims=(0, 1)), torch.zeros(4, 3), ["axes (0, 1)", "not those of each channel"]),
        (BatchNorm1d(3, dims=()), torch.zeros(4, 3), ["axes ()"]),
        (BatchNorm1d(3, dims=(5,)), torch.zeros(4, 3), ["axes (5,)"]),
    ],
)
def test_every_layer_says_what_it_takes(layer: Layer, x: Tensor, parts: list[str]) -> None:
    sentence = said(layer, x)
    assert [part for part in parts if part not in sentence] == []
    inside = said(Sequential([Tanh() if x.is_floating_point() else Sequential([]), layer]), x)
    assert inside == f"layer 1 of 2 (counted from 0): {sentence}"


def test_what_the_bug_has_met_is_all_that_it_takes() -> None:
    """Its statistics are tied to the positions of a window: another length fails, in a sentence and not by chance."""
    norm = BatchNorm1d(3, dims=(0,))
    norm(torch.randn(5, 4, 3))
    for training in (True, False):
        norm.training = training
        for x in (torch.zeros(5, 2, 3), torch.zeros(4, 3), torch.zeros(5, 3)):
            assert "of shape (1, 4, 3): they are not taken over all axes" in said(norm, x)
    assert norm(torch.zeros(1, 4, 3)).shape == (1, 4, 3)


def test_one_vector_is_fine_in_evaluation() -> None:
    norm = BatchNorm1d(3)
    norm.training = False
    assert norm(torch.zeros(1, 3)).shape == (1, 3)


def test_other_errors_are_not_caught() -> None:
    class Broken(Tanh):
        def __call__(self, x: Tensor) -> Tensor:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Sequential([Broken()])(torch.zeros(1))


@pytest.mark.parametrize(
    "layer",
    [Embedding(27, 10), Linear(3, 4), FlattenConsecutive(2), BatchNorm1d(3), Tanh(), Sequential([Embedding(27, 10)])],
)
def test_a_list_is_no_tensor(layer: Layer) -> None:
    with pytest.raises(InputError, match=r"takes a tensor, and got a list: torch\.tensor\(\.\.\.\) makes one\.$"):
        layer([1, 2])  # type: ignore[arg-type]


@pytest.mark.parametrize("layers", [(Linear(3, 4), Tanh()), (Tanh(),)])
def test_the_habit_of_torch_is_corrected(layers: tuple[Layer, ...]) -> None:
    inside = ", ".join(map(repr, layers))
    with pytest.raises(InputError) as caught:
        Sequential(*layers)  # type: ignore[arg-type]
    assert str(caught.value) == f"Sequential takes one list of layers: write Sequential([{inside}])."


def test_too_few_neighbours_have_an_error_of_their_own() -> None:
    with pytest.raises(NeighbourError):
        FlattenConsecutive(2)(torch.zeros(4, 3, 10))


def test_one_axis_may_be_given_as_a_number() -> None:
    x = torch.randn(5, 4, 3, generator=torch.Generator().manual_seed(1))
    assert torch.equal(BatchNorm1d(3, dims=0)(x), BatchNorm1d(3, dims=(0,))(x))
    assert repr(BatchNorm1d(3, dims=0)) == "BatchNorm1d(3, dims=(0,))"
