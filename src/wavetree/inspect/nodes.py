"""The nodes of a tree on a text: what each of its layers hands on at each position.

Position 1 is the first symbol of the text, and 0 the pad before it; what lies before that is pad too. All is computed
by the model itself, in the dense run of a copy in double precision and evaluation mode, and watched from outside.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from contextlib import ExitStack

import torch
from torch import Tensor, nn

from wavetree.codecs import PAD, AlphabetCodec
from wavetree.errors import SettingError
from wavetree.inspect.predictions import PAD_SHOWN
from wavetree.models import Tree, evaluating

QUOTED = 40
"""Symbols of a text that a message shows."""


def exact_tree(model: Tree) -> Tree:
    """A copy in double precision and evaluation mode."""
    return copy.deepcopy(model).double().eval()


def text_ids(codec: AlphabetCodec, text: str) -> Tensor:
    """The pad and the text, (1, 1 + T): the index is the position. Raises SymbolError."""
    return torch.tensor([[PAD, *codec.encode(text).tolist()]])


def node_values(model: Tree, ids: Tensor) -> list[Tensor]:
    """For every stage of the model the vectors (T, C) that it hands on, for ids (1, T) with nothing but pad before."""
    values: list[Tensor] = []

    def keep(_: nn.Module, __: object, out: Tensor) -> None:
        values.append(out[0])

    with evaluating(model), ExitStack() as hooks:
        state = model.start()  # fusions too, which are none of the text's nodes
        for stage in model.stages:
            hooks.callback(stage.layer.register_forward_hook(keep).remove)
        model.stream(ids, state)
    return values


def shown(text: str, positions: Iterable[int]) -> str:
    """The symbols at these positions, with what lies before the text as `·`."""
    return "".join(text[position - 1] if position > 0 else PAD_SHOWN for position in positions)


def quoted(text: str) -> str:
    """The text in quotes, shortened where it is long."""
    return repr(text) if len(text) <= QUOTED else f"{text[:QUOTED]!r}..."


def check_position(text: str, position: int, first: int) -> None:
    """Raises SettingError for a position that the text has not; `first` is 0 where the pad counts, and otherwise 1."""
    if first <= position <= len(text):
        return
    if not text and first:
        raise SettingError("the text is empty: it has no symbol to change.")
    pad = "" if first else "; 0 is the pad before it"
    ends = "1" if len(text) == 1 else f"1 to {len(text)}"
    places = f"the symbols of {quoted(text)} are at {ends}{pad}" if text else "an empty text has only 0, the pad"
    raise SettingError(f"there is no position {position}: {places}.")
