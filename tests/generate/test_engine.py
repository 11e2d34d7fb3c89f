"""The compiled run beside torch's: the same logits, the same choices; broken ones are told apart (law 9)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest
import torch
from tests.laws.cases import MODELS, Case, tree_case, wavenet_case

from wavetree.codecs import PAD
from wavetree.config import TreeConfig
from wavetree.errors import SettingError
from wavetree.generate import Choice, layout
from wavetree.generate import engine as engine_module
from wavetree.generate.continuing import without_pad
from wavetree.generate.engine import Engine, EngineState
from wavetree.generate.sampler import choose
from wavetree.layers import BatchNorm
from wavetree.models import Tree, WaveNet, build, evaluating

TOLERANCE = 1e-4
WIDE = [  # strips of 64, 32 and 16 columns side by side; widths beyond them; dilations that no power of two divides
    wavenet_case("wide", channels=50, hidden=40, skip=113, dilations=(1, 2, 4, 8, 16, 5), kernel=2),
    wavenet_case("deep", stacks=3, levels=5, kernel=3, norm="none"),
    wavenet_case("dilations-of-12", dilations=(1, 1, 2, 4, 6, 12), kernel=4, given_size=20),
    Case("tree-narrowing", lambda v: Tree(TreeConfig(levels=6, embedding=90, hidden=17), v)),
    Case("tree-widening", lambda v: Tree(TreeConfig(levels=4, embedding=3, hidden=100, norm="layer"), v)),
    tree_case(levels=7, norm="batch", given_size=2),
]
CASES = [case for case in MODELS if isinstance(case.build(), Tree | WaveNet)] + WIDE


def told(case: Case, batch: int, time: int) -> tuple[npt.NDArray[np.float32] | None, npt.NDArray[np.float32] | None]:
    """Conditions (B, T, G), and those before the beginning (B, G), for a model that takes them."""
    given_size = case.build().given_size
    rng = np.random.default_rng(3)
    if not given_size:
        return None, None
    return rng.normal(size=(batch, time, given_size)).astype("f"), rng.normal(size=(batch, given_size)).astype("f")


def tensor(numbers: npt.NDArray[np.float32] | None) -> torch.Tensor | None:
    return None if numbers is None else torch.from_numpy(numbers)


def differs(case: Case, engine: Engine, batch: int = 3, time: int = 120, vocab: int = 6) -> float:
    """The largest difference of the engine's logits from those of the model's own steps, relative above 1."""
    model = case.build(vocab)
    given, before = told(case, batch, time)
    ids = np.random.default_rng(4).integers(0, vocab, (batch, time))
    state, worst = engine.start(batch, before), 0.0
    with evaluating(model):
        reference = model.start(tensor(before))
        for t in range(time):
            now = None if given is None else given[:, t]
            expected, reference = model.step(torch.from_numpy(ids[:, t]), reference, tensor(now))
            found = engine.step(ids[:, t], state, now)
            assert found.shape == (batch, vocab)
            assert found.dtype == np.float32
            worst = max(worst, float((np.abs(found - expected.numpy()) / (1 + np.abs(expected.numpy()))).max()))
    return worst


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize(("batch", "time"), [(1, 300), (3, 80), (17, 80)])
def test_the_logits_are_those_of_the_model(case: Case, batch: int, time: int) -> None:
    assert differs(case, Engine.of(case.build()), batch, time) < TOLERANCE


def test_a_vocabulary_of_any_size() -> None:
    for vocab in (2, 16, 17, 256):
        assert differs(WIDE[0], Engine.of(WIDE[0].build(vocab)), vocab=vocab) < TOLERANCE


def test_a_batch_of_several_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "GROUP", 3)
    for case in (TREE, WIDE[2]):
        engine = Engine.of(case.build())
        assert [len(room.ids) for _, room in engine.start(8).groups] == [3, 3, 2]
        assert differs(case, engine, batch=8) < TOLERANCE
        given, before = told(case, 8, 40)
        uniforms, first = np.random.default_rng(13).random((8, 40)), np.arange(8) % 6
        found = engine.run(first, engine.start(8, before), uniforms, Choice(), given=given)
        for b in range(8):
            alone = engine.start(1, None if before is None else before[b : b + 1])
            one = engine.run(
                first[b : b + 1],
                alone,
                uniforms[b : b + 1],
                Choice(),
                given=None if given is None else given[b : b + 1],
            )
            np.testing.assert_array_equal(one[0], found[b])


def without_fold(case: Case) -> Engine:
    model = case.build()
    for module in model.modules():
        if isinstance(module, BatchNorm):
            module.running_mean.zero_()
            module.running_var.fill_(1)
    return Engine.of(model)


def with_rings(case: Case, by: int) -> Engine:
    """An engine whose rings hold more vectors than they should, or fewer."""
    packed = layout.pack(case.build())  # type: ignore[arg-type]
    levels, end = packed.levels.copy(), 0
    for level in levels:
        level[layout.SLOTS] = max(1, level[layout.SLOTS] + by)
        level[layout.RING], level[layout.AHEAD] = end, 1
        end += level[layout.SLOTS] * layout.padded(level[layout.WIDTH])
    return Engine(packed._replace(levels=levels, ring_size=end))


class ZeroPadding(Engine):
    """What lies before the beginning is zeros."""

    def start(self, batch: int, before: npt.NDArray[np.float32] | None = None) -> EngineState:
        state = super().start(batch, before)
        for memory, _ in state.groups:
            memory.rings[:] = 0
        return state


def half_precision(case: Case) -> Engine:
    packed = layout.pack(case.build())  # type: ignore[arg-type]
    packed.weights[:] = packed.weights.astype(np.float16)
    return Engine(packed)


TREE, NET = tree_case(levels=5, norm="batch"), wavenet_case("twin", stacks=2, levels=5)
TWINS = {
    "rings one short": lambda case: with_rings(case, -1),
    "rings one long": lambda case: with_rings(case, 1),
    "pad is zeros": lambda case: ZeroPadding(layout.pack(case.build())),
    "weights in half precision": half_precision,
}


@pytest.mark.parametrize("case", [TREE, NET], ids=str)
@pytest.mark.parametrize("twin", TWINS)
def test_a_broken_engine_is_told_apart(case: Case, twin: str) -> None:
    assert differs(case, with_rings(case, 0), batch=1) < TOLERANCE
    assert differs(case, TWINS[twin](case), batch=1) > TOLERANCE


def test_a_forgotten_batch_norm_is_told_apart() -> None:
    assert differs(TREE, without_fold(TREE)) > TOLERANCE


CHOICES = {
    "plain": Choice(),
    "warm": Choice(temperature=1.7),
    "cold": Choice(temperature=0.3),
    "likeliest": Choice(temperature=0),
    "nearly the likeliest": Choice(temperature=1e-310),
    "top-k": Choice(top_k=3),
    "all of top-k": Choice(top_k=60),
    "top-p": Choice(top_p=0.6),
    "both": Choice(top_k=4, top_p=0.7, temperature=1.3),
}


@pytest.mark.parametrize("case", [TREE, NET, WIDE[2]], ids=str)
@pytest.mark.parametrize("rule", CHOICES)
@pytest.mark.parametrize("barred", [False, True])
def test_the_same_symbols_for_the_same_random_numbers(case: Case, rule: str, barred: bool) -> None:
    batch, time, model, choice = 3, 100, case.build(vocab_size=20), CHOICES[rule]
    given, before = told(case, batch, time)
    uniforms = np.random.default_rng(5).random((batch, time))
    expected = np.zeros((batch, time), np.int64)
    symbols = np.full(batch, PAD)
    with evaluating(model):
        state = model.start(tensor(before))
        for t in range(time):
            now = None if given is None else torch.from_numpy(given[:, t])
            logits, state = model.step(torch.from_numpy(symbols), state, now)
            symbols = expected[:, t] = choose(without_pad(logits) if barred else logits, uniforms[:, t], choice)
    engine = Engine.of(model)
    allowed = np.arange(20) != PAD if barred else None
    found = engine.run(np.full(batch, PAD), engine.start(batch, before), uniforms, choice, allowed, given)
    np.testing.assert_array_equal(found, expected)
    assert len(np.unique(found)) > 1 or choice.temperature < 0.1
    assert not (barred and (found == PAD).any())


def logits_of(logits: npt.NDArray[np.float32]) -> Engine:
    """A model that always predicts the same."""
    model = build(TreeConfig(levels=1), len(logits), seed=1)
    with torch.no_grad():
        model.output.weight.zero_()
        model.output.bias.copy_(torch.from_numpy(logits))
    return Engine.of(model)


@pytest.mark.parametrize("rule", CHOICES)
def test_choices_from_any_logits(rule: str) -> None:
    """Far apart, alike and impossible ones: what the sampler chooses, for many random numbers, its ends included."""
    rng = np.random.default_rng(6)
    uniforms = np.concatenate([[0.0, np.nextafter(1, 0), 0.5], rng.random(400)])
    for logits in (
        rng.normal(size=40) * 8,
        rng.integers(-2, 3, 40),
        np.where(rng.random(40) < 0.5, -np.inf, rng.normal(size=40)),
        rng.normal(size=40) * 1e4,
        np.full(40, -3.0),
    ):
        single = logits.astype(np.float32)
        engine = logits_of(single)
        found = engine.run(np.array([1]), engine.start(1), uniforms[None], CHOICES[rule])[0]
        expected = choose(torch.from_numpy(np.tile(single, (len(uniforms), 1))), uniforms, CHOICES[rule])
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("case", [TREE, NET, WIDE[2]], ids=str)
def test_a_prompt_fed_at_once_and_runs_in_parts(case: Case) -> None:
    engine = Engine.of(case.build())
    given, before = told(case, 2, 50)
    ids = np.random.default_rng(7).integers(0, 6, (2, 50))
    state, again = engine.start(2, before), engine.start(2, before)
    at_once = engine.feed(ids, state, given)
    for t in range(50):
        one_by_one = engine.step(ids[:, t], again, None if given is None else given[:, t])
    np.testing.assert_array_equal(at_once, one_by_one)
    copy, uniforms = state.copy(), np.random.default_rng(8).random((2, 50))
    whole = engine.run(ids[:, 0], state, uniforms, Choice(), given=given)
    first = engine.run(ids[:, 0], copy, uniforms[:, :13], Choice(), given=None if given is None else given[:, :13])
    kept = copy.copy()
    assert engine.run(first[:, -1], copy, uniforms[:, :0], Choice()).shape == (2, 0)  # which feeds nothing
    for other in (kept, copy):  # what one stream does leaves its copy alone
        rest = engine.run(
            first[:, -1], other, uniforms[:, 13:], Choice(), given=None if given is None else given[:, 13:]
        )
        np.testing.assert_array_equal(np.column_stack([first, rest]), whole)


def test_a_condition_that_stays_is_given_once() -> None:
    case = WIDE[2]
    engine = Engine.of(case.build())
    given, before = told(case, 2, 1)
    assert given is not None
    ids = np.random.default_rng(9).integers(0, 6, (2, 30))
    np.testing.assert_array_equal(
        engine.feed(ids, engine.start(2, before), given), engine.feed(ids, engine.start(2, before), given.repeat(30, 1))
    )
    for state in (engine.start(2), engine.start(2, np.zeros((2, 20)))):  # nothing told is zeros
        np.testing.assert_array_equal(
            engine.feed(ids, state), engine.feed(ids, engine.start(2), np.zeros((2, 30, 20), np.float32))
        )


def test_what_is_packed_stays_as_it_was() -> None:
    model = TREE.build()
    engine = Engine.of(model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert differs(TREE, engine) < TOLERANCE


def test_one_compilation_for_all_models() -> None:
    for case in (TREE, NET, WIDE[2]):
        engine = Engine.of(case.build())
        engine.run(np.array([1]), engine.start(1), np.random.default_rng(1).random((1, 3)), Choice(top_k=2))
    assert len(engine_module.load_kernels("wavetree.generate.kernels", *engine_module.PARTS).run.signatures) == 1


def test_streams_in_threads() -> None:
    engine = Engine.of(NET.build())
    uniforms = np.random.default_rng(10).random((4, 1, 2000))

    def work(number: int) -> npt.NDArray[np.int64]:
        return engine.run(np.array([1]), engine.start(1), uniforms[number], Choice())

    alone = [work(number) for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for one, other in zip(alone, pool.map(work, range(4)), strict=True):
            np.testing.assert_array_equal(one, other)


def test_arrays_of_any_kind_are_taken() -> None:
    engine = Engine.of(TREE.build())
    ids = np.random.default_rng(11).integers(0, 6, (30, 2)).astype(np.int32)
    frozen = ids.T.copy()
    frozen.flags.writeable = False
    expected = engine.feed(np.ascontiguousarray(ids.T, np.int64), engine.start(2))
    for given in (ids.T, frozen, frozen.tolist()):
        np.testing.assert_array_equal(engine.feed(given, engine.start(2)), expected)  # type: ignore[arg-type]
    assert len(engine_module.load_kernels("wavetree.generate.kernels", *engine_module.PARTS).run.signatures) == 1


def test_what_does_not_fit_is_refused() -> None:
    engine, other = Engine.of(WIDE[2].build()), Engine.of(TREE.build())
    state, one = engine.start(2), np.array([1, 1])
    uniforms = np.zeros((2, 5))
    refused: list[tuple[str, Callable[[], object]]] = [
        ("ids of 3 streams", lambda: engine.step(np.array([1, 1, 1]), state)),
        ("outside 0 to 5", lambda: engine.step(np.array([1, 6]), state)),
        ("outside 0 to 5", lambda: engine.run(np.array([-1, 1]), state, uniforms, Choice())),
        ("no symbol", lambda: engine.feed(np.zeros((2, 0), np.int64), state)),
        ("conditions of shape", lambda: engine.step(one, state, np.zeros((2, 19)))),
        ("conditions of shape", lambda: engine.feed(np.ones((2, 4), np.int64), state, np.zeros((2, 3, 20)))),
        ("conditions of shape", lambda: engine.start(2, np.zeros((1, 20)))),
        ("conditions of shape", lambda: other.step(one, other.start(2), np.zeros((2, 1)))),
        ("uniforms of shape", lambda: engine.run(one, state, np.zeros(5), Choice())),
        ("allowed", lambda: engine.run(one, state, uniforms, Choice(), allowed=np.zeros(6, bool))),
        ("allowed", lambda: engine.run(one, state, uniforms, Choice(), allowed=np.ones(5, bool))),
        ("another engine", lambda: other.step(one, state)),
        ("at least one stream", lambda: engine.start(0)),
    ]
    for words, call in refused:
        with pytest.raises(ValueError, match=words):
            call()
    for case in MODELS:
        model = case.build()
        if not isinstance(model, Tree | WaveNet):
            with pytest.raises(SettingError, match=f"no compiled engine for {type(model).__name__}"):
                Engine.of(model)
