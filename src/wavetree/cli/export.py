"""`wavetree export`: a run in another form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from wavetree.cli.output import content, content_json, number, say, working

if TYPE_CHECKING:
    from wavetree.runs import Trained

Form = Literal["html", "onnx", "hub"]


def export(
    run: Annotated[Path, Parameter(help="The run folder that `wavetree train` made.")],
    /,
    *,
    to: Annotated[
        Form,
        Parameter(
            help="html: one file that runs the model in a browser. onnx: a folder of graphs. hub: a folder with a "
            "model card, for a model hub."
        ),
    ],
    out: Annotated[Path, Parameter(help="The file or folder to write.")],
    as_json: Annotated[bool, Parameter(name="--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Writes the best model of a run in another form, and says how large it became."""
    from wavetree.runs import load

    forms: dict[Form, Callable[[Trained, Path], list[Path]]] = {"html": _html, "onnx": _onnx, "hub": _hub}
    written = forms[to](load(run), out)
    sizes = {str(path): path.stat().st_size for path in written}
    if as_json:
        content_json({"run": str(run), "to": to, "files": [{"path": path, "bytes": sizes[path]} for path in sizes]})
        return
    for path, size in sizes.items():
        content(f"{path}  {number(size / 1000)} kB")


def _html(run: Trained, out: Path) -> list[Path]:
    from wavetree.export.document import model_document
    from wavetree.export.page import export_page

    written = export_page(model_document(run), out)
    say("open it in any browser: the model runs there, and nothing is fetched")
    return written


def _onnx(run: Trained, out: Path) -> list[Path]:
    from wavetree.export.onnx import export_onnx

    with working("building and comparing"):
        written, checked = export_onnx(run, out)
    say(
        f"{number(checked.compared)} logits and nats at batches of {', '.join(map(str, checked.batches))}: at most "
        f"{checked.difference:.1e} from torch"
    )
    return written


def _hub(run: Trained, out: Path) -> list[Path]:
    from wavetree.export.hub import export_hub

    with working("measuring"):
        written = export_hub(run, out)
    say(f"{out / 'README.md'} is the model card: read it, and add a licence")
    return written
