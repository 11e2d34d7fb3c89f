"""Kills training, fills the disk and flips bits, and says whether anything was lost.

    kills      a process that trains is killed (SIGKILL) at a random moment, and another goes on: it must end with the
               bytes of a run that was never killed. The twin forgets the optimiser, and must not.
    deaths     the same at every single call to the file system within a save
    faults     every call within a save fails, once or from there on; every write is cut at a random byte
    flips      one random bit of a file of a checkpoint is another, or its end is missing

The last three have twins, too: a save that writes over what is pointed to, one that fails without a word, a reader that
compares nothing.

    python scripts/prove_survival.py --kills 50 --flips 1000 --cuts 200

Everything happens at a tiny size in a temporary folder. The exit code is 1 if anything was lost. POSIX only: it forks.
"""

from __future__ import annotations

import argparse
import errno
import io
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import torch

from wavetree.config import configure
from wavetree.data import make_list
from wavetree.errors import DamagedError, SaveError, WavetreeError
from wavetree.runs import RunFolder, checkpoint, load
from wavetree.runs.checkpoint import MANIFEST, read_checkpoint, write_checkpoint
from wavetree.runs.checkpoints import Checkpoints
from wavetree.train import start, train
from wavetree.train.optimisers import Optimiser

ITEMS = [f"{a}{b}{c}" for a in "bdfgk" for b in "aeiou" for c in ("", "n", "la", "rra", "st")]
SETTINGS = ["model.levels=2", "model.embedding=4", "model.hidden=8", "train.batch_items=16", "train.threads=1"]
STEPS = ["train.steps=24", "train.checks=3", "train.checkpoint_every=1", "train.diagnose_every=5"]
CALLS = [(os, "fsync"), (os, "replace"), (os, "rename"), (os, "mkdir"), (os, "open"), (io, "open")]
"""What a save asks of the file system, besides writing."""
REASONS = [errno.ENOSPC, errno.EROFS, errno.EMFILE, errno.EIO]
SLOW = 0.004
"""Seconds that a flush takes, of a disk that turns."""
NAMES = ["model", "training"]
FEW = 40
"""Bits that are flipped before a reader that compares nothing."""
LAST = 99
"""The step of what is saved where calls fail."""
SAVE = Checkpoints.save


def begin(path: Path) -> RunFolder:
    """A run of 24 steps that is saved after each."""
    return start(make_list(ITEMS), path, configure("names", [*SETTINGS, *STEPS]))


def essence(folder: RunFolder) -> dict[str, object]:
    """All that a run leaves, but what tells the time: the bytes of both checkpoints, their states, the log."""
    left: dict[str, object] = {"log": [_timeless(line) for line in folder.metrics()]}
    for which in ("best", "latest"):
        place = folder.checkpoints.place / folder.checkpoints.pointed(which)
        left |= {f"{which}/{path.name}": path.read_bytes() for path in place.glob("*.safetensors")}
        left[f"{which}/state"] = _timeless(json.loads((place / "state.json").read_text()))
    return left


def _timeless(line: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name not in {"seconds", "stepping", "checking", "made_with"}}


def forked(work: Callable[[], object]) -> int:
    """The process id of a child that does `work`."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return child


def ended(child: int) -> bool:
    """Waits for a child; whether it came to its end by itself."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def killed(child: int, after: float) -> bool:
    """Kills a child after so many seconds; whether it was still at work."""
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    return not ended(child)


def go_on(path: Path) -> None:
    """Trains a run from where it is."""
    train(RunFolder.open(path))


def slowly(path: Path) -> None:
    """The same on a slow disk, so that most of the time goes into saves, and most kills hit one."""
    fsync = os.fsync

    def slow(descriptor: int) -> None:
        time.sleep(SLOW)
        fsync(descriptor)

    os.fsync = slow  # type: ignore[assignment]
    go_on(path)


def forgetful(path: Path) -> None:
    """Goes on with a run, and leaves the optimiser behind."""
    Optimiser.restore = lambda self, state: None  # type: ignore[method-assign]
    go_on(path)


