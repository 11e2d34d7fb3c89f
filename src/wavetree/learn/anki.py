"""The cards as a deck for Anki: an .apkg file, which is a zip of a SQLite database. Needs genanki, the extra `anki`."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from io import BytesIO
from itertools import count
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from wavetree.learn.cards import cards
from wavetree.learn.text import to_inline_html

DECK = "wavetree"
DECK_ID, KIND_ID = 1_763_548_021, 1_208_774_365
"""Drawn once. Anki knows a deck and a kind of note by them, so a new number would be a second deck."""

CHANGED = datetime(2026, 11, 22, tzinfo=UTC)
"""When what a card shows was last changed. Anki takes a note that it has only from a file whose notes are newer."""

CSS = """\
.card { font: 20px/1.5 system-ui, sans-serif; max-width: 36em; margin: 1em auto; padding: 0 1em; }
code { font: .9em ui-monospace, monospace; background: rgba(128, 128, 128, .15); padding: 0 .3em; }
code span { white-space: nowrap; }
"""
"""No colours of its own: Anki has a night mode."""


def fields() -> list[tuple[str, str]]:
    """Front and back of every card, as HTML."""
    return [(to_inline_html(card.front), to_inline_html(card.back)) for card in cards()]


def package() -> bytes | None:
    """The .apkg file, the same bytes every time; None where genanki is not installed.

    A note is known by the name of its card. Importing the deck again updates the notes and adds none twice.
    """
    try:
        import genanki
    except ImportError:
        return None
    kind = genanki.Model(
        KIND_ID,
        "wavetree card",
        fields=[{"name": "Front"}, {"name": "Back"}],
        templates=[{"name": "Card", "qfmt": "{{Front}}", "afmt": '{{FrontSide}}<hr id="answer">{{Back}}'}],
        css=CSS,
    )
    deck = genanki.Deck(DECK_ID, DECK)
    for number, (card, faces) in enumerate(zip(cards(), fields(), strict=True), 1):
        guid = genanki.guid_for(DECK, card.name)
        deck.add_note(genanki.Note(kind, list(faces), guid=guid, due=number))  # new cards come in this order
    return _zipped({"collection.anki2": _database(genanki.Package(deck).write_to_db), "media": b"{}"})


def _database(write: Callable[[sqlite3.Cursor, float, Iterator[int]], None]) -> bytes:
    """Made in memory: genanki's `write_to_file` leaves its temporary file behind."""
    with closing(sqlite3.connect(":memory:")) as connection:
        moment = CHANGED.timestamp()
        write(connection.cursor(), moment, count(int(moment * 1000)))  # ids of notes: milliseconds
        connection.commit()
        return connection.serialize()


def _zipped(files: dict[str, bytes]) -> bytes:
    """With one date for every file, the earliest that a zip can hold."""
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(ZipInfo(name), data, ZIP_DEFLATED)
    return packed.getvalue()
