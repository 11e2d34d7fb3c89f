"""What a model says about a piece of what is learnt from, and what was right: of items, or of a stream."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor

from wavetree.data.packing import PackedRow
from wavetree.data.rows import StreamRows
from wavetree.models import AnyModel, moved

Piece = PackedRow | StreamRows


def predictions(model: AnyModel, piece: Piece, seed: int = 0) -> tuple[Tensor, Tensor]:
    """The logits (N, V) of every prediction of a piece, and its targets (N,); training may draw from `seed`.

    A piece lies in the memory of the processor; here, and nowhere else, it is brought to where the model is.
    """
    targets = torch.from_numpy(piece.targets).to(model.device)
    given = _told(piece.given, model)
    if isinstance(piece, PackedRow):
        prepared = model.prepare(piece.ids, piece.ages, piece.groups)
        needed = prepared.after(piece.others) if piece.others else prepared
        return model.packed(moved(needed, model.device), given), targets
    before, ids = _told(piece.before, model), torch.from_numpy(piece.ids).to(model.device)
    logits = model.rows(ids, seed, given, before, piece.first)  # (B, C + T, V)
    return logits[:, -targets.shape[1] :].flatten(0, 1), targets.flatten()


def _told(conditions: npt.NDArray[Any] | None, model: AnyModel) -> Tensor | None:
    return None if conditions is None else torch.from_numpy(conditions).to(next(model.parameters()))
