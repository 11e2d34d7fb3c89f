"""The incremental run without torch: the same logits and the same choices, for streams at many times the speed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from wavetree.codecs import PAD
from wavetree.errors import SettingError
from wavetree.generate.layout import (
    Floats,
    Ids,
    Memory,
    Packed,
    Room,
    Rules,
    Wide,
    copied,
    memory_for,
    pack,
    padded,
    room_for,
)
from wavetree.generate.sampler import Choice
from wavetree.layers.compiled import load_kernels
from wavetree.models import AnyModel, Tree, WaveNet

GROUP = 64
"""Streams of a batch go side by side in groups of this size: so many share a reading of the weights, and what they work
on stays in the cache."""

NO_RULES = Rules(1.0, 0, 0.0)

PARTS = ("activations", "choosing", "layout", "tile")
"""Files beside kernels.py that compiled functions have parts in."""


@dataclass(frozen=True)
class EngineState:
    """What B streams remember. A step changes it in place: copy it to come back to it."""

    packed: Packed
    batch: int
    """B: how many streams go side by side."""
    groups: tuple[tuple[Memory, Room], ...]

    def copy(self) -> EngineState:
        """One that goes its own way from here on."""
        groups = tuple((Memory(*map(copied, memory)), Room(*map(copied, room))) for memory, room in self.groups)
        return EngineState(self.packed, self.batch, groups)


class Engine:
    """A model, packed for the compiled code. Later changes of the model do not reach it."""

    def __init__(self, packed: Packed) -> None:
        self._packed = packed
        self._kernels = load_kernels("wavetree.generate.kernels", *PARTS)

    @classmethod
    def of(cls, model: AnyModel) -> Engine:
        """Raises SettingError for a model that is neither a Tree nor a WaveNet."""
        if not isinstance(model, Tree | WaveNet):
            raise SettingError(f"there is no compiled engine for {type(model).__name__}, only for Tree and WaveNet.")
        return cls(pack(model))

    def start(self, batch: int, before: npt.NDArray[Any] | None = None) -> EngineState:
        """The state before the first symbol of `batch` streams; `before` (B, G) held before it for ever."""
        if batch < 1:
            raise ValueError(f"{batch} streams: there must be at least one stream")
        packed = self._packed
        sizes = [min(GROUP, batch - first) for first in range(0, batch, GROUP)]
        groups = tuple((memory_for(packed, size), room_for(packed.plan, size)) for size in sizes)
        state = EngineState(packed, batch, groups)
        told = self._given(None if before is None else np.asarray(before)[:, None], batch, 1)
        self._run(state, np.full((batch, 1), PAD), told, settle=True)
        return state

    def step(self, ids: Ids, state: EngineState, given: npt.NDArray[Any] | None = None) -> Floats:
        """One symbol on: ids (B,), given (B, G), to logits (B, V) for the next symbol. Changes the state in place."""
        return self.feed(np.asarray(ids)[:, None], state, None if given is None else np.asarray(given)[:, None])

    def feed(self, ids: Ids, state: EngineState, given: npt.NDArray[Any] | None = None) -> Floats:
        """Several symbols on: ids (B, T), T from 1, given (B, T or 1, G), to the logits (B, V) after the last."""
        symbols = self._ids(ids, state.batch)  # (B, T)
        if symbols.shape[1] == 0:
            raise ValueError("no symbol to feed: there is a prediction after a symbol only")
        self._run(state, symbols, self._given(given, *symbols.shape))
        width, vocab = padded(self._packed.plan.vocab), self._packed.plan.vocab
        return np.concatenate([room.logits.reshape(-1, width)[:, :vocab] for _, room in state.groups])

    def run(
        self,
        first: Ids,
        state: EngineState,
        uniforms: Wide,
        choice: Choice,
        allowed: npt.NDArray[np.bool_] | None = None,
        given: npt.NDArray[Any] | None = None,
    ) -> Ids:
        """From the symbols `first` (B,) on, one symbol chosen by each of `uniforms` (B, T): symbols (B, T).

        As T calls of `step` and of generate/sampler.py's `choose`. `allowed` (V,): the symbols that may come. The last
        symbols have not been fed yet: they are the `first` of the next run.
        """
        numbers = np.ascontiguousarray(uniforms, np.float64)
        start = self._ids(np.asarray(first)[:, None], state.batch)
        if numbers.ndim != 2 or len(numbers) != state.batch:
            raise ValueError(f"uniforms of shape {numbers.shape} for {state.batch} streams: it must be (B, T)")
        vocab = self._packed.plan.vocab
        barred = np.zeros(vocab)
        if allowed is not None:
            if np.shape(allowed) != (vocab,) or not np.any(allowed):
                raise ValueError(f"allowed must be ({vocab},), and at least one symbol must be allowed")
            barred[~np.asarray(allowed, bool)] = -np.inf
        if numbers.shape[1] == 0:
            return np.zeros(numbers.shape, np.int64)
        rules = Rules(float(choice.temperature), choice.top_k or 0, choice.top_p or 0.0)
        return self._run(state, start, self._given(given, *numbers.shape), False, rules, barred, numbers)

    def _run(
        self,
        state: EngineState,
        ids: Ids,
        given: Floats,
        settle: bool = False,
        rules: Rules = NO_RULES,
        barred: Wide | None = None,
        uniforms: Wide | None = None,
    ) -> Ids:
        """`run` of generate/kernels.py, group by group."""
        if state.packed is not self._packed:
            raise ValueError("the state is of another engine")
        packed, first = self._packed, 0
        barred = np.zeros(packed.plan.vocab) if barred is None else barred
        uniforms = np.zeros((state.batch, 0)) if uniforms is None else uniforms
        symbols = np.zeros(uniforms.shape, np.int64)
        model = packed.plan, packed.levels, packed.weights
        for memory, room in state.groups:
            rows = slice(first, first + len(room.ids))
            choosing = rules, barred, uniforms[rows], symbols[rows]
            self._kernels.run(*model, memory, room, ids[rows], given[rows], settle, *choosing)
            first = rows.stop
        return symbols

    def _ids(self, ids: Ids, batch: int) -> Ids:
        """Compiled code looks no bounds up, so they are checked here."""
        symbols = np.ascontiguousarray(ids, np.int64)
        vocab = self._packed.plan.vocab
        if symbols.ndim != 2 or len(symbols) != batch:
            raise ValueError(f"ids of {len(symbols)} streams for a state of {batch}")
        if symbols.size and (symbols.min() < 0 or symbols.max() >= vocab):
            raise ValueError(f"an id is outside 0 to {vocab - 1}")
        return symbols

    def _given(self, given: npt.NDArray[Any] | None, batch: int, time: int) -> npt.NDArray[np.float32]:
        """Conditions as (B, T or 1, G); nothing told is (B, 0, G)."""
        size = self._packed.plan.given
        if given is None:
            return np.zeros((batch, 0, size), np.float32)
        told = np.ascontiguousarray(given, np.float32)
        if told.ndim != 3 or told.shape[0] != batch or told.shape[1] not in {1, time} or told.shape[2] != size:
            raise ValueError(f"conditions of shape {told.shape}: it must be ({batch}, {time} or 1, {size})")
        return told
