"""Trains on a text that is larger than the memory it may take, twice: `python scripts/large_text.py --megabytes 1000`.

Words of embedded names are written to a file, and a few steps are trained on it, each time by a process of its own: the
first one reads the text and keeps it as ids, the second one finds them. Prints seconds and the most memory that each
process had in use; the exit code is 1 if that was above the limit, or if the second start wrote the ids again.
Linux only: it asks the system.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from wavetree.data import embedded_names

STEPS = 20
MEGABYTE = 1_000_000
LINE = 12
"""Words."""


def main() -> None:
    """Writes the text, trains twice, says what it took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--megabytes", type=int, default=1000, help="of text")
    parser.add_argument("--limit", type=float, default=500, help="megabytes that a process may have in use")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        text = place / "text.txt"
        write(text, asked.megabytes * MEGABYTE)
        found = [train(text, place, number) for number in (1, 2)]
        written = max(path.stat().st_mtime for path in (place / "cache").rglob("*") if path.is_file())
    for which, (seconds, megabytes, _) in zip(("first", "second"), found, strict=True):
        print(f"{which:6} start, {STEPS} steps: {seconds:.1f} s, {megabytes:.0f} MB at most")
    again = written > found[1][2]
    if again:
        print("the second start has written ids again.")
    sys.exit(1 if again or max(megabytes for _, megabytes, _ in found) > asked.limit else 0)


def write(path: Path, size: int) -> None:
    """Lines of names, so many bytes of them."""
    draw, names = random.Random(1), list(embedded_names().items)
    with path.open("w", encoding="utf-8") as file:
        while file.tell() < size:
            lines = (" ".join(draw.choices(names, k=LINE)) for _ in range(MEGABYTE // (8 * LINE)))
            file.write("\n".join(lines) + "\n")


def train(text: Path, place: Path, number: int) -> tuple[float, float, float]:
    """Seconds, the most megabytes in use, and when it began; of a process of its own."""
    call = [sys.executable, "-m", "wavetree", "train", str(text), "--preset", "text-small", "--steps", str(STEPS)]
    call += ["--set", "train.checks=1", "--out", str(place / f"run-{number}")]
    began, when = time.perf_counter(), time.time()
    child = subprocess.Popen(call, env=os.environ | {"WAVETREE_CACHE": str(place / "cache")}, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    if code := os.waitstatus_to_exitcode(status):
        sys.exit(code)
    return time.perf_counter() - began, used.ru_maxrss * 1024 / MEGABYTE, when


if __name__ == "__main__":
    main()
