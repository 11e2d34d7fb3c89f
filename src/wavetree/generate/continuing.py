"""Running sequences that go on: text, bytes or sound from a prompt, without an end of their own."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from wavetree.codecs import PAD, AlphabetCodec, BytesCodec, Codec
from wavetree.generate.engine import Engine
from wavetree.generate.sampler import Choice, choose, sample_block
from wavetree.models import AnyModel, Tree, WaveNet, evaluating

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
    along: Tensor | None = None,
) -> Iterator[Ids]:
    """`length` symbols that follow `prompt` (T,), in blocks (up to `block`,) as they are made, without the prompt.

    They depend on (model, seed, choice, prompt, conditions, number) alone. `given` (1, G) holds from before the prompt
    on; `along` (1, T + length, G), where conditions change, is what holds for each symbol of the prompt and after it.
    """
    blocks = _compiled if has_engine(model) else _stepwise
    held = given[:, None] if along is None and given is not None else along  # (1, 1 or T + length, G)
    cuts = (places(seed, number, begin, min(block, length - begin)) for begin in range(0, length, block))
    yield from blocks(model, codec, prompt, cuts, choice, given, held)


def has_engine(model: AnyModel) -> bool:
    """Whether `continuation` runs a model compiled, which pays from a second of sound on; torch runs the others."""
    return isinstance(model, Tree | WaveNet)


def _compiled(
    model: AnyModel,
    codec: Codec,
    prompt: Ids,
    cuts: Iterable[npt.NDArray[np.float64]],
    choice: Choice,
    given: Tensor | None,
    held: Tensor | None,
) -> Iterator[Ids]:
    """By the engine: for each cut of uniform numbers (T,) as many symbols (T,)."""
    engine = Engine.of(model)
    state = engine.start(1, None if given is None else given.numpy())
    allowed = np.ones(model.vocab_size, dtype=bool)
    allowed[PAD] = codec.pad_is_symbol
    before = np.concatenate([[PAD], prompt])  # (1 + T,)
    place = len(prompt)
    if place:
        engine.feed(before[None, :-1], state, _numbers(held, 0, place))
    first = before[-1:]
    for uniforms in cuts:
        symbols = engine.run(first, state, uniforms[None], choice, allowed, _numbers(held, place, len(uniforms)))[0]
        first, place = symbols[-1:], place + len(uniforms)
        yield symbols


def _stepwise(
    model: AnyModel,
    codec: Codec,
    prompt: Ids,
    cuts: Iterable[npt.NDArray[np.float64]],
    choice: Choice,
    given: Tensor | None,
    held: Tensor | None,
) -> Iterator[Ids]:
    """By torch: for each cut of uniform numbers (T,) as many symbols (T,)."""
    place, chosen = len(prompt), PAD
    with evaluating(model):
        logits, state = read(model, prompt, given, _cut(held, 0, place + 1))
    for uniforms in cuts:
        symbols = np.empty(len(uniforms), dtype=np.int64)
        with evaluating(model):
            for i in range(len(uniforms)):
                if place > len(prompt):
                    told = _cut(held, place, 1)
                    last = torch.tensor([chosen])
                    logits, state = model.step(last, state, None if told is None else told[:, 0])  # (1, V)
                logits = logits if codec.pad_is_symbol else without_pad(logits)
                chosen = int(choose(logits, uniforms[i : i + 1], choice)[0])
                symbols[i] = chosen
                place += 1
        yield symbols


def _cut(held: Tensor | None, begin: int, count: int) -> Tensor | None:
    """Conditions (1, count or 1, G) from a place on."""
    return held if held is None or held.shape[1] == 1 else held[:, begin : begin + count]


def _numbers(held: Tensor | None, begin: int, count: int) -> npt.NDArray[np.float32] | None:
    cut = _cut(held, begin, count)
    return None if cut is None else cut.numpy()


def read(
    model: AnyModel, prompt: Ids, given: Tensor | None = None, held: Tensor | None = None
) -> tuple[Tensor, object]:
    """The logits (1, V) after pad and `prompt` (T,), and the state there."""
    state = model.start(given)
    row = torch.from_numpy(np.concatenate([[PAD], prompt]))[None]  # (1, 1 + T)
    for begin in range(0, row.shape[1], PROMPT_BLOCK):
        block = row[:, begin : begin + PROMPT_BLOCK]
        logits, state = model.stream(block, state, _cut(held, begin, block.shape[1]))
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
    uniforms = [places(1, 0, 0, CHECK_SYMBOLS)]  # by torch: 200 symbols are sooner made than an engine is
    return [codec.decode(next(_stepwise(model, codec, nothing, uniforms, CHECK_CHOICE, None, None)))]
