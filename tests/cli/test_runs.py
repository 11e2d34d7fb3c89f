"""`wavetree runs`: what there is, whether it is whole, and room made."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.cli.conftest import Command

from wavetree.runs import RunFolder
from wavetree.runs.lock import alone


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run, tmp_path / "deep" / "run"))


def spoil(copy: Path, name: str) -> None:
    path = copy / name
    bad = bytearray(path.read_bytes())
    bad[len(bad) // 2] ^= 4
    path.write_bytes(bad)


def test_runs_are_listed(command: Command, copy: Path, tmp_path: Path) -> None:
    ran = command("runs", tmp_path)
    assert ran.code == 0
    assert "30 of 30" in ran.out
    assert "complete" in ran.out
    (one,) = command("runs", tmp_path, "--json").document["runs"]
    assert one["run"] == str(copy)
    assert (one["step"], one["steps"], one["state"], one["damaged"]) == (30, 30, "complete", [])
    assert one["bytes"] == sum(path.stat().st_size for path in copy.rglob("*") if path.is_file())
    with alone(copy):
        assert command("runs", copy.parent, "--json").document["runs"][0]["state"] == "at work"
    spoil(copy, "codec.json")
    assert "damaged: codec.json" in command("runs", copy, "--json").document["runs"][0]["state"]


def test_a_misspelt_verb_is_told_which_there_are(command: Command, copy: Path) -> None:
    assert "has the verbs check and prune" in command("runs", "chekc", copy).sentence


def test_where_there_are_none_it_says_so(command: Command, tmp_path: Path) -> None:
    assert "no runs in" in command("runs", tmp_path).err
    assert "is no folder" in command("runs", tmp_path / "none").sentence
    assert "does not exist" in command("runs", "check", tmp_path / "none").sentence
    assert "RUNS is missing" in command("runs", "prune").sentence


@pytest.mark.parametrize(
    "name", ["train.txt", "checkpoints/000030/training.safetensors", "checkpoints/000030/manifest.json"]
)
def test_a_damaged_file_is_found(command: Command, copy: Path, name: str) -> None:
    assert command("runs", "check", copy).code == 0
    spoil(copy, name)
    ran = command("runs", "check", copy)
    assert ran.code == 3
    assert "damaged" in ran.out
    assert f"{Path(name).parent.name or name}" in ran.err
    assert " is damaged: " in ran.err
    ran = command("runs", "check", copy, "--json")
    assert ran.code == 3
    assert not ran.document["whole"]


def test_pruning_leaves_what_sampling_and_resuming_need(command: Command, copy: Path) -> None:
    assert len(list((copy / "checkpoints").iterdir())) == 2
    (copy / ".best.partial").write_text("0000")
    mine = copy / "checkpoints" / "000010 of mine"
    shutil.copytree(copy / "checkpoints" / "000030", mine)
    ran = command("runs", "prune", copy, "--json")
    assert ran.document["freed_bytes"][str(copy)] > 1000
    kept = {(copy / which).read_text().strip() for which in ("best", "latest")}
    assert {path.name for path in (copy / "checkpoints").iterdir()} == kept | {mine.name}
    assert len(list(mine.iterdir())) == 4
    assert not (copy / ".best.partial").exists()
    assert command("runs", "check", copy).code == 0
    assert command("sample", copy, "-n", 2).code == 0


def test_pruning_leaves_a_damaged_run_and_one_at_work_alone(command: Command, copy: Path) -> None:
    with alone(copy):
        for words in (("runs", "prune", copy), ("train", "--out", copy, "--resume")):
            assert "is being worked on" in command(*words).sentence
    spoil(copy, "checkpoints/000030/state.json")
    assert command("runs", "prune", copy).code == 3
    assert len(list((copy / "checkpoints").iterdir())) == 2


def test_a_damaged_checkpoint_is_an_error_to_sample_and_none_to_resume(command: Command, copy: Path) -> None:
    spoil(copy, "checkpoints/000030/model.safetensors")
    ran = command("sample", copy)
    assert ran.code == 3
    assert "000030/model.safetensors is damaged" in ran.sentence
    ran = command("train", "--out", copy, "--resume", "--json")
    assert ran.code == 0
    assert "note: " in ran.err
    assert "going on from step 20" in ran.err
    assert command("runs", "check", copy).code == 0


def test_pruning_removes_what_was_left_of_the_run_and_nothing_of_another_kind(command: Command, copy: Path) -> None:
    left, mine = (copy.with_name(f".{copy.name}.{word}") for word in ("new", "old"))
    (left / "checkpoints").mkdir(parents=True)
    mine.mkdir()
    (mine / "thesis.tex").write_text("of years")
    assert "is in the way, and is no run" in command("runs", "prune", copy).sentence
    assert not left.exists()
    assert (mine / "thesis.tex").exists()


@pytest.mark.parametrize("log", [None, b"", b'{"step": 1, "lo'])
def test_a_log_that_is_lost_is_no_reason_to_refuse_a_run(command: Command, copy: Path, log: bytes | None) -> None:
    (copy / "metrics.jsonl").unlink() if log is None else (copy / "metrics.jsonl").write_bytes(log)
    assert command("train", "--out", copy, "--resume").code == 0
    assert command("doctor", copy, "--seconds", 1).code in (0, 1)


def test_a_damaged_config_is_what_is_damaged_and_no_checkpoint(command: Command, copy: Path) -> None:
    path = copy / "config.json"
    path.write_text(path.read_text().replace(RunFolder(copy).origin()["sha256"], "0" * 64))
    ran = command("runs", "check", copy, "--json")
    assert ran.code == 3
    assert [part["name"] for part in ran.document["parts"] if part["damage"]] == ["config.json"]
    assert len(ran.document["parts"]) == 5


def test_a_damaged_config_is_told_and_no_list_is_blamed(command: Command, copy: Path, names: Path) -> None:
    path = copy / "config.json"
    path.write_text(path.read_text().replace(RunFolder(copy).origin()["sha256"], "0" * 64))
    for words in ([], [names]):
        ran = command("train", *words, "--out", copy, "--resume")
        assert ran.code == 3
        assert f"{path} is damaged" in ran.sentence
