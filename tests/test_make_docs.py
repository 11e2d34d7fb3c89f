"""The docs as a site: whole, closed in itself, and with every public name; and not built where it is not."""

from __future__ import annotations

import importlib.util
import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest

import wavetree

pytestmark = pytest.mark.checkout


@pytest.fixture(scope="module")
def make_docs(checkout: Path) -> ModuleType:
    """scripts/make_docs.py as a module."""
    spec = importlib.util.spec_from_file_location("make_docs", checkout / "scripts" / "make_docs.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def site(make_docs: ModuleType) -> dict[str, str]:
    made: dict[str, str] = make_docs.build()
    return made


def test_every_text_is_a_page(site: dict[str, str], checkout: Path) -> None:
    assert {f"{path.stem}.html" for path in (checkout / "docs").glob("*.md")} <= set(site)
    assert {"index.html", "readme.html", "lesson.html", "api.html", "changelog.html", "security.html"} <= set(site)
    assert all(f'href="{name}"' in site["contents.html"] for name in set(site) - {"contents.html"})


def test_a_page_loads_nothing(site: dict[str, str]) -> None:
    for name, html in site.items():
        assert "default-src 'none'" in html, name
        assert not re.search(r"<(script|img|iframe|link)[^>]*(src|href)=\"(?!data:)", html), name


def test_every_public_name_is_in_it(site: dict[str, str], make_docs: ModuleType) -> None:
    for name in wavetree.__all__:
        if name == "__version__":
            continue
        assert f'<h2 id="{name.lower().replace("_", "-")}">{name}</h2>' in site["api.html"], name
        for member, inside in (
            make_docs.members(getattr(wavetree, name)) if inspect.isclass(getattr(wavetree, name)) else ()
        ):
            assert len(inspect.getdoc(inside) or "") > 10, f"{name}.{member}"


def test_what_takes_or_gives_arrays_says_their_shape() -> None:
    """A public function whose signature has a tensor or an array says in letters or words how large it is."""
    for name in wavetree.__all__:
        thing = getattr(wavetree, name)
        if inspect.isfunction(thing) and re.search("Tensor|NDArray|ArrayLike", str(inspect.signature(thing))):
            assert re.search(r"\([A-Z][\w ,+-]*\)", inspect.getdoc(thing) or ""), name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# A\n[here](nowhere.md)", "a link to nowhere.html"),
        ("# A\n[here](index.md#nowhere)", "a link to index.html#nowhere"),
        ("no title", "no title"),
        ("# A\n![a picture](https://example.com/a.png)", "loads https://example.com/a.png"),
    ],
)
def test_what_is_not_whole_is_not_built(
    make_docs: ModuleType, text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = make_docs.texts()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(make_docs, "texts", lambda: {**texts, "odd": text})
        assert make_docs.main([str(tmp_path / "site")]) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "site").exists()


def test_a_name_without_words_is_not_built(make_docs: ModuleType) -> None:
    with pytest.raises(make_docs.BrokenError, match="bare is public and has no docstring"):
        make_docs.described("bare", lambda: None)
