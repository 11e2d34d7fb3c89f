"""The public names: exactly these, documented, none hidden by a room of the same name."""

from __future__ import annotations

import ast
import inspect
from importlib.metadata import version
from pathlib import Path

import pytest

import wavetree

PUBLIC = """
PRESETS AlphabetCodec AudioError Check Choice Config DamagedError Drawn Finding InputError ItemList LayerRow ListError
ListReport Loss NextRow NotFittedError Progress RunError SaveError Scorer SettingError Summary SymbolError Trained
Tree Watch WavetreeError __version__ configure describe_list embedded_names fit layer_table load losses make_list
next_symbols read_list resume sample stream verify
""".split()  # noqa: SIM905

PLANNED_ROOMS = {"serve", "learn", "export", "score", "compare", "sweep"}


def test_these_and_no_others() -> None:
    assert sorted(wavetree.__all__) == sorted(PUBLIC)
    assert dir(wavetree) == sorted(PUBLIC)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = wavetree.nothing


@pytest.mark.parametrize("name", [name for name in PUBLIC if name not in {"PRESETS", "__version__"}])
def test_each_is_there_and_documented(name: str) -> None:
    thing = getattr(wavetree, name)
    assert thing.__name__ == name
    assert thing.__module__.startswith("wavetree.")
    assert len(inspect.getdoc(thing) or "") > 20


def test_the_two_that_are_values() -> None:
    assert set(wavetree.PRESETS) >= {"names", "lecture"}
    assert wavetree.__version__ == version("wavetree")


def test_no_room_hides_a_name() -> None:
    """`wavetree.train` is a module as soon as anyone imports it, so it cannot also be a function."""
    rooms = {path.stem for path in Path(wavetree.__file__).parent.iterdir()} | PLANNED_ROOMS
    assert rooms & set(PUBLIC) == set()


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(wavetree.__file__).read_text("utf-8"))
    (seen,) = [node for node in tree.body if isinstance(node, ast.If)]
    rooms = {
        (node.module or "").removeprefix("wavetree."): [alias.name for alias in node.names]
        for node in seen.body
        if isinstance(node, ast.ImportFrom)
    }
    assert rooms == wavetree._ROOMS
