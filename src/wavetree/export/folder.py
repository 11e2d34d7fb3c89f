"""A new folder with these files, or none at all."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from wavetree.errors import RunError, SaveError


def write_folder(folder: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Makes `folder` beside its place, renames it and returns its files.

    Raises RunError where it holds something, and SaveError.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise RunError(f"{folder} is there already: it is left alone. Choose another --out.")
    place = folder.resolve()
    beside = place.with_name(f".{place.name}.new")
    try:
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        for name, content in files.items():
            (beside / name).write_bytes(content)
        beside.replace(place)
    except OSError as error:
        shutil.rmtree(beside, ignore_errors=True)
        reason = (error.strerror or str(error)).lower()
        raise SaveError(f"could not make {folder}: {reason}. Choose another --out.") from error
    return [folder / name for name in files]
