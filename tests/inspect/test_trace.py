"""One fusion, opened: its numbers are the model's own, they add up, and the program made of them agrees."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tests.laws.cases import NORMS, Norm, tree

from wavetree.codecs import AlphabetCodec
from wavetree.errors import SettingError, SymbolError
from wavetree.inspect import Fusion, as_python, open_fusion
from wavetree.layers import BatchNorm, Fuse
from wavetree.models import Tree, evaluating

CODEC = AlphabetCodec("abcde")
TEXT = "decade"


def model(norm: Norm = "batch", levels: int = 3) -> Tree:
    return tree(levels, norm, vocab_size=CODEC.vocab_size)


def by_definition(made: Tree, text: str, level: int) -> list[float]:
    """The last node of this level above the symbols of `text` (2 ** (level + 1) of them, `·` for pad)."""
    ids = [0 if symbol == "·" else int(CODEC.encode(symbol)[0]) for symbol in text]
    made = made.double().eval()
    with evaluating(made):
        x = made.embedding(torch.tensor([ids]))  # (1, 2 ** (level + 1), E)
        for fuse in made.fusions[: level + 1]:
            x = fuse(x[:, 0::2], x[:, 1::2])
    vector: list[float] = x[0, -1].tolist()
    return vector


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("position", [0, 1, 2, 6])
def test_it_is_the_node_of_the_definition(level: int, position: int, norm: Norm) -> None:
    """The window run of just the symbols that the children say they saw gives the node, and the children themselves."""
    fusion = open_fusion(model(norm), CODEC, TEXT, level, position)
    assert fusion.after == pytest.approx(
        by_definition(model(norm), fusion.left.sees + fusion.right.sees, level), abs=1e-12
    )
    if level:
        for child in (fusion.left, fusion.right):
            assert child.vector == pytest.approx(by_definition(model(norm), child.sees, level - 1), abs=1e-12)
    assert (fusion.left.position, fusion.right.position) == (position - 2**level, position)
    assert (fusion.left.first, fusion.right.first) == (position - 2 ** (level + 1) + 1, position - 2**level + 1)


def test_what_the_children_have_seen() -> None:
    """What lies before the text is shown as pad, the pad at position 0 too."""
    seen = {
        (level, position): (fusion.left.sees, fusion.right.sees)
        for level, position in [(0, 0), (0, 1), (0, 6), (1, 1), (1, 4), (2, 3), (2, 6)]
        for fusion in [open_fusion(model(), CODEC, TEXT, level, position)]
    }
    assert seen == {
        (0, 0): ("·", "·"),
        (0, 1): ("·", "d"),
        (0, 6): ("d", "e"),
        (1, 1): ("··", "·d"),
        (1, 4): ("de", "ca"),
        (2, 3): ("····", "·dec"),
        (2, 6): ("··de", "cade"),
    }


@pytest.mark.parametrize("norm", NORMS)
def test_the_numbers_add_up(norm: Norm) -> None:
    """Sum, norm and tanh by plain arithmetic, and the children's vectors are those of the symbols' embeddings."""
    made = model(norm)
    fusion = open_fusion(made, CODEC, TEXT, 0, 2)
    assert fusion.left.vector == tuple(made.embedding.weight[4].tolist())  # d
    assert fusion.right.vector == tuple(made.embedding.weight[5].tolist())  # e
    assert fusion.pair == fusion.left.vector + fusion.right.vector
    norms = fusion.norm
    for output, row in enumerate(fusion.weight):
        before = sum(w * x for w, x in zip(row, fusion.pair, strict=True))
        spread = math.sqrt(norms.variance[output] + norms.eps)
        normed = (before - norms.mean[output]) / spread * norms.scale[output] + norms.shift[output]
        assert fusion.before[output] == pytest.approx(before, abs=1e-12)
        assert fusion.normed[output] == pytest.approx(normed, abs=1e-12)
        assert fusion.after[output] == pytest.approx(math.tanh(normed), abs=1e-12)


def test_the_norm_is_the_one_of_the_fusion() -> None:
    made = model("batch")
    norm = made.fusions[1].norm
    assert isinstance(norm, BatchNorm)
    found = open_fusion(made, CODEC, TEXT, 1, 3).norm
    assert (found.kind, found.mean, found.variance) == (
        "batch",
        tuple(norm.running_mean.tolist()),
        tuple(norm.running_var.tolist()),
    )
    own = open_fusion(model("layer"), CODEC, TEXT, 1, 3)
    assert own.norm.kind == "layer"
    assert own.norm.mean == pytest.approx([sum(own.before) / len(own.before)] * len(own.before))


def test_the_largest_come_first() -> None:
    fusion = open_fusion(model(), CODEC, TEXT, 1, 4)
    sums = [abs(fusion.before[output]) for output in fusion.largest(4)]
    assert sums == sorted(map(abs, fusion.before), reverse=True)[:4]
    output = fusion.largest(1)[0]
    terms = fusion.terms(output, 1000)
    assert len(terms) == len(fusion.pair) == 12
    assert sum(term.product for term in terms) == pytest.approx(fusion.before[output], abs=1e-12)
    assert [abs(term.product) for term in terms] == sorted((abs(term.product) for term in terms), reverse=True)
    assert fusion.terms(output, 3) == terms[:3]
    for term in terms:
        child = fusion.left if term.side == "left" else fusion.right
        assert term.value == child.vector[term.index]
        assert term.weight == fusion.weight[output][term.index + (6 if term.side == "right" else 0)]


def test_it_comes_from_the_models_own_equation(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that fuses differently is shown as it is, not as it should be."""
    wanted = open_fusion(model(), CODEC, TEXT, 1, 4)
    monkeypatch.setattr(Fuse, "forward", lambda self, left, right: torch.sin(self.norm(sum(self.halves(right, left)))))
    found = open_fusion(model(), CODEC, TEXT, 1, 4)
    assert found.after == pytest.approx([math.sin(x) for x in found.normed])
    assert found.after != pytest.approx(wanted.after, abs=0.1)


