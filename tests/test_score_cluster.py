"""scripts/score_cluster.py: the numbers of one process, from two workers, of which one is killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.train.test_loop import begin, syllables

import wavetree
from wavetree.train import train

pytestmark = [pytest.mark.checkout, pytest.mark.slow]

KILLING = """
import os, signal, sys
from pathlib import Path
from distributed import Client, LocalCluster
from score_cluster import write_all
import score_cluster, wavetree

def main(run, lists, out):
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with cluster, Client(cluster) as client:
        workers = client.run(os.getpid)
        results = score_cluster.scored

        def killing(*given):
            for number, found in enumerate(results(*given)):
                if number == 0:
                    print("killed", os.kill(list(workers.values())[0], signal.SIGKILL))
                yield found

        score_cluster.scored = killing
        write_all(client, wavetree.Scorer.from_run(run), sorted(lists.glob("*.txt")), out)

if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
"""


def test_a_killed_worker_changes_no_number(checkout: Path, tmp_path: Path) -> None:
    folder = begin(tmp_path / "run", "train.steps=20")
    train(folder)
    lists, out, script = tmp_path / "lists", tmp_path / "out", tmp_path / "killing.py"
    lists.mkdir()
    out.mkdir()
    script.write_text(KILLING)
    words = syllables()
    for number in range(24):
        (lists / f"{number:02}.txt").write_text("\n".join(words[number * 10 : number * 10 + 10]) + "\n")
    (lists / "odd.txt").write_bytes("\ufeffba\u2028na\r\n\nba\x0cna\n \n".encode())
    paths = os.pathsep.join([str(checkout / "scripts"), os.environ.get("PYTHONPATH", "")])
    call = [sys.executable, str(script), str(folder.path), str(lists), str(out)]
    done = subprocess.run(call, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": paths})
    assert done.returncode == 0, done.stderr
    assert "killed" in done.stdout
    scorer = wavetree.Scorer.from_run(folder.path)
    found = {path.stem: path.read_bytes().decode().split("\n")[:-1] for path in out.iterdir()}
    assert len(found) == 25
    assert [line.split("\t")[1] for line in found["odd"]] == ["ba\u2028na", "ba\x0cna"]
    for number in range(24):
        own = words[number * 10 : number * 10 + 10]
        wanted = [f"{float(score)!r}\t{word}" for score, word in zip(scorer.score_samples(own), own, strict=True)]
        assert found[f"{number:02}"] == wanted
