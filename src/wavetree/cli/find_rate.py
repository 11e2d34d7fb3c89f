"""`wavetree train --find-lr`: a learning-rate range test. No run folder is made or touched."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from wavetree.cli.output import content_json, number, say, show, table, working
from wavetree.cli.wording import refuse_misfits

if TYPE_CHECKING:
    from wavetree.config import Config


def find_rate(path: Path, files: tuple[Path, ...], config: Config, as_json: bool) -> int:
    """Tests on what a run at `path` would learn; the picture goes beside that place."""
    from wavetree.api import begin
    from wavetree.experiments.range_test import range_page, range_test
    from wavetree.runs.checkpoint import write_file

    refuse_misfits(files, config.data.kind)
    with TemporaryDirectory() as temporary, working("reading") as tell:
        found = range_test(begin(files or None, Path(temporary) / "run", config), tell=tell)
    if as_json:
        content_json(found.to_json())
    else:
        rows = [(f"{rate:.2g}", number(loss, 3)) for rate, loss in found.points()]
        show(table([">rate", ">nats a symbol"], rows))
    say(found.says)
    picture = path.with_name(f"{path.name}-learning-rate.html")
    picture.parent.mkdir(parents=True, exist_ok=True)
    write_file(picture, range_page(found, path.name).encode())
    say(f"picture: {picture}")
    return 0
