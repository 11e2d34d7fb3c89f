"""A model as one JSON object: all that the page needs to run it in a browser, and nothing of the run besides."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn

from wavetree.codecs import MuLawCodec
from wavetree.errors import RunError
from wavetree.generate import samples_along_the_way
from wavetree.inspect import layer_table
from wavetree.layers import BatchNorm
from wavetree.models import Tree, WaveNet, parameter_count
from wavetree.runs import Trained

FORMAT = 1
"""The version of this document. The page refuses another."""
KNOWN_ITEMS = 60_000
"""Up to so many items of a list go along as hashes, four bytes each, so that samples can be marked."""
EXAMPLE = 24
"""Symbols of the text that a page of a stream begins with."""

_FNV_BASIS, _FNV_PRIME = np.uint32(0x811C9DC5), np.uint32(0x01000193)


def model_document(run: Trained) -> dict[str, Any]:
    """The document of a trained tree or WaveNet of symbols or bytes.

    `config` and `codec` are the run's own; `layers` the rows of `layer_table`; `tensors` by their names in the run,
    float32, little-endian, in base64; `known` the hashes of the items of a list. A list that should stay secret does
    not: whoever has the hashes can ask whether an item is in it. Raises RunError for models that the page cannot run.
    """
    model, codec = run.model, run.codec
    if not isinstance(model, Tree | WaveNet):
        raise RunError(
            f"{run.folder.path} is a {run.folder.config().model.kind} model, and the page runs trees and WaveNets."
        )
    if isinstance(codec, MuLawCodec):
        raise RunError(f"{run.folder.path} is a run of sound, and the page takes models of text.")
    document = {
        "format": FORMAT,
        "name": run.folder.path.resolve().name,
        "config": model.config.model_dump(),
        "dilations": list(model.dilations)
        if isinstance(model, WaveNet)
        else [1 << level for level in range(len(model.fusions))],
        "codec": codec.to_json(),
        "fields": [{"name": name, "classes": list(classes)} for name, classes in run.fields.tables],
        "of_items": run.of_items,
        "example": _example(run),
        "vocab_size": model.vocab_size,
        "receptive_field": model.receptive_field,
        "parameters": parameter_count(model),
        "norm_eps": _eps(model),
        "layers": [asdict(row) for row in layer_table(model)],
        "tensors": {
            name: {"shape": list(tensor.shape), "data": _base64(tensor.numpy().astype("<f4"))}
            for name, tensor in model.state_dict().items()
        },
    }
    known = _known(run)
    return document | {"known": known} if known else document


def _known(run: Trained) -> dict[str, str] | None:
    """The items of a list by the side they are on, as hashes; nothing for a stream, a run that was published
    without its list, or a list that is too long."""
    if not run.of_items or run.folder.published:
        return None
    train, held_out = run.folder.items("train"), run.folder.items("validation") + run.folder.items("test")
    if len(train) + len(held_out) > KNOWN_ITEMS:
        return None
    return {"train": _base64(item_hashes(train)), "held_out": _base64(item_hashes(held_out))}


def _example(run: Trained) -> str:
    """A text to begin with, by the model itself: an item, or the beginning of a passage."""
    drawn = samples_along_the_way(run.model, run.codec, run.folder.config().data.kind)
    if not run.of_items:
        return drawn[0][:EXAMPLE].strip()
    return next((item for item in drawn if len(item) > 3), drawn[0])


def item_hashes(items: Iterable[str]) -> npt.NDArray[np.uint32]:
    """FNV-1a (32 bits) of the UTF-8 of each item, sorted. Of 30,000 items, one in 140,000 others is taken for one."""
    hashes = set()
    for item in items:
        value = int(_FNV_BASIS)
        for byte in item.encode("utf-8", "surrogatepass"):
            value = (value ^ byte) * int(_FNV_PRIME) & 0xFFFFFFFF
        hashes.add(value)
    return np.array(sorted(hashes), dtype="<u4")


def _eps(model: nn.Module) -> float:
    """What the norms of a model add to a variance: they all add the same."""
    found = {layer.eps for layer in model.modules() if isinstance(layer, BatchNorm | nn.LayerNorm)}
    assert len(found) <= 1
    return found.pop() if found else 0.0


def _base64(numbers: npt.NDArray[Any]) -> str:
    return base64.b64encode(numbers.tobytes()).decode("ascii")
