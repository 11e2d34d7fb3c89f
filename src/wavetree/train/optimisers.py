"""Gradient steps: SGD, AdamW, and Muon for the matrices with AdamW for the rest.

Parameters that are treated alike are kept in one tensor, of which the model's own are views: a step over a hundred
thousand parameters is then a dozen tensor operations, whatever the number of layers. Each rule is tested against the
one in `torch.optim`, which takes the same settings but visits every parameter in turn.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import Parameter

from wavetree.config import TrainConfig
from wavetree.train.processes import ALONE, Processes

Buffers = dict[str, Tensor]
Rule = Callable[[Tensor, Tensor, Buffers, float, int, int], None]
"""rule(values, gradient, buffers, rate, step, workers): changes values and buffers in place; `step` counts from 1."""

BETAS = (0.9, 0.99)  # AdamW: the second one shorter than the usual 0.999, since a run here is a few hundred steps
EPSILON = 1e-8
MOMENTUM = 0.9
ORTHOGONALISE = (3.4445, -4.7750, 2.0315)  # Jordan et al. 2024: the quintic that lifts small singular values fastest
WIDE = 1.5
"""From so many times as many columns as rows on, `_by_gram` has no more products: with n = r m, five steps take
5 (2r + 1) m^3 by the matrices themselves, and (4r + 14) m^3 by their Gram matrices."""
GRAM_STEPS = (3, 2)
"""The steps by one Gram matrix. What it has rounded grows twelvefold a step where singular values are small: by one for
all five steps, two ways to add up the same gradients are soon twenty times as far apart (docs/log.md)."""
ORTHOGONALISE_STEPS = sum(GRAM_STEPS)


def sgd() -> Rule:
    """values -= rate * gradient, as the lecture does."""

    def step(values: Tensor, gradient: Tensor, buffers: Buffers, rate: float, step: int, workers: int) -> None:
        values.sub_(gradient, alpha=rate)

    return step


def adamw(weight_decay: float) -> Rule:
    """Loshchilov and Hutter 2019, algorithm 2."""

    def step(values: Tensor, gradient: Tensor, buffers: Buffers, rate: float, step: int, workers: int) -> None:
        mean, square = _buffer(buffers, "mean", values), _buffer(buffers, "square", values)
        mean.lerp_(gradient, 1 - BETAS[0])
        square.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
        values.mul_(1 - rate * weight_decay)
        spread = (square / (1 - BETAS[1] ** step)).sqrt_().add_(EPSILON)
        values.addcdiv_(mean, spread, value=-rate / (1 - BETAS[0] ** step))

    return step


def muon(
    weight_decay: float, precision: torch.dtype | None = None, processes: Processes = ALONE, parts: int = 1
) -> Rule:
    """Jordan et al. 2024: momentum, made orthogonal. For a stack (K, m, n), each of it `parts` matrices one above the
    other; every one of these is taken by itself.

    `precision` is that of the weights unless given: bfloat16 is enough for the direction, they say, since what it makes
    orthogonal is noisy anyway.
    """

    def step(values: Tensor, gradient: Tensor, buffers: Buffers, rate: float, step: int, workers: int) -> None:
        momentum = _buffer(buffers, "momentum", values)
        momentum.lerp_(gradient, 1 - MOMENTUM)
        wanted = gradient.lerp(momentum, MOMENTUM)  # Nesterov's form
        rows, columns = values.shape[-2] // parts, values.shape[-1]
        matrices = wanted.reshape(-1, rows, columns).to(precision or values.dtype)
        direction = orthogonalised(matrices, workers, processes).to(values.dtype).view_as(values)
        values.mul_(1 - rate * weight_decay)
        values.sub_(direction, alpha=rate * max(1.0, rows / columns) ** 0.5)

    return step


def orthogonalise(stack: Tensor) -> Tensor:
    """Matrices (K, m, n) with the same singular vectors, and all singular values near 1 (Newton-Schulz iteration)."""
    a, b, c = ORTHOGONALISE
    tall = stack.shape[-2] > stack.shape[-1]
    x = stack.mT if tall else stack
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)
    if x.shape[-1] >= WIDE * x.shape[-2] and x.dtype != torch.bfloat16:
        for steps in GRAM_STEPS:
            x = _by_gram(x, steps)
    else:
        for _ in range(ORTHOGONALISE_STEPS):
            gram = x @ x.mT  # (K, m, m)
            x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


def _by_gram(x: Tensor, steps: int) -> Tensor:
    """Some steps of it on (K, m, n), already scaled, in float32 or better; bfloat16 is too coarse for it.

    A step multiplies x by P = a + b G + c G^2, with G = x x^T. So the next G is P G P, and only the product of all P,
    (K, m, m), has to meet x.
    """
    a, b, c = ORTHOGONALISE
    gram = x @ x.mT
    factors: list[Tensor] = []
    for step in range(steps):
        if step:
            gram = factors[-1] @ (gram @ factors[-1])
        factor = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        factor.diagonal(dim1=-2, dim2=-1).add_(a)
        factors.append(factor)
    return functools.reduce(torch.matmul, factors) @ x


def orthogonalised(stack: Tensor, workers: int, processes: Processes = ALONE) -> Tensor:
    """`orthogonalise` of (K, m, n), shared out among processes, and in each among so many threads.

    The numbers are the same for any of them. Fewer matrices than processes are no work to share.
    """
    if 1 < processes.count <= len(stack):
        found, own = torch.zeros_like(stack), processes.share(len(stack))
        found[own] = orthogonalised(stack[own], workers)
        return processes.total(found)
    parts = stack.chunk(workers)
    if len(parts) == 1:
        return orthogonalise(stack)
    with ThreadPoolExecutor(len(parts)) as pool:
        return torch.cat(list(pool.map(torch.no_grad()(orthogonalise), parts)))


def _buffer(buffers: Buffers, name: str, like: Tensor) -> Tensor:
    return buffers.setdefault(name, torch.zeros_like(like))


@dataclass
class Group:
    """Parameters under one rule, as views of one tensor `values`."""

    members: Sequence[Parameter]
    values: Tensor
    rule: Rule
    rate_scale: float
    buffers: Buffers

    @classmethod
    def of(cls, members: Sequence[Parameter], rule: Rule, rate_scale: float = 1.0, stacked: bool = False) -> Group:
        """Moves the parameters into one flat tensor, or, all of one shape (m, n), into one stack (K, m, n)."""
        with torch.no_grad():
            values = torch.stack(list(members)) if stacked else torch.cat([p.reshape(-1) for p in members])
            parts = values if stacked else torch.split(values, [p.numel() for p in members])
            for parameter, part in zip(members, parts, strict=True):
                parameter.data = part.view_as(parameter)
        return cls(members, values, rule, rate_scale, {})

    def step(self, gradients: dict[Parameter, Tensor], rate: float, step: int, workers: int) -> None:
        """One step of the rule, at `rate` times the group's scale."""
        parts = [gradients[p] for p in self.members]
        gradient = torch.cat([part.reshape(-1) for part in parts]).view_as(self.values)
        self.rule(self.values, gradient, self.buffers, rate * self.rate_scale, step, workers)


