"""Where the compiled code comes from: made on this machine when an engine is first wanted, then kept on disk."""

from __future__ import annotations

import hashlib
import os
import tempfile
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

SOURCES = ("activations", "choosing", "kernels", "layout", "tile")


@cache
def load_kernels() -> ModuleType:
    """The module `generate/kernels.py`, and with it numba, which nothing else imports.

    What numba keeps goes with one file's content, and a function has parts in several: so there is a folder for each
    content of all of them. It is in $NUMBA_CACHE_DIR, else beside the source as Python's own compiled files are, else
    in the user's cache; where nothing can be written, nothing is kept.
    """
    import numba

    config: Any = numba.config
    before = config.CACHE_DIR
    config.CACHE_DIR = _folder(before)
    try:
        from wavetree.generate import kernels
    finally:
        config.CACHE_DIR = before
    return kernels


def is_kept() -> bool:
    """Whether compiled code for this version is on disk, so that it need only be loaded."""
    told = os.environ.get("NUMBA_CACHE_DIR", "")
    return any(True for base in _bases(told) for _ in (base / _name()).rglob("*.nbc"))


def _bases(told: str) -> tuple[Path, ...]:
    """Where it may be kept, the first choice first."""
    user = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return (Path(told),) if told else (Path(__file__).parent / "__pycache__", Path(user) / "wavetree")


def _name() -> str:
    """A folder's name for the content of all sources."""
    contents = b"".join((Path(__file__).parent / f"{name}.py").read_bytes() for name in SOURCES)
    return f"compiled-{hashlib.sha256(contents).hexdigest()[:16]}"


def _folder(told: str) -> str:
    """A folder that can be written to, or an empty text."""
    name = _name()
    for base in _bases(told):
        try:
            (base / name).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=base / name):
                return str(base / name)
        except OSError:
            continue
    return ""
