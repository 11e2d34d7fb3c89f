"""What the search has found: each of these was once a traceback, a hang, or a silence."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from tests.data.wav_files import chunk, content, fmt, riff, tone
from tests.fuzz.calling import call
from tests.fuzz.guard import HangError, limits
from tests.fuzz.runs import Spoilable
from tests.fuzz.test_run_files import go_on

from wavetree.data.corpus import CorpusSettings, open_corpus
from wavetree.errors import DamagedError, InputError, SettingError
from wavetree.experiments.sweep.space import read_space, untried
from wavetree.export.hub import export_hub
from wavetree.runs import RunFolder, load


def edited(run: Spoilable, name: str, **changes: Any) -> dict[str, bytes]:
    """A JSON file of a run with other values."""
    return {name: json.dumps(json.loads(run.content(name)) | changes).encode()}


def test_items_that_are_not_utf_8(listed: Spoilable) -> None:
    with listed.holding({"train.txt": b"ka\xff\tF\n"}, sealed=True):
        assert call(["sample", str(listed.path)]).code == 3


@pytest.mark.parametrize("items", [b"", b"a" * 401 + b"\tF\n"])
def test_no_items_to_be_near_to(listed: Spoilable, items: bytes) -> None:
    with listed.holding({"train.txt": items}, sealed=True):
        assert call(["memory", str(listed.path), "-n", "3"]).code == 2


@pytest.mark.parametrize("line", ["kana", "kana\tF\tM", "kana\tX"])
def test_items_without_their_classes(listed: Spoilable, line: str) -> None:
    with listed.holding({"validation.txt": f"{line}\n".encode()}, sealed=True):
        assert call(["evaluate", str(listed.path)]).code == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", None),
        ("steps", 0),
        ("step", 5),
        ("step", -1),
        ("step", True),
        ("threads", 10**9),
        ("seconds", float("nan")),
        ("symbols", "many"),
        ("best", float("nan")),
        ("block", [None]),
    ],
)
def test_a_state_that_no_training_has(listed: Spoilable, name: str, value: object) -> None:
    with listed.holding(edited(listed, f"{listed.checkpoint}/state.json", **{name: value}), sealed=True):
        assert go_on(listed) == 3


@pytest.mark.parametrize("origin", [{}, {"corpus": 7}, {"corpus": {"sha256": "", "sources": "x"}}])
def test_a_run_that_does_not_say_what_it_learnt_from(told: Spoilable, origin: dict[str, object]) -> None:
    about = json.loads(told.content("config.json"))
    del about["corpus"]
    with told.holding({"config.json": json.dumps(about | origin).encode()}, sealed=True):
        assert call(["evaluate", str(told.path)]).code == 3


def test_a_published_run_of_a_text_has_nothing_to_be_measured_on(told: Spoilable, tmp_path: Path) -> None:
    export_hub(load(told.path), tmp_path / "published")
    called = call(["evaluate", str(tmp_path / "published")])
    assert called.code == 2
    assert "published" in called.err


def test_a_codec_of_another_kind(listed: Spoilable) -> None:
    with listed.holding({"codec.json": b'{"kind": "bytes", "pad": 0}'}, sealed=True):
        assert call(["evaluate", str(listed.path)]).code == 3


def test_settings_of_a_far_larger_model(listed: Spoilable) -> None:
    """Weights are compared with their outline before room is made for them: 1.6 GB of it here."""
    settings = json.loads(listed.content("config.json"))["settings"]
    settings["model"] |= {"levels": 12, "hidden": 4096}
    with (
        listed.holding(edited(listed, "config.json", settings=settings), sealed=True),
        limits(seconds=60, more=400_000_000),
    ):
        with pytest.raises(DamagedError, match="do not fit"):
            load(listed.path)
        assert go_on(listed) == 3


def test_frames_whose_head_no_parser_takes(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(riff(chunk(b"fmt ", fmt()), chunk(b"data", content(tone(16)))))
    for raw in (b"\x93NUMPY\x01\x00\x08\x00{'a': (\0", b"\x93NUMPY\x01\x00\x02\x00{(", b"PK\x05\x06" + bytes(18)):
        (tmp_path / "a.npy").write_bytes(raw)
        with pytest.raises(InputError, match=r"a\.npy is no array"):
            open_corpus([tmp_path / "a.wav"], CorpusSettings("audio", 16_000, 2, 16), cache=tmp_path / "cache")


@pytest.mark.parametrize("value", ["[" * 100_000, "9" * 5000])
def test_a_space_that_the_parser_of_toml_gives_up_on(tmp_path: Path, value: str) -> None:
    (tmp_path / "space.toml").write_text(f"[train]\nseed = {value}")
    with pytest.raises(InputError, match=r"space\.toml is no TOML"):
        read_space(tmp_path / "space.toml", "names", [])


def test_a_range_for_a_setting_that_is_no_number(tmp_path: Path) -> None:
    (tmp_path / "space.toml").write_text("[data]\nfields = {low = 1, high = 4}")
    with pytest.raises(SettingError, match=r"fields"):
        read_space(tmp_path / "space.toml", "names", [])


def test_a_range_longer_than_len_can_say(tmp_path: Path) -> None:
    (tmp_path / "space.toml").write_text(f"[train]\nseed = {{low = 0, high = {2**63 - 1}}}")
    assert untried(read_space(tmp_path / "space.toml", "names", []), []) is None


def test_the_limits_of_the_long_form_bite() -> None:
    with pytest.raises(HangError), limits(seconds=0.05):
        time.sleep(60)
    with pytest.raises(HangError), limits(seconds=0.2):
        all(iter(lambda: True, False))
    with pytest.raises(MemoryError), limits(more=1 << 27):
        bytes(1 << 28)


def test_the_whole_run_is_whole(listed: Spoilable) -> None:
    assert go_on(listed) == 0
    with listed.holding(edited(listed, f"{listed.checkpoint}/state.json", seconds=9.0), sealed=True):
        assert go_on(listed) == 0, "the sums were not made to fit, so that no sealed case gets beyond them"
    assert RunFolder.open(listed.path).labels("train")[0] in {("F",), ("M",)}
