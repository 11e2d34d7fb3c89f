"""What many workers would do: a simulation from measured steps, for networks of 10 and 100 Gbit/s.

    python scripts/many_processes.py speed --out speed.json          # measures the steps, on a quiet machine
    python scripts/simulate_scaling.py speed.json                    # 1, 8, 64 and 1,024 workers

Each worker does what one process was measured to do, on its own share, so that the batch grows with the workers. A step
takes as long as the slowest worker, and then the messages. How slow each is, each time, is drawn from measured steps.

    t_step = max over workers of (a measured step) + messages x 2 (latency log2 n + bytes (n - 1) / (n bandwidth))

which is the all-reduce by halving and doubling (Thakur, Rabenseifner and Gropp 2005), good for messages of any length.
What it leaves out: other traffic, several workers on one cable, what Muon gains and sends where there are no more
workers than matrices of a shape, and that a batch of n times the size is not worth n batches to what is learnt.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

WORKERS = (1, 8, 64, 1024)
NETWORKS = (10, 100)
"""Gbit/s."""
LATENCY = 30e-6
"""Seconds from one process to another in one machine room, TCP and both kernels included."""
STEPS = 200
BYTES = 4
"""Of a gradient."""


def main(arguments: list[str]) -> None:
    """Prints a table for each thing that was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measured", type=Path, help="what `many_processes.py speed --out` wrote")
    parser.add_argument("--latency", type=float, default=LATENCY, help="seconds")
    given = parser.parse_args(arguments)
    for name, about in json.loads(given.measured.read_text("utf-8")).items():
        size = BYTES * about["parameters"]
        print(f"{name}: {size / 1e6:.2f} MB of gradients, {1e3 * about['alone']:.2f} ms a step, ", end="")
        print(f"{about['symbols']:,} symbols for each worker")
        for row in simulated(about, given.latency):
            print(
                f"  {row['workers']:5,} workers, {row['gigabits']:3} Gbit/s: {1e3 * row['step']:7.2f} ms a step, "
                f"of which waiting {1e3 * row['waiting']:6.2f} and messages {1e3 * row['messages']:6.2f}; "
                f"{row['symbols_per_second']:14,.0f} symbols/s, {row['efficiency']:.0%} of n times one"
            )


def simulated(about: dict[str, Any], latency: float) -> list[dict[str, float]]:
    """A row for each number of workers and each network."""
    laps = np.array(about["laps"]) * about["alone"] / np.median(about["laps"])
    rows = []
    for workers in WORKERS:
        draw = np.random.default_rng(workers)
        slowest = draw.choice(laps, (STEPS, workers)).max(axis=1).mean()
        for gigabits in NETWORKS if workers > 1 else NETWORKS[:1]:
            messages = spent(about["messages"], workers, gigabits, latency)
            step = float(slowest) + messages
            rows.append(
                {
                    "workers": workers,
                    "gigabits": gigabits,
                    "step": step,
                    "waiting": max(0.0, float(slowest - laps.mean())),
                    "messages": messages,
                    "symbols_per_second": workers * about["symbols"] / step,
                    "efficiency": float(laps.mean()) / step,
                }
            )
    return rows


def spent(messages: npt.ArrayLike, workers: int, gigabits: float, latency: float) -> float:
    """Seconds a step for messages of these sizes, in bytes, one after the other."""
    if workers == 1:
        return 0.0
    sizes = np.asarray(messages, dtype=np.float64)
    sending = 2 * sizes.sum() * (workers - 1) / workers / (gigabits * 1e9 / 8)
    return float(2 * latency * math.log2(workers) * len(sizes) + sending)


if __name__ == "__main__":
    main(sys.argv[1:])
