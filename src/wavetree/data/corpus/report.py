"""What is in a corpus, counted: for `wavetree data`, for the log of a run, and for whoever wonders what was learnt."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass

from wavetree.codecs import AlphabetCodec
from wavetree.data.audio import remarks
from wavetree.data.corpus.folder import Corpus
from wavetree.data.corpus.streams import SplitKind, Stream, StreamSplit

NAMED = 5
"""How many files a sentence names."""
SHOWN = 60
"""How many symbols of an alphabet a sentence shows."""


@dataclass(frozen=True)
class StreamSide:
    """One side: the files that have a part in it, the runs without a gap, and the symbols."""

    files: int
    spans: int
    symbols: int


@dataclass(frozen=True)
class CorpusReport:
    """The facts of a corpus and of how it is split."""

    digest: str
    kind: str
    unit: str
    """What one symbol is: symbol, byte, sample."""
    files: int
    """Distinct ones."""
    size: int
    """Bytes that they have on disk."""
    symbols: int
    rate: int
    """Samples a second; 0 for text."""
    codec: str
    """The codec for a person."""
    alphabet: str | None
    """All symbols by code point, for the kind text."""
    duplicates: tuple[tuple[str, str], ...]
    """Files that are left out, each with the one that holds the same."""
    classes: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]
    """For each field its classes, each with how many files have it."""
    split: SplitKind
    note: str
    """Why it is not the split that was asked for; mostly empty."""
    train: StreamSide
    validation: StreamSide
    test: StreamSide
    remarks: tuple[str, ...]
    """A sentence for each file that is loud or silent. It is kept."""
    lengths: tuple[tuple[str, int], ...]
    """Every file with its symbols, the shortest first."""

    @property
    def seconds(self) -> float | None:
        """How long it sounds; None for text."""
        return self.symbols / self.rate if self.rate else None

    def shorter_than(self, receptive_field: int) -> tuple[str, ...]:
        """The files with fewer symbols than a prediction sees: it always sees beyond their beginning."""
        return tuple(name for name, symbols in self.lengths if symbols < receptive_field)

    def sentences(self, receptive_field: int | None = None) -> tuple[str, ...]:
        """All of it for a person; with the `receptive_field` in symbols, what that means for short files, too."""
        return (
            self._what(),
            self._sides(),
            *([self.note[0].upper() + self.note[1:]] if self.note else []),
            *(f"{name}: {_counted(classes)}." for name, classes in self.classes),
            *self._oddities(),
            *self._short(receptive_field),
            *self.remarks,
        )

    def to_json(self) -> dict[str, object]:
        """All of it in types that JSON has, with `seconds`."""
        return asdict(self) | {"seconds": self.seconds}

    def _what(self) -> str:
        long = f" ({self._long(self.symbols)})" if self.rate else ""
        files = f"{_plural(self.files, 'file')}, {self.size:,} bytes"
        return f"{files}: {_plural(self.symbols, self.unit)}{long}, {self.codec}."

    def _sides(self) -> str:
        sides = (("train", self.train), ("validation", self.validation), ("test", self.test))
        told = [f"{self._long(side.symbols)} {name}" for name, side in sides if side.symbols]
        if self.split == "files":
            told = [f"{text} ({_plural(side.files, 'file')})" for text, (_, side) in zip(told, sides, strict=True)]
        return f"Split by {self.split}: {', '.join(told)}."

    def _oddities(self) -> list[str]:
        told = []
        if self.alphabet is not None:
            if "\ufeff" in self.alphabet:
                told.append("A byte order mark (U+FEFF) is in the text. It is kept, as a symbol.")
            if "\r" in self.alphabet:
                told.append("CR is in the text, most likely from CRLF line ends. It is kept, as a symbol.")
        if self.duplicates:
            some = [f"{name} is {first}" for name, first in self.duplicates[:NAMED]]
            count = _plural(len(self.duplicates), "file")
            told.append(f"{count} left out, since another holds the same: {_listed(some, self.duplicates)}.")
        return told

    def _short(self, receptive_field: int | None) -> list[str]:
        short = self.shorter_than(receptive_field or 0)
        if not short:
            return []
        what = f"{_plural(len(short), 'file')} shorter than the {receptive_field:,} {self.unit}s that a prediction sees"
        them = "them" if len(short) > 1 else "it"
        return [f"{what}: {_listed(list(short[:NAMED]), short)}. Nothing but silence or pad lies before {them}."]

    def _long(self, symbols: int) -> str:
        return f"{symbols / self.rate:,.1f} s" if self.rate else f"{symbols:,}"


def describe_corpus(corpus: Corpus, split: StreamSplit) -> CorpusReport:
    """Counts what is in `corpus`, and on the sides of `split`. Reads nothing."""
    pieces, codec = corpus.pieces, corpus.codec
    return CorpusReport(
        digest=corpus.digest,
        kind=corpus.settings.kind,
        unit=codec.unit,
        files=len(pieces),
        size=sum(piece.size for piece in pieces),
        symbols=corpus.symbols,
        rate=corpus.settings.rate,
        codec=codec.describe(),
        alphabet=codec.symbols if isinstance(codec, AlphabetCodec) else None,
        duplicates=corpus.duplicates,
        classes=tuple(
            (name, tuple(sorted(Counter(p.labels[name] for p in pieces if name in p.labels).items())))
            for name, _ in corpus.fields.tables
        ),
        split=split.kind,
        note=split.note,
        train=_side(split.train),
        validation=_side(split.validation),
        test=_side(split.test),
        remarks=tuple(text for piece in pieces if piece.loudness for text in remarks(piece.name, piece.loudness)),
        lengths=tuple(sorted(((piece.name, piece.symbols) for piece in pieces), key=lambda pair: pair[1])),
    )


def _side(stream: Stream) -> StreamSide:
    return StreamSide(len(set(stream.pieces.tolist())), len(stream.begins), stream.symbols)


def _plural(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _counted(classes: tuple[tuple[str, int], ...]) -> str:
    some = [f"{name} ({_plural(count, 'file')})" for name, count in classes[:SHOWN]]
    return _listed(some, classes)


def _listed(some: list[str], of: tuple[object, ...]) -> str:
    return ", ".join(some) + (f" and {len(of) - len(some):,} more" if len(of) > len(some) else "")
