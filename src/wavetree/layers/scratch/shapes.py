"""What these layers refuse, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from wavetree.errors import InputError


def need_tensor(layer: object, x: object) -> None:
    """Raises InputError, in a sentence, for what is no tensor: a list of ids, say."""
    if not isinstance(x, Tensor):
        raise InputError(f"{layer!r} takes a tensor, and got a {type(x).__name__}: torch.tensor(...) makes one.")


class ShapeError(InputError):
    """A layer was given a tensor that it cannot take: `takes` says which it can, `why` is a sentence on this case.

    On its way out through each Sequential it learns where the layer stands, and what the tensor has passed `before`.
    """

    def __init__(self, layer: object, given: Tensor, takes: str, why: str = "") -> None:
        super().__init__(layer, takes, why)
        self.layer, self.shape, self.takes, self.why = layer, tuple(given.shape), takes, why
        self.places: list[str] = []
        self.before: list[object] = []

    def inside(self, number: int, layers: Sequence[object]) -> None:
        """Notes that the layer, or the Sequential that holds it, is number `number` of these layers."""
        self.places.append(f"layer {number} of {len(layers)}")
        self.before = [*layers[:number], *self.before]

    def reason(self) -> str:
        """The last sentence, or nothing."""
        return self.why

    def __str__(self) -> str:
        where = f"{' in '.join(self.places)} (counted from 0): " if self.places else ""
        sentences = [
            f"{where}{self.layer!r} got a tensor of shape {self.shape}, and takes {self.takes}.",
            self.reason(),
        ]
        return " ".join(sentence for sentence in sentences if sentence)
