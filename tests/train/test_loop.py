"""The loop: it learns, it stops when asked, and it goes on to the last bit as if it had never stopped."""

from __future__ import annotations

import copy
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from wavetree.codecs import AlphabetCodec
from wavetree.config import configure
from wavetree.data import make_list
from wavetree.data.packing import PackedItems
from wavetree.errors import WavetreeError
from wavetree.evaluate import exact_loss
from wavetree.generate import samples_along_the_way
from wavetree.runs import RunFolder, load
from wavetree.train import Check, Progress, Watch, start, train
from wavetree.train.batches import ItemBatches
from wavetree.train.loop import planned
from wavetree.train.optimisers import BETAS, EPSILON
from wavetree.train.schedule import check_steps, rate_at
from wavetree.train.training import Shape, Training

TINY = ["model.hidden=12", "model.embedding=6", "train.batch_items=16", "train.threads=1"]


def syllables(count: int = 240) -> list[str]:
    """Made-up words in which a consonant and a vowel take turns: easy to learn, never empty, all distinct."""
    draws = np.random.default_rng(5)
    words: dict[str, None] = {}
    while len(words) < count:
        words[
            "".join(
                str(draws.choice(list("bdklmn"))) + str(draws.choice(list("aeiou")))
                for _ in range(draws.integers(1, 5))
            )
        ] = None
    return list(words)


ITEMS = make_list(syllables())


def begin(path: Path, *changes: str) -> RunFolder:
    return start(ITEMS, path, configure("names", [*TINY, "train.steps=40", "train.checks=4", *changes]))


def checkpoint_bytes(folder: RunFolder, which: str = "latest") -> dict[str, bytes]:
    place = folder.path / "checkpoints" / (folder.path / which).read_text().strip()
    return {path.name: path.read_bytes() for path in place.iterdir() if path.suffix == ".safetensors"}


def stop_after(step: int) -> Watch:
    seen = []
    return Watch(progress=lambda p: seen.append(p.step), stop=lambda: bool(seen) and seen[-1] >= step)


@pytest.mark.parametrize("changes", [[], ["train.average=0.9"], ["train.optimiser=adamw"], ["train.optimiser=sgd"]])
def test_a_resumed_run_is_byte_identical(tmp_path: Path, changes: list[str]) -> None:
    straight = begin(tmp_path / "straight", *changes)
    whole = train(straight)
    broken = begin(tmp_path / "broken", *changes)
    half = train(broken, stop_after(17))  # in mid-epoch and between two checks
    assert (half.stopped, half.steps) == (True, 17)
    rest = train(RunFolder.open(broken.path))
    assert checkpoint_bytes(straight) == checkpoint_bytes(broken)
    assert (rest.steps, rest.train_nll, rest.val_nll) == (
        whole.steps,
        whole.train_nll,
        min(whole.val_nll, half.val_nll),
    )


def test_the_comparison_notices_a_resume_that_forgets_the_optimiser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight, broken = begin(tmp_path / "straight"), begin(tmp_path / "broken")
    train(straight)
    train(broken, stop_after(17))
    monkeypatch.setattr("wavetree.train.optimisers.Optimiser.restore", lambda self, state: None)
    train(broken)
    assert checkpoint_bytes(straight) != checkpoint_bytes(broken)


def test_the_log_has_each_step_once_after_a_resume(tmp_path: Path) -> None:
    folder = begin(tmp_path / "run")
    train(folder, stop_after(17))
    folder.log([{"step": 18, "loss": 9.9}])  # a line that a sudden death left behind its checkpoint
    train(folder)
    losses = [line["step"] for line in folder.metrics() if "loss" in line]
    assert losses == list(range(1, 41))
    checks = [line["step"] for line in folder.metrics() if "val_nll" in line]
    assert checks == [10, 17, 20, 30, 40]


def test_the_same_seed_gives_the_same_run_and_another_does_not(tmp_path: Path) -> None:
    runs = {name: begin(tmp_path / name, f"train.seed={seed}") for name, seed in (("a", 1), ("b", 1), ("c", 2))}
    for folder in runs.values():
        train(folder)
    a, b, c = (checkpoint_bytes(folder)["model.safetensors"] for folder in runs.values())
    assert a == b != c


