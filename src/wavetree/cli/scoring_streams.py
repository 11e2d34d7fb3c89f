"""What `wavetree score` prints about running text and sound: surprisal over time, in blocks."""

from __future__ import annotations

import codecs
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wavetree.api import given_by
from wavetree.cli.output import number, say
from wavetree.cli.score import STDIN, opened, put
from wavetree.cli.wording import plural
from wavetree.codecs import AlphabetCodec, BytesCodec, MuLawCodec
from wavetree.data.audio import blocks, read_header, resampled_blocks
from wavetree.errors import AudioError, InputError, SettingError
from wavetree.score.along import UNKNOWN, BlockScore, along, in_blocks
from wavetree.score.surprisal import NATS_A_BIT, Ids, encoded

if TYPE_CHECKING:
    from wavetree.runs import Trained
    from wavetree.score.lines import Source

CHUNK = 1 << 16
SYMBOLS = 1000
NAMED = 8
"""Unknown symbols that are named."""
BAR_BITS = 0.5
"""On a terminal, a stroke of the bar."""
MOST_BITS = 12
"""Those of the longest bar."""


def score_stream(trained: Trained, file: str, block: int | None, condition: str, as_json: bool) -> int:
    """Blocks as they come; exit code 2 if a byte of a text was no UTF-8."""
    codec = trained.codec
    size = (codec.rate if isinstance(codec, MuLawCodec) else SYMBOLS) if block is None else block
    if size < 1:
        raise SettingError(f"block cannot be {block}: give a whole number from 1.")
    given = given_by(trained, condition)
    terminal = sys.stdout is not None and sys.stdout.isatty()
    total, text = BlockScore(0, 0, 0.0, 0), None

    def put_blocks(ids: Iterable[Ids], rate: int) -> BlockScore:
        whole = total
        for one in in_blocks(along(trained.model, ids, given), size):
            if terminal and not as_json and not whole.end:
                put(_columns(("begin", "end", *(("from s", "to s") if rate else ()), "nats", "bits each")))
            put(_line(one, rate, as_json, terminal))
            whole = BlockScore(0, one.end, whole.known_nats + one.known_nats, whole.unknown + one.unknown)
        return whole

    if isinstance(codec, MuLawCodec):
        total = put_blocks(_sound(file, codec), codec.rate)
    else:
        with opened(file) as source:
            text = _Text(source, codec)
            total = put_blocks(text, 0)
    if not total.end:
        say("nothing to score: the input is empty.")
        return 0
    known = total.end - total.unknown
    bits = f"{total.known_nats / NATS_A_BIT / known:.4f} bits each" if known else "none of them known"
    if not total.unknown:
        say(f"{plural(total.end, codec.unit)}, {bits}")
    else:
        named = ", ".join(map(repr, text.unknown)) if text else ""
        say(f"{plural(total.end, codec.unit)}: {number(total.unknown)} unknown ({named}), the others {bits}")
    if text is not None and text.faults:
        say(f"not valid UTF-8: {plural(text.faults, 'byte')}, the first in line {text.first_fault:,}.")
        return InputError.exit_code
    return 0


def _line(block: BlockScore, rate: int, as_json: bool, terminal: bool) -> str:
    finite = np.isfinite(block.nats)
    if as_json:
        about: dict[str, object] = {
            "begin": block.begin,
            "end": block.end,
            "nats": round(block.nats, 6) if finite else None,
            "bits_per_symbol": round(block.bits_per_symbol, 6) if finite else None,
        }
        if block.unknown:
            about["unknown"] = block.unknown
        if rate:
            about["seconds"] = [block.begin / rate, block.end / rate]
        return json.dumps(about) + "\n"
    when = (f"{block.begin / rate:.3f}", f"{block.end / rate:.3f}") if rate else ()
    cells = (f"{block.begin}", f"{block.end}", *when, f"{block.nats:.3f}", f"{block.bits_per_symbol:.4f}")
    unknown = (f"{number(block.unknown)} unknown",) if block.unknown else ()
    if terminal:
        bar = "=" * int(min(block.bits_per_symbol, MOST_BITS) / BAR_BITS)
        return _columns(cells, bar, *unknown)
    return "\t".join((*cells, *unknown)) + "\n"


def _columns(figures: Sequence[str], *more: str) -> str:
    """For a terminal: figures flush right, and what comes after them."""
    return "  ".join((*(f"{figure:>9}" for figure in figures), *more)) + "\n"


def _sound(file: str, codec: MuLawCodec) -> Iterator[Ids]:
    """The ids of a sound file at the rate of the run."""
    if file == STDIN:
        raise AudioError("the run has learnt sound, which is read from a file: name it.")
    header = read_header(Path(file))
    for block in resampled_blocks(blocks(Path(file)), header.rate, codec.rate):
        yield codec.encode(block)


class _Text:
    """The ids of a text as it is read. A byte that is no UTF-8 is an unknown symbol, and is counted."""

    def __init__(self, source: Source, codec: AlphabetCodec | BytesCodec) -> None:
        self._source, self._codec = source, codec
        self.faults = self.first_fault = 0
        self.unknown: dict[str, None] = {}
        """The first few symbols that the model never met."""

    def __iter__(self) -> Iterator[Ids]:
        decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        line = 1
        while True:
            raw = self._source.read(CHUNK) or b""
            if isinstance(self._codec, BytesCodec):
                yield np.frombuffer(raw, np.uint8).astype(np.int64) + 1
            else:
                text = decoder.decode(raw, final=not raw)
                ids, unknown = encoded(text, self._codec)
                bad = [place for place in np.flatnonzero(unknown).tolist() if "\udc80" <= text[place] <= "\udcff"]
                if bad and not self.faults:
                    self.first_fault = line + text.count("\n", 0, bad[0])
                self.faults += len(bad)
                line += text.count("\n")
                for place in np.flatnonzero(unknown).tolist() if len(self.unknown) < NAMED else ():
                    if not "\udc80" <= text[place] <= "\udcff":
                        self.unknown[text[place]] = None
                        if len(self.unknown) == NAMED:
                            break
                yield np.where(unknown, UNKNOWN, ids)
            if not raw:
                return
