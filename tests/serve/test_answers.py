"""Every number of an answer is the library's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from starlette.testclient import TestClient
from tests.serve.conftest import opened

import wavetree
from wavetree.errors import DamagedError
from wavetree.export.hub import export_hub
from wavetree.inspect import flip, layer_table, next_symbols, open_fusion
from wavetree.runs import RunFolder
from wavetree.score import scores
from wavetree.score.completing import completions
from wavetree.score.surprisal import NATS_A_BIT

TEXTS = ["", "ka", "kamilo", "renrenrenren", "v"]


@pytest.fixture(scope="module")
def trained(shelf: Path) -> wavetree.Trained:
    return wavetree.load(shelf / "small")


def test_the_runs_are_listed(client: TestClient, trained: wavetree.Trained) -> None:
    found = client.get("/api/runs").json()
    runs = {run["id"]: run for run in found["runs"]}
    assert set(runs) == {"small", "flat", "text"}
    assert found["default"] in runs
    small = runs["small"]
    assert small["parameters"] == sum(p.numel() for p in trained.model.parameters())
    assert (small["kind"], small["model"], small["levels"], small["receptive_field"]) == ("items", "tree", 3, 8)
    assert small["ready"]
    assert small["complete"]
    assert runs["text"]["kind"] == "text"
    assert runs["flat"]["levels"] is None


def test_a_run_whose_checkpoint_is_replaced_meanwhile_is_listed(
    client: TestClient, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A training drops the checkpoint that a look at it has just been led to; one that stays damaged is left out."""
    real = RunFolder.load
    bad: Iterator[bool] = iter(())

    def load(folder: RunFolder, which: str, names: list[str]) -> Any:
        if folder.path.name == "small" and next(bad, False):
            raise DamagedError("it is gone")
        return real(folder, which, names)

    monkeypatch.setattr(RunFolder, "load", load)
    for times, listed in ((2, True), (100, False)):
        bad = iter([True] * times)
        assert ("small" in [run["id"] for run in client.get("/api/runs").json()["runs"]]) is listed


def test_a_run_has_its_details(client: TestClient, trained: wavetree.Trained) -> None:
    found = client.get("/api/runs/small").json()
    assert found["alphabet"] == trained.alphabet.symbols
    assert found["items"]["train"] == len(trained.folder.items("train"))
    assert found["settings"]["model"]["hidden"] == 16
    assert [check["step"] for check in found["checks"]] == [10, 20]
    assert found["progress"][-1]["step"] == 20
    assert found["val_nll"] == min(check["val_nll"] for check in found["checks"])


def test_scores(client: TestClient, trained: wavetree.Trained) -> None:
    answer = client.post("/api/runs/small/score", json={"items": [*TEXTS, "ka1"], "fpr": 0.1}).json()
    found = scores(trained.model, trained.alphabet, TEXTS)
    for number, row in enumerate(answer["scores"][:-1]):
        assert row["nats"] == pytest.approx(found[number].nats, abs=1e-4)
        assert row["surprisal"] == pytest.approx((found[number].surprisal / NATS_A_BIT).tolist(), abs=1e-4)
        assert row["unknown"] == []
        assert 0 <= row["percentile"] <= 100
    assert answer["scores"][-1]["nats"] is None
    assert answer["scores"][-1]["unknown"] == [2]
    assert answer["scores"][-1]["flagged"]
    assert answer["threshold"]["says"].startswith("flagged at 10%")


def test_a_large_request_is_scored_in_pieces_alike(client: TestClient, trained: wavetree.Trained) -> None:
    many = [text * 30 for text in ("kamilo", "renta", "shibo")] * 40
    rows = client.post("/api/runs/small/score", json={"items": many}).json()["scores"]
    assert sum(map(len, many)) > 1 << 14
    assert [row["nats"] for row in rows] == pytest.approx(
        scores(trained.model, trained.alphabet, many).nats.tolist(), rel=1e-4
    )


