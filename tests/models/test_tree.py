"""The tree: sizes, shapes, names on disk (law 8), and a state that fits any batch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from wavetree.config import TreeConfig
from wavetree.models import Tree, build, evaluating, parameter_count

GOLDEN = Path(__file__).parent / "tree_names.json"
"""Names and shapes of the tensors on disk, by norm. They are a contract: a change needs a new format version."""
LECTURE = TreeConfig(levels=3, embedding=24, hidden=128)


def test_the_lecture_network_has_76579_parameters() -> None:
    """Embedding, three fusions with a scale and a bias for each channel, output."""
    by_hand = 27 * 24 + (2 * 24 * 128 + 2 * 128) + 2 * (2 * 128 * 128 + 2 * 128) + (128 * 27 + 27)
    assert parameter_count(build(LECTURE, 27, 1)) == by_hand == 76_579


@pytest.mark.parametrize(
    ("name", "norm", "given_size"), [("batch", "batch", 0), ("layer", "layer", 0), ("conditioned", "layer", 5)]
)
def test_names_and_shapes_are_those_of_the_contract(name: str, norm: str, given_size: int) -> None:
    model = build(LECTURE.model_copy(update={"norm": norm}), 27, 1, given_size)
    found = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
    assert found == json.loads(GOLDEN.read_text("utf-8"))[name]
    assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.float32}


@pytest.mark.parametrize("levels", [1, 2, 3, 7, 12])
def test_every_run_has_its_shape(levels: int) -> None:
    model = build(TreeConfig(levels=levels, embedding=3, hidden=5), 9, 1).eval()
    assert model.receptive_field == 2**levels
    assert [tuple(matrix.shape) for matrix in model.matrices] == [(5, 6)] + [(5, 10)] * (levels - 1)
    with evaluating(model):
        assert model.window(torch.zeros(2, 2**levels, dtype=torch.int64)).shape == (2, 9)
        assert model.dense(torch.zeros(2, 4, dtype=torch.int64)).shape == (2, 4, 9)
        assert model.dense(torch.zeros(2, 0, dtype=torch.int64)).shape == (2, 0, 9)
        logits, state = model.step(torch.zeros(2, dtype=torch.int64), model.start())
    assert logits.shape == (2, 9)
    assert [len(ring) for ring in state] == [2**level for level in range(levels)]


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_the_first_state_fits_any_batch(batch: int) -> None:
    model = build(TreeConfig(levels=3, embedding=3, hidden=5), 9, 1).eval()
    ids = torch.arange(batch) % 9
    with evaluating(model):
        stepped, _ = model.step(ids, model.start())
        streamed, _ = model.stream(ids[:, None], model.start())
        chosen, _ = model.step(ids, model.select(model.start(), torch.zeros(batch, dtype=torch.int64)))
    assert stepped.shape == (batch, 9)
    assert torch.allclose(stepped, streamed[:, 0], atol=1e-6)
    assert torch.equal(stepped, chosen)


def test_every_parameter_is_learnt() -> None:
    """None is unused, and none is hidden in a plain list: what training steps, what is saved and what moves agree."""
    model = build(LECTURE, 27, 1)
    loss = model.dense(torch.randint(27, (4, 20), generator=torch.Generator().manual_seed(1))).square().sum()
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    assert all(gradient.abs().sum() > 0 for gradient in gradients)
    assert {name for name, _ in model.named_parameters()} < set(model.state_dict())
    assert [id(fuse) for fuse in model.fusions] == [id(fuse) for fuse in model.levels]


def test_the_first_predictions_are_unsure() -> None:
    """The loss starts near ln V, and not above it by a wrong scale of the output."""
    model = build(LECTURE, 27, 1).eval()
    logits = model.dense(torch.randint(27, (4, 20), generator=torch.Generator().manual_seed(1)))
    nats = -torch.log_softmax(logits, dim=-1).mean()
    assert abs(nats.item() - torch.tensor(27.0).log().item()) < 0.05


def test_weights_follow_from_the_seed_alone() -> None:
    torch.manual_seed(5)
    state = torch.get_rng_state()
    one = build(LECTURE, 27, 1)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(6)
    again, other = build(LECTURE, 27, 1), build(LECTURE, 27, 2)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), again.parameters(), strict=True))
    assert not torch.equal(one.embedding.weight, other.embedding.weight)


def test_evaluating_puts_every_layer_back_even_after_an_error() -> None:
    model = build(LECTURE, 27, 1).train()
    model.fusions[0].norm.eval()

    def fail() -> None:
        with evaluating(model):
            assert not any(layer.training for layer in model.modules())
            assert not torch.is_grad_enabled()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [layer for layer in model.modules() if not layer.training] == [model.fusions[0].norm]
    assert torch.is_grad_enabled()


def test_a_wrong_state_is_refused() -> None:
    model = build(LECTURE, 27, 1).eval()
    with pytest.raises(ValueError, match="zip"):
        model.step(torch.zeros(1, dtype=torch.int64), model.start()[:2])


def test_the_tree_is_built_from_its_settings() -> None:
    assert isinstance(build(LECTURE, 27, 1), Tree)
    assert build(LECTURE, 27, 1).config == LECTURE
