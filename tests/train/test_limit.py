"""A limit in seconds is kept where the machine changes its pace, and what was decided is not decided anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.streams import text_run
from tests.train.test_loop import begin, checkpoint_bytes, stop_after

from wavetree.data.corpus import Stream
from wavetree.evaluate import Loss
from wavetree.runs import RunFolder, sides_of
from wavetree.train import Summary, loop, train
from wavetree.train.batches import batches_of
from wavetree.train.limit import FINEST, Limit
from wavetree.train.training import Shape, Training

SECONDS = 20.0
LIMITED = ["train.steps=none", "train.epochs=none", f"train.seconds={SECONDS}"]

Pace = Callable[[int], float]


@pytest.fixture
def paced(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets a clock by which step k takes pace(k) seconds, a trial step too, a loss `checking`, a beginning `before`."""
    now = 0.0
    current: Pace = slower
    check, first = 0.0, 0.0
    advance, loss, batches = Training.advance, loop.exact_loss, loop.batches_of

    def slow(self: Training, *rest: object) -> object:
        nonlocal now
        now += current(self.step)
        return advance(self, *rest)  # type: ignore[arg-type]

    def slow_check(*rest: object) -> object:
        nonlocal now
        now += check
        return loss(*rest)  # type: ignore[arg-type]

    def slow_begin(*rest: object) -> object:
        nonlocal now
        now += first
        return batches(*rest)  # type: ignore[arg-type]

    def take(pace: Pace, checking: float = 0.0, before: float = 0.0) -> None:
        nonlocal current, now, check, first
        current, now, check, first = pace, 0.0, checking, before

    monkeypatch.setattr(loop, "exact_loss", slow_check)
    monkeypatch.setattr(loop, "batches_of", slow_begin)
    monkeypatch.setattr(Training, "advance", slow)
    monkeypatch.setattr("wavetree.train.loop.time.perf_counter", lambda: now)
    return take


def slower(step: int) -> float:
    return 0.1 if step < 60 else 0.15


def faster(step: int) -> float:
    return 0.1 if step < 60 else 0.06


def much_faster(step: int) -> float:
    return 0.1 if step < 150 else 0.02


def run(path: Path, *changes: str) -> tuple[RunFolder, Summary]:
    folder = begin(path, *LIMITED, *changes)
    return folder, train(folder)


@pytest.mark.parametrize("pace", [slower, faster])
def test_the_limit_is_kept_and_used(tmp_path: Path, paced: Callable[..., None], pace: Pace) -> None:
    paced(pace)
    _, summary = run(tmp_path / "run")
    assert 0.95 * SECONDS < summary.seconds <= SECONDS
    assert not summary.stopped


@pytest.mark.parametrize("pace", [slower, faster])
def test_one_plan_alone_would_not_do(
    tmp_path: Path, paced: Callable[..., None], pace: Pace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Limit, "kept", lambda self, due: due)
    paced(pace)
    _, summary = run(tmp_path / "run")
    assert not 0.95 * SECONDS < summary.seconds <= SECONDS


@pytest.mark.parametrize("pace", [slower, faster])
def test_checks_stay_apart_and_end_with_the_last_step(tmp_path: Path, paced: Callable[..., None], pace: Pace) -> None:
    paced(pace)
    folder, summary = run(tmp_path / "run")
    checks = [line["step"] for line in folder.metrics() if "val_nll" in line]
    assert checks[-1] == summary.steps
    assert len(checks) == 4
    apart = [after - before for before, after in zip([0, *checks], checks, strict=False)]
    assert summary.steps / 8 < min(apart) <= max(apart) < summary.steps / 2


@pytest.mark.parametrize("checks", [1, 2])
@pytest.mark.parametrize("broken", [False, True])
def test_checks_are_allowed_for(
    tmp_path: Path, paced: Callable[..., None], monkeypatch: pytest.MonkeyPatch, checks: int, broken: bool
) -> None:
    """Each takes four seconds; where that is forgotten, the limit is broken."""
    paced(faster, 4.0)
    if broken:
        monkeypatch.setattr(Training, "checking", property(lambda self: 0.0, lambda self, seconds: None), raising=False)
    _, summary = run(tmp_path / "run", f"train.checks={checks}")
    assert (0.9 * SECONDS < summary.seconds <= SECONDS) is not broken