def test_what_comes_next(client: TestClient, trained: wavetree.Trained) -> None:
    answer = client.post("/api/runs/small/next", json={"texts": TEXTS}).json()
    assert answer["receptive_field"] == 8
    for text, row in zip(TEXTS, answer["next"], strict=True):
        ours = next_symbols(trained.model, trained.alphabet, text, 100)[-1]
        assert row["context"] == ours.context
        assert [one["symbol"] or "(end)" for one in row["symbols"]] == [symbol for symbol, _ in ours.likeliest]
        assert [one["probability"] for one in row["symbols"]] == pytest.approx(
            [chance for _, chance in ours.likeliest], abs=1e-6
        )
        assert [one["chance"] for one in row["symbols"]] == pytest.approx(
            [one["probability"] for one in row["symbols"]]
        )


def test_temperature_and_top_k_of_what_comes_next(client: TestClient) -> None:
    body = {"texts": ["ka"], "temperature": 0.5, "top_k": 3, "top": 5}
    (row,) = client.post("/api/runs/small/next", json=body).json()["next"]
    own = np.array([one["probability"] for one in row["symbols"]])
    assert [one["kept"] for one in row["symbols"]] == [True, True, True, False, False]
    wanted = own[:3] ** 2 / (own[:3] ** 2).sum()
    assert [one["chance"] for one in row["symbols"]] == pytest.approx([*wanted, 0, 0])
    (row,) = client.post("/api/runs/small/next", json={"texts": ["ka"], "temperature": 0}).json()["next"]
    assert [one["chance"] for one in row["symbols"]][:2] == [1, 0]


@pytest.mark.parametrize("novel", [False, True])
def test_samples_are_those_of_the_library(client: TestClient, trained: wavetree.Trained, novel: bool) -> None:
    body = {"count": 150, "seed": 3, "prefix": "ka", "temperature": 0.8, "max_length": 30, "novel": novel}
    choice = wavetree.Choice(0.8, max_length=30)
    ours = wavetree.sample(trained, 150, seed=3, prefix="ka", choice=choice, novel=novel)
    answer = client.post("/api/runs/small/sample", json=body).json()
    assert answer["items"] == [asdict(one) for one in ours]
    assert sum(answer["marks"].values()) == 150
    events = client.post("/api/runs/small/sample/stream", json=body).text.strip().split("\n\n")
    assert len(events) == 151
    assert events[-1].startswith("event: done")
    found = [json.loads(event.partition("data: ")[2]) for event in events[:-1]]
    assert [one["item"] for one in found] == [one.item for one in ours]
    assert [one["index"] for one in found] == list(range(150))


def test_completions(client: TestClient, trained: wavetree.Trained) -> None:
    answer = client.post("/api/runs/small/complete", json={"prefix": "ka", "count": 5, "max_length": 12}).json()
    ours = completions(trained.model, trained.alphabet.encode("ka").tolist(), 5, max_length=12)
    assert [one["item"] for one in answer["items"]] == [trained.alphabet.decode(one.ids) for one in ours]
    assert [one["probability"] for one in answer["items"]] == [one.probability for one in ours]


def test_inspection(client: TestClient, trained: wavetree.Trained) -> None:
    body = {"text": "kamilo", "top": 3, "trace": {"level": 1, "position": 4}, "flip": {"position": 2}}
    answer = client.post("/api/runs/small/inspect", json=body).json()
    assert isinstance(trained.model, wavetree.Tree)
    assert answer["layers"] == [asdict(row) for row in layer_table(trained.model)]
    rows = [asdict(row) for row in next_symbols(trained.model, trained.alphabet, "kamilo", 3)]
    assert answer["next"] == json.loads(json.dumps(rows))
    program = answer["trace"].pop("python")
    ours = open_fusion(trained.model, trained.alphabet, "kamilo", 1, 4)
    assert answer["trace"] == json.loads(json.dumps(asdict(ours)))
    exec(compile(program, "trace", "exec"), {"print": lambda _: None})
    moved = flip(trained.model, trained.alphabet, "kamilo", 2)
    assert answer["flip"]["rows"] == json.loads(json.dumps(asdict(moved)))["rows"]
    assert answer["flip"]["earlier"] == 0
    assert answer["flip"]["as_formula"]


