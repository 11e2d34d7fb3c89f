"""The calibration of a run: made at the end of training, kept in its folder, and made again where it is missing.

`calibration.json` holds a calibration for items whose conditions are told and, where the run has any, one for items of
which nothing is told. It names the SHA-256 of the weights that it was made with, and its own: one of other weights (of
a run that went on) or an altered one is not used.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import numpy as np

from wavetree.codecs import AlphabetCodec
from wavetree.data.packing import PackedItems
from wavetree.errors import RunError, SaveError
from wavetree.models import AnyModel
from wavetree.runs import RunFolder, Trained, load
from wavetree.score.calibration import Calibration, Expected
from wavetree.score.surprisal import CHUNK_NUMBERS, LEAST_WIDTH, Ids, Wide, row_surprisal

FILE = "calibration.json"
MOST_ITEMS = 20_000
"""Of a side with more, as many are taken, evenly spaced: a share of 0.001 is still told from 0.0015."""
MOST_FITTED = 5_000
FORMAT = 1
TOLD, UNTOLD = "told", "untold"


def keep_calibration(folder: RunFolder) -> None:
    """Makes the calibration of a run of a list and writes it into its folder. Raises SaveError."""
    trained = load(folder.path)
    folder.write(FILE, _document(folder.digest("best"), calibrate(trained)))


def calibration_of(trained: Trained, told: bool = False, keep: bool = True) -> tuple[Calibration, str]:
    """The calibration of a run of a list, and what there is to say about it ("" in most cases).

    `told`: of items whose condition is told, in a run that has conditions. What had to be made is written into the run,
    unless `keep` is false: another process may be at work there. Raises RunError for a run of a stream, and
    for one that holds out no items.
    """
    if not trained.of_items:
        raise RunError(f"{trained.folder.path} learnt a stream: there are no items to compare with.")
    which = TOLD if told or not trained.fields else UNTOLD
    kept = _kept(trained.folder)
    if kept is not None and which in kept:
        return kept[which], ""
    made = calibrate(trained)
    if not keep:
        return made[which], ""
    note = f"{trained.folder.path} holds no calibration of its best weights: made one from its validation items."
    try:
        trained.folder.write(FILE, _document(trained.folder.digest("best"), made))
    except SaveError:
        note += " It could not be kept there."
    return made[which], note


def calibrate(trained: Trained) -> dict[str, Calibration]:
    """By the validation items of a run, of the line that its training items follow. Raises RunError without any."""
    folder, codec = trained.folder, trained.alphabet
    made = {}
    for which in (TOLD, UNTOLD) if trained.fields else (TOLD,):
        fitted = Expected.fit(*_scored(trained.model, folder, codec, "train", MOST_FITTED, which))
        nats, symbols = _scored(trained.model, folder, codec, "validation", MOST_ITEMS, which)
        if not len(nats):
            raise RunError(f"{folder.path} holds out no validation items, so that no score can be called rare.")
        made[which] = Calibration.of(fitted, nats, symbols)
    return made


def _scored(
    model: AnyModel, folder: RunFolder, codec: AlphabetCodec, side: str, most: int, which: str
) -> tuple[Wide, Ids]:
    """The nats and the symbols of items of a side, evenly spaced, with their own conditions or with none told."""
    items = folder.items(side)
    chosen = np.unique(np.linspace(0, len(items) - 1, min(most, len(items))).astype(np.int64))
    some = [items[i] for i in chosen.tolist()]
    fields = folder.fields()
    classes = None
    if fields:
        labels = folder.labels(side)
        classes = fields.encode([labels[i] for i in chosen.tolist()]) * (which == TOLD)  # 0 is NOT_TOLD
    packed = PackedItems(some, codec, fields, classes)
    nats = [np.zeros(0)]
    for piece in packed.chunks(CHUNK_NUMBERS // max(LEAST_WIDTH, model.vocab_size)):
        surprisal = row_surprisal(model, packed.row(piece))
        lengths = np.array([len(some[i]) + 1 for i in piece.tolist()])
        nats.append(np.add.reduceat(surprisal, np.cumsum(lengths) - lengths))
    return np.concatenate(nats), np.array([len(item) + 1 for item in some], dtype=np.int64)


def _document(weights: str, made: Mapping[str, Calibration]) -> bytes:
    about = {"format": FORMAT, "weights": weights, **{which: one.to_json() for which, one in made.items()}}
    return json.dumps({**about, "sha256": _digest(about)}).encode() + b"\n"


def _kept(folder: RunFolder) -> dict[str, Calibration] | None:
    """What the folder holds, if it is whole and of the best weights."""
    try:
        about = json.loads((folder.path / FILE).read_bytes())
        digest = about.pop("sha256")
        if digest != _digest(about) or about["format"] != FORMAT or about["weights"] != folder.digest("best"):
            return None
        return {which: Calibration.from_json(about[which]) for which in (TOLD, UNTOLD) if which in about}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _digest(about: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
