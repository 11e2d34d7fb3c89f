"""Small runs of each kind that a document can be made of, with weights that have something to say."""

from __future__ import annotations

from pathlib import Path

import pytest

import wavetree

NAMES = wavetree.embedded_names().items[:600]
SETTINGS = {
    "tree": {"model.levels": 3, "model.embedding": 6, "model.hidden": 12},
    "layer-norm": {"model.levels": 4, "model.embedding": 5, "model.hidden": 7, "model.norm": "layer"},
    "wavenet": {"model.kind": "wavenet", "model.levels": 3, "model.channels": 8, "model.hidden": 6, "model.skip": 10},
    "any-dilations": {
        "model.kind": "wavenet",
        "model.dilations": "1,2,1,3",
        "model.kernel": 3,
        "model.channels": 6,
        "model.hidden": 5,
        "model.skip": 7,
    },
}
KINDS = [*SETTINGS]


def run_of(kind: str, factory: pytest.TempPathFactory) -> wavetree.Trained:
    """A run of a few steps."""
    path = factory.mktemp("runs") / kind
    steps = {"train.steps": 12, "train.batch_items": 64, "train.threads": 1, "train.checks": 1}
    wavetree.fit(NAMES, path, settings={**SETTINGS[kind], **steps})
    return wavetree.load(path)


def folder_of(run: wavetree.Trained) -> Path:
    """Where a run is."""
    return run.folder.path
