"""Several processes learn what one learns: the same losses, the same gradients."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
import torch.distributed as dist
from tests.streams import text_run
from tests.train.several import Learnt, add_up, agree, go_on, learn, plan, plan_anew, refuse, steps_of, together, vanish
from tests.train.test_loop import begin, checkpoint_bytes, syllables

from wavetree.api import begin as begin_any
from wavetree.config import configure
from wavetree.data import make_list
from wavetree.data.packing import COMPARED
from wavetree.data.rows import shares
from wavetree.errors import SettingError
from wavetree.runs import RunFolder, sides_of
from wavetree.train import ALONE, Processes, train
from wavetree.train.batches import ItemBatches, batches_of
from wavetree.train.hub import Hub, hub_of, in_pairs
from wavetree.train.processes import processors

STEPS = 8
UNEVEN = "train.batch_items=13"
"""Shares of 8 and 9 items, or of 4 and 5; no item is as long as another."""


def names(path: Path, *changes: str) -> RunFolder:
    return begin(path, UNEVEN, "model.hidden=16", *changes)


def flat(path: Path) -> RunFolder:
    return begin_any(
        make_list(syllables()),
        path,
        configure("names", ["model.kind=flat", "model.hidden=16", UNEVEN, "train.steps=40", "train.average=0.9"]),
    )


def decades(path: Path) -> RunFolder:
    rows = [(word, "FM"[k % 2], str(1900 + 10 * (k % 3))) for k, word in enumerate(syllables())]
    tiny = ["model.hidden=12", "model.embedding=6", UNEVEN, "train.threads=1", "train.steps=24"]
    return begin_any(make_list(rows, fields=("sex", "decade")), path, configure("decades", tiny))


def text(path: Path, *changes: str) -> RunFolder:
    """With dropout, and rows that are not all of the same use: the text is shorter than the last of them."""
    return text_run(path, "train.rows=5", "train.precision=float32", *changes)


def difference(one: Learnt, other: Learnt) -> tuple[float, float]:
    """The largest one between losses, and between gradients."""
    losses = max(abs(a - b) for a, b in zip(one.losses, other.losses, strict=True))
    pairs = zip(one.gradients, other.gradients, strict=True)
    return losses, float(max(abs(a - b).max() for a, b in pairs))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("begun", "counts", "twins"),
    [
        (names, (2, 4), ["statistics of its own", "nodes counted by each", "means of means", "directions of its own"]),
        (flat, (2,), []),
        (decades, (2,), []),
        (text, (2,), ["noise of its own"]),
    ],
)
def test_any_number_of_processes_learns_the_same(
    tmp_path: Path, begun: Callable[[Path], RunFolder], counts: tuple[int, ...], twins: list[str]
) -> None:
    path = begun(tmp_path / "run").path
    alone = steps_of(path, STEPS, ALONE)
    for count in counts:
        found = together(count, learn, path, STEPS)
        assert all(each.losses == found[0].losses for each in found)
        losses, gradients = difference(alone, found[0])
        assert losses < 1e-5
        assert gradients < 1e-6
    for twin in twins:
        broken = together(2, learn, path, STEPS, twin)[0]
        assert max(difference(alone, broken)) > 1e-5, twin


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_of_a_stream_they_learn_the_same_bytes(tmp_path: Path, precision: str) -> None:
    """Its rows come in as many parts whoever takes them, and these are added in pairs."""
    path = text(tmp_path / "run", "train.parts=4", f"train.precision={precision}").path
    alone = steps_of(path, STEPS, ALONE)
    for count in (2, 4):
        for each in together(count, learn, path, STEPS):
            assert difference(alone, each) == (0, 0)
    for count, twin in ((2, "parts of its own"), (4, "one after the other")):
        assert min(difference(alone, together(count, learn, path, STEPS, twin)[0])) > 0, twin


@pytest.mark.slow
def test_whole_runs_of_a_stream_end_in_the_same_bytes(tmp_path: Path) -> None:
    """With averaged weights, checks, and two threads in each of two processes, as one process has four."""
    path = text(tmp_path / "run", "train.parts=4", "train.steps=12", "train.average=0.9", "train.checks=3").path
    ends = []
    for count, threads in ((1, 1), (1, 4), (2, 1), (2, 2), (4, 1)):
        copy = shutil.copytree(path, tmp_path / f"{count}-{threads}")
        together(count, go_on, copy, threads)
        assert RunFolder(copy).load("latest", [])[1]["threads"] == threads
        ends.append(checkpoint_bytes(RunFolder(copy)))
    assert ends[1:] == ends[:1] * 4


def test_two_processes_have_the_two_parts_that_one_has(tmp_path: Path) -> None:
    path = text(tmp_path / "run").path
    assert difference(steps_of(path, STEPS, ALONE), together(2, learn, path, STEPS)[0]) == (0, 0)


class Term(str):
    """What is added, written out."""

    def __add__(self, other: str) -> Term:
        return Term(f"({self} + {other})")


def summed(begin: int, end: int, count: int) -> Term:
    parts: Any = [Term(f"{part.start}:{part.stop}") for part in shares(begin, end, count)]
    return cast("Term", in_pairs(parts))


@pytest.mark.parametrize("parts", [2, 4, 8, 16])
@pytest.mark.parametrize("rows", range(1, 40))
def test_rows_are_cut_and_added_alike_by_any_number_of_processes(rows: int, parts: int) -> None:
    whole = summed(0, rows, parts)
    for count in (1, 2, 4, 8, 16):
        if count <= min(parts, rows):
            sums: Any = [summed(own.start, own.stop, parts // count) for own in shares(0, rows, count)]
            assert in_pairs(sums) == whole


@pytest.mark.slow
def test_on_several_machines_they_add_up_over_the_network(tmp_path: Path) -> None:
    path = names(tmp_path / "run").path
    found = together(2, learn, path, STEPS, "as on two machines")
    losses, gradients = difference(steps_of(path, STEPS, ALONE), found[0])
    assert losses < 1e-5
    assert gradients < 1e-6


@pytest.mark.parametrize("begun", [names, text])
def test_a_limit_in_seconds_is_as_many_steps_for_each(tmp_path: Path, begun: Callable[..., RunFolder]) -> None:
    path = begun(tmp_path / "run", "train.steps=none", "train.seconds=20", "train.threads=0", "train.parts=4").path
    plans = together(2, plan, path)
    assert plans[0] == plans[1]
    assert plans[0][0] > 1


def test_a_best_checkpoint_that_is_damaged_is_replaced_by_the_first_for_all(tmp_path: Path) -> None:
    folder = names(tmp_path / "run", "train.steps=12")
    best = train(folder).val_nll
    (folder.path / "best").write_text("no checkpoint")
    found = together(2, go_on, folder.path)
    assert found == [best, best]
    assert RunFolder(folder.path).load("best", [])[1]["best"] == best


def test_what_is_planned_anew_is_alike_for_each() -> None:
    (steps, due), other = together(2, plan_anew)
    assert (steps, due) == other
    assert steps > 200  # by the clock of process 0


def test_sums_are_the_same_to_the_last_bit_and_in_pairs() -> None:
    """In float32 1e8 + 3 is 1e8, and 1e8 + 6 is 8 more: large messages, of any type and shape."""
    found = together(4, add_up)
    assert found[1:] == found[:1] * 3
    (single, double, _), ranks = found[0]
    assert single == [1e8 + 8, 4 * torch.tensor(1 / 3).item()]
    assert double == [1e8 + 9, 4 * torch.tensor(1 / 3).double().item()]
    assert ranks == 0 + 1 + 2 + 3


def test_the_sum_of_four_is_that_of_two_sums_of_two() -> None:
    parts = torch.randn(8, 1000, generator=torch.Generator().manual_seed(1))
    whole = in_pairs([*parts.clone()])
    for share in (4, 2):
        again = parts.clone()
        assert torch.equal(whole, in_pairs([in_pairs([*again[k : k + share]]) for k in range(0, 8, share)]))
    assert not torch.equal(whole, sum(parts[1:], parts[0]))
    assert torch.allclose(in_pairs([*parts[:3].clone()]), parts[:3].sum(0), atol=1e-5)


def test_who_does_not_answer_is_missed_in_time() -> None:
    ours, theirs = socket.socketpair()
    ours.settimeout(0.05)
    with theirs, pytest.raises(TimeoutError):
        Hub(0, [ours]).total(torch.ones(3))
    with ours, pytest.raises(OSError, match="the other end is closed"):  # it has ended
        Hub(0, [ours]).total(torch.ones(3))


def test_one_that_reads_nothing_is_missed_in_time() -> None:
    ours, theirs = socket.socketpair()
    ours.settimeout(0.05)
    with ours, theirs, pytest.raises(TimeoutError):
        Hub(1, [ours]).total(torch.ones(1_000_000))


def test_a_place_too_deep_for_a_socket_leaves_it_to_gloo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("deep" * 30)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    told = []
    monkeypatch.setattr(dist, "broadcast", lambda place, _: told.append(bool(place.any())))
    assert hub_of(0, 2, 1.0) is None
    assert told == [False]


def test_the_shares_of_a_batch_of_items_are_the_batch(tmp_path: Path) -> None:
    """In another order: items that begin alike are next to each other, and shares have fewer nodes in common."""
    folder = names(tmp_path / "run")
    side, config = sides_of(folder).train, folder.config()
    whole = batches_of(side, config)
    pieces = [batches_of(side, config, Processes(rank, 3))[3] for rank in range(3)]
    targets = np.concatenate([piece.targets for piece in pieces])
    assert sorted(targets) == sorted(whole[3].targets)
    assert {piece.whole for piece in pieces} == {len(targets)}
    assert isinstance(whole, ItemBatches)
    chosen = whole.chosen(3)
    first = [side.row(chosen[[k]]).targets.tolist()[: COMPARED - 1] for k in side.alike(chosen)]
    assert [each[:3] for each in first] == sorted(each[:3] for each in first)


def test_all_learn_what_one_knows() -> None:
    told, stops, threads = zip(*together(2, agree), strict=True)
    assert told == (5.0, 5.0)
    assert stops == ([True, False], [True, False])
    assert threads == (max(1, processors() // 2),) * 2


def test_the_shares_are_everything_once() -> None:
    for count in range(1, 20):
        for size in range(count, 3 * count):
            shares = [Processes(rank, count).share(size) for rank in range(count)]
            whole = [place for share in shares for place in range(size)[share]]
            assert whole == list(range(size))
            sizes = {len(range(size)[share]) for share in shares}
            assert max(sizes) - min(sizes) <= 1


def test_a_share_of_a_batch_reads_only_its_rows(tmp_path: Path) -> None:
    folder = text(tmp_path / "run")
    side, config = sides_of(folder).train, folder.config()
    whole = batches_of(side, config)[3]
    shares = [batches_of(side, config, Processes(rank, 3))[3] for rank in range(3)]
    assert (torch.cat([torch.from_numpy(each.ids) for each in shares]).numpy() == whole.ids).all()
    assert {each.whole for each in shares} == {whole.whole}


def test_more_processes_than_a_batch_has_are_refused(tmp_path: Path) -> None:
    folder = names(tmp_path / "run")
    with pytest.raises(SettingError, match=r"14 processes cannot share a batch of 13: raise train\.batch_items"):
        batches_of(sides_of(folder).train, folder.config(), Processes(0, 14))


def test_a_lost_process_ends_the_others_in_a_sentence(tmp_path: Path) -> None:
    said, nothing = together(2, vanish, names(tmp_path / "run").path)
    assert nothing is None
    assert "process 0 of 2 has lost another" in said
    assert "--resume" in said


def test_what_process_0_refuses_ends_the_others(tmp_path: Path) -> None:
    said = together(2, refuse, tmp_path / "run")
    assert said == [f"{tmp_path / 'run'} is not there.", "process 1 ends, since process 0 does."]


DYING = """
import os, signal, sys
from wavetree.cli import main
from wavetree.train.training import Training

