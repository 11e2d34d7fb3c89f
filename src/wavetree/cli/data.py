"""`wavetree data`: what is in a list, a text or sound."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from wavetree.cli.output import content, content_json, number, show, table, visible, working
from wavetree.cli.wording import plural, refuse_misfits

if TYPE_CHECKING:
    from wavetree.config import Config
    from wavetree.data import ListReport

ALPHABET_SHOWN = 60
CLASSES_SHOWN = 20


def data(
    *files: Annotated[
        Path,
        Parameter(
            help="A list: a UTF-8 text file with one item a line. Or files and folders of sound or, with --preset "
            "text, of running text. Without any, the names that come along."
        ),
    ],
    preset: Annotated[
        str | None,
        Parameter(help="What it is for, as for `wavetree train`; without it sound is found by its name."),
    ] = None,
    fields: Annotated[str | None, Parameter(help="What is told besides, by name, such as sex,decade.")] = None,
    split: Annotated[
        Literal["blocks", "tail", "files"] | None, Parameter(help="How text or sound is split; of a list, see both.")
    ] = None,
    as_json: Annotated[bool, Parameter(name="--json", help="One JSON object on stdout.")] = False,
) -> None:
    """See what is in a list: items, duplicates, symbols, lengths, what each split would do with it; or in a stream."""
    from wavetree.config import configure

    told = {"data.fields": fields, "data.split": split}
    changes = [f"{name}={value}" for name, value in told.items() if value is not None]
    config = configure(preset or _preset(files, fields), changes)
    if config.data.kind != "items":
        _stream(files, config, as_json)
        return
    refuse_misfits(files, "items")
    _list(files[0] if files else None, config, as_json)


def _preset(files: tuple[Path, ...], fields: str | None) -> str:
    """What files are, by their names."""
    from wavetree.data.corpus.sources import SUFFIXES

    sound = SUFFIXES["audio"]
    if any(file.suffix.lower() in sound for file in files):
        return "audio"
    folders = [file for file in files if file.is_dir()]
    if folders:
        return "audio" if any(each.suffix.lower() in sound for each in folders[0].rglob("*")) else "text"
    return "decades" if fields and not files else "names"


def _stream(files: tuple[Path, ...], config: Config, as_json: bool) -> None:
    """What is in running text or sound."""
    from wavetree.data.corpus import describe_corpus, open_corpus, split_stream
    from wavetree.models import build
    from wavetree.runs import corpus_settings

    refuse_misfits(files, config.data.kind)
    with working("reading") as tell:
        corpus = open_corpus(
            files,
            corpus_settings(config.data),
            config.data.fields,
            progress=lambda share: tell(f"reading, {share:.0%} done"),
        )
    report = describe_corpus(corpus, split_stream(corpus, config.data.split))  # type: ignore[arg-type]
    if as_json:
        content_json(report.to_json())
        return
    width = corpus.fields.width + config.data.local
    field = build(config.model, corpus.codec.vocab_size, 0, width).receptive_field
    for sentence in report.sentences(field):
        content(visible(sentence))


def _list(file: Path | None, config: Config, as_json: bool) -> None:
    from wavetree.data import describe_list, embedded_names, embedded_names_by_decade, read_list

    names = embedded_names_by_decade if config.data.fields else embedded_names
    report = describe_list(read_list(file, config.data.fields) if file else names())
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
    for name, classes in report.fields:
        few = ", ".join(f"{label} {number(count)}" for label, count in classes[:CLASSES_SHOWN])
        more = f" and {len(classes) - CLASSES_SHOWN} more" if len(classes) > CLASSES_SHOWN else ""
        facts.append((name, few + more))
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
