"""The list of verbs, and the one place where an error becomes a sentence and an exit code.

A verb's module is imported when the verb is asked for, and imports torch inside its function: every help text is there
at once. Exit codes: 0 fine, 1 a check said no or a file could not be written, 2 the user's input, 3 a damaged file,
130 interrupted, 141 the reader of the output has left (as for any program in a pipe).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError, Parameter

from wavetree.cli.output import complain, flush, tolerate_any_encoding
from wavetree.errors import InputError, WavetreeError

INTERRUPTED = 130
READER_LEFT = 141

VERBS = {
    "train": ("wavetree.cli.train:train", "Train a tree on a list, one item a line."),
    "sample": ("wavetree.cli.sample:sample", "Make up new items, each marked: train, held out or new."),
    "evaluate": ("wavetree.cli.evaluate:evaluate", "Measure the exact loss on every side of the split."),
    "inspect": ("wavetree.cli.inspect:inspect", "See every layer's shape and span; with a text, every prediction."),
    "verify": ("wavetree.cli.inspect:verify", "Prove the laws of the model on this model."),
    "data": ("wavetree.cli.data:data", "See what is in a list before training on it."),
}
BENCHES = {
    "train": ("wavetree.cli.bench:bench_train", "Time training beside the lecture's own loop, to the same loss."),
    "sample": ("wavetree.cli.bench:bench_sample", "Time sampling, and a step against the number of levels."),
}


def make_app() -> App:
    """The command line, with no verb imported yet."""
    app = App(
        name="wavetree",
        help="A sequence model you can see through: train a tree of pairwise fusions on your own list in seconds, "
        "sample it, open it.",
        help_epilogue="Start with: wavetree train, then wavetree sample runs/names",
        help_format="plaintext",
        version=_version,
        default_parameter=Parameter(negative=()),
        result_action="return_value",
        suppress_keyboard_interrupt=False,
    )
    bench = App(name="bench", help="Measure how fast this machine trains and samples.")
    app.command(bench)
    bench.sort_key = len(VERBS)
    for parent, verbs in ((app, VERBS), (bench, BENCHES)):
        for place, (name, (path, about)) in enumerate(verbs.items()):
            parent.command(path, name=name, help=about, sort_key=place)
    return app


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code. `argv` without the program's name; by default the process's own."""
    tolerate_any_encoding()
    tokens = list(sys.argv[1:] if argv is None else argv)
    try:
        code = make_app()(tokens, exit_on_error=False, print_error=False)
        flush()
        return int(code or 0)
    except WavetreeError as error:
        complain(str(error))
        return error.exit_code
    except CycloptsError as error:
        complain(f"{error} `{_help_for(error)}` says what there is.")
        return InputError.exit_code
    except KeyboardInterrupt:
        complain("interrupted.")
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still buffered has nowhere to go
        return READER_LEFT


def _version() -> str:
    from importlib.metadata import version

    return f"wavetree {version('wavetree')}"


def _help_for(error: CycloptsError) -> str:
    return " ".join(["wavetree", *(error.command_chain or ()), "--help"])
