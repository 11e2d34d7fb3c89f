"""What only a process of its own shows: how fast help is, what it imports, signals and pipes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import SMALL, Command

from wavetree.cli.command import BENCHES, INTERRUPTED, READER_LEFT, RUNS, VERBS, main
from wavetree.cli.stopping import asked_to_stop

WAVETREE = [sys.executable, "-m", "wavetree"]
HEAVY = {"torch", "numpy", "pydantic", "safetensors", "numba", "matplotlib"}

LIST_MODULES = """
import sys
from wavetree.cli import main
for call in [["--help"], ["--version"], *(line.split() for line in sys.argv[1:])]:
    assert main(call) == 0
print("MODULES", *sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_the_help_names_every_verb() -> None:
    done = subprocess.run([*WAVETREE, "--help"], capture_output=True, text=True, check=True)
    assert all(verb.does.split()[0] in done.stdout for verb in VERBS.values())


def test_no_help_imports_torch() -> None:
    calls = [f"{verb} --help" for verb in VERBS] + [f"bench {verb} --help" for verb in BENCHES] + ["runs --help"]
    done = subprocess.run([sys.executable, "-c", LIST_MODULES, *calls], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    modules = set(done.stdout.partition("MODULES ")[2].split())
    assert {"wavetree", "cyclopts"} <= modules
    assert modules & HEAVY == set()


def test_every_verb_has_help(command: Command) -> None:
    for call in [
        *([verb] for verb in VERBS),
        *(["bench", verb] for verb in BENCHES),
        *(["runs", verb] for verb in RUNS),
    ]:
        ran = command(*call, "--help")
        assert (ran.code, ran.err) == (0, "")
        assert " ".join(["Usage: wavetree", *call]) in ran.out
        assert "Example: wavetree" in ran.out
        assert "--json" in ran.out or call == ["serve"]  # which says nothing on stdout
        assert max(map(len, ran.out.splitlines())) <= 80


@pytest.mark.slow
def test_ctrl_c_leaves_a_run_that_can_be_sampled_and_resumed(command: Command, names: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    begin = ["train", names, "--out", run, "--steps", 1200, "--set", "train.checks=24", "--json", *SMALL]
    with subprocess.Popen(
        [*WAVETREE, *map(str, begin)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert any(line.startswith("step") for line in process.stderr)  # reads as far as the first check
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED, err
    summary = json.loads(out)
    assert summary["stopped"]
    assert 50 <= summary["steps"] < 1200
    assert summary["train_nll"] is None
    assert f"next: wavetree sample {run}" in err
    assert f"or go on: wavetree train --out {run} --resume" in err
    assert "Traceback" not in err

    assert command("sample", run, "-n", 5).code == 0
    ran = command("train", "--out", run, "--resume", "--json")
    assert ran.code == 0
    assert f"going on from step {summary['steps']}" in ran.err
    assert ran.document["steps"] == 1200


def test_a_reader_that_leaves_is_no_error(names: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*WAVETREE, "data", str(names)], stdout=writer, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writer)
    assert done.returncode == READER_LEFT
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no device that is always full")
def test_output_that_cannot_be_written_is_said(names: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*WAVETREE, "data", str(names)], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 2
    assert done.stderr.startswith("wavetree: could not write the output: no space left on device.")


def test_closed_streams_and_narrow_encodings() -> None:
    narrow = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([*WAVETREE, "--help"], capture_output=True, text=True, env=narrow, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for closed, code in (("--version >&-", 0), ("trian 2>&-", 2)):
        done = subprocess.run(f"'{sys.executable}' -m wavetree {closed}", shell=True, check=False, capture_output=True)
        assert done.returncode == code


def test_the_first_signal_asks_and_the_second_does_not() -> None:
    said: list[str] = []
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background may ignore it
    before = signal.getsignal(signal.SIGTERM)
    with asked_to_stop(said.append) as stop:
        assert not stop()
        signal.raise_signal(signal.SIGTERM)
        assert stop()
        assert stop()
        assert len(said) == 1
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGTERM) is before
    signal.signal(signal.SIGINT, inherited)


def test_ctrl_c_elsewhere_is_quiet(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("wavetree.data.describe_list", interrupted)
    assert main(["data"]) == INTERRUPTED
    assert capsys.readouterr() == ("", "wavetree: interrupted.\n")
