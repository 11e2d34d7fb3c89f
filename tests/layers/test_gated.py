"""The gated block: the paper's equation, number by number, and what goes on."""

from __future__ import annotations

import math

import pytest
import torch

from wavetree.layers import GatedBlock


@pytest.mark.parametrize("kernel", [2, 3])
def test_the_equation_written_out(kernel: int) -> None:
    torch.manual_seed(1)
    block = GatedBlock(channels=3, hidden=2, skip=4, kernel=kernel, norm="layer", dropout=0.0, last=False).double()
    torch.nn.init.normal_(block.bias)
    children = list(torch.randn(kernel, 5, 3, dtype=torch.float64))
    right, skips = torch.randn(5, 3, dtype=torch.float64), torch.randn(5, 4, dtype=torch.float64)
    assert block.residual is not None
    with torch.no_grad():
        up, out = block(children, right, skips)
        for n in range(5):
            row = [number for child in children for number in child[n].tolist()]  # the oldest first
            sums = [
                sum(w * x for w, x in zip(weights, row, strict=True)) + bias
                for weights, bias in zip(block.weight.tolist(), block.bias.tolist(), strict=True)
            ]
            z = [math.tanh(a) / (1 + math.exp(-b)) for a, b in zip(sums[:2], sums[2:], strict=True)]
            for layer, found, before in ((block.residual, up, right), (block.skip, out, skips)):
                wanted = [
                    was + sum(w * x for w, x in zip(weights, z, strict=True)) + bias
                    for was, weights, bias in zip(
                        before[n].tolist(), layer.weight.tolist(), layer.bias.tolist(), strict=True
                    )
                ]
                assert found[n].tolist() == pytest.approx(wanted, rel=0, abs=1e-12)


def test_the_last_has_no_residual() -> None:
    block = GatedBlock(channels=3, hidden=2, skip=4, kernel=2, norm="none", dropout=0.0, last=True)
    right = torch.randn(5, 3)
    up, out = block([right, right], right, torch.zeros(1, 4))
    assert up is right
    assert out.shape == (5, 4)
    assert set(block.state_dict()) == {"weight", "bias", "skip.weight", "skip.bias"}


def test_the_first_weights_keep_the_size_of_what_comes_in() -> None:
    torch.manual_seed(1)
    block = GatedBlock(channels=200, hidden=300, skip=4, kernel=3, norm="none", dropout=0.0, last=True)
    sums = torch.randn(500, 600) @ block.weight.T
    assert sums.std().item() == pytest.approx(1, abs=0.05)


def test_dropout_is_of_training_only() -> None:
    torch.manual_seed(1)
    block = GatedBlock(channels=3, hidden=50, skip=4, kernel=2, norm="layer", dropout=0.5, last=False)
    x = torch.randn(1, 3)
    once, again = (block([x, x], x, torch.zeros(1, 4))[1] for _ in range(2))
    assert not torch.equal(once, again)
    block.eval()
    once, again = (block([x, x], x, torch.zeros(1, 4))[1] for _ in range(2))
    assert torch.equal(once, again)
