"""`wavetree train`: from a list to a run folder that can be sampled."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from wavetree.cli.command import INTERRUPTED
from wavetree.cli.find_rate import find_rate
from wavetree.cli.output import (
    NO_VALUE,
    content_json,
    margin,
    number,
    say,
    show,
    show_talk,
    table,
    visible,
    working,
)
from wavetree.cli.stopping import asked_to_stop
from wavetree.cli.wording import BITS, leak_warning, plural, refuse_misfits, seen, speed
from wavetree.errors import InputError, SettingError

if TYPE_CHECKING:
    from wavetree.codecs import Codec
    from wavetree.config import Config
    from wavetree.runs import RunFolder
    from wavetree.train import Processes, Summary

DEVICE = "train.device"
EARLY = 0.7
"""Of all steps: a best check before this share of them is told."""
LONG_ITEMS = 200
"""Symbols. Items that are longer in the mean may be the paragraphs of a text."""
LINE_WORDS = 4
"""Items of more words in the mean may be the lines of a text, if a part of them ends as sentences and clauses do."""
LINES_ENDED = 0.1
IF_TEXT = "if this is running text, --preset text learns it as such, across its line ends"


def train(
    *files: Annotated[
        Path,
        Parameter(
            help="The list: a UTF-8 text file with one item a line. Without it, given names. For a preset of running "
            "text or sound, files and folders."
        ),
    ],
    out: Annotated[Path | None, Parameter(help="The run folder to make; without it, runs/NAME-OF-THE-FILE.")] = None,
    preset: Annotated[
        str | None,
        Parameter(
            help="Where the settings start: names (the default), names-small, names-large, lecture, decades, "
            "text-small, text, text-large, audio or audio-small."
        ),
    ] = None,
    settings: Annotated[
        tuple[str, ...], Parameter(name="--set", metavar="SETTING=VALUE", help="Change a setting; may be repeated.")
    ] = (),
    split: Annotated[
        Literal["hash", "lecture", "blocks", "tail", "files"] | None,
        Parameter(
            help="Of a list: hash, no item on two sides (the default), or lecture, as the lecture did, duplicates "
            "kept. Of text: blocks (80, 10 and 10%) or tail (90 and 10%). Of sound: files."
        ),
    ] = None,
    fields: Annotated[
        str | None,
        Parameter(
            help="What is told besides, by name, such as sex,decade: further columns of a list, divided by tabs, or "
            "the folders that clips and texts lie in."
        ),
    ] = None,
    seed: Annotated[int | None, Parameter(help="Same seed, same run.")] = None,
    steps: Annotated[int | None, Parameter(help="Stop after this many steps.")] = None,
    epochs: Annotated[float | None, Parameter(help="Stop after reading the list this many times.")] = None,
    seconds: Annotated[float | None, Parameter(help="Stop after about this long at the latest.")] = None,
    force: Annotated[bool, Parameter(help="Replace the run that is in the run folder.")] = False,
    resume: Annotated[bool, Parameter(help="Go on with a run that was stopped.")] = False,
    find_lr: Annotated[
        bool, Parameter(help="Look for a learning rate instead: a range test, with a picture beside the run folder.")
    ] = False,
    tensorboard: Annotated[
        Path | None, Parameter(help="Write events for TensorBoard into this folder, under the name of the run.")
    ] = None,
    as_json: Annotated[bool, Parameter(name="--json", help="The result as one JSON object on stdout.")] = False,
) -> int:
    """Begins a run or goes on with one, and says how it went; 130 if it was interrupted."""
    from wavetree.config import configure

    limits = {"steps": steps, "epochs": epochs, "seconds": seconds}
    if steps is not None and epochs is not None:
        raise SettingError("--steps and --epochs each say how long: give one of them.")
    if force and resume:
        raise SettingError("--force replaces the run and --resume goes on with it: give one of them.")
    options: dict[str, object] = {"data.split": split, "data.fields": fields, "train.seed": seed}
    options |= {f"train.{name}": value for name, value in limits.items()}
    changes = [*settings, *(f"{name}={value}" for name, value in options.items() if value is not None)]
    config = configure(preset or "names", changes)
    named = [change.partition("=")[0].strip() for change in changes]
    path = out or Path("runs") / named_after(files, preset)
    if find_lr:
        for option, there in (("--resume", resume), ("--force", force), ("--tensorboard", tensorboard)):
            if there:
                raise SettingError(f"--find-lr trains no run: leave {option} out.")
        return find_rate(path, files, config, as_json)
    if tensorboard:
        from wavetree.report.tensorboard import refuse_without_tensorboard

        refuse_without_tensorboard()
    from wavetree.train import joined

    with joined() as processes:

        def ready() -> None:
            if resume:
                folder = _resumed(path, files, config, named, preset)
            elif processes.restarts and _was_begun(path, files, config, processes.launched):
                folder = RunFolder.open(path)
            else:
                folder = _begun(path, files, config, force)
            _describe(folder, processes)

        from wavetree.runs import RunFolder

        processes.lead(ready)
        folder = RunFolder.open(path)
        summary = _trained(folder, processes, tensorboard, config.train.device if DEVICE in named else None)
    if processes.leads:
        _draw(folder, summary)
        _report(summary, folder.codec(), as_json)
        _warn_of_overfitting(folder, summary)
    return INTERRUPTED if summary.stopped else 0


def named_after(files: tuple[Path, ...], preset: str | None) -> str:
    """What a run is called that is given no name."""
    if files:
        return (files[0].resolve() if files[0].name in {"", ".."} else files[0]).stem
    return "decades" if preset == "decades" else "names"


def _begun(path: Path, files: tuple[Path, ...], config: Config, force: bool) -> RunFolder:
    from wavetree.api import begin

    refuse_misfits(files, config.data.kind)
    with working("reading") as tell:
        return begin(files or None, path, config, force, progress=lambda share: tell(f"reading, {share:.0%} done"))


def _resumed(path: Path, files: tuple[Path, ...], config: Config, given: list[str], preset: str | None) -> RunFolder:
    """The run at `path`, if what was given besides (a list, settings, a preset) is what it was begun with.

    Only the device may be another.
    """
    from wavetree.config import LIMITS
    from wavetree.runs import RunFolder
    from wavetree.train import settled

    folder = RunFolder.open(path)
    with folder.alone():  # what another process is at is refused before anything is read
        pass
    if folder.has_checkpoint():
        folder.newest([])  # which tells a damaged config.json before a list is blamed
    if files and not _same(files, folder):
        several, what = (f"{len(files)} files", "are not what") if len(files) > 1 else (str(files[0]), "is not what")
        raise InputError(
            f"{several} {what} {path} was begun with: leave {'them' if len(files) > 1 else 'it'} out, or begin a new "
            "run with another --out."
        )
    begun, wanted = _flat(folder.config()), _flat(settled(config))
    for name in given:
        if name != DEVICE and wanted[name] != begun.get(name):
            kept = f"{name} is {begun[name]} there" if name in begun else f"has no {name}"
            limit = name.removeprefix("train.") in LIMITS
            why = (
                " What a step learns depends on how many there are to be: a longer run is another one." if limit else ""
            )
            raise SettingError(
                f"{path} keeps the settings that it was begun with, and {kept}: leave {name}={wanted[name]} out, or "
                f"begin a new run with another --out.{why}"
            )
    others = [name for name in wanted if name not in {*given, DEVICE} and wanted[name] != begun.get(name)]
    if preset and others:
        raise SettingError(
            f"{path} keeps the settings that it was begun with, and they are not those of --preset {preset} with what "
            f"is said besides ({others[0]} is another): leave --preset out, or begin a new run with another --out."
        )
    return folder


def _was_begun(path: Path, files: tuple[Path, ...], config: Config, launched: float | None) -> bool:
    """Whether the run at `path` is the one that a restart goes on with.

    It was begun since torchrun was, and is the one that these files and settings make.
    """
    from wavetree.runs import RunFolder
    from wavetree.train import settled

    try:
        folder = RunFolder.open(path)
    except InputError:
        return False
    if launched is not None and (path / "config.json").stat().st_mtime < launched:
        return False
    return folder.config() == settled(config) and (not files or _same(files, folder))


def _same(files: tuple[Path, ...], folder: RunFolder) -> bool:
    """Whether these files hold what a run was begun with."""
    from wavetree.data import read_list
    from wavetree.data.corpus import open_corpus
    from wavetree.runs import corpus_settings

    data, origin = folder.config().data, folder.origin()
    refuse_misfits(files, data.kind)
    if data.kind == "items":
        return read_list(files[0], data.fields).digest == origin.get("sha256")
    if [str(file.resolve()) for file in files] == origin["sources"]:
        return True  # what they hold is looked at when the run goes on
    return bool(open_corpus(files, corpus_settings(data), data.fields).digest == origin["sha256"])


def _flat(config: Config) -> dict[str, object]:
    """Every setting by the name that --set knows it by."""
    sections = config.model_dump()
    return {f"{section}.{name}": value for section, names in sections.items() for name, value in names.items()}


def _describe(folder: RunFolder, processes: Processes) -> None:
    """What is about to be learnt from, and by what."""

    from wavetree.models import outline, parameter_count
    from wavetree.runs import given_size

    config, codec = folder.config(), folder.codec()
    model = outline(config.model, codec.vocab_size, given_size(folder))
    sees = seen(model.receptive_field, codec)
    rows = [
        *(_list_facts(folder) if config.data.kind == "items" else _stream_facts(folder, model.receptive_field)),
        ("model", f"{config.model.kind}, {number(parameter_count(model))} parameters, sees {sees}"),
        ("learns", _length(config)),
        ("run", str(folder.path)),
        *([("processes", _shares(config, processes))] if processes.count > 1 else []),
    ]
    show_talk(table(["<", "<"], rows, fold=True))
    if config.data.kind == "items":
        _warn(folder)
    say("")


def _length(config: Config) -> str:
    settings = config.train
    whole = {"items": "list", "audio": "sound"}.get(config.data.kind, "text")
    said = [
        *([plural(settings.steps, "step")] if settings.steps else []),
        *(
            [f"{settings.epochs:g} pass{'' if settings.epochs == 1 else 'es'} over the {whole}"]
            if settings.epochs
            else []
        ),
        *([f"{settings.seconds:,.10g} s"] if settings.seconds else []),
    ]
    return f"for {', or '.join(said)}{' if that is sooner' if len(said) > 1 else ''}"


def _shares(config: Config, processes: Processes) -> str:
    """How many, and that the one thread that torchrun allows each is not what each takes."""
    from wavetree.train.training import most_threads

    count = most_threads(config, processes)
    most = "one thread" if count == 1 else f"up to {count} threads"
    return f"{processes.count}, each with {most} (train.threads sets it)"


def _warn(folder: RunFolder) -> None:
    """Of what flatters a loss, and of a list that is none."""
    train, validation = folder.items("train"), folder.items("validation")
    if warning := leak_warning(train, validation):
        say(warning)
    mean = sum(map(len, train)) / len(train)
    if mean > LONG_ITEMS:
        say(f"the items have {number(mean)} symbols in the mean: {IF_TEXT}")
    elif _are_lines(train):
        say(f"the items look like lines of a text: {IF_TEXT}")


def _are_lines(items: Sequence[str]) -> bool:
    words = sum(len(item.split()) for item in items)
    ended = sum(item.endswith(tuple(".,;:!?")) for item in items)
    return words > LINE_WORDS * len(items) and ended > LINES_ENDED * len(items)


def _list_facts(folder: RunFolder) -> list[tuple[str, str]]:
    sides = {side: folder.items(side) for side in ("train", "validation", "test")}
    sizes = ", ".join(f"{number(len(held))} {side}" for side, held in sides.items())
    fields, about = folder.fields(), folder.origin()
    came = [("list", str(about["source"])), ("items", _count(about, folder.config()))] if "source" in about else []
    told = [("told besides", ", ".join(f"{name} ({len(classes)} classes)" for name, classes in fields.tables))]
    return [
        *came,
        ("alphabet", _alphabet(folder.codec())),
        ("split", f"{sizes} ({folder.config().data.split})"),
        *(told if fields else []),
    ]


def _alphabet(codec: Codec) -> str:
    from wavetree.codecs import AlphabetCodec

    return plural(len(codec.symbols), "symbol") if isinstance(codec, AlphabetCodec) else codec.describe()


def _count(about: dict[str, Any], config: Config) -> str:
    if about["items"] == about["distinct"]:
        return f"{number(about['items'])}, no duplicates"
    fate = "removed" if config.data.split == "hash" else "kept"
    return f"{number(about['items'])}, {number(about['distinct'])} distinct: the duplicates are {fate}"


def _stream_facts(folder: RunFolder, field: int) -> list[tuple[str, str]]:
    from wavetree.data.corpus import describe_corpus, split_stream
    from wavetree.runs import corpus_of

    corpus = corpus_of(folder)
    report = describe_corpus(corpus, split_stream(corpus, folder.config().data.split))  # type: ignore[arg-type]
    first, *rest = report.sentences(field)
    return [(corpus.settings.kind, first), *(("", sentence) for sentence in rest)]


def _trained(folder: RunFolder, processes: Processes, tensorboard: Path | None, device: str | None) -> Summary:
    from wavetree.cli.progress import Display
    from wavetree.train import Watch
    from wavetree.train import train as go

    if not processes.leads:
        with asked_to_stop(lambda _: None) as stop:
            return go(folder, Watch(stop=stop), processes, device)
    if folder.has_checkpoint():
        _, state, _ = folder.newest([])
        done = state["step"] == state["steps"]
        say(f"complete already, at step {state['step']}" if done else f"going on from step {state['step']}")
    with Display(margin(), folder.codec()) as display, asked_to_stop(say) as stop, ExitStack() as left:
        watch = Watch(display.progress, display.check, stop, lambda sentence: say(f"note: {visible(sentence)}"))
        if tensorboard:
            from wavetree.report.tensorboard import tensorboard_watch

            watch = watch.and_also(left.enter_context(tensorboard_watch(folder, tensorboard)))
        return go(folder, watch, processes, device)


def _draw(folder: RunFolder, summary: Summary) -> None:
    """The run's report.html, after the clock has stopped."""
    from wavetree.report import report_run

    with working("writing the report"):
        complaint = report_run(folder, summary)
    if complaint:
        say(f"warning: {visible(complaint)}")


