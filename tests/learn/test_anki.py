"""The deck for Anki, opened as Anki opens it: a zip, and in it a SQLite database."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sqlite3
import sys
import tempfile
import zipfile
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from wavetree.learn import anki
from wavetree.learn.cards import cards
from wavetree.learn.site import APKG, cards_tsv, site_files, write_site

SHOWN = ("54ef", "2026-11-22")
"""The beginning of the digest of what all cards show, and since when they do."""


def packed() -> bytes:
    data = anki.package()
    assert data is not None, "the tests need genanki: requirements/test.txt"
    return data


def query(data: bytes, sql: str) -> list[tuple[object, ...]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive, closing(sqlite3.connect(":memory:")) as connection:
        assert archive.testzip() is None
        assert archive.namelist() == ["collection.anki2", "media"]
        assert json.loads(archive.read("media")) == {}
        connection.deserialize(archive.read("collection.anki2"))
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return connection.execute(sql).fetchall()


def guids(data: bytes) -> list[object]:
    return [guid for (guid,) in query(data, "SELECT guid FROM notes ORDER BY id")]


def test_the_deck_holds_the_words_of_the_tsv() -> None:
    rows = [line for line in cards_tsv().splitlines() if not line.startswith("#")]
    fields = [tuple(row) for row in csv.reader(rows, delimiter="\t", quoting=csv.QUOTE_NONE)]
    notes = [str(both).split("\x1f") for (both,) in query(packed(), "SELECT flds FROM notes ORDER BY id")]
    assert [tuple(note) for note in notes] == fields == anki.fields()
    assert len(notes) == len(cards())


def test_each_note_makes_one_new_card_in_order_in_our_deck() -> None:
    made = query(
        packed(), "SELECT cards.did, notes.mid, due, type FROM cards JOIN notes ON notes.id = nid ORDER BY nid"
    )
    assert made == [(anki.DECK_ID, anki.KIND_ID, number, 0) for number in range(1, len(cards()) + 1)]
    ((decks, models),) = query(packed(), "SELECT decks, models FROM col")
    assert json.loads(str(decks))[str(anki.DECK_ID)]["name"] == "wavetree"
    kind = json.loads(str(models))[str(anki.KIND_ID)]
    assert [field["name"] for field in kind["flds"]] == ["Front", "Back"]
    assert "{{Front}}" in kind["tmpls"][0]["qfmt"]
    assert "{{Back}}" in kind["tmpls"][0]["afmt"]
    assert "http" not in kind["css"]


def test_what_anki_knows_them_by_is_for_ever() -> None:
    """Another number here is a second deck, or a second note for the same card, in everybody's collection."""
    assert (anki.DECK_ID, anki.KIND_ID) == (1_763_548_021, 1_208_774_365)
    by_name = dict(zip((card.name for card in cards()), guids(packed()), strict=True))
    assert (by_name["fusion"], by_name["rings"]) == ("dYXf[p5:`n", "vm)F8)J3kX")
    assert len(set(by_name.values())) == len(cards())


def test_two_exports_are_the_same_bytes_and_leave_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    for name in ("one", "two"):
        write_site(tmp_path / name, force=False)
    one, two = ((tmp_path / name / APKG).read_bytes() for name in ("one", "two"))
    assert guids(one) == guids(two)
    assert one == two
    assert list(scratch.iterdir()) == []


def test_other_words_keep_their_note(monkeypatch: pytest.MonkeyPatch) -> None:
    before, deck = packed(), cards()
    monkeypatch.setattr(anki, "cards", lambda: (replace(deck[1], front="New?", back="New."), deck[0], *deck[2:]))
    after = packed()
    assert before != after
    one, two, *rest = guids(before)
    assert guids(after) == [two, one, *rest]


def test_new_words_come_with_a_new_date() -> None:
    """Anki leaves a note as it is unless the one in the file is newer."""
    digest = hashlib.sha256(cards_tsv().encode()).hexdigest()[:4]
    assert (digest, f"{anki.CHANGED:%Y-%m-%d}") == SHOWN, (
        "the cards show something else than before: set CHANGED in learn/anki.py to today, and both in SHOWN here"
    )
    assert datetime(2026, 1, 1, tzinfo=UTC) < anki.CHANGED
    moments = query(packed(), "SELECT DISTINCT mod FROM notes")
    assert moments == [(int(anki.CHANGED.timestamp()),)]


def test_without_genanki_the_rest_of_the_site_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = site_files()
    monkeypatch.setitem(sys.modules, "genanki", None)
    assert anki.package() is None
    rest = site_files()
    assert whole.keys() - rest.keys() == {APKG}
    assert {name for name in rest if rest[name] != whole[name]} == {"index.html"}
    assert b'href="cards.apkg"' in whole["index.html"]
    assert b"apkg" not in rest["index.html"]
    assert b'href="cards.tsv"' in whole["index.html"]
    assert b'href="cards.tsv"' in rest["index.html"]
