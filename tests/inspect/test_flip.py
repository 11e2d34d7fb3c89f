"""The flip test: which nodes move when a symbol changes, and that none does before it."""

from __future__ import annotations

import pytest
import torch
from tests.laws import twins
from tests.laws.cases import NORMS, Norm, tree

from wavetree.codecs import AlphabetCodec
from wavetree.errors import SettingError, SymbolError
from wavetree.inspect import flip
from wavetree.models import Tree, evaluating

CODEC = AlphabetCodec("abcde")


def model(levels: int = 3, norm: Norm = "batch", kind: type[Tree] = Tree) -> Tree:
    return tree(levels, norm, kind, vocab_size=CODEC.vocab_size)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("position", [1, 4, 12])
def test_just_those_that_see_it_move(position: int, norm: Norm) -> None:
    text = "decadebecade"
    found = flip(model(norm=norm), CODEC, text, position)
    assert [(row.layer, row.sees) for row in found.rows] == [
        ("embedding", 1),
        ("level 0 fuse", 2),
        ("level 1 fuse", 4),
        ("level 2 fuse", 8),
        ("output", 8),
    ]
    for row in found.rows:
        moved = [at for at, change in enumerate(row.moved) if change]
        assert moved == [*range(position, min(position + row.sees, len(text) + 1))]
        assert len(row.moved) == len(text) + 1
    assert found.earlier == 0
    assert found.as_formula


def test_how_far_they_move() -> None:
    """The largest change of any number: of the embeddings by hand, of the logits by two dense runs."""
    made = model().double().eval()
    found = flip(made, CODEC, "decade", 3, "a")
    assert (found.symbol, found.becomes) == ("c", "a")
    vectors = made.embedding.weight
    assert found.rows[0].moved[3] == pytest.approx((vectors[3] - vectors[1]).abs().max().item(), abs=1e-12)
    with evaluating(made):
        one, other = (made.dense(torch.tensor([[0, *CODEC.encode(text)]]))[0] for text in ("decade", "deaade"))
    assert found.rows[-1].moved == pytest.approx((one - other).abs().amax(dim=1).tolist(), abs=1e-12)


@pytest.mark.parametrize(("position", "becomes"), [(1, "e"), (2, "a"), (3, "d"), (4, "b")])
def test_the_next_symbol_if_none_is_named(position: int, becomes: str) -> None:
    """After the last symbol of the alphabet comes the first."""
    assert flip(model(), CODEC, "deca", position).becomes == becomes


def test_a_broken_tree_is_found_out() -> None:
    leaking = flip(model(kind=twins.FutureNorm), CODEC, "decade", 4)
    assert leaking.earlier > 0
    assert not leaking.as_formula
    deaf = flip(model(kind=twins.DeafTop), CODEC, "decade", 2)
    assert deaf.earlier == 0
    assert not deaf.as_formula


@pytest.mark.parametrize(
    ("text", "position", "becomes", "said"),
    [
        ("decade", 0, None, "there is no position 0: the symbols of 'decade' are at 1 to 6."),
        ("decade", 7, None, "there is no position 7"),
        ("", 1, None, "the text is empty: it has no symbol to change."),
        ("decade", 2, "e", "the symbol at position 2 is 'e' already: name another one."),
        ("decade", 2, "ab", "a flip is to one symbol, and 'ab' has 2."),
        ("decade", 2, "", "a flip is to one symbol, and '' has 0."),
    ],
)
def test_a_flip_that_cannot_be(text: str, position: int, becomes: str | None, said: str) -> None:
    with pytest.raises(SettingError) as caught:
        flip(model(), CODEC, text, position, becomes)
    assert said in str(caught.value)


def test_symbols_that_the_model_never_saw() -> None:
    with pytest.raises(SymbolError, match="'x'"):
        flip(model(), CODEC, "decade", 2, "x")
    with pytest.raises(SymbolError, match="'x'"):
        flip(model(), CODEC, "axe", 1)
    with pytest.raises(SettingError, match="the model knows no other symbol"):
        flip(tree(1, vocab_size=2), AlphabetCodec("a"), "aa", 1)


def test_the_model_is_left_as_it_was() -> None:
    made = model().train()
    before = {name: tensor.clone() for name, tensor in made.state_dict().items()}
    flip(made, CODEC, "decade", 2)
    assert all(torch.equal(tensor, before[name]) for name, tensor in made.state_dict().items())
    assert all(layer.training for layer in made.modules())