def _warn_of_overfitting(folder: RunFolder, summary: Summary) -> None:
    """Where the best check lies well before the end, what came after it made the model worse."""
    _, kept = folder.load("best", [])
    best = int(str(kept["step"]))
    if not summary.stopped and best < EARLY * summary.steps:
        say(
            f"note: validation was best at step {number(best)}, and that is what is kept: the steps after it learnt by "
            "heart. Fewer steps, a smaller model.hidden or more train.weight_decay may end lower."
        )


def _report(summary: Summary, codec: Codec, as_json: bool) -> None:
    if as_json:
        content_json(asdict(summary))
    else:
        rows = [
            (side, number(nll, 4), number(nll * BITS, 4)) if nll is not None else (side, NO_VALUE, NO_VALUE)
            for side, nll in (("train", summary.train_nll), ("validation", summary.val_nll))
        ]
        say("")
        show(table(["<loss", ">nats a symbol", ">bits a symbol"], rows))
        say("")
    run = shlex.quote(summary.run)
    say(
        f"{'stopped at' if summary.stopped else 'done:'} step {number(summary.steps)}, "
        f"{number(summary.seconds, 1)} s, {speed(summary.symbols_per_second, codec)}"
    )
    say(f"next: wavetree sample {run}{' --out sound.wav' if codec.unit == 'sample' else ''}")
    if summary.stopped:
        say(f"or go on: wavetree train --out {run} --resume")
