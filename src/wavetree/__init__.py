"""A sequence model that fuses two neighbours at a time, level by level: train it on a list, sample it, look inside.

    import wavetree

    summary = wavetree.fit(["anna", "hanna", ...], "runs/mine", settings={"train.seconds": 20})
    trained = wavetree.load("runs/mine")
    for drawn in wavetree.sample(trained, 20, novel=True):
        print(drawn.item)

    wavetree.fit("book.txt", "runs/book", preset="text")
    for text in wavetree.stream("runs/book", 500, prompt="Once "):
        print(text, end="")

    wavetree.losses(trained)["validation"].mean                 nats a symbol
    wavetree.layer_table(trained.model)                         shapes, spans, costs
    wavetree.next_symbols(trained.model, trained.codec, "anna", 5)
    wavetree.verify(trained.model)                              the laws of the model, on this model
    wavetree.Scorer().fit(names).predict(["maria", "xqzvw"])    what is normal, by the conventions of scikit-learn

The names below are the public ones; anything else may change. Each is imported when it is first used, so that
`import wavetree` imports no torch. `wavetree --help` says what the command does.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wavetree.api import fit, losses, resume, sample, stream
    from wavetree.codecs import AlphabetCodec
    from wavetree.config import PRESETS, Config, configure
    from wavetree.data import ItemList, ListReport, describe_list, embedded_names, make_list, read_list
    from wavetree.errors import (
        AudioError,
        DamagedError,
        InputError,
        ListError,
        NotFittedError,
        RunError,
        SaveError,
        SettingError,
        SymbolError,
        WavetreeError,
    )
    from wavetree.evaluate import Loss
    from wavetree.generate import Choice, Drawn
    from wavetree.inspect import Finding, LayerRow, NextRow, layer_table, next_symbols, verify
    from wavetree.models import Tree
    from wavetree.runs import Trained, load
    from wavetree.scorer import Scorer
    from wavetree.train import Check, Progress, Summary, Watch

_ROOMS = {
    "api": ["fit", "losses", "resume", "sample", "stream"],
    "codecs": ["AlphabetCodec"],
    "config": ["PRESETS", "Config", "configure"],
    "data": ["ItemList", "ListReport", "describe_list", "embedded_names", "make_list", "read_list"],
    "errors": [
        "AudioError",
        "DamagedError",
        "InputError",
        "ListError",
        "NotFittedError",
        "RunError",
        "SaveError",
        "SettingError",
        "SymbolError",
        "WavetreeError",
    ],
    "evaluate": ["Loss"],
    "generate": ["Choice", "Drawn"],
    "inspect": ["Finding", "LayerRow", "NextRow", "layer_table", "next_symbols", "verify"],
    "models": ["Tree"],
    "runs": ["Trained", "load"],
    "scorer": ["Scorer"],
    "train": ["Check", "Progress", "Summary", "Watch"],
}
"""Where each public name lives. No name is that of a room: `wavetree.train` is the room, whenever it is imported."""
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "PRESETS",
    "AlphabetCodec",
    "AudioError",
    "Check",
    "Choice",
    "Config",
    "DamagedError",
    "Drawn",
    "Finding",
    "InputError",
    "ItemList",
    "LayerRow",
    "ListError",
    "ListReport",
    "Loss",
    "NextRow",
    "NotFittedError",
    "Progress",
    "RunError",
    "SaveError",
    "Scorer",
    "SettingError",
    "Summary",
    "SymbolError",
    "Trained",
    "Tree",
    "Watch",
    "WavetreeError",
    "__version__",
    "configure",
    "describe_list",
    "embedded_names",
    "fit",
    "layer_table",
    "load",
    "losses",
    "make_list",
    "next_symbols",
    "read_list",
    "resume",
    "sample",
    "stream",
    "verify",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("wavetree")
    if name not in _ROOM_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOM_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