class Optimiser:
    """The groups of a model's parameters, stepped together. `state` is all that a restart needs besides the weights."""

    def __init__(
        self,
        parameters: Iterable[Parameter],
        matrices: Mapping[Parameter, int],
        config: TrainConfig,
        processes: Processes = ALONE,
    ) -> None:
        everything = list(parameters)
        if config.optimiser == "sgd":
            self.groups = [Group.of(everything, sgd())]
        elif config.optimiser == "adamw":
            self.groups = [Group.of(everything, adamw(config.weight_decay))]
        else:
            alike: dict[tuple[torch.Size, int], list[Parameter]] = {}
            for matrix, parts in matrices.items():
                alike.setdefault((matrix.shape, parts), []).append(matrix)
            rest = [p for p in everything if p not in matrices]
            self.groups = []
            coarse = torch.bfloat16 if config.precision == "bfloat16" else None
            for (_, parts), members in alike.items():
                rule = muon(config.weight_decay, coarse, processes, parts)
                self.groups.append(Group.of(members, rule, config.matrix_rate, stacked=True))
            self.groups.append(Group.of(rest, adamw(config.weight_decay)))
        self.parameters = [p for group in self.groups for p in group.members]

    def step(self, gradients: Sequence[Tensor], rate: float, step: int, workers: int = 1) -> None:
        """One step along `gradients`, given in the order of `parameters`; `step` counts from 1.

        Each stack of matrices is shared out among `workers` threads, besides those that torch may have of its own.
        """
        named = dict(zip(self.parameters, gradients, strict=True))
        with torch.no_grad():
            for group in self.groups:
                group.step(named, rate, step, workers)

    @property
    def state(self) -> Buffers:
        """Every buffer, named `group.buffer`."""
        return {f"{i}.{name}": buffer for i, group in enumerate(self.groups) for name, buffer in group.buffers.items()}

    def restore(self, state: Buffers) -> None:
        """Takes the buffers that `state` gave. Raises ValueError or IndexError for others."""
        for name, buffer in state.items():
            number, _, short = name.partition(".")
            group = self.groups[int(number)]
            if (buffer.shape, buffer.dtype) != (group.values.shape, group.values.dtype):
                raise ValueError(f"{name} has the shape {tuple(buffer.shape)}")
            group.buffers[short] = buffer.to(group.values.device, copy=True)
