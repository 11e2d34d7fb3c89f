"""A network of scratch layers, loaded into the tree: the same logits in every run; and what is no tree is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

from wavetree.errors import InputError
from wavetree.layers.scratch import BatchNorm1d, Embedding, FlattenConsecutive, Layer, Linear, Sequential, Tanh
from wavetree.models import Tree, evaluating, parameter_count, tree_from_layers

V, E, H = 9, 4, 6
PRECISIONS = [(torch.float32, 1e-6), (torch.float64, 1e-12)]


def level(channels: int, hidden: int = H, dims: tuple[int, ...] | None = None, eps: float = 1e-5) -> list[Layer]:
    return [
        FlattenConsecutive(2),
        Linear(2 * channels, hidden, bias=False),
        BatchNorm1d(hidden, dims=dims, eps=eps),
        Tanh(),
    ]


def layers(levels: int, **norm: float | tuple[int, ...]) -> list[Layer]:
    between = [layer for k in range(levels) for layer in level(H if k else E, **norm)]  # type: ignore[arg-type]
    return [Embedding(V, E), *between, Linear(H, V)]


def converted(network: Sequential, dtype: torch.dtype) -> Sequential:
    """The network with all its tensors in another precision."""
    for layer in network.layers:
        for name, value in vars(layer).items():
            if isinstance(value, Tensor):
                setattr(layer, name, value.detach().to(dtype).requires_grad_(value.requires_grad))
    return network


def lived_in(network: Sequential, levels: int, dtype: torch.dtype = torch.float32) -> Sequential:
    """Its weights from the seed 1, scales and shifts of its own, and statistics from some passes in training mode."""
    draws = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            drawn = torch.randn(parameter.shape, generator=draws)
            parameter.copy_(drawn / len(drawn) ** 0.5 if parameter.ndim == 2 else 1 + 0.3 * drawn)
    converted(network, dtype)
    for _ in range(5):
        network(torch.randint(V, (32, 1 << levels), generator=draws))
    return network.train(False)


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS, ids=["single", "double"])
@pytest.mark.parametrize("levels", [1, 2, 3, 5])
def test_the_same_logits_in_every_run(levels: int, dtype: torch.dtype, tolerance: float) -> None:
    network = lived_in(Sequential(layers(levels, eps=0.01)), levels, dtype)
    tree = tree_from_layers(network)
    assert isinstance(tree, Tree)
    assert {p.dtype for p in tree.state_dict().values()} == {dtype}
    field = tree.receptive_field
    assert field == 1 << levels
    ids = torch.randint(V, (3, field + 5), generator=torch.Generator().manual_seed(2))
    padded = torch.cat([torch.zeros(3, field - 1, dtype=torch.int64), ids], dim=1)
    wanted = network(padded.unfold(1, field, 1).reshape(-1, field)).view(3, field + 5, V)
    assert wanted.std() > 0.2  # there is something to compare
    gaps = {}
    with evaluating(tree):
        windows = padded.unfold(1, field, 1).reshape(-1, field)
        gaps["window"] = (tree.window(windows).view_as(wanted) - wanted).abs().max().item()
        gaps["dense"] = (tree.dense(ids) - wanted).abs().max().item()
        state, steps = tree.start(), []
        for t in range(ids.shape[1]):
            logits, state = tree.step(ids[:, t], state)
            steps.append(logits)
        gaps["step"] = (torch.stack(steps, dim=1) - wanted).abs().max().item()
    assert {name: gap for name, gap in gaps.items() if not gap <= tolerance} == {}


def test_everything_is_taken_over() -> None:
    network = lived_in(Sequential(layers(3, eps=0.01)), 3)
    tree = tree_from_layers(network)
    assert parameter_count(tree) == sum(parameter.numel() for parameter in network.parameters())
    norm = network.layers[7]
    assert isinstance(norm, BatchNorm1d)
    norm.momentum = 0.25
    loaded = tree_from_layers(network).fusions[1].norm
    assert (loaded.eps, loaded.momentum) == (0.01, 0.25)
    assert loaded.running_var.shape == (H,)
    assert torch.equal(loaded.running_var, norm.running_var.flatten())
    assert not torch.allclose(norm.running_var, torch.ones(H), atol=0.1)
    before = {name: tensor.clone() for name, tensor in tree.state_dict().items()}
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        norm.running_mean.zero_()
    assert all(torch.equal(tensor, before[name]) for name, tensor in tree.state_dict().items())


def test_the_mode_is_that_of_the_network() -> None:
    network = Sequential(layers(2))
    assert tree_from_layers(network).training
    assert not tree_from_layers(network.train(False)).fusions[1].norm.training


def test_a_new_network_and_nested_ones_are_trees_too() -> None:
    """Without any pass the statistics have the shape (C,); blocks may be grouped."""
    flat = layers(2)
    nested = Sequential([flat[0], Sequential([Sequential(flat[1:5]), Sequential(flat[5:9])]), flat[9]])
    ids = torch.randint(V, (5, 4), generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        wanted = nested.train(False)(ids)
        assert torch.allclose(tree_from_layers(nested).window(ids), wanted, atol=1e-6)


def test_the_lecture_network() -> None:
    made: list[Layer] = [Embedding(27, 24)]
    for channels in (24, 128, 128):
        made += [FlattenConsecutive(2), Linear(2 * channels, 128, bias=False), BatchNorm1d(128), Tanh()]
    assert parameter_count(tree_from_layers(Sequential([*made, Linear(128, 27)]))) == 76_579


def test_the_batch_norm_bug_is_refused() -> None:
    """Before any training, by its dims; after, by the shape of its statistics, whoever made them."""
    sentence = r"layer 3 of 10 \(counted from 0\) is BatchNorm1d\(6, dims=\(0,\)\), and its statistics are not taken"
    new = Sequential(layers(2, dims=(0,)))
    with pytest.raises(InputError, match=sentence):
        tree_from_layers(new)
    trained = lived_in(Sequential(layers(2, dims=(0,))), 2)
    with pytest.raises(InputError, match=sentence):
        tree_from_layers(trained)
    norm = trained.layers[3]
    assert isinstance(norm, BatchNorm1d)
    norm.dims = None
    with pytest.raises(InputError, match="position to position"):
        tree_from_layers(trained)


def test_axis_0_is_all_there_is_at_the_last_level() -> None:
    network = lived_in(Sequential([Embedding(V, E), *level(E), *level(H, dims=(0,)), Linear(H, V)]), 2)
    ids = torch.randint(V, (5, 4), generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        assert torch.allclose(tree_from_layers(network).window(ids), network(ids), atol=1e-6)


def changed(number: int, *instead: Layer) -> Callable[[], Sequence[Layer]]:
    """The layers of a tree with one of them replaced."""

    def make() -> Sequence[Layer]:
        given = layers(2)
        return [*given[:number], *instead, *given[number + 1 :]]

    return make


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (list, "it ends after 0 layers, where a tree has Embedding"),
        (lambda: layers(2)[:1], "it ends after 1 layers, where a tree has FlattenConsecutive"),
        (lambda: layers(2)[:-1], "it ends after 9 layers, where a tree has Linear"),
        (
            lambda: layers(2)[1:],
            "layer 0 of 9 (counted from 0) is FlattenConsecutive(2), and a tree has Embedding there",
        ),
        (lambda: [*layers(2), Tanh()], "layer 10 of 11 (counted from 0) is Tanh(), and a tree ends before it"),
        (
            changed(1, FlattenConsecutive(3)),
            "layer 1 of 10 (counted from 0) is FlattenConsecutive(3), and a tree fuses 2",
        ),
        (changed(2, Linear(8, 6)), "layer 2 of 10 (counted from 0) is Linear(8, 6), and a tree has no bias there"),
        (changed(2, Linear(9, 6, bias=False)), "a tree would have Linear(8, 6, bias=False) there"),
        (
            changed(6, Linear(12, 7, bias=False)),
            "layer 6 of 10 (counted from 0) is Linear(12, 7, bias=False), and a tree",
        ),
        (changed(3), "layer 3 of 9 (counted from 0) is Tanh(), and a tree has BatchNorm1d there"),
        (changed(3, BatchNorm1d(5)), "is BatchNorm1d(5), and the layer before it makes 6 channels"),
        (changed(4), "layer 4 of 9 (counted from 0) is FlattenConsecutive(2), and a tree has Tanh there"),
        (
            changed(9, Linear(6, 8)),
            "layer 9 of 10 (counted from 0) is Linear(6, 8), and a tree would have Linear(6, 9)",
        ),
        (changed(9, Linear(6, 9, bias=False)), "the output layer of a tree has a bias"),
        (lambda: layers(13), "this network is too large for a tree: levels: input should be less than or equal to 12."),
    ],
)
def test_what_is_no_tree(make: Callable[[], Sequence[Layer]], said: str) -> None:
    with pytest.raises(InputError) as caught:
        tree_from_layers(Sequential(make()))
    assert said in str(caught.value)
    assert str(caught.value).startswith("this network is ")
    assert str(caught.value).endswith(".")


def test_the_flat_network_is_no_tree() -> None:
    flat: list[Layer] = [Embedding(V, E), FlattenConsecutive(8), Linear(8 * E, H), Tanh(), Linear(H, V)]
    with pytest.raises(InputError, match=r"layer 1 of 5 .* is FlattenConsecutive\(8\), and a tree fuses 2 neighbours"):
        tree_from_layers(Sequential(flat))