def kills(place: Path, times: int, draw: random.Random) -> dict[str, int]:
    """Kills at random moments. `inside a save`: something was half written or not yet pointed to."""
    whole, begun = begin(place / "whole"), begin(place / "begun")
    before = time.perf_counter()
    assert ended(forked(partial(slowly, whole.path)))
    seconds = time.perf_counter() - before
    wanted, told = essence(whole), dict.fromkeys(("killed", "inside a save", "lost", "twins caught", "twins"), 0)
    while told["killed"] < times or not told["twins"]:
        path = place / "run"
        shutil.copytree(begun.path, path)
        if killed(forked(partial(slowly, path)), draw.uniform(0.01, seconds)):
            told["killed"] += 1
            told["inside a save"] += _in_a_save(path)
            if 2 < _latest(path) < 20 and told["twins"] < max(1, times // 10):
                twin = Path(shutil.copytree(path, place / "twin"))
                told["twins"] += 1
                told["twins caught"] += ended(forked(partial(forgetful, twin))) and essence(RunFolder(twin)) != wanted
                shutil.rmtree(twin)
            same = ended(forked(partial(go_on, path))) and essence(RunFolder(path)) == wanted
            told["lost"] += not same
        shutil.rmtree(path)
    return told


def _latest(path: Path) -> int:
    return int((path / "latest").read_text()[:6]) if (path / "latest").exists() else -1


def _in_a_save(path: Path) -> bool:
    names = [name for name in RunFolder(path).checkpoints.names() if int(name[:6]) > _latest(path)]
    return bool(names) or any(path.rglob("*.partial"))


@contextmanager
def faults(at: int, fault: Callable[[], None], lasting: bool) -> Iterator[list[int]]:
    """In here `fault` comes before call `at` of CALLS, counted from 1, and before all later ones if `lasting`."""
    count = [0]
    real = [getattr(room, name) for room, name in CALLS]

    def before(call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **named: Any) -> Any:
            count[0] += 1
            if count[0] == at or (lasting and count[0] > at):
                fault()
            return call(*arguments, **named)

        return called

    for (room, name), call in zip(CALLS, real, strict=True):
        setattr(room, name, before(call))
    try:
        yield count
    finally:
        for (room, name), call in zip(CALLS, real, strict=True):
            setattr(room, name, call)


def calls_of_a_save(folder: RunFolder) -> int:
    """How many calls there are, on a copy."""
    copy = RunFolder(Path(shutil.copytree(folder.path, folder.path.with_name("counted"))))
    with faults(0, lambda: None, False) as count:
        save_again(copy)
    shutil.rmtree(copy.path)
    return count[0]


def save_again(folder: RunFolder) -> None:
    """Saves the latest checkpoint once more, as that of the next step, and as the best."""
    tensors, state = folder.load("latest", NAMES)
    folder.save(int(str(state["step"])) + 1, tensors, {**state, "step": int(str(state["step"])) + 1}, True, 2)


def deaths(folder: RunFolder) -> dict[str, int]:
    """Kills at every call of a save. A run is lost if one of its two checkpoints does not load."""
    told = {"deaths": 0, "lost": 0}
    for at in range(1, calls_of_a_save(folder) + 1):
        path = Path(shutil.copytree(folder.path, folder.path.with_name("dead")))

        def die(at: int = at, path: Path = path) -> None:
            with faults(at, lambda: os.kill(os.getpid(), signal.SIGKILL), False):
                save_again(RunFolder(path))

        told["deaths"] += not ended(forked(die))
        told["lost"] += not _loads(RunFolder(path))
        shutil.rmtree(path)
    return told


@contextmanager
def broken(room: Any, name: str, twin: Callable[..., Any]) -> Iterator[None]:
    """In here a twin is in the place of what is right."""
    right = getattr(room, name)
    setattr(room, name, twin)
    try:
        yield
    finally:
        setattr(room, name, right)


def written_over(checkpoints: Checkpoints, step: int, tensors: Any, state: Any, best: bool, keep_last: int = 1) -> None:
    """A save that writes over the checkpoint that is pointed to."""
    place = checkpoints.place / checkpoints.pointed("latest")
    shutil.rmtree(place, ignore_errors=True)
    write_checkpoint(place, tensors, state)


def in_silence(checkpoints: Checkpoints, *rest: Any) -> None:
    """A save that fails without a word."""
    with suppress(WavetreeError):
        SAVE(checkpoints, *rest)


def not_compared(place: Path) -> dict[str, bytes]:
    """The files of a checkpoint, whatever they are."""
    return {path.name: path.read_bytes() for path in place.iterdir() if path.name != MANIFEST}


def failures(folder: RunFolder, cuts: int, draw: random.Random, reasons: Sequence[int] = REASONS) -> dict[str, int]:
    """Lets every call of a save fail, for every reason, once and for good; cuts writes at random bytes.

    `sentences`: how many saves said so. The others failed in clearing up, which does no harm: what was saved is there.
    Lost: what no longer loads, or cannot be saved after that; and what was not saved without a word.
    """
    told = {"faults": 0, "sentences": 0, "cut writes": 0, "lost": 0}
    path = folder.path.with_name("faulty")
    largest = max(file.stat().st_size for file in folder.path.rglob("*.safetensors"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for reason in reasons:
        for lasting in (False, True):
            for at in range(1, calls_of_a_save(folder) + 1):
                faulty = RunFolder(Path(shutil.copytree(folder.path, path)))

                def fail(reason: int = reason) -> None:
                    raise OSError(reason, os.strerror(reason))

                told["faults"] += 1
                tensors, state = faulty.load("latest", NAMES)
                try:
                    with faults(at, fail, lasting):
                        faulty.save(LAST, tensors, {**state, "step": LAST}, True, 2)
                    told["lost"] += not _is_there(faulty)
                except WavetreeError:
                    told["sentences"] += 1
                told["lost"] += not (_loads(faulty) and _saves(faulty))
                shutil.rmtree(path)
    for _ in range(cuts):  # the system itself ends the write there
        faulty = RunFolder(Path(shutil.copytree(folder.path, path)))
        tensors, state = faulty.load("latest", NAMES)
        resource.setrlimit(resource.RLIMIT_FSIZE, (draw.randrange(largest), hard))
        try:
            faulty.save(LAST, tensors, {**state, "step": LAST}, True, 2)
            told["lost"] += not _is_there(faulty)
        except SaveError:
            told["cut writes"] += 1
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        told["lost"] += not (_loads(faulty) and _saves(faulty))
        shutil.rmtree(path)
    return told


def _loads(folder: RunFolder) -> bool:
    try:
        load(folder.path, "best")
        folder.load("latest", NAMES)
    except DamagedError:
        return False
    return True


def _is_there(folder: RunFolder) -> bool:
    """Whether the checkpoint that was just saved is the latest one."""
    return folder.load("latest", [])[1]["step"] == LAST


def _saves(folder: RunFolder) -> bool:
    save_again(folder)
    return _loads(folder)


def flips(place: Path, times: int, cuts: int, draw: random.Random) -> dict[str, int]:
    """Flips bits of a checkpoint, as many in each file, and cuts files short. `unseen`: what was read all the same."""
    told = {"flips": 0, "cuts": 0, "unseen": 0}
    files = sorted(place.iterdir())
    for number in range(times + cuts):
        path = files[number % len(files)]
        good = path.read_bytes()
        bad = bytearray(good)
        if number < times:
            bad[draw.randrange(len(good))] ^= 1 << draw.randrange(8)
        else:
            del bad[draw.randrange(len(good)) :]
        path.write_bytes(bad)
        told["flips" if number < times else "cuts"] += 1
        try:
            read_checkpoint(place, NAMES)
            told["unseen"] += 1
        except DamagedError:
            pass
        path.write_bytes(good)
    read_checkpoint(place, NAMES)
    return told


def main() -> None:
    """All four, at the size that is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    for name, count in (("kills", 50), ("flips", 1000), ("cuts", 200), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=count)
    asked = parser.parse_args()
    draw = random.Random(asked.seed)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        told = {"kills": kills(place, asked.kills, draw)}
        told["deaths"] = deaths(RunFolder(place / "whole"))
        told["faults"] = failures(RunFolder(place / "whole"), asked.cuts, draw)
        whole = RunFolder(place / "whole")
        latest = whole.checkpoints.place / whole.checkpoints.pointed("latest")
        told["flips"] = flips(latest, asked.flips, asked.cuts, draw)
        with broken(Checkpoints, "save", written_over):
            told["deaths"] |= caught(deaths(whole)["lost"])
            over = failures(whole, 0, draw, REASONS[:1])["lost"]
        with broken(Checkpoints, "save", in_silence):
            told["faults"] |= caught(over, failures(whole, 0, draw, REASONS[:1])["lost"])
        with broken(checkpoint, "whole_files", not_compared):
            told["flips"] |= caught(flips(latest, FEW, 0, draw)["unseen"])
    for what, counts in told.items():
        print(f"{what:8}", ", ".join(f"{name} {count:,}" for name, count in counts.items()))
    fine = not any(counts.get("lost", 0) + counts.get("unseen", 0) for counts in told.values())
    fine = fine and (told["faults"]["cut writes"] > 0 or not asked.cuts)
    sys.exit(0 if fine and all(counts["twins caught"] == counts["twins"] for counts in told.values()) else 1)


def caught(*lost: int) -> dict[str, int]:
    """How many twins have lost something, as they have to."""
    return {"twins caught": sum(count > 0 for count in lost), "twins": len(lost)}


if __name__ == "__main__":
    main()
