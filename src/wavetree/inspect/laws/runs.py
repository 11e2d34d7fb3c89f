"""Laws 1 and 9: every run gives the logits of the window run, one window at a time, its pad symbols written out."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from wavetree.codecs import PAD
from wavetree.inspect.laws.conditions import BY_SYMBOL, NOTHING, Tell, Told, part, tellings
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
ALL = slice(None)


@dataclass(frozen=True)
class Probe:
    """Rows of ids, each read as pad and its symbols, and the positions of each where logits are compared.

    `told` goes with the rows as one batch.
    """

    rows: list[Ids]
    watched: list[list[int]]
    compared: str
    told: Told = NOTHING

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
    return _counted(rows, watched, NOTHING)


def probes(model: Model) -> list[Probe]:
    """The probe, told nothing; and for a model that takes conditions, the same and its longest item once more, told.

    Where windows are long, of what is told only the ends are compared, and where the view just is full.
    """
    plain, field = make_probe(model), model.receptive_field
    rows, watched = [*plain.rows, plain.rows[-1]], [*plain.watched, plain.watched[-1]]
    if sum(map(len, plain.rows)) * field > FUSIONS:
        watched = [sorted({0, field - 2, field - 1, len(row) - 1} & set(range(len(row)))) for row in rows]
    _, *told = tellings(model)
    return [plain, *(_counted(rows, watched, tell(model, len(rows), len(rows[-1]))) for tell in told)]


def _counted(rows: list[Ids], watched: list[list[int]], told: Told) -> Probe:
    count, total = (sum(map(len, each)) for each in (watched, rows))
    compared = "every position" if count == total else f"{count} of {total:,} positions"
    return Probe(rows, watched, compared, told)


def windows(model: Model, probe: Probe, i: int) -> tuple[Tensor, Tensor | None]:
    """The windows that end at the P watched places of row i, and what is told of them: (P, R) and (P, R, G).

    What lies and what holds before the row is written out.
    """
    row, places, field = probe.rows[i], probe.watched[i], model.receptive_field
    padded = torch.from_numpy(np.concatenate([np.full(field - 1, PAD), row]))
    ids = torch.stack([padded[place : place + field] for place in places])
    if probe.told.given is None or probe.told.before is None:
        return ids, None
    held = torch.cat([probe.told.before[i].expand(field - 1, -1), probe.told.given[i]])  # (R - 1 + T, G)
    return ids, torch.stack([held[place : place + field] for place in places])


def _in_windows(model: Model, probe: Probe, size: int) -> list[Tensor]:
    answers = []
    for i in range(len(probe.rows)):
        ids, given = windows(model, probe, i)
        cuts = [slice(begin, begin + size) for begin in range(0, len(ids), size)]
        answers.append(torch.cat([model.window(ids[cut], part(given, cut)) for cut in cuts]))
    return answers


def by_window(model: Model, probe: Probe) -> list[Tensor]:
    """The reference: one window at a time."""
    return _in_windows(model, probe, 1)


def by_windows(model: Model, probe: Probe) -> list[Tensor]:
    """The windows of each row in batches of up to seven."""
    return _in_windows(model, probe, 7)


def by_dense(model: Model, probe: Probe) -> list[Tensor]:
    """The dense run of each row alone; a condition that stays is given once."""
    told, answers = probe.told, []
    for i, (row, watched) in enumerate(zip(probe.rows, probe.watched, strict=True)):
        one = slice(i, i + 1)
        given = part(told.given, one, slice(1 if told.groups is not None else len(row)))
        answers.append(model.dense(torch.from_numpy(row[None]), given, part(told.before, one))[0][watched])
    return answers


def by_dense_batch(model: Model, probe: Probe) -> list[Tensor]:
    """One dense run of all rows."""
    logits = model.dense(probe.matrix, probe.told.given, probe.told.before)  # (B, T, V)
    return [row[watched] for row, watched in zip(logits, probe.watched, strict=True)]


def by_packed(model: Model, probe: Probe) -> list[Tensor]:
    """All rows end to end."""
    lengths = [len(row) for row in probe.rows]
    ids, ages = np.concatenate(probe.rows), np.concatenate([np.arange(length) for length in lengths])
    groups = None if probe.told.groups is None else probe.told.groups.repeat(lengths)
    logits = model.packed(model.prepare(ids, ages, groups), probe.told.conditions)  # (N, V)
    return [row[watched] for row, watched in zip(torch.split(logits, lengths), probe.watched, strict=True)]


def by_step(model: Model, probe: Probe) -> list[Tensor]:
    """One symbol of all rows at a time."""
    matrix, given, state = probe.matrix, probe.told.given, model.start(probe.told.before)
    time = matrix.shape[1]
    middle = range(STEPPED, max(STEPPED, time - STEPPED))
    stepped: dict[int, Tensor] = {}
    for place in range(middle.start if middle else time):
        stepped[place], state = model.step(matrix[:, place], state, part(given, ALL, place))  # (B, V)
    if middle:
        across = slice(middle.start, middle.stop)
        _, state = model.stream(matrix[:, across], state, part(given, ALL, across))
        for place in range(middle.stop, time):
            stepped[place], state = model.step(matrix[:, place], state, part(given, ALL, place))  # (B, V)
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
        more = [check(model, tell) for tell in tellings(model) for check in (_chunks, _old_state, _selection)]
        return [*_compared(AGREE, model, model, ROUNDING), *more]


def single_precision_is_close(model: Model) -> list[Finding]:
    """Law 9: in single precision every run stays within `SINGLE_TOLERANCE` of the windows in double precision."""
    model = exact(model)
    single = copy.deepcopy(model).float()
    with evaluating(model):
        return _compared(SINGLE, single, model, SINGLE_TOLERANCE)


def _compared(law: str, model: Model, reference: Model, tolerance: float) -> list[Finding]:
    findings = []
    for probe in probes(reference):
        wanted = torch.cat(by_window(reference, probe))
        rounded = replace(probe, told=probe.told.like(model))
        for name, run in RUNS.items():
            if run is by_packed and probe.told.how == BY_SYMBOL:
                continue  # whole items keep to one condition
            with Gap() as gap:
                gap.between(torch.cat(run(model, rounded)), wanted)
            findings.append(gap.finding(law, f"{name}{probe.told.how}: {probe.compared}", tolerance))
    return findings


def _chunks(model: Model, tell: Tell) -> Finding:
    """A stream in ragged chunks, an empty one among them, and the same stream in one pass."""
    field = model.receptive_field
    sizes = [1, 7, 0, field - 1, field, field + 1]
    ids = _random_ids(model, 2 if field < 256 else 1, sum(sizes))  # (B, T)
    told = tell(model, *ids.shape)
    with Gap() as gap:
        state, parts = model.start(told.before), []
        for cut in _cuts(sizes):
            logits, state = model.stream(ids[:, cut], state, part(told.given, ALL, cut))
            parts.append(logits)
        gap.between(torch.cat(parts, dim=1).flatten(0, 1), model.dense(ids, told.given, told.before).flatten(0, 1))
    return gap.finding(AGREE, f"in chunks of {', '.join(map(str, sizes))}{told.how}")


def _old_state(model: Model, tell: Tell) -> Finding:
    """Twice on from the same state, with other symbols in between."""
    ids = _random_ids(model, 3, 12)  # (B, T)
    told = tell(model, *ids.shape)
    with Gap() as gap:
        for spent in (0, 5):
            early, late = (part(told.given, ALL, cut) for cut in _cuts([spent, 12 - spent]))
            _, old = model.stream(ids[:, :spent], model.start(told.before), early)
            first, _ = model.stream(ids[:, spent:], old, late)  # (B, T - spent, V)
            state = old
            for place in range(spent, 12):
                given = part(told.given, ALL, place)
                model.step(ids[:, place].flip(0), state, given)
                logits, state = model.step(ids[:, place], state, given)
                gap.between(logits, first[:, place - spent])
            again, _ = model.stream(ids[:, spent:], old, late)
            gap.between(again, first)
    return gap.finding(AGREE, f"an old state, used again{told.how}")


def _selection(model: Model, tell: Tell) -> Finding:
    """Members of a batch that are chosen on the way, some twice, and the same members each run alone."""
    ids = _random_ids(model, 5, 12)  # (B, T)
    told = tell(model, *ids.shape)
    changes = {3: torch.tensor([3, 0, 3, 4, 1]), 6: torch.tensor([4, 1, 2]), 9: torch.tensor([1])}
    with Gap() as gap:
        members = torch.arange(5)
        state = model.select(model.start(told.before), members)
        ones = [slice(i, i + 1) for i in range(5)]
        alone = [model.dense(ids[i], part(told.given, i), part(told.before, i))[0] for i in ones]  # (T, V) each
        for place in range(12):
            if place in changes:
                members, state = members[changes[place]], model.select(state, changes[place])
            logits, state = model.step(ids[members, place], state, part(told.given, members, place))  # (K, V)
            gap.between(logits, torch.stack([alone[i][place] for i in members.tolist()]))
    return gap.finding(AGREE, f"chosen members with each alone{told.how}")


def _cuts(sizes: Sequence[int]) -> list[slice]:
    """Slices of these sizes, one after the other."""
    ends = [0, *itertools.accumulate(sizes)]
    return [slice(begin, end) for begin, end in itertools.pairwise(ends)]


def _random_ids(model: Model, batch: int, time: int) -> Tensor:
    """Ids (B, T), pad among them: a stream may have it anywhere."""
    return torch.from_numpy(np.random.default_rng(SEED).integers(0, model.vocab_size, (batch, time)))
