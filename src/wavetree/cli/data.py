"""`wavetree data`: what is in a list."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from wavetree.cli.output import content, content_json, number, show, table
from wavetree.cli.wording import plural

if TYPE_CHECKING:
    from wavetree.data import ListReport

ALPHABET_SHOWN = 60


def data(
    file: Annotated[
        Path | None, Parameter(help="A UTF-8 text file with one item a line. Without it, the names that come along.")
    ] = None,
    /,
    *,
    as_json: Annotated[bool, Parameter(name="--json", help="One JSON object on stdout.")] = False,
) -> None:
    """See what is in a list: items, duplicates, symbols, lengths, and what each split would do with it."""
    from wavetree.data import describe_list, embedded_names, read_list

    report = describe_list(read_list(file) if file else embedded_names())
    if as_json:
        content_json(report.to_json())
        return
    show(table(["<", "<"], _facts(report), fold=True))
    content("")
    heads = ["<context", ">levels", ">items that fit whole"]
    show(table(heads, [(number(sees), str(sees.bit_length() - 1), f"{share:.1%}") for sees, share in report.fits]))
    content("")
    sides = (("hash", report.hash_split), ("lecture", report.lecture_split))
    rows = [
        (
            name,
            number(s.train),
            number(s.validation),
            number(s.test),
            f"{number(s.leaked_validation)} ({s.leaked_share:.1%})",
        )
        for name, s in sides
    ]
    show(table(["<split", ">train", ">validation", ">test", ">validation items in train too"], rows))


def _facts(report: ListReport) -> list[tuple[str, str]]:
    lengths = report.lengths
    facts = [
        ("list", report.source),
        ("items", number(report.items)),
        ("distinct", f"{number(report.distinct)}, {plural(report.duplicates, 'duplicate')}"),
    ]
    if report.repeated:
        facts.append(("most repeated", ", ".join(f"{item} {count}x" for item, count in report.repeated)))
    if report.edge_spaces:
        facts.append(("spaces at an end", plural(report.edge_spaces, "item")))
    shown = report.alphabet[:ALPHABET_SHOWN] + (" ..." if len(report.alphabet) > ALPHABET_SHOWN else "")
    facts += [
        ("alphabet", f"{plural(len(report.alphabet), 'symbol')}: {shown}"),
        ("commonest", _counts(report.commonest)),
        ("rarest", _counts(report.rarest)),
        (
            "length",
            f"{lengths.shortest} to {number(lengths.longest)} symbols, "
            f"mean {lengths.mean:.1f}, median {lengths.median:g}",
        ),
    ]
    return facts


def _counts(symbols: tuple[tuple[str, int], ...]) -> str:
    return ", ".join(f"{symbol!r} {number(count)}" for symbol, count in symbols)