def test_the_model_as_a_document_comes_once(client: TestClient) -> None:
    first = client.get("/api/runs/small/model")
    assert first.json()["parameters"] > 0
    again = client.get("/api/runs/small/model", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("route", "body", "code"),
    [
        ("small/next", {"texts": ["k1"]}, "unknown_symbol"),
        ("small/sample", {"prefix": "1"}, "unknown_symbol"),
        ("small/complete", {"prefix": "1"}, "unknown_symbol"),
        ("small/inspect", {"text": "1"}, "unknown_symbol"),
        ("small/inspect", {"text": "ka", "flip": {"position": 1, "symbol": "1"}}, "unknown_symbol"),
        ("small/inspect", {"text": "ka", "flip": {"position": 1, "symbol": "k"}}, "invalid"),
        ("small/inspect", {"text": "ka", "flip": {"position": 3}}, "invalid"),
        ("small/inspect", {"text": "ka", "trace": {"level": 3, "position": 1}}, "invalid"),
        ("flat/inspect", {"text": "ka", "trace": {"level": 0, "position": 1}}, "wrong_kind"),
        ("text/sample", {}, "wrong_kind"),
        ("text/score", {"items": ["ka"]}, "wrong_kind"),
        ("text/complete", {}, "wrong_kind"),
        ("small/sample", {"prefix": "kaka", "max_length": 4}, "invalid"),
        ("small/complete", {"prefix": "kaka", "max_length": 3}, "invalid"),
        ("small/sample", {"condition": "sex=F"}, "invalid"),
        ("small/score", {"items": ["a"], "condition": "sex=F"}, "invalid"),
        ("small/sample", {"count": 20, "novel": True, "temperature": 0}, "not_found_in_model"),
        ("gone/sample", {}, "not_found"),
        ("flat/inspect", {"text": "ka", "flip": {"position": 1}}, "wrong_kind"),
    ],
)
def test_what_cannot_be_answered(client: TestClient, route: str, body: dict[str, object], code: str) -> None:
    answer = client.post(f"/api/runs/{route}", json=body)
    assert answer.json()["error"]["code"] == code
    assert 400 <= answer.status_code < 500
    assert len(answer.content) < 1000


def test_predictions_of_a_text_run(client: TestClient, shelf: Path) -> None:
    (row,) = client.post("/api/runs/text/next", json={"texts": ["ka mi"], "top": 2}).json()["next"]
    text = wavetree.load(shelf / "text")
    logits = text.model.dense(torch.tensor([[0, *text.alphabet.encode("ka mi").tolist()]]))[0, -1]
    best = torch.softmax(logits.double(), 0).topk(2).values.tolist()
    assert [one["probability"] for one in row["symbols"]] == pytest.approx(best, abs=1e-5)


def test_a_published_run_is_used_like_any_other(shelf: Path, copied: Path) -> None:
    export_hub(wavetree.load(shelf / "small"), copied / "hub")
    with opened(copied, run=copied / "hub") as client:
        runs = client.get("/api/runs").json()
        assert runs["default"] == "hub"
        assert runs["runs"][0]["ready"]
        answer = client.post("/api/runs/hub/sample", json={"count": 2}).json()
        assert [item["mark"] for item in answer["items"]] == ["unmarked"] * 2
        assert client.post("/api/runs/hub/sample", json={"novel": True}).status_code == 409
        assert client.post("/api/runs/hub/score", json={"items": ["ka"]}).status_code == 200
        assert client.get("/api/runs/hub").json()["items"] is None
