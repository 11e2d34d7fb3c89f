"""Running sequences that go on: text, bytes or sound from a prompt, without an end of their own."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from wavetree.codecs import PAD, AlphabetCodec, BytesCodec, Codec
from wavetree.generate.engine import Engine, worth_compiling
from wavetree.generate.sampler import Choice, choose, sample_block
from wavetree.models import AnyModel, evaluating

Ids = npt.NDArray[np.int64]

CHECK_ITEMS = 5
CHECK_CHOICE = Choice(max_length=60)
CHECK_SYMBOLS = 200
PROMPT_BLOCK = 4096
BLOCK = 1024


def places(seed: int, number: int, begin: int, count: int) -> npt.NDArray[np.float64]:
    """Random numbers (count,) in [0, 1) for the places from `begin` on of continuation `number`."""
    generator = np.random.PCG64((seed, number))
    generator.advance(begin)
    return np.random.Generator(generator).random(count)


def continuation(
    model: AnyModel,
    codec: Codec,
    prompt: Ids,
    length: int,
    seed: int,
    choice: Choice,
    given: Tensor | None = None,
    number: int = 0,
    block: int = BLOCK,
) -> Iterator[Ids]:
    """`length` symbols that follow `prompt` (T,), in blocks (up to `block`,) as they are made, without the prompt.

    They depend on (model, seed, choice, prompt, given, number) alone. `given` (1, G) holds from before the prompt on.
    The compiled engine makes them where it is ready sooner than torch would be done.
    """
    blocks = _compiled if worth_compiling(model, length, batch=1) else _stepwise
    cuts = (places(seed, number, begin, min(block, length - begin)) for begin in range(0, length, block))
    yield from blocks(model, codec, prompt, cuts, choice, given)


def _compiled(
    model: AnyModel,
    codec: Codec,
    prompt: Ids,
    cuts: Iterable[npt.NDArray[np.float64]],
    choice: Choice,
    given: Tensor | None,
) -> Iterator[Ids]:
    """By the engine: for each cut of uniform numbers (T,) as many symbols (T,)."""
    engine = Engine.of(model)
    held = None if given is None else given.numpy()[:, None]  # (1, 1, G)
    state = engine.start(1, None if given is None else given.numpy())
    allowed = np.ones(model.vocab_size, dtype=bool)
    allowed[PAD] = codec.pad_is_symbol
    read_so_far = np.concatenate([[PAD], prompt])  # (1 + T,)
    if len(prompt):
        engine.feed(read_so_far[None, :-1], state, held)
    first = read_so_far[-1:]
    for uniforms in cuts:
        symbols = engine.run(first, state, uniforms[None], choice, allowed, held)[0]  # (T,)
        first = symbols[-1:]
        yield symbols


def _stepwise(
    model: AnyModel,
    codec: Codec,
    prompt: Ids,
    cuts: Iterable[npt.NDArray[np.float64]],
    choice: Choice,
    given: Tensor | None,
) -> Iterator[Ids]:
    """By torch: for each cut of uniform numbers (T,) as many symbols (T,)."""
    with evaluating(model):
        logits, state = read(model, prompt, given)
    for uniforms in cuts:
        symbols = np.empty(len(uniforms), dtype=np.int64)
        with evaluating(model):
            for place in range(len(uniforms)):
                logits = logits if codec.pad_is_symbol else without_pad(logits)
                symbols[place] = choose(logits, uniforms[place : place + 1], choice)[0]
                logits, state = model.step(torch.from_numpy(symbols[place : place + 1]), state, given)  # (1, V)
        yield symbols


def read(model: AnyModel, prompt: Ids, given: Tensor | None = None) -> tuple[Tensor, object]:
    """The logits (1, V) after pad and `prompt` (T,), and the state there."""
    state = model.start(given)
    row = torch.from_numpy(np.concatenate([[PAD], prompt]))[None]  # (1, 1 + T)
    held = None if given is None else given[:, None]
    for block in torch.split(row, PROMPT_BLOCK, dim=1):
        logits, state = model.stream(block, state, held)
    return logits[:, -1], state


def without_pad(logits: Tensor) -> Tensor:
    """Logits (..., V) with which pad is never drawn: in the middle of a text there is none."""
    return logits.index_fill(-1, torch.tensor([PAD]), -torch.inf)


def texts(codec: AlphabetCodec | BytesCodec, blocks: Iterable[Ids]) -> Iterator[str]:
    """The text of blocks of ids, as they come: a character whose bytes lie in two blocks comes with the second."""
    if isinstance(codec, AlphabetCodec):
        yield from map(codec.decode, blocks)
        return
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for block in blocks:
        yield decoder.decode((block - 1).astype(np.uint8).tobytes())
    yield decoder.decode(b"", final=True)


def samples_along_the_way(model: AnyModel, codec: Codec, kind: str) -> list[str]:
    """What a run shows of itself at a check, the same draws every time: a few items, or a passage; of sound nothing."""
    if kind == "items":
        assert isinstance(codec, AlphabetCodec)
        drawn = sample_block(model, 1, CHECK_CHOICE, (), 0, CHECK_ITEMS)
        return [codec.decode(item.ids) for item in drawn]
    if not isinstance(codec, AlphabetCodec | BytesCodec):
        return []
    nothing = np.zeros(0, dtype=np.int64)
    return [codec.decode(next(continuation(model, codec, nothing, CHECK_SYMBOLS, 1, CHECK_CHOICE)))]
