"""Laws 1 and 9: every run gives the logits of the window run, one window at a time, its pad symbols written out."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from wavetree.codecs import PAD
from wavetree.inspect.laws.finding import ROUNDING, SEED, Finding, Gap, Model, exact
from wavetree.models import evaluating

Ids = npt.NDArray[np.int64]

AGREE = "1 runs agree"
SINGLE = "9 float32"
SINGLE_TOLERANCE = 1e-4
"""Logits are of the order of ten, and single precision keeps seven digits of them."""

STEPPED = 160
"""Longer rows are walked step by step at both ends only; the stream run carries the state across their middle."""
FUSIONS = 1 << 16
"""About how many fusions the windows of the reference may take: beyond that they are a choice of positions."""


@dataclass(frozen=True)
class Probe:
    """Rows of ids, each read as pad and its symbols, and the positions of each where logits are compared."""

    rows: list[Ids]
    watched: list[list[int]]
    compared: str

    @property
    def matrix(self) -> Tensor:
        """All rows as one batch (B, T): a row that has ended goes on with other symbols, which must not matter."""
        longest = max(self.rows, key=len)
        return torch.from_numpy(np.stack([np.concatenate([row, longest[len(row) :]]) for row in self.rows]))


Run = Callable[[Model, Probe], list[Tensor]]
"""A way to the logits: for each row of the probe those of its watched positions, (P, V)."""


def make_probe(model: Model) -> Probe:
    """Items of 0, 1, R - 1, R and R + 1 symbols. All positions, or, where windows are long, the ends and around R."""
    rng = np.random.default_rng(SEED)
    field = model.receptive_field
    rows = [np.concatenate([[PAD], rng.integers(1, model.vocab_size, n)]) for n in (0, 1, field - 1, field, field + 1)]
    total = sum(map(len, rows))
    budget = FUSIONS // field // len(rows)
    watched = []
    for row in rows:
        places = np.arange(len(row))
        places = places[(places < STEPPED) | (places >= len(rows[-1]) - STEPPED)]
        if total * field > FUSIONS:
            places = rng.choice(places, min(budget, len(places)), replace=False)
        edges = {0, 1, 2, field - 2, field - 1, field, len(row) - 1} & set(range(len(row)))
        watched.append(sorted(edges.union(places.tolist())))
    count = sum(map(len, watched))
    return Probe(rows, watched, "every position" if count == total else f"{count} of {total:,} positions")


def windows(model: Model, row: Ids, places: Sequence[int]) -> Tensor:
    """The windows (P, R) that end at these places of a row."""
    field = model.receptive_field
    padded = np.concatenate([np.full(field - 1, PAD), row])
    return torch.from_numpy(np.stack([padded[place : place + field] for place in places]))


def by_window(model: Model, probe: Probe) -> list[Tensor]:
    """The reference: one window at a time."""
    return [
        torch.cat([model.window(window[None]) for window in windows(model, row, watched)])
        for row, watched in zip(probe.rows, probe.watched, strict=True)
    ]


def by_windows(model: Model, probe: Probe) -> list[Tensor]:
    """The windows of each row in batches of up to seven."""
    return [
        torch.cat([model.window(batch) for batch in torch.split(windows(model, row, watched), 7)])
        for row, watched in zip(probe.rows, probe.watched, strict=True)
    ]


def by_dense(model: Model, probe: Probe) -> list[Tensor]:
    """The dense run of each row alone."""
    pairs = zip(probe.rows, probe.watched, strict=True)
    return [model.dense(torch.from_numpy(row[None]))[0][watched] for row, watched in pairs]


def by_dense_batch(model: Model, probe: Probe) -> list[Tensor]:
    """One dense run of all rows."""
    return [logits[watched] for logits, watched in zip(model.dense(probe.matrix), probe.watched, strict=True)]


def by_packed(model: Model, probe: Probe) -> list[Tensor]:
    """All rows end to end."""
    ids, ages = np.concatenate(probe.rows), np.concatenate([np.arange(len(row)) for row in probe.rows])
    logits = model.packed(model.prepare(ids, ages))  # (N, V)
    parts = torch.split(logits, [len(row) for row in probe.rows])
    return [part[watched] for part, watched in zip(parts, probe.watched, strict=True)]


def by_step(model: Model, probe: Probe) -> list[Tensor]:
    """One symbol of all rows at a time."""
    matrix, state = probe.matrix, model.start()
    time = matrix.shape[1]
    middle = range(STEPPED, max(STEPPED, time - STEPPED))
    stepped: dict[int, Tensor] = {}
    for place in range(middle.start if middle else time):
        stepped[place], state = model.step(matrix[:, place], state)  # (B, V)
    if middle:
        _, state = model.stream(matrix[:, middle.start : middle.stop], state)
        for place in range(middle.stop, time):
            stepped[place], state = model.step(matrix[:, place], state)  # (B, V)
    return [torch.stack([stepped[place][i] for place in watched]) for i, watched in enumerate(probe.watched)]


RUNS: dict[str, Run] = {
    "windows in batches": by_windows,
    "dense, each alone": by_dense,
    "dense, one batch": by_dense_batch,
    "packed": by_packed,
    "step by step": by_step,
}


def runs_agree(model: Model) -> list[Finding]:
    """Law 1: all runs agree, streams may be cut anywhere, a state is a value, and a selection is what it selects."""
    model = exact(model)
    with evaluating(model):
        return [*_compared(AGREE, model, model, ROUNDING), _chunks(model), _old_state(model), _selection(model)]


def single_precision_is_close(model: Model) -> list[Finding]:
    """Law 9: in single precision every run stays within `SINGLE_TOLERANCE` of the windows in double precision."""
    model = exact(model)
    single = copy.deepcopy(model).float()
    with evaluating(model):
        return _compared(SINGLE, single, model, SINGLE_TOLERANCE)


def _compared(law: str, model: Model, reference: Model, tolerance: float) -> list[Finding]:
    probe = make_probe(reference)
    wanted = torch.cat(by_window(reference, probe))
    findings = []
    for name, run in RUNS.items():
        with Gap() as gap:
            gap.between(torch.cat(run(model, probe)), wanted)
        findings.append(gap.finding(law, f"{name}: {probe.compared}", tolerance))
    return findings


def _chunks(model: Model) -> Finding:
    """A stream in ragged chunks, an empty one among them, and the same stream in one pass."""
    field = model.receptive_field
    sizes = [1, 7, 0, field - 1, field, field + 1]
    ids = _random_ids(model, 2 if field < 256 else 1, sum(sizes))  # (B, T)
    with Gap() as gap:
        state, parts = model.start(), []
        for chunk in torch.split(ids, sizes, dim=1):
            logits, state = model.stream(chunk, state)
            parts.append(logits)
        gap.between(torch.cat(parts, dim=1).flatten(0, 1), model.dense(ids).flatten(0, 1))
    return gap.finding(AGREE, f"in chunks of {', '.join(map(str, sizes))}")


def _old_state(model: Model) -> Finding:
    """Twice on from the same state, with other symbols in between."""
    ids = _random_ids(model, 3, 12)  # (B, T)
    with Gap() as gap:
        for spent in (0, 5):
            _, old = model.stream(ids[:, :spent], model.start())
            first, _ = model.stream(ids[:, spent:], old)  # (B, T - spent, V)
            state = old
            for place in range(spent, 12):
                model.step(ids[:, place].flip(0), state)
                logits, state = model.step(ids[:, place], state)
                gap.between(logits, first[:, place - spent])
            again, _ = model.stream(ids[:, spent:], old)
            gap.between(again, first)
    return gap.finding(AGREE, "an old state, used again")


def _selection(model: Model) -> Finding:
    """Members of a batch that are chosen on the way, some twice, and the same members each run alone."""
    ids = _random_ids(model, 5, 12)  # (B, T)
    changes = {3: torch.tensor([3, 0, 3, 4, 1]), 6: torch.tensor([4, 1, 2]), 9: torch.tensor([1])}
    with Gap() as gap:
        members = torch.arange(5)
        state = model.select(model.start(), members)
        alone = [model.dense(row[None])[0] for row in ids]  # (T, V) each
        for place in range(12):
            if place in changes:
                members, state = members[changes[place]], model.select(state, changes[place])
            logits, state = model.step(ids[members, place], state)  # (K, V)
            gap.between(logits, torch.stack([alone[i][place] for i in members.tolist()]))
    return gap.finding(AGREE, "chosen members with each alone")


def _random_ids(model: Model, batch: int, time: int) -> Tensor:
    """Ids (B, T), pad among them: a stream may have it anywhere."""
    return torch.from_numpy(np.random.default_rng(SEED).integers(0, model.vocab_size, (batch, time)))
