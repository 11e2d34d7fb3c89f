"""What a model says about a piece of what is learnt from, and what was right: of items, or of a stream."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from wavetree.data.packing import PackedRow
from wavetree.data.rows import StreamRows
from wavetree.models import AnyModel

Piece = PackedRow | StreamRows


def predictions(model: AnyModel, piece: Piece, seed: int = 0) -> tuple[Tensor, Tensor]:
    """The logits (N, V) of every prediction of a piece, and its targets (N,); training may draw from `seed`."""
    targets = torch.from_numpy(piece.targets)
    given = None if piece.given is None else torch.from_numpy(piece.given).to(next(model.parameters()).dtype)
    if isinstance(piece, PackedRow):
        prepared = model.prepare(piece.ids, piece.ages, piece.groups)
        return model.packed(prepared.after(piece.others) if piece.others else prepared, given), targets
    before = None if piece.before is None else torch.from_numpy(piece.before).to(next(model.parameters()).dtype)
    ids = torch.from_numpy(piece.ids)
    run = partial(model.rows, seed=seed, first=piece.first) if model.training else model.dense
    logits = run(ids, given=given, before=before)  # (B, C + T, V)
    return logits[:, -targets.shape[1] :].flatten(0, 1), targets.flatten()