def test_it_learns_and_says_what_it_measured(tmp_path: Path) -> None:
    checks: list[Check] = []
    blocks: list[Progress] = []
    folder = begin(tmp_path / "run", "train.steps=120")
    summary = train(folder, Watch(progress=blocks.append, check=checks.append))
    uniform = math.log(folder.codec().vocab_size)
    assert summary.val_nll < 0.75 * uniform
    assert summary.train_nll is not None
    assert summary.val_nll == min(check.val_nll for check in checks)
    assert [check.step for check in checks] == [30, 60, 90, 120]
    assert all(len(check.samples) == 5 for check in checks)
    assert [block.step for block in blocks] == list(range(1, 121))
    assert summary.symbols_per_second == pytest.approx(blocks[-1].symbols / summary.seconds)
    trained = load(folder.path)
    kept = exact_loss(trained.model, PackedItems(folder.items("validation"), trained.alphabet))
    assert kept.mean == pytest.approx(summary.val_nll, abs=1e-12)


def test_best_is_kept_beside_latest(tmp_path: Path) -> None:
    """At a rate that is far too high the last weights are not the best ones."""
    high = ["train.optimiser=sgd", "train.learning_rate=4", "train.schedule=lecture"]
    folder = begin(tmp_path / "run", *high, "train.keep_last=1")
    checks: list[Check] = []
    summary = train(folder, Watch(check=checks.append))
    best = min(checks, key=lambda check: check.val_nll)
    assert (folder.path / "best").read_text() == f"{best.step:06d}\n"
    assert (folder.path / "latest").read_text() == "000040\n"
    assert {path.name for path in (folder.path / "checkpoints").iterdir()} == {f"{best.step:06d}", "000040"}
    assert summary.val_nll == best.val_nll


def test_averaged_weights_are_the_ones_that_are_kept(tmp_path: Path) -> None:
    folder = begin(tmp_path / "run", "train.average=0.9")
    train(folder)
    tensors, _ = folder.load("latest", ["model", "training"])
    weight = "levels.0.weight"
    assert not torch.equal(tensors["model"][weight], tensors["training"][f"raw.{weight}"])
    assert torch.equal(load(folder.path, "latest").model.state_dict()[weight], tensors["model"][weight])


def test_a_loss_that_is_no_number_ends_the_run_in_a_sentence(tmp_path: Path) -> None:
    folder = begin(tmp_path / "run", "train.optimiser=sgd", "train.learning_rate=10", "model.norm=layer")
    train(folder, stop_after(10))
    poison = copy.deepcopy(folder.load("latest", ["model", "training"]))
    poison[0]["model"]["output.weight"][:] = math.nan
    folder.save(11, poison[0], {**poison[1], "step": 11}, best=False)
    with pytest.raises(WavetreeError, match=r"not a number any more at step 12.*train\.learning_rate"):
        train(folder)


def plan(*changes: str) -> tuple[int, int]:
    """Steps and threads."""
    codec = AlphabetCodec.of(ITEMS.items)
    items = PackedItems(ITEMS.items, codec)
    config = configure("names", [*TINY, *changes])
    steps, threads, _ = planned(config, Shape(codec.vocab_size), ItemBatches(items, config.train.batch_items, 1), items)
    return steps, threads


