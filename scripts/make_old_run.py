"""Makes tests/runs/format_N: a tiny run in today's format N, with logits to compare, for later versions to go on with.

Run it once for every new format version, into a folder of its own; a folder that is there is never made again.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from wavetree.config import configure
from wavetree.data import make_list
from wavetree.runs import load
from wavetree.runs.folder import FORMAT
from wavetree.train import Watch, start, train

TEXT = [0, 1, 5, 2, 6, 3]


def main() -> None:
    """Trains ten steps of twenty, and writes what the model answers to TEXT beside the run."""
    place = Path(__file__).parents[1] / "tests" / "runs" / f"format_{FORMAT}"
    if place.exists():
        sys.exit(f"{place} is there already: an old run is only worth something if it stays as it was.")
    items = make_list([f"{a}{b}{c}" for a in "bdf" for b in "aeiou" for c in ("", "n", "la", "rra")])
    changes = ["model.levels=2", "model.embedding=3", "model.hidden=4", "train.steps=20", "train.checks=2"]
    folder = start(items, place / "run", configure("names", [*changes, "train.batch_items=8", "train.threads=1"]))
    taken: list[int] = []
    train(folder, Watch(progress=lambda p: taken.append(p.step), stop=lambda: len(taken) >= 10))
    with torch.no_grad():
        logits = load(folder.path).model.dense(torch.tensor([TEXT]))[0]
    (folder.path / "lock").unlink()
    (place / "logits.json").write_text(json.dumps({"ids": TEXT, "logits": logits.tolist()}))
    print(place)


if __name__ == "__main__":
    main()
