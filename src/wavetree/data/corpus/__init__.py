"""A corpus: running text or sound of any size, as ids on disk.

corpus = open_corpus(["book.txt"], CorpusSettings("text"))         made once, found from then on
sides = split_stream(corpus)
sides.train.rows(starts, 256 + field, before=field)                rows with `field` symbols of real context
describe_corpus(corpus, sides).sentences()
"""

from wavetree.data.corpus.build import cache_folder, open_corpus
from wavetree.data.corpus.folder import Corpus, CorpusFile, CorpusSettings, Piece
from wavetree.data.corpus.report import CorpusReport, StreamSide, describe_corpus
from wavetree.data.corpus.sources import Kind
from wavetree.data.corpus.streams import SplitKind, Stream, StreamSplit, split_stream

__all__ = [
    "Corpus",
    "CorpusFile",
    "CorpusReport",
    "CorpusSettings",
    "Kind",
    "Piece",
    "SplitKind",
    "Stream",
    "StreamSide",
    "StreamSplit",
    "cache_folder",
    "describe_corpus",
    "open_corpus",
    "split_stream",
]
