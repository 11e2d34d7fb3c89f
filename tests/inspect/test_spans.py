"""What each node sees, measured: the formula's symbols for a tree, and something else for one that is broken."""

from __future__ import annotations

import pytest
import torch
from tests.laws import twins
from tests.laws.cases import NORMS, Norm, tree

from wavetree.codecs import AlphabetCodec
from wavetree.errors import SettingError, SymbolError
from wavetree.inspect import receptive_spans
from wavetree.inspect.spans import EVERYWHERE
from wavetree.models import Tree

CODEC = AlphabetCodec("abcde")


def model(levels: int, norm: Norm = "batch", kind: type[Tree] = Tree) -> Tree:
    return tree(levels, norm, kind, vocab_size=CODEC.vocab_size)


def test_every_node_of_a_word() -> None:
    spans = receptive_spans(model(2), CODEC, "deca", range(5))
    assert [(span.layer, span.position, span.sees) for span in spans] == [
        ("embedding", 0, "·"),
        ("embedding", 1, "d"),
        ("embedding", 2, "e"),
        ("embedding", 3, "c"),
        ("embedding", 4, "a"),
        ("level 0 fuse", 0, "··"),
        ("level 0 fuse", 1, "·d"),
        ("level 0 fuse", 2, "de"),
        ("level 0 fuse", 3, "ec"),
        ("level 0 fuse", 4, "ca"),
        ("level 1 fuse", 0, "····"),
        ("level 1 fuse", 1, "···d"),
        ("level 1 fuse", 2, "··de"),
        ("level 1 fuse", 3, "·dec"),
        ("level 1 fuse", 4, "deca"),
    ]


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("levels", [1, 3, 6])
def test_measured_is_the_formula(levels: int, norm: Norm) -> None:
    """Every symbol was changed, some that no node may see, on either side; each node moved for just its own."""
    for span in receptive_spans(model(levels, norm), CODEC, "decadebeca", [0, 1, 9, 10]):
        assert span.as_formula
        assert span.moved_by == tuple(range(span.position - span.formula + 1, span.position + 1))
        assert span.measured == span.formula
        assert span.changed > span.formula + 5


def test_deep_trees_are_measured_at_the_ends() -> None:
    spans = receptive_spans(model(8), CODEC, "decade", [0, 6])
    deep = [span for span in spans if span.formula > EVERYWHERE]
    assert [span.formula for span in deep] == [128, 128, 256, 256]
    for span in deep:
        assert span.as_formula
        assert span.changed == 5
        assert (span.moved_by[0], span.moved_by[-1]) == (span.position - span.formula + 1, span.position)
        assert span.measured == span.formula
    assert all(span.as_formula for span in spans)


@pytest.mark.parametrize("positions", [[3], [0, 2, 3, 6], [6, 0, 2, 2]])
def test_which_nodes_are_looked_at_does_not_matter(positions: list[int]) -> None:
    everything = {
        (span.layer, span.position): span.moved_by for span in receptive_spans(model(3), CODEC, "decade", range(7))
    }
    some = receptive_spans(model(3), CODEC, "decade", positions)
    assert [span.position for span in some] == sorted(set(positions)) * 4
    assert all(span.moved_by == everything[span.layer, span.position] for span in some)
    assert receptive_spans(model(3), CODEC, "decade", []) == []


@pytest.mark.parametrize("kind", [twins.RingShort, twins.FutureNorm, twins.DeafTop], ids=lambda kind: kind.__name__)
def test_a_broken_tree_is_found_out(kind: type[Tree]) -> None:
    """What is measured is shown, whatever the formula says."""
    spans = receptive_spans(model(3, kind=kind), CODEC, "decade", range(7))
    assert not all(span.as_formula for span in spans)


def test_a_node_that_nothing_moves() -> None:
    made = model(1)
    with torch.no_grad():
        made.fusions[0].weight.zero_()
    span = receptive_spans(made, CODEC, "a", [1])[-1]
    assert (span.moved_by, span.sees, span.measured, span.as_formula) == ((), "", 0, False)


def test_an_alphabet_of_one() -> None:
    made = tree(2, vocab_size=2)
    assert all(span.as_formula for span in receptive_spans(made, AlphabetCodec("a"), "aaa", range(4)))


def test_the_model_is_left_as_it_was() -> None:
    made = model(2).train()
    before = {name: tensor.clone() for name, tensor in made.state_dict().items()}
    receptive_spans(made, CODEC, "decade", [2])
    assert all(torch.equal(tensor, before[name]) for name, tensor in made.state_dict().items())
    assert all(layer.training for layer in made.modules())
    assert not any(layer._forward_hooks for layer in made.modules())


def test_what_is_not_there() -> None:
    with pytest.raises(SettingError, match="no position 7"):
        receptive_spans(model(2), CODEC, "decade", [6, 7])
    with pytest.raises(SymbolError):
        receptive_spans(model(2), CODEC, "axe", [1])
