"""What goes on inside while a model learns: gradients, updates and activations, level by level.

It costs a small pass over some rows, and is taken every `train.diagnose_every` steps. Nothing here changes the model,
and nothing is drawn at random.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from wavetree.codecs import PAD
from wavetree.config import Config
from wavetree.data.packing import PackedRow
from wavetree.evaluate import Piece
from wavetree.models import AnyModel, evaluating
from wavetree.train.training import Training

SATURATED = 0.97
"""Beyond this a tanh has less than 6% of its slope left: 1 - 0.97 squared."""
PROBED_POSITIONS = 256
"""About so many positions of a batch are looked at: enough for shares of units, and little beside a step."""
LEVEL = re.compile(r"(\w+)\.(\d+)\.")


@dataclass(frozen=True)
class Units:
    """The outputs of one tanh or relu over some positions. `saturated`: the share of values within 3% of a tanh's ends.

    `dead`: the share of units that answer every position alike: a tanh at the same end throughout, a relu at 0.
    """

    saturated: float
    dead: float


@dataclass(frozen=True)
class Diagnostics:
    """One look inside, at a step. All by name, from the symbols up.

    `gradients`: the norm of the gradient of each level's parameters. `updates`: how far the step moved them, as a share
    of their own norm. `units`: what the hidden units of each level answer.
    """

    gradients: dict[str, float]
    updates: dict[str, float]
    units: dict[str, Units]

    def to_json(self) -> dict[str, object]:
        """What a line of metrics.jsonl holds besides the step."""
        return {"diagnostics": asdict(self)}


def levels_of(model: nn.Module) -> dict[str, list[nn.Parameter]]:
    """The parameters of each level, and of what lies below and above, by name."""
    found: dict[str, list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        matched = LEVEL.match(name)
        level = f"{matched[1].rstrip('s')} {matched[2]}" if matched else name.partition(".")[0]
        found.setdefault(level, []).append(parameter)
    return found


def diagnosed_step(training: Training, piece: Piece, config: Config) -> Diagnostics:
    """One step of a training, and what it did."""
    levels = levels_of(training.model)
    before = {name: [p.detach().clone() for p in level] for name, level in levels.items()}
    given = dict(zip(training.optimiser.parameters, training.advance(piece, config), strict=True))
    gradients = {name: _norm(given[p] for p in level) for name, level in levels.items()}
    updates = {
        name: _norm(p.detach() - old for p, old in zip(level, before[name], strict=True))
        / max(_norm(before[name]), torch.finfo(torch.float32).tiny)
        for name, level in levels.items()
        if name != "output" or training.step > 1  # an output layer that begins at next to nothing grows by leaps
    }
    return Diagnostics(gradients, updates, look_at_units(training.model, piece))


def look_at_units(model: AnyModel, piece: Piece) -> dict[str, Units]:
    """What the hidden units answer to some rows of a piece, in evaluation mode."""
    ids, inside = (rows.to(model.device) for rows in _some_rows(piece))
    with evaluating(model):
        state = model.start()
        with Answers() as answers:
            model.stream(ids, state)
    return units_of({name: out[inside] if out.shape[:2] == inside.shape else out for name, out in answers.by_name()})


def units_of(answers: Mapping[str, Tensor]) -> dict[str, Units]:
    """Shares over the answers (..., H) of each layer of units, by name: "tanh 0", "relu 1" and so on."""
    found = {}
    for name, out in answers.items():
        flat = out.reshape(-1, out.shape[-1])  # (N, H)
        if name.startswith("tanh"):
            over = flat.abs() > SATURATED
            dead = ((flat > SATURATED).all(0) | (flat < -SATURATED).all(0)).float().mean()
            found[name] = Units(over.float().mean().item(), dead.item())
        else:
            found[name] = Units(0.0, (flat == 0).all(0).float().mean().item())
    return found


class Answers(TorchFunctionMode):
    """In here every tanh and every relu leaves its result, in order."""

    KINDS: Mapping[Callable[..., Any], str] = {torch.tanh: "tanh", Tensor.tanh: "tanh", F.relu: "relu"}

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, Tensor]] = []

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        if func in self.KINDS:
            self.found.append((self.KINDS[func], out.detach()))
        return out

    def by_name(self) -> Iterable[tuple[str, Tensor]]:
        """Each kind counted from 0: "tanh 0", "tanh 1", "relu 0"."""
        numbers = dict.fromkeys(self.KINDS.values(), 0)
        for kind, out in self.found:
            yield f"{kind} {numbers[kind]}", out
            numbers[kind] += 1


def _some_rows(piece: Piece) -> tuple[Tensor, Tensor]:
    """Rows (B, T) of a piece that begin with pad, and which of their positions are the piece's own, not filled up."""
    if not isinstance(piece, PackedRow):
        ids = torch.from_numpy(piece.ids)[:1, :PROBED_POSITIONS]
        return ids, torch.ones_like(ids, dtype=torch.bool)
    begins = np.flatnonzero(piece.ages[:PROBED_POSITIONS] == 0)
    ends = np.append(begins[1:], min(len(piece.ids), PROBED_POSITIONS))
    rows = np.full((len(begins), int((ends - begins).max())), PAD)
    inside = np.arange(rows.shape[1]) < (ends - begins)[:, None]
    rows[inside] = piece.ids[: ends[-1]]
    return torch.from_numpy(rows), torch.from_numpy(inside)


def _norm(tensors: Iterable[Tensor]) -> float:
    return float(torch.stack([tensor.detach().float().norm() for tensor in tensors]).norm())