def test_the_model_is_left_as_it_was() -> None:
    made = model().train()
    before = {name: tensor.clone() for name, tensor in made.state_dict().items()}
    open_fusion(made, CODEC, TEXT, 1, 4)
    assert all(torch.equal(tensor, before[name]) for name, tensor in made.state_dict().items())
    assert all(layer.training for layer in made.modules())
    assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in made.modules())


@pytest.mark.parametrize(
    ("text", "level", "position", "said"),
    [
        (TEXT, 3, 1, "there is no level 3: this tree has levels 0 to 2."),
        (TEXT, -1, 1, "there is no level -1"),
        (TEXT, 0, 7, "there is no position 7: the symbols of 'decade' are at 1 to 6; 0 is the pad before it."),
        (TEXT, 0, -1, "there is no position -1"),
        ("a", 0, 2, "the symbols of 'a' are at 1; 0 is the pad before it."),
        ("", 0, 1, "there is no position 1: an empty text has only 0, the pad."),
        ("a" * 99, 0, 100, f"the symbols of '{'a' * 40}'... are at 1 to 99;"),
    ],
)
def test_a_node_that_is_not_there(text: str, level: int, position: int, said: str) -> None:
    with pytest.raises(SettingError) as caught:
        open_fusion(model(), CODEC, text, level, position)
    assert said in str(caught.value)


def test_the_only_level() -> None:
    with pytest.raises(SettingError, match="this tree has only level 0"):
        open_fusion(model(levels=1), CODEC, TEXT, 1, 1)


def test_a_symbol_that_the_model_never_saw() -> None:
    with pytest.raises(SymbolError, match=r"'x'.*character 2"):
        open_fusion(model(), CODEC, "axe", 0, 1)


def ran(program: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """The program, run by a Python that finds no installed package, as a person would run it."""
    path = tmp_path / "node.py"
    path.write_text(program, encoding="utf-8")
    return subprocess.run([sys.executable, "-I", "-S", path], capture_output=True, text=True, check=False)


def cases() -> list[Fusion]:
    return [
        open_fusion(model(norm), CODEC, text, level, position)
        for norm in NORMS
        for text, level, position in [(TEXT, 0, 2), (TEXT, 2, 3), ("", 1, 0)]
    ]


@pytest.mark.parametrize("outputs", [None, [4, 1]], ids=["all of it", "two outputs"])
@pytest.mark.parametrize("number", range(6))
def test_the_program_recomputes_the_node(number: int, outputs: list[int] | None, tmp_path: Path) -> None:
    fusion = cases()[number]
    done = ran(as_python(fusion, outputs), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"the same {6 if outputs is None else 2} numbers as the model\n"


@pytest.mark.parametrize("outputs", [None, [4, 1]], ids=["all of it", "two outputs"])
@pytest.mark.parametrize("number", [0, 3])
@pytest.mark.parametrize(
    "part", ["left", "right", "weight", "scale", "shift", "model_before", "model_normed", "model_after"]
)
def test_the_program_notices_any_other_number(
    part: str, number: int, outputs: list[int] | None, tmp_path: Path
) -> None:
    """One number of each list, off in its tenth digit, is one too many."""
    fusion = cases()[number]
    names: dict[str, object] = {}
    program = as_python(fusion, outputs)
    exec(program, names)
    values = names[part]
    assert isinstance(values, list)
    first = repr(values[0][0] if part == "weight" else values[0])
    head, tail = program.split(f"{part} = [", 1)
    wrong = f"{head}{part} = [{tail.replace(first, repr(float(first) + 1e-9), 1)}"
    done = ran(wrong, tmp_path)
    assert done.returncode == 1
    assert "AssertionError" in done.stderr


def test_the_numbers_of_the_program_are_exact() -> None:
    """Read back, they are the model's own to the last bit: single precision fits into what is written."""
    made = model()
    fusion = open_fusion(made, CODEC, TEXT, 1, 4)
    names: dict[str, object] = {}
    exec(as_python(fusion), names)
    assert torch.equal(torch.tensor(names["weight"]), made.fusions[1].weight)
    assert names["left"] == list(fusion.left.vector)
    assert names["model_after"] == list(fusion.after)


def test_a_program_about_an_awkward_text(tmp_path: Path) -> None:
    """Quotes, line ends and other symbols of a text end up in a comment, and stay there."""
    codec = AlphabetCodec.of(["\n\"'\\\r日\u2028"])
    made = tree(1, vocab_size=codec.vocab_size)
    fusion = open_fusion(made, codec, "日\n'\r\"\\\u2028", 0, 2)
    assert ran(as_python(fusion), tmp_path).returncode == 0
