"""The exported file, opened from the disk with the network off: every number in it is Python's."""

from __future__ import annotations

import copy
import itertools
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Page
from tests.export.runs import KINDS, NAMES, run_of
from torch import Tensor, nn

import wavetree
from wavetree.export.document import model_document
from wavetree.export.page import export_page
from wavetree.generate import Choice
from wavetree.inspect import flip, open_fusion
from wavetree.layers import Fuse, GatedBlock
from wavetree.models import evaluating
from wavetree.score.surprisal import scores

STRINGS = 500
SOME = 80
"""Strings for each kind of model, all positions of each."""
LOGITS = 1e-4
"""Of float32 against double precision."""
EXACT = 1e-11
"""Of double precision against double precision, in another order of adding."""


@dataclass(frozen=True)
class Opened:
    """A run, and its file in a browser."""

    run: wavetree.Trained
    page: Page

    def ask(self, script: str, *given: object) -> Any:
        """What a function of the console, `(app, ...given) => ...`, answers."""
        asked = f"given => JSON.stringify(({script})(globalThis.wavetree, ...given))"
        answer = self.page.evaluate(asked, list(given))  # as text: a browser is slow to hand over many numbers
        return None if answer is None else json.loads(answer)

    def go(self, view: str) -> None:
        self.page.evaluate("view => { location.hash = view; }", view)
        self.page.wait_for_function("view => wavetree.view && location.hash.startsWith('#' + view)", arg=view)


def open_file(browser: Browser, run: wavetree.Trained, path: Path) -> Iterator[Opened]:
    export_page(model_document(run), path)
    context = browser.new_context(offline=True)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: said.type in {"error", "warning"} and complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda asked: asked.url.startswith(("file:", "data:")) or complaints.append(asked.url))
    page.goto(path.as_uri())
    page.wait_for_function("globalThis.wavetree?.view")
    yield Opened(run, page)
    context.close()
    assert complaints == []


@pytest.fixture(scope="module", params=KINDS)
def opened(
    request: pytest.FixtureRequest, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Opened]:
    run = run_of(request.param, tmp_path_factory)
    yield from open_file(browser, run, run.folder.path.with_suffix(".html"))


