"""The document of a model: whole, exact, and JSON."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from tests.export.runs import KINDS, NAMES, run_of

import wavetree
from wavetree.errors import RunError
from wavetree.export.document import item_hashes, model_document


@pytest.mark.parametrize("kind", KINDS)
def test_every_number_of_the_model_is_in_it(kind: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    run = run_of(kind, tmp_path_factory)
    document = json.loads(json.dumps(model_document(run), allow_nan=False))
    state = run.model.state_dict()
    assert set(document["tensors"]) == set(state)
    for name, tensor in state.items():
        found = document["tensors"][name]
        numbers = np.frombuffer(base64.b64decode(found["data"]), "<f4").reshape(found["shape"])
        np.testing.assert_array_equal(numbers, tensor.numpy())
    assert document["codec"] == run.codec.to_json()
    assert [layer["name"] for layer in document["layers"]] == [row.name for row in wavetree.layer_table(run.model)]
    assert document["receptive_field"] == run.model.receptive_field
    assert document["parameters"] == sum(p.numel() for p in run.model.parameters())
    assert set(document["example"]) <= set(document["codec"]["symbols"])


def test_the_list_goes_along_as_hashes(tmp_path_factory: pytest.TempPathFactory) -> None:
    run = run_of("tree", tmp_path_factory)
    known = model_document(run)["known"]
    held_out = run.folder.items("validation") + run.folder.items("test")
    for side, items in (("train", run.folder.items("train")), ("held_out", held_out)):
        found = np.frombuffer(base64.b64decode(known[side]), "<u4")
        np.testing.assert_array_equal(found, item_hashes(items))
        assert len(found) == len(items)


def test_hashes_are_those_that_were_published() -> None:
    """FNV-1a of 32 bits: its authors' values for these strings."""
    published = {"": 0x811C9DC5, "a": 0xE40C292C, "foobar": 0xBF9CF968}
    for text, value in published.items():
        assert item_hashes([text]).tolist() == [value]


def test_a_model_that_the_page_cannot_run_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("runs") / "flat"
    wavetree.fit(NAMES, path, settings={"model.kind": "flat", "train.steps": 1, "train.threads": 1})
    with pytest.raises(RunError, match=r"is a flat model, and the page runs trees and WaveNets\.$"):
        model_document(wavetree.load(path))
