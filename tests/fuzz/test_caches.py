"""What the program wrote for itself and reads again: the corpus in the cache, and the list of files it was made of."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from tests.fuzz.guard import a_result_or_a_sentence
from tests.fuzz.hostile import json_files, spoilt

from wavetree.data.corpus import CorpusSettings, open_corpus

TEXT = "to be or not to be\n" * 40


@given(data=st.data(), name=st.sampled_from(["corpus.json", "ids.bin", "sources.json"]))
def test_a_corpus_is_used_made_anew_or_refused(desk: Path, data: st.DataObject, name: str) -> None:
    place = desk / "kept.txt"
    if not place.exists():
        place.write_text(TEXT)
    cache = desk / "kept"
    good = open_corpus([place], CorpusSettings("text"), cache=cache)
    file = (cache if name == "sources.json" else good.folder) / name
    before = file.read_bytes()
    file.write_bytes(data.draw(json_files(before) if name.endswith(".json") else spoilt(before)))
    try:
        with a_result_or_a_sentence({3}):
            again = open_corpus([place], CorpusSettings("text"), cache=cache)
            again.check()
            with again.reading() as ids:
                again.read_ids(ids, 0, min(again.symbols, 10))
    finally:
        good.folder.mkdir(parents=True, exist_ok=True)
        file.write_bytes(before)
