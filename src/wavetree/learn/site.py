"""The learning material as a folder of files that works from the disk, with no request to anywhere."""

from __future__ import annotations

from pathlib import Path

from wavetree.errors import InputError, SaveError
from wavetree.learn import anki, pages
from wavetree.learn.notebook import notebook
from wavetree.learn.practice import QUESTIONS
from wavetree.learn.text import lesson

SEED = 1
"""Of the numbers in the questions: the same that `wavetree learn practice` begins with."""


APKG = "cards.apkg"
"""The file that is left out where genanki is not installed."""


def site_files() -> dict[str, bytes]:
    """Every file of the site by its name."""
    deck = anki.package()
    packages = {} if deck is None else {APKG: deck}
    texts = {
        "index.html": pages.index_page([*packages, "cards.tsv"]),
        "lesson.html": pages.lesson_page(QUESTIONS),
        "lesson.ipynb": notebook(lesson()),
        "cheatsheet.html": pages.cheatsheet_page(),
        "practice.html": pages.practice_page(QUESTIONS, SEED),
        "cards.html": pages.cards_page(),
        "cards.tsv": cards_tsv(),
        "print.html": pages.print_page(),
    }
    return {name: text.encode() for name, text in texts.items()} | packages


def cards_tsv() -> str:
    """The cards for Anki: two columns of HTML, with the header lines by which its import knows what they are."""
    heads = ["#separator:tab", "#html:true", f"#deck:{anki.DECK}", "#columns:Front\tBack"]
    return "\n".join([*heads, *map("\t".join, anki.fields())]) + "\n"


def write_site(folder: Path, force: bool) -> list[Path]:
    """Writes the site into `folder` and returns its files.

    Raises InputError for a folder that holds something, unless `force` is given: then the site's own files are
    replaced, and nothing else is touched. Raises SaveError when a file cannot be written.
    """
    _refuse(folder, force)
    files = {folder / name: data for name, data in site_files().items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, data in files.items():
            path.write_bytes(data)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SaveError(f"could not write {error.filename or folder}: {reason}. Choose another folder.") from error
    return list(files)


def _refuse(folder: Path, force: bool) -> None:
    for path in (folder, *folder.parents):
        if path.exists() and not path.is_dir():
            raise InputError(f"{path} is a file: give a folder for the site, one that is new or empty.")
    if folder.is_dir() and not force and any(folder.iterdir()):
        raise InputError(
            f"{folder} is not empty: give a folder that is new or empty, or --force to write the site into it. That "
            "replaces the files of the site that are there, and leaves everything else as it is."
        )
