"""ES modules as one classic script: a page that is opened from the disk may not import, so its modules lie in it.

The modules are written so that this is simple. An import names what it takes, from a path that begins with a dot, and
ends with a semicolon; what is exported is declared where it is exported. Each module becomes a function that returns
its exports, in the order in which they need each other.
"""

from __future__ import annotations

import posixpath
import re
from importlib.resources.abc import Traversable

IMPORT = re.compile(r'^import \{([\w\s,$]+)\} from "(\.[^"]+)";$', re.MULTILINE)
EXPORT = re.compile(r"^export ((?:async )?function\*?|const|let|class) ([\w$]+)", re.MULTILINE)
LEFT = re.compile(r"^\s*(?:import|export)\b.*$|\bimport\s*\(", re.MULTILINE)


def bundle(web: Traversable, entry: str) -> str:
    """The module `entry` of the folder `web` with all that it imports, as a script. ValueError for other forms."""
    done: list[str] = []
    parts: list[str] = []
    _add(web, entry, (), done, parts)
    return '"use strict";\n(() => {\n' + "\n".join(parts) + "})();\n"


def _add(web: Traversable, path: str, above: tuple[str, ...], done: list[str], parts: list[str]) -> None:
    if path in above:
        raise ValueError(f"{' imports '.join([*above, path])}: modules that go in a circle have no order.")
    if path in done:
        return
    source = web.joinpath(path).read_text("utf-8")
    found = [
        (match, posixpath.normpath(posixpath.join(posixpath.dirname(path), match[2])))
        for match in IMPORT.finditer(source)
    ]
    for _, other in found:
        _add(web, other, (*above, path), done, parts)
    for match, other in found:
        source = source.replace(match[0], f"const {{{match[1]}}} = {_name(other)};")
    exported = [match[2] for match in EXPORT.finditer(source)]
    source = EXPORT.sub(r"\1 \2", source)
    if left := LEFT.search(source):
        raise ValueError(f"{path} has {left[0].strip()!r}, which is none of the forms that export/modules.py reads.")
    if "</script" in source.lower() or "<!--" in source:
        raise ValueError(f"{path} holds text that would end the script that it becomes part of.")
    parts.append(f"// {path}\nconst {_name(path)} = (() => {{\n{source}return {{ {', '.join(exported)} }};\n}})();\n")
    done.append(path)


def _name(path: str) -> str:
    return "module_" + re.sub(r"\W", "_", path)