advance = Training.advance

def fall(self, piece, config):
    if (os.environ["RANK"], os.environ["TORCHELASTIC_RESTART_COUNT"], self.step) == ("1", "0", 13):
        os.kill(os.getpid(), signal.SIGKILL)
    advance(self, piece, config)

Training.advance = fall
sys.exit(main())
"""


@pytest.mark.slow
def test_a_killed_process_is_started_again_and_ends_at_the_same_loss(tmp_path: Path) -> None:
    """By torchrun, which starts all of them anew: the run goes on from its last checkpoint."""
    script, items, run = tmp_path / "dying.py", tmp_path / "items.txt", tmp_path / "run"
    script.write_text(DYING)
    items.write_text("\n".join(syllables()) + "\n")
    settings = ["model.hidden=16", UNEVEN, "train.checks=4"]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "--max-restarts=1"]
    words = [str(script), "train", str(items), "--out", str(run), "--steps=40", "--json"]
    for setting in settings:
        words += ["--set", setting]
    done = subprocess.run([*command, *words], capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    assert "going on from step 10" in done.stderr
    assert "processes  2, each with" in done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    straight = begin_any(items, tmp_path / "straight", configure("names", [*settings, "train.steps=40"]))
    whole = train(straight)
    assert summary["val_nll"] == pytest.approx(whole.val_nll, abs=1e-5)
    losses = [[line["loss"] for line in folder.metrics() if "loss" in line] for folder in (RunFolder(run), straight)]
    assert len(losses[0]) == 40
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)
    again = subprocess.run([*command, *words], capture_output=True, text=True, check=False, env=dict(os.environ))
    assert again.returncode != 0  # a run of before is refused, at the restart as well
    assert "complete already" not in again.stderr
    assert again.stderr.count(f"{run} holds a run") == 2
