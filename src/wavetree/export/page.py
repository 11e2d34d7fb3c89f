"""The page as one file: style, script and model in it, so that it runs from the disk and asks nobody for anything."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from wavetree.errors import RunError
from wavetree.export.modules import bundle
from wavetree.runs.checkpoint import write_file

WEB: Traversable = files("wavetree").joinpath("serve", "web")
"""The page that `wavetree serve` serves; here it is read as text, and no code of that room is run."""
ENTRY = "file.js"
"""The page without the tabs that need a server."""
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)
"""What the file may load: nothing but what is written in it. The browser enforces it."""

_STYLE = re.compile(r'<link rel="stylesheet" href="([^"]+)">')
_ICON = re.compile(r'<link rel="icon" href="([^"]+)">')
_SCRIPT = re.compile(r'<script type="module" src="[^"]+"></script>')


def standalone_page(document: Mapping[str, object]) -> str:
    """The whole file for the model of `document`, which `model_document` made."""
    page = WEB.joinpath("index.html").read_text("utf-8")
    model = json.dumps(document, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    page = page.replace('<meta charset="utf-8">', f'<meta charset="utf-8">\n{policy}')
    page = page.replace("<title>wavetree</title>", f"<title>{escape(str(document['name']))} · wavetree</title>")
    page = _STYLE.sub(lambda match: f"<style>\n{WEB.joinpath(match[1]).read_text('utf-8')}</style>", page)
    page = _ICON.sub(lambda match: f'<link rel="icon" href="{_data_url(match[1])}">', page)
    script = f'<script type="application/json" id="model">{model}</script>\n<script>\n{bundle(WEB, ENTRY)}</script>'
    return _SCRIPT.sub(lambda _: "", page).replace("</body>", f"{script}\n</body>")


def export_page(document: Mapping[str, object], out: Path) -> list[Path]:
    """Writes the page to the file `out` and returns it. Raises RunError where there is one, SaveError."""
    if out.exists():
        raise RunError(f"{out} is there already: it is left alone. Choose another --out.")
    write_file(out, standalone_page(document).encode())
    return [out]


def _data_url(path: str) -> str:
    return f"data:image/svg+xml;base64,{b64encode(WEB.joinpath(path).read_bytes()).decode('ascii')}"