def test_what_comes_before_the_steps_is_not_their_pace(tmp_path: Path, paced: Callable[..., None]) -> None:
    """Reading, five seconds of it, which the first plan does not know: no plan has too few steps because of it."""
    paced(lambda step: 0.1, before=5.0)
    folder, summary = run(tmp_path / "run")
    assert summary.seconds <= SECONDS
    planned = [line["steps"] for line in folder.metrics() if "steps" in line]
    assert planned[0] > min(planned) >= summary.steps - 1


def test_the_lectures_rate_never_rises(tmp_path: Path, paced: Callable[..., None]) -> None:
    paced(much_faster)
    folder, _ = run(tmp_path / "run", "train.schedule=lecture")
    rates = [line["rate"] for line in folder.metrics() if "rate" in line]
    assert rates == sorted(rates, reverse=True)


def test_a_limit_that_does_not_bind_saves_nothing(tmp_path: Path, paced: Callable[..., None]) -> None:
    paced(faster)
    folder, _ = run(tmp_path / "run", "train.steps=40", "train.keep_last=10")
    assert folder.checkpoints.names() == ["000000", "000010", "000020", "000030", "000040"]


def test_steps_that_are_asked_for_stay_the_most(tmp_path: Path, paced: Callable[..., None]) -> None:
    paced(faster)
    _, summary = run(tmp_path / "run", "train.steps=150")
    assert summary.steps == 150


def test_what_was_planned_is_not_planned_anew(tmp_path: Path, paced: Callable[..., None]) -> None:
    """From the last plan on a run takes the steps that it would have taken, at whatever pace."""
    paced(slower)
    straight, whole = run(tmp_path / "straight")
    paced(slower)
    broken = begin(tmp_path / "broken", *LIMITED)
    train(broken, stop_after(whole.steps - 1))
    assert broken.load("latest", [])[1]["planned"] >= (1 - 2 * FINEST) * whole.steps
    paced(lambda step: 5.0)
    assert train(broken).steps == whole.steps
    assert checkpoint_bytes(straight) == checkpoint_bytes(broken)


def test_a_run_that_goes_on_plans_with_what_is_left(tmp_path: Path, paced: Callable[..., None]) -> None:
    paced(slower)
    broken = begin(tmp_path / "broken", *LIMITED)
    train(broken, stop_after(30))
    paced(lambda step: 0.2)
    assert 0.95 * SECONDS < train(broken).seconds <= SECONDS


def test_the_comparison_notices_a_resume_that_forgets_when_it_planned(
    tmp_path: Path, paced: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    paced(slower)
    _, whole = run(tmp_path / "straight")
    broken = begin(tmp_path / "broken", *LIMITED)
    train(broken, stop_after(whole.steps - 7))
    restore = Training.restore
    early = {"planned": whole.steps - 12}
    monkeypatch.setattr(Training, "restore", lambda self, kept, numbers: restore(self, kept, {**numbers, **early}))
    paced(lambda step: 0.01)
    assert train(broken).steps != whole.steps


def test_a_check_is_reckoned_from_a_part_of_a_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = text_run(tmp_path / "run", "train.steps=none", "train.seconds=1e5", "train.threads=1")
    config, sides, now = folder.config(), sides_of(folder), 0.0

    def measured(model: object, side: Stream, most: int, share: object = (0, 1)) -> Loss:
        """A second for each symbol."""
        nonlocal now
        now += min(most, side.symbols)
        return Loss(1.0, min(most, side.symbols))

    def clock() -> float:
        nonlocal now
        now += 1e-6
        return now

    monkeypatch.setattr(loop, "exact_loss", measured)
    monkeypatch.setattr(loop, "time", SimpleNamespace(perf_counter=clock))
    monkeypatch.setattr(loop, "TIMED", sides.validation.symbols // 4)
    _, _, check = loop.planned(
        config, Shape(folder.codec().vocab_size), batches_of(sides.train, config), sides.validation
    )
    assert check == pytest.approx(sides.validation.symbols, rel=0.01)
    monkeypatch.setattr(loop, "MEASURED", sides.validation.symbols // 2)
    _, _, check = loop.planned(
        config, Shape(folder.codec().vocab_size), batches_of(sides.train, config), sides.validation
    )
    assert check == pytest.approx(sides.validation.symbols / 2, rel=0.01)
