"""The list of verbs, and the one place where an error becomes a sentence and an exit code.

A verb's module is imported when the verb is asked for, and imports torch inside its function: every help text is there
at once. Exit codes: 0 fine, 1 a check said no, 2 what the user gave (a place that cannot be written too), 3 a damaged
file, 130 interrupted, 141 the reader of the output has left (as for any program in a pipe).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple, get_args

from cyclopts import (
    App,
    CoercionError,
    CycloptsError,
    MissingArgumentError,
    Parameter,
    Token,
    UnknownOptionError,
    UnusedCliTokensError,
    convert,
)

from wavetree.cli.output import complain, flush, tell_of_waits, tolerate_any_encoding
from wavetree.cli.runs import list_runs
from wavetree.errors import InputError, WavetreeError

INTERRUPTED = 130
READER_LEFT = 141


class Verb(NamedTuple):
    """Where a verb is, what it does in a line, what else there is to know, and an example."""

    place: str
    does: str
    more: str
    example: str


VERBS = {
    "train": Verb(
        "wavetree.cli.train:train",
        "Train a model on a list, one item a line; or on running text, or sound.",
        "Ctrl-C stops after the step it is at and saves: the run can then be sampled, and resumed. "
        "Presets: names, names-small, names-large, lecture, decades, text-small, text, text-large, audio, audio-small. "
        "Settings: --set model.levels=4 and so on; a wrong name lists what there is.",
        "wavetree train names.txt --out runs/names --seconds 20",
    ),
    "sample": Verb(
        "wavetree.cli.sample:sample",
        "Make up new items, each marked: train, held out or new; or go on with a text, or sound.",
        "train: it is in the list, and was learnt from. held out: it is in the list, and was not. Into a pipe or a "
        "file goes a line an item: the item, a tab, its mark; control characters are escaped. --json is exact.",
        "wavetree sample runs/names -n 5 --prefix ma --novel",
    ),
    "evaluate": Verb(
        "wavetree.cli.evaluate:evaluate",
        "Measure the exact loss on every side of the split.",
        "Every symbol counts once, and so does the mark that ends an item of a list.",
        "wavetree evaluate runs/names",
    ),
    "score": Verb(
        "wavetree.cli.score:score",
        "Say how surprising each line is, and flag what would be rare.",
        "Lines come out in order as they come in, whatever their number: item, nats, bits a symbol, percentile, "
        "verdict, and the symbols to blame with their bits. Percentile and verdict are by the held-out items of the "
        "run; where a symbol is unknown, the surprise is infinite. Of text and sound, blocks: begin, end, nats, bits "
        "a symbol. Exit code 2 if a line was no item.",
        "wavetree score runs/names new.txt --fpr 0.01 --json-lines",
    ),
    "rank": Verb(
        "wavetree.cli.score:rank",
        "Sort lines by how likely they are for their length.",
        "A line an item: its score (0 is usual, more is rarer), its bits a symbol, the item.",
        "wavetree rank runs/names new.txt --reverse",
    ),
    "complete": Verb(
        "wavetree.cli.complete:complete",
        "List the likeliest items that begin with a prefix, exactly.",
        "A line an item: the item, a tab, its probability among all items that begin so. Best first: no likelier one "
        "is left out.",
        "wavetree complete runs/names ma -n 5",
    ),
    "memory": Verb(
        "wavetree.cli.memory:memory",
        "See how much of what a run makes up is a copy, or nearly one.",
        "Draws items and finds the nearest training item of each: the fewest symbols to put in, take out or replace. "
        "Beside them the same of held-out items, which are real and were not learnt.",
        "wavetree memory runs/names -n 1000",
    ),
    "inspect": Verb(
        "wavetree.cli.inspect:inspect",
        "See every layer's shape and span; with a text, every prediction.",
        "Multiply-adds are those of one output: in the dense run, which keeps what it has computed, and in the window "
        "run, which begins anew. Norm and tanh are not counted.",
        "wavetree inspect runs/names maria",
    ),
    "verify": Verb(
        "wavetree.cli.inspect:verify",
        "Prove the laws of the model on this model.",
        "In double precision. The exit code is 1 if a law does not hold.",
        "wavetree verify runs/names",
    ),
    "data": Verb(
        "wavetree.cli.data:data",
        "See what is in a list, a text or sound before training on it.",
        "Of a list items, duplicates, symbols, lengths, and what each split would do with them; of sound also what is "
        "silent or clipped.",
        "wavetree data names.txt",
    ),
    "compare": Verb(
        "wavetree.cli.compare:compare",
        "Put runs side by side; or train the lecture's ladder, or the tree beside its controls.",
        "Of runs: the settings that differ, their curves, and which is better on what all of them hold out. Of a list: "
        "ladder, the lecture's five networks beside what it published; controls, networks with as many parameters and "
        "seconds, and n-grams; context, what 2 to 1,024 symbols cost. --out writes a page of pictures.",
        "wavetree compare runs/names runs/wider --out comparison",
    ),
    "export": Verb(
        "wavetree.cli.export:export",
        "Write the model for use elsewhere: a page, ONNX graphs, or a folder for a model hub.",
        "The page is one file that runs the model in any browser, without a network; it holds hashes of the items of a "
        "list of up to 60,000, by which it marks samples. The graphs take and give the state, and are compared with "
        "torch before anything is written (extra onnx). The folder for a hub holds the weights and a model card, and "
        "not the list; wavetree uses it like a run.",
        "wavetree export runs/names --to html --out names.html",
    ),
    "doctor": Verb(
        "wavetree.cli.doctor:doctor",
        "Find what keeps a network from learning, and say what to change.",
        "Some dozens of steps at the learning rate that is set, and at others; a few examples by heart; beside "
        "n-grams; units, gradients and updates level by level. Of a trained run also what it came to. The run is left "
        "as it was. Exit code 1 if anything is wrong.",
        "wavetree doctor names.txt --set train.learning_rate=0.5",
    ),
    "sweep": Verb(
        "wavetree.cli.sweep:sweep",
        "Try settings, each in a training of its own, and find the best.",
        "The space is a TOML file: under a line [train], lines such as learning_rate = {low = 0.003, high = 0.05, "
        'log = true} or optimiser = ["muon", "adamw"]; under [model], hidden = {low = 64, high = 256, step = 32}; and '
        "so on by the names that --set knows. Every trial is a run folder. Start the same "
        "command in several processes, on several machines, and again after it was stopped or killed: they share the "
        "work. Needs the extra sweep.",
        "wavetree sweep names.txt --space space.toml --trials 40 --seconds 15",
    ),
    "serve": Verb(
        "wavetree.cli.serve:serve",
        "Open a page in which a model is taken apart while it runs, with an API behind it.",
        "For this machine alone, unless --host and --token say otherwise. Ctrl-C ends it: training is saved, and no "
        "answer that was begun is lost. Needs the extra serve.",
        "wavetree serve runs/names --port 8000",
    ),
}
LISTED = (
    "List runs: how large they are, their best loss, how far they are, and whether they are whole.\n\n"
    "Every file that a run cannot do without is compared with its checksum."
)
RUNS = {
    "check": Verb(
        "wavetree.cli.runs:check_run",
        "Compare every file that a run cannot do without with its checksum.",
        "The exit code is 3 if one is damaged. A damaged checkpoint is named by --resume too, which goes on from the "
        "one before it.",
        "wavetree runs check runs/names",
    ),
    "prune": Verb(
        "wavetree.cli.runs:prune_runs",
        "Remove checkpoints that are neither the best nor the latest.",
        "Whole ones and damaged ones, and what a death left half written. Where the best or the latest is damaged, "
        "another may have to serve for it, and the run is left alone.",
        "wavetree runs prune runs/names runs/book",
    ),
}
BENCHES = {
    "train": Verb(
        "wavetree.cli.bench:bench_train",
        "Time training beside the lecture's own loop, to the same loss.",
        "The lecture's 200,000 steps are extrapolated from some thousands, unless --full runs them all.",
        "wavetree bench train --data names.txt",
    ),
    "sample": Verb(
        "wavetree.cli.bench:bench_sample",
        "Time sampling, and a step against the number of levels.",
        "On one core and on all.",
        "wavetree bench sample --run runs/names",
    ),
    "generate": Verb(
        "wavetree.cli.bench:bench_generate",
        "Time making sound sample by sample, on one core.",
        "30 levels that see 3,070 samples, as in public WaveNets; then by levels, and by what they see.",
        "wavetree bench generate",
    ),
    "text": Verb(
        "wavetree.cli.bench:bench_text",
        "Learn a text for a given time, and measure the loss over what was held out.",
        "The first 90% are learnt, the rest is judged, as in the figures published for tiny-shakespeare.",
        "wavetree bench text --data shakespeare.txt --seconds 150",
    ),
    "speech": Verb(
        "wavetree.cli.bench:bench_speech",
        "Learn voices for a given time; measure the loss, the pace, and whether made voices are told apart.",
        "Beside a 3-gram of the same codes. The pitch of what is made under each voice is held to that of its clips.",
        "wavetree bench speech speech --seconds 600 --out runs/speech",
    ),
    "serve": Verb(
        "wavetree.cli.bench:bench_serve",
        "Load a server by many clients: answers a second, how late, none lost, no growth.",
        "Clients are a process of their own and score one string after another. Beside it the same with one request at "
        "a time. Needs the extra serve.",
        "wavetree bench serve --seconds 60 --json",
    ),
    "dense": Verb(
        "wavetree.cli.bench:bench_dense",
        "Measure how near to the machine's best matrix product training comes.",
        "Products that a step of training does, the optimiser's included, in FLOP/s, against a large square product of "
        "the same precision; with one thread and with all. Without data, the lecture's network on the embedded names.",
        "wavetree bench dense --preset lecture --data names.txt",
    ),
    "score": Verb(
        "wavetree.cli.bench:bench_score",
        "Find what does not belong, beside n-grams, a forest and a transformer.",
        "Lists that are made here: host names against eight families of generated ones, tokens of logs with faults, "
        "names against shuffled ones and words. More than half an hour.",
        "wavetree bench score --seeds 3 --seconds 60",
    ),
    "record": Verb(
        "wavetree.cli.bench:bench_record",
        "Measure the figures that wavetree claims, beside floor and goal.",
        "Validation chooses, test is measured once, several seeds. Take a quiet machine.",
        "wavetree bench record lecture-any --names names.txt",
    ),
}
LESSONS = {
    "lesson": Verb(
        "wavetree.cli.learn:lesson",
        "Read the lesson: from the flat network to the tree, and on to the convolution.",
        "About 12 minutes. Every block of Python in it can be run as it stands.",
        "wavetree learn lesson",
    ),
    "practice": Verb(
        "wavetree.cli.learn:practice",
        "Answer questions; the right answer is computed, and yours is graded.",
        "h gives a hint, Enter alone shows the answer, n asks with other numbers, q quits. About 18 minutes.",
        "wavetree learn practice --question fuse-by-hand --seed 2",
    ),
    "cards": Verb(
        "wavetree.cli.learn:cards",
        "Turn over cards, until each is known.",
        "Enter turns a card; 1 brings it back later, 2 puts it away, q quits.",
        "wavetree learn cards",
    ),
    "cheatsheet": Verb(
        "wavetree.cli.learn:cheatsheet",
        "Look up equations, shapes, formulas, commands and pitfalls.",
        "One page.",
        "wavetree learn cheatsheet",
    ),
    "export": Verb(
        "wavetree.cli.learn:export",
        "Write all of it as a small site that works offline.",
        "Lesson (and as a notebook), cheat sheet, practice, cards (to turn over, to print, for Anki).",
        "wavetree learn export site",
    ),
}


def make_app() -> App:
    """The command line, with no verb imported yet."""
    app = App(
        name="wavetree",
        help="A sequence model you can see through: train a tree of pairwise fusions on your own list in seconds, "
        "sample it, open it.",
        help_format="plaintext",
        version=_version,
        default_parameter=Parameter(
            negative=(), show_default=lambda value: str(value) if value else None, converter=_exactly
        ),
        result_action="return_value",
        suppress_keyboard_interrupt=False,
    )
    bench = App(name="bench", help="Measure how fast this machine trains and samples.", sort_key=len(VERBS))
    learn = App(name="learn", help="Learn how it works: lesson, practice, cards.", sort_key=len(VERBS) + 1)
    runs = App(name="runs", help=LISTED, sort_key=len(VERBS) + 2, help_epilogue="Example: wavetree runs experiments")
    runs.default(list_runs)
    for parent, verbs in ((app, VERBS), (runs, RUNS), (bench, BENCHES), (learn, LESSONS)):
        for order, (name, verb) in enumerate(verbs.items()):
            about = f"{verb.does}\n\n{verb.more}"
            parent.command(verb.place, name=name, help=about, sort_key=order, help_epilogue=f"Example: {verb.example}")
    app.command(runs)
    app.command(bench)
    app.command(learn)
    return app


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code. `argv` without the program's name; by default the process's own."""
    tolerate_any_encoding()
    tell_of_waits()
    tokens = list(sys.argv[1:] if argv is None else argv)
    try:
        code = make_app()(tokens, exit_on_error=False, print_error=False)
        flush()
        return int(code or 0)
    except WavetreeError as error:
        complain(str(error))
        return error.exit_code
    except CycloptsError as error:
        asked = " ".join(["wavetree", *(error.command_chain or ()), "--help"])
        complain(f"{_sentence(error)} `{asked}` says what there is.")
        return InputError.exit_code
    except KeyboardInterrupt:
        complain("interrupted.")
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still buffered has nowhere to go
        return READER_LEFT
    except OSError as error:  # what no room below foresaw: a name too long, a folder that may not be entered
        where = f"{error.filename}: " if error.filename else ""
        complain(f"{where}{(error.strerror or str(error)).lower()}.")
        return InputError.exit_code


def _exactly(wanted: Any, tokens: Sequence[Token]) -> Any:
    """Every option's value. A fraction is no whole number: cyclopts alone would round it, and say nothing."""
    for token in tokens if int in (wanted, *get_args(wanted)) else ():
        with suppress(ValueError):  # what is no number at all is told by `convert`
            if "." in token.value and not float(token.value).is_integer():
                raise CoercionError(token=token, msg=f"{token.value} is not a whole number.")
    return convert(wanted, tokens)


def _sentence(error: CycloptsError) -> str:
    if isinstance(error, UnknownOptionError) and (error.command_chain, error.token.value) == (("train",), "--context"):
        return "There is no --context: every level doubles what a tree sees, so --set model.levels=3 sees 8 symbols."
    if isinstance(error, UnusedCliTokensError):
        verbs = f" `wavetree runs` has the verbs {' and '.join(RUNS)}." if error.command_chain == ("runs",) else ""
        return f"{(error.unused_tokens or [''])[0]!r} is one argument too many.{verbs}"
    if isinstance(error, MissingArgumentError) and error.argument and not error.keyword:
        return f"{error.argument.name} is missing."
    return str(error)


def _version() -> str:
    from importlib.metadata import version

    return f"wavetree {version('wavetree')}"
