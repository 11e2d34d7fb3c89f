"""One process at a time: a lock on a run folder that goes when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from wavetree.errors import RunError, SaveError

NAME = "lock"
"""Of the file in the run folder. It stays; what is locked is told by the system, not by the file."""


@contextmanager
def alone(run: Path) -> Iterator[None]:
    """In here no other process may train, replace or prune the run. Raises RunError where one does, and SaveError."""
    path = run / NAME
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise SaveError(f"could not write {path}: {(error.strerror or str(error)).lower()}.") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(
                f"{run} is being worked on by {_holder(descriptor)}: wait for it or end it, or choose another --out."
            ) from None
        except OSError:  # a file system without locks
            yield
            return
        with suppress(OSError):  # a full disk: then a second process is not told who is the first
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"process {os.getpid()} on {platform.node()}\n".encode(), 0)
        yield
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def is_busy(run: Path) -> bool:
    """Whether a process trains, replaces or prunes the run."""
    try:
        descriptor = os.open(run / NAME, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def _holder(descriptor: int) -> str:
    return os.pread(descriptor, 200, 0).decode(errors="replace").strip() or "another process"
