"""`wavetree export --to hub`: a folder that can be pushed to a model hub, and that wavetree loads like any run.

    model.safetensors     the weights of the best checkpoint
    config.json           every setting, the checksums of the files beside it, what it was made with
    codec.json            symbols to ids
    fields.json, calibration.json      the conditions, and what verdicts need; where there are any
    README.md             the model card (export/card.py)

The items, or where the stream lay, are not in it: `wavetree sample FOLDER` makes new ones, and cannot say which of them
were in the list.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from wavetree.export.card import model_card
from wavetree.export.folder import write_folder
from wavetree.runs import Trained
from wavetree.runs.environment import made_with
from wavetree.runs.folder import FORMAT, WEIGHTS, json_bytes

KEPT = ("codec.json", "fields.json", "calibration.json")
"""Files of a run that are published as they are."""


def export_hub(trained: Trained, folder: Path) -> list[Path]:
    """Writes a new folder and returns its files. The figures of its card are measured here.

    Raises RunError where `folder` is taken or `trained` is published already, and SaveError.
    """
    run = trained.folder
    files = {WEIGHTS: run.weights()}
    files |= {name: (run.path / name).read_bytes() for name in KEPT if (run.path / name).is_file()}
    about = {
        "model_type": "wavetree",
        "architectures": [type(trained.model).__name__],
        "format": FORMAT,
        "settings": run.config().model_dump(),
        "list" if trained.of_items else "corpus": {"sha256": run.origin()["sha256"]},
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        "made_with": made_with(),
    }
    files |= {"config.json": json_bytes(about), "README.md": model_card(trained, folder.resolve().name).encode()}
    return write_folder(folder, files)