def test_a_limit_in_seconds_becomes_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that is 10 ms further at each look: 2 s are 200 steps, less a reserve, the plan and the checks."""
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 0.01
        return now

    monkeypatch.setattr("wavetree.train.loop.time.perf_counter", clock)
    without = "train.epochs=none"
    assert plan(without, "train.seconds=2", "train.checks=5") == (162, 1)  # 200 - 20 - 13 looks - 5 checks
    assert plan(without, "train.seconds=2", "train.checks=10000")[0] in (99, 100)  # half of it, by rounding


def test_a_limit_in_seconds_ends_a_run_sooner_and_never_later() -> None:
    """A small list that is read for as long as there is time is learnt by heart."""
    assert plan("train.seconds=600") == plan("train.epochs=8") == (120, 1)
    assert plan("train.seconds=600", "train.steps=7") == (7, 1)


def test_a_limit_in_seconds_bounds_the_trial_too(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    advance = Training.advance
    monkeypatch.setattr(Training, "advance", lambda self, row, config: (taken.append(1), advance(self, row, config)))
    steps, _ = plan("train.seconds=0.0001")
    assert (steps, len(taken)) == (1, 1)


def test_a_limit_in_epochs_or_steps_needs_no_clock() -> None:
    assert plan("train.epochs=2.5") == (round(2.5 * 240 / 16), 1)
    assert plan("train.steps=7") == (7, 1)


@pytest.mark.parametrize("slow", [1, 2])
def test_the_quicker_number_of_threads_is_taken_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slow: int
) -> None:
    """Where `slow` threads make a step ten times slower by the clock."""
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    used = [0]
    monkeypatch.setattr(torch, "set_num_threads", used.append)
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 0.1 if used[-1] == slow else 0.01
        return now

    with monkeypatch.context() as patch:
        patch.setattr("wavetree.train.loop.time.perf_counter", clock)
        folder = begin(tmp_path / "run", "train.threads=0")
        train(folder, stop_after(3))
    assert folder.load("latest", [])[1]["threads"] == 3 - slow
    used.clear()
    used.append(0)
    train(folder)
    assert used[1] == 3 - slow


def test_checks_are_evenly_spaced_and_end_with_the_last_step() -> None:
    assert check_steps(100, 4) == {25, 50, 75, 100}
    assert max(check_steps(7, 3)) == 7
    assert check_steps(2, 10) == {1, 2}


def test_threads_are_given_back(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    train(begin(tmp_path / "run", "train.threads=1", "train.steps=2"))
    assert torch.get_num_threads() == before


def test_training_leaves_torchs_random_state_alone(tmp_path: Path) -> None:
    torch.manual_seed(7)
    wanted = torch.rand(3)
    torch.manual_seed(7)
    train(begin(tmp_path / "run", "train.steps=2"))
    assert torch.equal(torch.rand(3), wanted)


def test_all_of_a_training_survives(tmp_path: Path) -> None:
    """What `Training` lists is what a checkpoint holds: a field that is added must be saved too.

    But for those who do the work: a restart may have more of them, or fewer.
    """
    config = configure("names", [*TINY, "train.steps=40"])
    training = Training.begin(config, Shape(10), 40, 1)
    assert set(training.numbers()) | {"model", "judged", "optimiser", "processes"} == set(vars(training))


def test_a_run_that_is_stopped_where_it_was_saved_is_left_alone(tmp_path: Path) -> None:
    """Saving the same step again would take the only checkpoint away for a moment."""
    folder = begin(tmp_path / "run")
    train(folder, stop_after(17))
    place = folder.path / "checkpoints" / "000017"
    before = place.stat().st_ino
    again = train(folder, Watch(stop=lambda: True))
    assert (again.steps, again.stopped) == (17, True)
    assert place.stat().st_ino == before


def test_a_run_that_is_stopped_at_once_can_be_sampled(tmp_path: Path) -> None:
    folder = begin(tmp_path / "run")
    train(folder, Watch(stop=lambda: True))
    assert load(folder.path).model.receptive_field == 8


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_what_is_judged_is_what_is_kept(tmp_path: Path, average: float) -> None:
    """The loss and the samples of a check are those of the weights that its checkpoint holds."""
    folder = begin(tmp_path / "run", f"train.average={average}")
    checks: list[Check] = []
    train(folder, Watch(check=checks.append))
    latest = load(folder.path, "latest")
    items = PackedItems(folder.items("validation"), latest.alphabet)
    assert exact_loss(latest.model, items).mean == pytest.approx(checks[-1].val_nll, abs=1e-12)
    assert samples_along_the_way(latest.model, latest.codec, "items") == checks[-1].samples


def test_five_steps_are_those_of_torchs_optimiser(tmp_path: Path) -> None:
    """The loop's own part of a step: its rate, its count, its gradients."""
    config = configure("names", [*TINY, "train.steps=40", "train.optimiser=adamw"])
    folder = begin(tmp_path / "run", "train.optimiser=adamw")
    codec = folder.codec()
    assert isinstance(codec, AlphabetCodec)
    batches = ItemBatches(PackedItems(folder.items("train"), codec), config.train.batch_items, config.train.seed)
    ours = Training.begin(config, Shape(codec.vocab_size), 40, 1)
    theirs = copy.deepcopy(ours.model)
    settings = {"betas": BETAS, "eps": EPSILON, "weight_decay": config.train.weight_decay}
    descent = torch.optim.AdamW(theirs.parameters(), lr=1.0, **settings)
    for step in range(5):
        ours.advance(batches[step], config)
        row = batches[step]
        logits = theirs.packed(theirs.prepare(row.ids, row.ages))
        descent.zero_grad()
        torch.nn.functional.cross_entropy(logits, torch.from_numpy(row.targets)).backward()
        descent.param_groups[0]["lr"] = rate_at(step, 40, config.train)
        descent.step()
    for found, wanted in zip(ours.model.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(found, wanted, rtol=0, atol=2e-5)
