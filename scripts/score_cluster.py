"""Scores every file of a folder on a cluster: a list of strings in each, one a line; the scores beside them, by name.

    python scripts/score_cluster.py runs/names lists scores                            # two workers on this machine
    python scripts/score_cluster.py runs/names lists scores --scheduler tcp://host:8786

The cluster is Dask's, and nothing here is wavetree's but `Scorer`, which travels to the workers as it is. A file is
written as soon as it is scored, whole; one whose worker dies is scored again by another. Needs the extra `cluster`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

from distributed import Client, LocalCluster, as_completed

import wavetree

AHEAD = 4
"""Files for each worker that are on their way: more are read only as these are done."""


def main() -> None:
    """Scores what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("lists", type=Path, help="a folder of .txt files")
    parser.add_argument("out", type=Path, help="where a .tsv for each of them goes")
    parser.add_argument("--scheduler", help="of a cluster that is there; without it, one is made on this machine")
    parser.add_argument("--workers", type=int, default=2, help="of the cluster that is made")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    scorer = wavetree.Scorer.from_run(given.run)
    if given.scheduler:
        with Client(given.scheduler) as client:
            count = write_all(client, scorer, sorted(given.lists.glob("*.txt")), given.out)
    else:
        cluster = LocalCluster(n_workers=given.workers, threads_per_worker=1, dashboard_address=None)
        with cluster, Client(cluster) as client:
            count = write_all(client, scorer, sorted(given.lists.glob("*.txt")), given.out)
    print(f"{count:,} strings scored")


def write_all(client: Client, scorer: wavetree.Scorer, files: Iterable[Path], out: Path) -> int:
    """Writes the scores of each file, and gives the number of all strings."""
    count = 0
    for file, lines, scores in scored(client, scorer, files):
        beside = out / f".{file.stem}.partial"
        beside.write_text("".join(f"{score!r}\t{line}\n" for score, line in zip(scores, lines, strict=True)), "utf-8")
        beside.replace(out / f"{file.stem}.tsv")
        count += len(lines)
    return count


def scored(
    client: Client, scorer: wavetree.Scorer, files: Iterable[Path]
) -> Iterator[tuple[Path, list[str], list[float]]]:
    """Each file, its strings and their scores, in the order in which they are done.

    The scorer is the result of a task, and so the scheduler can have it made anew when the workers that hold it die.
    """
    kept = client.submit(as_it_is, scorer, pure=False)
    waiting = iter(files)
    done, on_their_way = as_completed(), {}

    def one_more() -> None:
        for file in waiting:
            lines = lines_of(file)
            future = client.submit(score, kept, lines, pure=False)
            on_their_way[future.key] = file, lines
            done.add(future)
            return

    for _ in range(AHEAD * max(1, len(client.scheduler_info()["workers"]))):
        one_more()
    for future in done:
        file, lines = on_their_way.pop(future.key)
        yield file, lines, future.result()
        one_more()


def lines_of(file: Path) -> list[str]:
    """The strings of a file, as `wavetree score` reads them: LF or CRLF ends one, nothing else does; none is blank."""
    lines = file.read_bytes().decode().removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    return [line for line in lines if line and not line.isspace()]


def as_it_is(scorer: wavetree.Scorer) -> wavetree.Scorer:
    """The scorer."""
    return scorer


def score(scorer: wavetree.Scorer, lines: list[str]) -> list[float]:
    """What a worker does: higher is more normal. The same numbers as here, whoever does it."""
    return [float(found) for found in scorer.score_samples(lines)]


if __name__ == "__main__":
    main()
