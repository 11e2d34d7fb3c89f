"""A trained model, ready to use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wavetree.codecs import AlphabetCodec, Codec
from wavetree.data import Fields
from wavetree.errors import DamagedError, RunError
from wavetree.models import AnyModel, build, fits, outline
from wavetree.runs.folder import RunFolder


@dataclass(frozen=True)
class Trained:
    """A model in evaluation mode, the codec that it speaks, its conditions, and the folder that it came from."""

    model: AnyModel
    codec: Codec
    fields: Fields
    folder: RunFolder

    @property
    def alphabet(self) -> AlphabetCodec:
        """The codec of a run of characters. Raises RunError for one of bytes or of sound."""
        if not isinstance(self.codec, AlphabetCodec):
            raise RunError(f"{self.folder.path} is a run of {self.codec.unit}s, and this needs one of characters.")
        return self.codec

    @property
    def of_items(self) -> bool:
        """Whether it was learnt from a list, not from a stream."""
        return self.folder.config().data.kind == "items"


def given_size(folder: RunFolder) -> int:
    """G: how many numbers a condition has in this run, those of its fields and then those of a frame."""
    return folder.fields().width + folder.config().data.local


def load(path: str | Path, which: str = "best") -> Trained:
    """The model of the run at `path`: its `best` checkpoint, by validation loss, or its `latest`.

    Raises RunError if there is none, DamagedError if a file of it was altered.
    """
    folder = RunFolder.open(Path(path))
    config, codec = folder.config(), folder.codec()
    tensors, _ = folder.load(which, ["model"])  # first: what was altered is not acted on
    model = outline(config.model, codec.vocab_size, given_size(folder))
    if not fits(model, tensors["model"]):
        raise DamagedError(
            f"{folder.path} is damaged: its weights do not fit its settings and alphabet. Copy the folder again."
        )
    if any(parameter.is_meta for parameter in model.parameters()):
        model = build(config.model, codec.vocab_size, config.train.seed, given_size(folder))
    model.load_state_dict(tensors["model"])
    return Trained(model.eval(), codec, folder.fields(), folder)
