"""Modules become one script: in order, once each, and nothing is taken that is not understood."""

from __future__ import annotations

from pathlib import Path

import pytest

from wavetree.export.modules import bundle
from wavetree.export.page import ENTRY, WEB


def written(folder: Path, **modules: str) -> Path:
    for name, source in modules.items():
        (folder / f"{name}.js").write_text(source)
    return folder


def test_each_module_comes_once_and_after_what_it_needs(tmp_path: Path) -> None:
    web = written(
        tmp_path,
        main='import { a } from "./left.js";\nimport {\n  b,\n} from "./right.js";\na(b);\n',
        left='import { b } from "./right.js";\nexport function a() {\n  return b;\n}\n',
        right="export const b = 1;\nexport class C {}\nexport async function d() {}\n",
    )
    script = bundle(web, "main.js")
    places = [script.index(f"// {name}.js") for name in ("right", "left", "main")]
    assert places == sorted(places)
    assert script.count("const b = 1;") == 1
    assert "return { b, C, d };" in script
    assert "import" not in script.replace("module_", "")
    assert "export" not in script


@pytest.mark.parametrize(
    "source",
    [
        'import x from "./left.js";\n',
        'import * as x from "./left.js";\n',
        'import "./left.js";\n',
        "const x = await import('./left.js');\n",
        "export default 1;\n",
        'export { x } from "./left.js";\n',
        'import { x } from "https://elsewhere.example/x.js";\n',
        "const x = '</script>';\n",
    ],
)
def test_other_forms_are_refused(tmp_path: Path, source: str) -> None:
    with pytest.raises(ValueError, match=r"^main\.js h"):
        bundle(written(tmp_path, main=source, left="export const x = 1;\n"), "main.js")


def test_a_circle_is_refused(tmp_path: Path) -> None:
    web = written(tmp_path, main='import { x } from "./left.js";\n', left='import { y } from "./main.js";\n')
    with pytest.raises(ValueError, match=r"main\.js imports left\.js imports main\.js"):
        bundle(web, "main.js")


def test_the_same_page_gives_the_same_script() -> None:
    assert bundle(WEB, ENTRY) == bundle(WEB, ENTRY)
