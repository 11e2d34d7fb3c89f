"""Measures training by several processes on this machine: that they agree, that they survive, how fast they are.

    python scripts/many_processes.py agree       1, 2 and 4 processes: the same losses, the same gradients
    python scripts/many_processes.py survive     one is killed, and all go on; one is stopped, and the other says so
    python scripts/many_processes.py speed       steps a second of 1 process with 1 and 2 threads, and of 2 processes

Each prints a table, and exits with 1 if what it is to show does not hold. `speed` wants a quiet machine, judges nothing
but states ratios, and writes what scripts/simulate_scaling.py reads (--out). Linux only: it looks into /proc.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from wavetree.api import begin
from wavetree.config import configure
from wavetree.data import embedded_names
from wavetree.layers import BatchNorm
from wavetree.models import parameter_count
from wavetree.runs import RunFolder, given_size, sides_of
from wavetree.train import joined
from wavetree.train.batches import batches_of
from wavetree.train.training import Shape, Training, keep_memory, use_threads

STEPS = 200
APART = {"float32": (1e-5, 1e-6), "float64": (1e-8, 1e-9)}
"""How far losses and gradients may be from those of one process, where they add up in another order."""
PARTS = 4
"""Of the rows of a stream, which 1, 2 and 4 processes add up in the same order. The bytes have to be the same, for its
training lifts a last digit to 1e-2 of the loss in 200 steps. (In float64, over a network, blocks are not fused.)"""
MINUTE = 60.0
SETTLED = 5.0
"""Seconds after which a run that has begun is in the middle of its steps."""
KINDS = {
    "names": ("names", ["train.batch_items=255"]),  # one less than a power of two: uneven shares
    "text": ("text", ["train.precision=float32", "train.rows=15", "model.dropout=0.15", f"train.parts={PARTS}"]),
    "sound": ("audio-small", ["train.precision=float32", "train.rows=5", "train.length=512", f"train.parts={PARTS}"]),
}
DOUBLE = {
    "names": [],
    "text": ["model.dropout=0", "train.rows=5", "train.length=128"],
    "sound": [],
}
"""What is changed besides in float64, where rows are slow, and each process draws dropout for itself."""
TWIN = ("names", "float64")
"""Where a broken way is shown to be seen: each process takes the mean over its share, as if all were equally long."""
WARM, TIMED, ROUNDS = 5, 40, 5


def main() -> None:
    """Does what the first word says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["agree", "survive", "speed", "learn", "time"])
    parser.add_argument("run", type=Path, nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help="where speed writes its figures, as JSON")
    for flag in ("double", "network", "twin"):
        parser.add_argument(f"--{flag}", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of speed; each way is timed once in each")
    given = parser.parse_args()
    if given.what == "learn":  # in each process
        torch.set_default_dtype(torch.float64 if given.double else torch.float32)
        if given.network:  # as on several machines: gloo, where one machine has sockets
            os.environ["LOCAL_WORLD_SIZE"] = "1"
        learn(given.run, given.out, given.twin)
    elif given.what == "time":
        time_steps(given.run, given.out, given.threads)
    else:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            found = speed(place, given.rounds) if given.what == "speed" else checked(given.what, place)
        if given.out:
            given.out.write_text(json.dumps(found, indent=1) + "\n")


def checked(what: str, place: Path) -> dict[str, Any]:
    """`agree` or `survive`; ends the program if it does not hold."""
    found = agree(place) if what == "agree" else survive(place)
    if not all(row["holds"] for row in found["rows"]):
        sys.exit(f"{what}: it does not hold.")
    return found


# --- 1, 2 and 4 processes agree


def agree(place: Path) -> dict[str, Any]:
    """Loss curves, and gradients at the first weights and at those after the last step of one process.

    In float64, too: what float32 has apart is rounding, and nothing else. There they add up over gloo, as on several
    machines; in float32 over the sockets of one, where a stream has no rounding apart.
    """
    rows = []
    for precision, kind in itertools.product(("float64", "float32"), KINDS):
        double = precision == "float64"
        home = place / precision
        home.mkdir(exist_ok=True)
        most = APART[precision] if double or kind == "names" else (0.0, 0.0)
        run, results = new_run(home, kind, [*KINDS[kind][1], *(DOUBLE[kind] if double else [])]), {}
        flags = ["--double", "--network"] if double else []
        for count, twin in ((1, False), (2, False), (4, False), *([(2, True)] if (kind, precision) == TWIN else [])):
            out = home / f"{kind}-{count}{'-twin' if twin else ''}"
            launch(count, "learn", str(run), "--out", str(out), *flags, *(["--twin"] if twin else []))
            results[count, twin] = json.loads(out.with_suffix(".json").read_text())
            results[count, twin] |= {"gradients": safetensors.torch.load_file(out.with_suffix(".safetensors"))}
        one = results.pop((1, False))
        for (count, twin), several in results.items():
            apart = [abs(a - b) for a, b in zip(one["losses"], several["losses"], strict=True)]
            losses = max(apart)
            gradients = max(
                (one["gradients"][name] - several["gradients"][name]).abs().max().item() for name in one["gradients"]
            )
            fits = losses <= most[0] and gradients <= most[1]
            holds = fits != twin
            rows.append(
                {
                    "what": kind,
                    "precision": precision,
                    "processes": count,
                    "twin": twin,
                    "losses": losses,
                    "gradients": gradients,
                    "holds": holds,
                }
            )
            told = "a broken twin of 2" if twin else f"1 and {count} processes"
            print(f"{kind:6} {precision} {told}, {STEPS} steps to {one['losses'][-1]:.4f}: ", end="")
            print(f"losses {losses:.1e} apart, ", end="")
            verdict = ("is seen" if twin else "holds") if holds else ("IS NOT SEEN" if twin else "DOES NOT HOLD")
            print(f"gradients {gradients:.1e}  {verdict}", flush=True)
    return {"rows": rows}


def learn(run: Path, out: Path, twin: bool) -> None:
    """What each process does: gradients, all steps, and gradients at the weights that one process came to."""
    with joined() as processes:
        training, batches, config = begun(run, processes)
        found: dict[str, Tensor] = {}

        def batch(step: int) -> Any:
            piece = batches[step]
            return replace(piece, whole=len(piece.targets) * processes.count) if twin else piece

        def look(name: str) -> None:
            _, gradients = training._gradients(batch(training.step), config)
            found.update({f"{name}.{k}": gradient.clone() for k, gradient in enumerate(gradients)})

        look("first")
        losses = []
        for step in range(STEPS):
            training.advance(batch(step), config)
            losses.append(training.block[-1])
        kept = out.with_name(f"{run.name}.weights")
        if processes.count == 1:
            safetensors.torch.save_file({k: v.clone() for k, v in training.model.state_dict().items()}, kept)
        training.model.load_state_dict(safetensors.torch.load_file(kept))
        look("last")
        if processes.leads:
            safetensors.torch.save_file(found, out.with_suffix(".safetensors"))
            out.with_suffix(".json").write_text(json.dumps({"losses": losses}))


# --- one is killed, one is stopped


def survive(place: Path) -> dict[str, Any]:
    """The command itself, under torchrun."""
    rows = []
    words = ["--steps", str(STEPS), "--set", "train.checks=8", "--set", "train.threads=1", "--json"]
    whole = summary(command(2, ["train", "--out", str(place / "whole"), *words]))
    for rank in (1, 0):
        run = place / f"killed-{rank}"
        process = command(2, ["train", "--out", str(run), *words], restarts=1)
        when_past(run, STEPS // 4)
        os.kill(child(process.pid, rank), signal.SIGKILL)
        found = summary(process)
        apart = abs(found["val_nll"] - whole["val_nll"])
        same = weights(run) == weights(place / "whole")
        rows.append({"what": f"process {rank} killed", "apart": apart, "same_bytes": same, "holds": apart == 0})
        print(f"process {rank} of 2 killed, --max-restarts 1: validation {found['val_nll']:.6f}, and ", end="")
        print(f"{whole['val_nll']:.6f} without; the weights are {'the same bytes' if same else 'not the same'}")
    run = place / "stopped"
    process = command(2, ["train", "--out", str(run), *words[:1], "100000", *words[2:]])
    when_past(run, 0)  # what was planned is saved before the first step
    time.sleep(SETTLED)
    stopped = child(process.pid, 1)
    os.kill(stopped, signal.SIGSTOP)
    began = time.monotonic()
    assert process.stderr is not None
    said = next((line for line in process.stderr if "has lost another" in line), "")
    waited = time.monotonic() - began
    os.kill(stopped, signal.SIGKILL)
    process.communicate()
    rows.append({"what": "process 1 stopped", "seconds": waited, "holds": bool(said) and waited < MINUTE})
    print(f"process 1 of 2 stopped: after {waited:.0f} s the other says {said.strip()!r}")
    return {"rows": rows}


def weights(run: Path) -> bytes:
    """The bytes of the last weights of a run."""
    return (run / "checkpoints" / (run / "latest").read_text().strip() / "model.safetensors").read_bytes()


def when_past(run: Path, step: int) -> None:
    """Waits until a run has a checkpoint at or past a step."""
    limit = time.monotonic() + 10 * MINUTE
    while time.monotonic() < limit:
        latest = run / "latest"
        if latest.exists() and int(latest.read_text().split("-")[0] or 0) >= step:
            return
        time.sleep(0.05)
    sys.exit(f"{run} has not come to step {step}.")


def child(parent: int, rank: int) -> int:
    """The process of this rank that torchrun, process `parent`, has started."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            status, told = (entry / "status").read_text(), (entry / "environ").read_bytes().split(b"\0")
        except OSError:  # it has ended, or is not ours
            continue
        if f"PPid:\t{parent}\n" in status and f"RANK={rank}".encode() in told:
            return int(entry.name)
    sys.exit(f"torchrun has no process of rank {rank}.")


# --- how fast


def speed(place: Path, rounds: int) -> dict[str, Any]:
    """The ways take turns, so that what else happens on the machine falls on all of them alike."""
    found: dict[str, Any] = {}
    for kind in ("names", "text"):
        run = new_run(place, kind, [])
        ways = {"1 process, 1 thread": (1, 1), "1 process, 2 threads": (1, 2), "2 processes, 1 thread each": (2, 1)}
        laps: dict[str, list[float]] = {way: [] for way in ways}
        about: dict[str, Any] = {}
        for _ in range(rounds):
            for way, (count, threads) in ways.items():
                out = place / "laps.json"
                launch(count, "time", str(run), "--out", str(out), "--threads", str(threads))
                found_now = json.loads(out.read_text())
                laps[way].append(found_now["median"])
                if (count, threads) == (1, 1):
                    about = found_now
        medians = {way: statistics.median(each) for way, each in laps.items()}
        alone, threaded, two = medians.values()
        found[kind] = about | {
            "alone": alone,
            "medians": medians,
            "speedup": alone / two,
            "beside_threads": threaded / two,
        }
        print(f"{kind}, {about['parameters']:,} parameters, {about['symbols']:,} symbols a step, {rounds} rounds")
        for way, seconds in medians.items():
            print(f"  {way:28} {1000 * seconds:7.2f} ms a step, {about['symbols'] / seconds:10,.0f} symbols/s")
        print(f"  2 processes: {alone / two:.2f} x one with 1 thread, {threaded / two:.2f} x one with 2", flush=True)
    return found


def time_steps(run: Path, out: Path, threads: int) -> None:
    """What each process does: some steps, then those that are timed."""
    with joined() as processes:
        keep_memory()  # as in a run
        training, batches, config = begun(run, processes)
        training.threads = threads
        use_threads(threads, config)
        laps = []
        for step in range(WARM + TIMED):
            begun_at = time.perf_counter()
            training.advance(batches[step], config)
            laps.append(time.perf_counter() - begun_at)
        if processes.leads:
            about = {
                "messages": messages_of(training),
                "median": statistics.median(laps[WARM:]),
                "laps": laps[WARM:],
                "parameters": parameter_count(training.model),
                "symbols": training.symbols // training.step,
            }
            out.write_text(json.dumps(about))


def messages_of(training: Training) -> list[int]:
    """Bytes of each message of a step: the gradients and the loss, and two for each batch norm."""
    norms = [module for module in training.model.modules() if isinstance(module, BatchNorm)]
    statistics_of = [size for norm in norms for size in (16 * (1 + len(norm.bias)), 8 * len(norm.bias))]
    return [4 * (1 + parameter_count(training.model)), *statistics_of]


# --- runs and processes


def new_run(place: Path, kind: str, changes: list[str]) -> Path:
    """A run that is ready to learn, by its preset but for these changes, and for STEPS."""
    source: Any = None
    if kind == "text":
        source = place / "text.txt"
        source.write_text("\n".join(embedded_names().items))
    if kind == "sound":
        source = sounds(place / "sounds")
    config = configure(KINDS[kind][0], [*changes, "train.threads=1", f"train.steps={STEPS}"])
    return begin(source, place / kind, config).path


def sounds(folder: Path) -> Path:
    """Clips of noise that hums."""
    from wavetree.data.audio import write_wav

    folder.mkdir()
    for number in range(10):
        draw = torch.Generator().manual_seed(number)
        at = torch.arange(16_000) / 8000
        wave = 0.2 * torch.sin(2 * torch.pi * (110 + 20 * number) * at) + 0.05 * torch.randn(16_000, generator=draw)
        write_wav(folder / f"{number}.wav", wave.double().numpy(), 8000)
    return folder


def begun(run: Path, processes: Any) -> tuple[Training, Any, Any]:
    """A training at step 0, its batches and settings."""
    torch.set_num_threads(1)
    folder = RunFolder.open(run)
    config = folder.config()
    shape = Shape(folder.codec().vocab_size, given_size(folder))
    training = Training.begin(config, shape, STEPS, 1, processes)
    return training, batches_of(sides_of(folder).train, config, processes), config


def launch(count: int, *words: str) -> None:
    """This script in `count` processes, to its end."""
    call = [*torchrun(count, 0), str(Path(__file__)), *words]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)


def command(count: int, words: list[str], restarts: int = 0) -> subprocess.Popen[str]:
    """`wavetree` in `count` processes."""
    call = [*torchrun(count, restarts), "-m", "wavetree", *words]
    return subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def summary(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What a run under torchrun says at its end."""
    out, err = process.communicate()
    if process.returncode:
        sys.exit(err)
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    return found


def torchrun(count: int, restarts: int) -> list[str]:
    """The launcher of torch, on this machine alone."""
    call = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return [*call, f"--nproc-per-node={count}", f"--max-restarts={restarts}"]


if __name__ == "__main__":
    main()
