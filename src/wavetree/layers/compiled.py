"""Where compiled code comes from: made on this machine when it is first wanted, then kept on disk."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import logging
import os
import tempfile
import threading
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

LOG = logging.getLogger("wavetree")
_LOADING = threading.Lock()
"""numba's settings are changed while a module is loaded: one thread at a time."""


def load_kernels(module: str, *sources: str) -> ModuleType:
    """The module of compiled functions, and with it numba, which nothing else imports.

    What numba keeps goes with one file's content, and a function has parts in several, the `sources` beside the module:
    so there is a folder for each content of all of them. It is in $NUMBA_CACHE_DIR, else beside the source as Python's
    own compiled files are, else in the user's cache; where nothing can be written, nothing is kept.
    """
    with _LOADING:
        return _load(module, *sources)


@cache
def _load(module: str, *sources: str) -> ModuleType:
    import numba

    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    config: Any = numba.config
    before = config.CACHE_DIR
    config.CACHE_DIR = kept = _folder(before, Path(spec.origin), sources)
    if not (kept and any(Path(kept).iterdir())):
        LOG.info("compiling for this processor: half a minute or so%s", ", once" if kept else "")
    try:
        return importlib.import_module(module)
    finally:
        config.CACHE_DIR = before


def _folder(told: str, module: Path, sources: tuple[str, ...]) -> str:
    """A folder that can be written to, for this content of the module and its sources; or an empty text."""
    contents = b"".join(path.read_bytes() for path in (module, *(module.with_name(f"{name}.py") for name in sources)))
    name = f"compiled-{hashlib.sha256(contents).hexdigest()[:16]}"
    user = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    for base in (Path(told),) if told else (module.parent / "__pycache__", Path(user) / "wavetree"):
        try:
            (base / name).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=base / name):
                return str(base / name)
        except OSError:
            continue
    return ""
