"""A trained model, ready to use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wavetree.codecs import AlphabetCodec
from wavetree.errors import DamagedError
from wavetree.models import AnyModel, build
from wavetree.runs.folder import RunFolder


@dataclass(frozen=True)
class Trained:
    """A model in evaluation mode, the codec that it speaks, and the folder that it came from."""

    model: AnyModel
    codec: AlphabetCodec
    folder: RunFolder


def load(path: str | Path, which: str = "best") -> Trained:
    """The model of the run at `path`: its `best` checkpoint, by validation loss, or its `latest`.

    Raises RunError if there is none, DamagedError if a file of it was altered.
    """
    folder = RunFolder.open(Path(path))
    config, codec = folder.config(), folder.codec()
    tensors, _ = folder.load(which, ["model"])  # first: what was altered is not acted on
    model = build(config.model, codec.vocab_size, config.train.seed)
    try:
        model.load_state_dict(tensors["model"])
    except RuntimeError:
        raise DamagedError(
            f"{folder.path} is damaged: its weights do not fit its settings and alphabet. Copy the folder again."
        ) from None
    return Trained(model.eval(), codec, folder)
