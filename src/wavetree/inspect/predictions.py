"""What a model expects next, at every place of a text."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from wavetree.codecs import PAD, AlphabetCodec
from wavetree.models import AnyModel, evaluating

PAD_SHOWN = "·"
END_SHOWN = "(end)"


@dataclass(frozen=True)
class NextRow:
    """One prediction. `context` is all that the model sees, R symbols, what lies before the text shown as `·`.

    `symbol` is what the text goes on with, `(end)` where it ends; its `probability`, and its surprise in `nats`.
    `likeliest`: symbols with their probabilities, the likeliest first.
    """

    context: str
    symbol: str
    probability: float
    nats: float
    likeliest: list[tuple[str, float]]


def next_symbols(model: AnyModel, codec: AlphabetCodec, text: str, top: int) -> list[NextRow]:
    """A row for every symbol of `text` and one for its end, each with the `top` likeliest symbols, or as many as exist.

    Raises SymbolError for a symbol outside the alphabet.
    """
    ids = [PAD, *codec.encode(text).tolist()]  # T
    shown = [END_SHOWN, *codec.symbols]  # V
    field = model.receptive_field
    padded = PAD_SHOWN * field + text
    with evaluating(model):
        nats = -torch.log_softmax(model.dense(torch.tensor([ids]))[0].double(), dim=1)  # (T, V)
    rows = []
    for place, (surprise, target) in enumerate(zip(nats, [*ids[1:], PAD], strict=True)):
        order = surprise.argsort(stable=True)[:top].tolist()
        rows.append(
            NextRow(
                context=padded[place : place + field],
                symbol=shown[target],
                probability=torch.exp(-surprise[target]).item(),
                nats=surprise[target].item(),
                likeliest=[(shown[i], torch.exp(-surprise[i]).item()) for i in order],
            )
        )
    return rows