def strings(run: wavetree.Trained, count: int = STRINGS) -> list[str]:
    """Names, what is none, the empty one, and one far longer than the model sees."""
    draw, symbols = random.Random(7), run.alphabet.symbols
    made = ["".join(draw.choices(symbols, k=draw.randrange(1, 24))) for _ in range(count // 2)]
    return ["", symbols * 3, *NAMES[: count - 2 - len(made)], *made]


def torch_logits(run: wavetree.Trained, text: str) -> Tensor:
    ids = torch.tensor([[0, *run.codec.encode(text).tolist()]])
    with evaluating(run.model):
        return run.model.dense(ids)[0]


def test_logits_of_every_run_are_torchs(opened: Opened) -> None:
    texts = strings(opened.run, SOME)
    dense = opened.ask(
        "(app, texts) => texts.map((text) => app.model.network.logits(app.model.ids(text)).map((row) => [...row]))",
        texts,
    )
    worst = max(
        float(np.abs(np.array(found) - torch_logits(opened.run, text).numpy()).max())
        for text, found in zip(texts, dense, strict=True)
    )
    assert worst < LOGITS
    others = opened.ask(
        """(app, texts) => texts.map((text) => {
          const { network } = app.model, ids = app.model.ids(text), field = network.receptiveField;
          const padded = [...new Array(field).fill(0), ...ids].slice(-field);
          let state = network.start(), logits;
          for (const id of ids) ({ logits, state } = network.step(id, state));
          return [[...network.window(padded)], [...logits]];
        })""",
        texts[:20],
    )
    for (window, step), rows in zip(others, dense, strict=False):
        np.testing.assert_allclose(window, rows[-1], atol=EXACT)
        np.testing.assert_allclose(step, rows[-1], atol=EXACT)


def test_what_a_prediction_costs_is_what_it_costs_in_python(opened: Opened) -> None:
    model, fused = opened.run.model, []

    def count(layer: nn.Module, given: tuple[Any, ...], out: Tensor | tuple[Tensor, Tensor]) -> None:
        made = out if isinstance(out, Tensor) else out[1]
        fused.append(made.shape[:-1].numel())

    hooks = [m.register_forward_hook(count) for m in model.modules() if isinstance(m, Fuse | GatedBlock)]
    costs = {}
    with evaluating(model):
        state = model.start()
        runs = {
            "window": lambda: model.window(torch.zeros(1, model.receptive_field, dtype=torch.int64)),
            "dense": lambda: model.stream(torch.zeros(1, 1, dtype=torch.int64), state),
            "incremental": lambda: model.step(torch.zeros(1, dtype=torch.int64), state),
        }
        for name, run in runs.items():
            fused.clear()
            run()
            costs[name] = sum(fused)
    for hook in hooks:
        hook.remove()
    assert opened.ask("(app) => app.model.costs()") == costs
    if isinstance(model, wavetree.Tree):
        levels = len(model.fusions)
        assert costs == {"window": 2**levels - 1, "dense": levels, "incremental": levels}
    opened.go("tree?text=maria")
    shown = opened.page.locator(".counters b").all_inner_texts()
    assert shown == [str(costs[name]) for name in runs]


def test_scores_and_marks(opened: Opened) -> None:
    texts = strings(opened.run, 60)
    expected = scores(opened.run.model, opened.run.alphabet, texts)
    found = opened.ask(
        "(app, texts) => texts.map((text) => app.model.score(text).symbols.map(({ nats }) => nats))", texts
    )
    for number, nats in enumerate(found):
        np.testing.assert_allclose(nats, expected[number].surprisal, atol=LOGITS)
    assert opened.ask("(app) => [...app.model.score('aÄa').symbols].map(({ known }) => known)") == [
        True,
        False,
        True,
        True,
    ]
    items = [*opened.run.folder.items("train")[:9], *opened.run.folder.items("validation")[:9], "zzqzz", ""]
    marks = ["train"] * 9 + ["held out"] * 9 + ["new", "new"]
    assert opened.ask("(app, items) => items.map((item) => app.model.mark(item))", items) == marks


@pytest.mark.parametrize("seed", [0, 1, 2**40 + 3])
def test_a_seed_gives_the_samples_of_python(opened: Opened, seed: int) -> None:
    for prefix, choice in (("", Choice()), ("ma", Choice(temperature=0.7, top_k=5)), ("", Choice(temperature=0))):
        expected = [drawn.item for drawn in wavetree.sample(opened.run, 6, seed=seed, prefix=prefix, choice=choice)]
        asked = {"seed": seed, "prefix": prefix, "temperature": choice.temperature, "topK": choice.top_k or 0}
        found = opened.ask(
            "(app, asked) => [0, 1, 2, 3, 4, 5].map((number) => app.model.sample({ ...asked, number }).text)", asked
        )
        assert found == expected


TEXT = "marianne"


def test_a_fusion_is_the_one_that_python_traces(opened: Opened) -> None:
    model = opened.run.model
    for level, position in itertools.product(range(len(model.levels)), [0, 1, 5, len(TEXT)]):
        found = opened.ask(
            """({ model: { network } }, text, level, position) => {
              const rows = network.dense(globalThis.wavetree.model.ids(text));
              const { node, statistics, ...all } = network.levels[level].open(network.children(rows, level, position));
              const found = Object.entries({ ...node, ...statistics, ...all });
              return Object.fromEntries(found.map(([name, numbers]) => [name, Array.from(numbers ?? [])]));
            }""",
            TEXT,
            level,
            position,
        )
        for name, numbers in expected_fusion(opened.run, level, position).items():
            np.testing.assert_allclose(found[name], numbers, atol=EXACT, err_msg=name)


def expected_fusion(run: wavetree.Trained, level: int, position: int) -> dict[str, Any]:
    """By `inspect` for a tree; of a WaveNet what its block hands on, up and out."""
    if isinstance(run.model, wavetree.Tree):
        traced = open_fusion(run.model, run.alphabet, TEXT, level, position)
        norm = {name: getattr(traced.norm, name) for name in ("mean", "variance", "scale", "shift")}
        return {name: getattr(traced, name) for name in ("pair", "before", "normed", "after")} | norm
    up, out = blocks_of(run, TEXT)[level]
    return {"vector": up[position], "skips": out[position]}


def blocks_of(run: wavetree.Trained, text: str) -> list[tuple[Tensor, Tensor]]:
    """What the blocks of a WaveNet hand on for a text, in double precision: up (1 + T, C) and out (1 + T, S)."""
    exact, found = copy.deepcopy(run.model).double(), []
    blocks = [module for module in exact.modules() if isinstance(module, GatedBlock)]
    with evaluating(exact):
        state = exact.start()
        for block in blocks:
            block.register_forward_hook(lambda _, __, out: found.append((out[0][0], out[1][0])))
        exact.stream(torch.tensor([[0, *run.codec.encode(text).tolist()]]), state)
    return found


def test_a_flip_moves_what_it_moves_in_python(opened: Opened) -> None:
    for position, becomes in ((1, "z"), (4, "a"), (8, "b")):
        opened.go(f"tree?text={TEXT}&flip={position}:{becomes}")
        opened.page.wait_for_function("p => wavetree.view.shown.change?.position === p", arg=position)
        found = opened.ask("(app) => app.view.flipping.changes")
        for row, numbers in expected_flip(opened.run, position, becomes):
            np.testing.assert_allclose(found[row], numbers, atol=EXACT)
            assert [change == 0 for change in found[row]] == [change == 0 for change in numbers]


def expected_flip(run: wavetree.Trained, position: int, becomes: str) -> Iterator[tuple[int, list[float]]]:
    """Rows of nodes by their number, each with how far its nodes move."""
    if isinstance(run.model, wavetree.Tree):
        for number, row in enumerate(flip(run.model, run.alphabet, TEXT, position, becomes).rows):
            yield number, list(row.moved)
        return
    flipped = TEXT[: position - 1] + becomes + TEXT[position:]
    for number, (before, after) in enumerate(zip(blocks_of(run, TEXT), blocks_of(run, flipped), strict=True), 1):
        yield number, (torch.cat(before, 1) - torch.cat(after, 1)).abs().amax(1).tolist()


@pytest.mark.parametrize("which", ["#copy-python", ".copies button:last-child"])
def test_the_copied_program_runs_and_finds_the_same(opened: Opened, which: str) -> None:
    opened.go("tree?text=maria&node=2.5")
    opened.ask("() => { navigator.clipboard.writeText = async (text) => { globalThis.copied = text; }; }")
    opened.page.locator(which).click()
    opened.page.wait_for_function("globalThis.copied?.includes('import math')")
    program = opened.page.evaluate("globalThis.copied")
    found: dict[str, Any] = {"print": lambda *_: None}
    exec(program, found)
    assert len(found["after"]) in {3, opened.run.model.config.hidden}
    assert all(len(line) <= 120 for line in program.splitlines())


def test_the_lectures_network(browser: Browser, tmp_path: Path) -> None:
    """76,579 parameters, the whole embedded list: what the issue of this page is measured by."""
    steps = {"train.steps": 20, "train.threads": 1, "train.checks": 1}
    wavetree.fit(wavetree.embedded_names().items, tmp_path / "names", preset="lecture", settings=steps)
    run = wavetree.load(tmp_path / "names")
    for opened in open_file(browser, run, tmp_path / "names.html"):
        texts = strings(run)
        assert len(texts) == STRINGS
        found = opened.ask("(app, texts) => texts.map((text) => [...app.model.next(text)])", texts)
        worst = max(
            float(np.abs(np.array(row) - torch_logits(run, text)[-1].numpy()).max())
            for text, row in zip(texts, found, strict=True)
        )
        assert worst < LOGITS
        assert opened.page.locator(".facts").inner_text().split("\n")[-2:] == ["76,579 parameters", "sees 8 symbols"]
        assert opened.page.locator(".counters b").all_inner_texts() == ["7", "3", "3"]
