"""`wavetree inspect` with --trace, --receptive and --flip: what is shown is what was found, and bad wishes are told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import SMALL, Command

from wavetree import inspect as looking
from wavetree.inspect import Flip, FlipRow, Span, flip, open_fusion, receptive_spans
from wavetree.models import Tree
from wavetree.runs import Trained, load

VIEWS = (["--trace", "1,4"], ["--receptive"], ["--flip", "3"])


def tree(run: Path) -> tuple[Trained, Tree]:
    trained = load(run)
    assert isinstance(trained.model, Tree)
    return trained, trained.model


@pytest.fixture(scope="module")
def flat_run(names: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from wavetree.cli import main

    path = tmp_path_factory.mktemp("runs") / "flat"
    assert main(["train", str(names), "--out", str(path), "--steps", "2", "--set", "model.kind=flat", *SMALL]) == 0
    return path


def test_a_fusion_on_the_screen(command: Command, run: Path) -> None:
    trained, model = tree(run)
    fusion = open_fusion(model, trained.codec, "kami", 1, 4)
    lines = command("inspect", run, "kami", "--trace", "1,4", "--top", 2).out.splitlines()
    assert lines[0] == "level 1, position 4: 16 + 16 numbers in, 16 out"
    rows = [line.split() for line in lines]
    assert ["position", "0", "1", "2", "3", "4"] in rows
    assert ["symbol", "·", "k", "a", "m", "i"] in rows
    assert ["left", "sees", "k", "a"] in rows
    assert ["right", "sees", "m", "i"] in rows
    for name, vector in (("left", fusion.left.vector), ("after tanh", fusion.after)):
        (line,) = [line for line in lines if line.startswith(name) and "sees" not in line]
        figures = [float(figure) for figure in line.removeprefix(name).split()[:5]]
        assert figures == pytest.approx(vector[:5], abs=6e-4)
    for output in fusion.largest(2):
        (start,) = [i for i, row in enumerate(rows) if row[:1] == [str(output)]]
        (term, *_) = fusion.terms(output, 1)
        assert rows[start][1:3] == [term.side, str(term.index)]
        assert float(rows[start][5]) == pytest.approx(term.product, abs=6e-4)
        results = [fusion.before[output], fusion.normed[output], fusion.after[output]]
        assert [float(figure) for figure in rows[start + 3][-3:]] == pytest.approx(results, abs=6e-4)
        assert rows[start + 3][:2] == ["29", "more"]


def test_a_fusion_by_hand(command: Command, names: Path, tmp_path: Path) -> None:
    """Two embeddings of 2 numbers: 4 in, 3 out, and every number of it is on the screen."""
    run = tmp_path / "tiny"
    small = ["--set", "model.embedding=2", "--set", "model.hidden=3"]
    assert command("train", names, "--out", run, "--steps", 2, *small).code == 0
    out = command("inspect", run, "kami", "--trace", "0,2").out
    assert out.startswith("level 0, position 2: 2 + 2 numbers in, 3 out")
    lines = {line[:11].strip(): line[11:].split() for line in out.splitlines() if line.strip()}
    assert (len(lines["left"]), len(lines["pair"]), len(lines["before norm"])) == (2, 4, 3)
    assert lines["pair"] == lines["left"] + lines["right"]
    assert command("inspect", run, "", "--trace", "2,0").code == 0


def test_a_fusion_as_json(command: Command, run: Path) -> None:
    trained, model = tree(run)
    fusion = open_fusion(model, trained.codec, "kami", 0, 1)
    found = command("inspect", run, "kami", "--trace", "0, 1", "--json").document["fusion"]
    assert (found["level"], found["position"]) == (0, 1)
    assert found["left"] == {"position": 0, "first": 0, "sees": "·", "vector": list(fusion.left.vector)}
    assert found["pair"] == found["left"]["vector"] + found["right"]["vector"]
    assert found["after"] == list(fusion.after)
    assert [row["output"] for row in found["outputs"]] == fusion.largest(5)
    assert all(tuple(row["weights"]) == fusion.weight[row["output"]] for row in found["outputs"])
    assert "weight" not in found


@pytest.mark.parametrize(("options", "numbers"), [([], 16), (["--top", 3], 3)])
def test_a_fusion_as_a_program(
    command: Command, run: Path, options: list[object], numbers: int, tmp_path: Path
) -> None:
    """What goes to stdout can be run as it is; the hint does not."""
    made = command("inspect", run, "kami", "--trace", "2,4", "--as", "python", *options)
    assert made.code == 0
    size = f"all of the node, {len(made.out) / 1000:,.0f} kB; --top 3 writes the 3 outputs"
    assert (size in made.err) == (not options)
    path = tmp_path / "node.py"
    path.write_text(made.out, encoding="utf-8")
    done = subprocess.run([sys.executable, "-I", path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"the same {numbers} numbers as the model\n")


def test_the_help_says_how_much_a_program_is(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    said = command("inspect", "--help").out
    assert "some MB for a node of 224 outputs. --top 3 keeps it to 3 of them." in " ".join(said.split())


def test_what_each_node_sees(command: Command, run: Path) -> None:
    ran = command("inspect", run, "kami", "--receptive")
    rows = [line.split() for line in ran.out.splitlines()]
    assert ["position", "embedding", "level", "0", "level", "1", "level", "2"] in rows
    for row in (
        ["0", "·", "··", "····", "········"],
        ["1", "k", "·k", "···k", "·······k"],
        ["4", "i", "mi", "kami", "····kami"],
        ["by", "formula", "1", "2", "4", "8"],
        ["measured", "1", "2", "4", "8"],
    ):
        assert row in rows
    assert "20 nodes, and each has seen what the formula says" in ran.out
    document = command("inspect", run, "kami", "--receptive", "--json").document
    assert document["as_formula"] is True
    trained, model = tree(run)
    spans = receptive_spans(model, trained.codec, "kami", range(5))
    assert [tuple(node["moved_by"]) for node in document["nodes"]] == [span.moved_by for span in spans]
    assert [node["measured"] for node in document["nodes"]] == [1] * 5 + [2] * 5 + [4] * 5 + [8] * 5


def test_a_long_text_shows_its_ends(command: Command, run: Path) -> None:
    rows = [line.split() for line in command("inspect", run, "kamilo" * 20, "--receptive").out.splitlines()]
    first = [row[0] for row in rows if row]
    assert first[2:11] == [*map(str, range(8)), "..."]
    assert first[11:27] == [*map(str, range(105, 121))]


def test_what_is_not_as_the_formula_says_is_marked(
    command: Command, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spans = [
        Span("embedding", 0, 1, 9, (0,), "·", True),
        Span("embedding", 1, 1, 9, (), "", False),
        Span("level 0 fuse", 0, 2, 9, (-1, 0), "··", True),
        Span("level 0 fuse", 1, 2, 9, (-1, 0, 1), "··k", False),
    ]
    monkeypatch.setattr(looking, "receptive_spans", lambda *_: spans)
    out = command("inspect", run, "k", "--receptive").out
    assert "nothing !" in out
    assert "··k !" in out
    assert "2 to 3" in out
    assert "2 of 4 nodes have not seen what the formula says" in out
    assert command("inspect", run, "k", "--receptive", "--json").document["as_formula"] is False


def test_the_flip_test(command: Command, run: Path) -> None:
    trained, model = tree(run)
    found = flip(model, trained.codec, "kami", 3, "s")
    out = command("inspect", run, "kami", "--flip", "3=s").out
    rows = [line.split() for line in out.splitlines()]
    assert ["symbol", "·", "k", "a", "m→s", "i"] in rows
    (embedding,) = [row for row in rows if row[:1] == ["embedding"]]
    assert embedding == ["embedding", "-", "-", "-", f"{found.rows[0].moved[3]:.2f}", "-"]
    (top,) = [row for row in rows if row[:2] == ["level", "2"]]
    assert top[2:5] == ["-", "-", "-"]
    assert "-" not in top[5:]
    assert "Before position 3: 0 of 15 nodes moved." in out
    assert "just those that see it" in out
    document = command("inspect", run, "kami", "--flip", "3=s", "--json").document["flip"]
    assert document["as_formula"] is True
    assert [row["moved"] for row in document["rows"]] == [list(row.moved) for row in found.rows]
    assert (document["symbol"], document["becomes"]) == ("m", "s")


def test_a_flip_in_a_long_text_shows_what_is_near(command: Command, run: Path) -> None:
    ran = command("inspect", run, "kamilo" * 20, "--flip", "60")
    heads = [line.split()[1:] for line in ran.out.splitlines() if line.startswith("position")]
    assert [int(position) for head in heads for position in head] == [*range(57, 71)]
    assert "Not shown: 107 positions; of their 535 nodes 0 moved." in ran.out
    assert "Before position 60: 0 of 300 nodes moved." in ran.out


def test_a_model_that_peeks_is_not_praised(command: Command, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = (FlipRow("embedding", 1, (0.0, 0.004, 0.0)), FlipRow("output", 2, (0.5, 0.5, 0.5)))
    monkeypatch.setattr(looking, "flip", lambda *_: Flip("ka", 1, "k", "l", rows))
    out = command("inspect", run, "ka", "--flip", "1").out
    assert "<.01" in out
    assert "Before position 1: 1 of 2 nodes moved." in out
    assert "`wavetree verify` says which law fails" in out


@pytest.mark.parametrize("columns", [80, 120])
def test_everything_fits(
    command: Command, names: Path, tmp_path: Path, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the deepest, and in a long text, nothing is wider than the terminal, and no figure cut."""
    monkeypatch.setenv("COLUMNS", str(columns))
    run = tmp_path / "deep"
    deep = ["--set", "model.levels=12", "--set", "model.hidden=8", "--set", "model.embedding=4"]
    assert command("train", names, "--out", run, "--steps", 1, *deep).code == 0
    texts = []
    for options in (
        ["--trace", "0,7"],
        ["--trace", "11,14"],
        ["--flip", "3"],
        ["--trace", "11,90"],
        ["--flip", "80=k"],
    ):
        ran = command("inspect", run, "kamilorentashi" * 10, *options)
        assert ran.code == 0
        texts.append(ran.out)
    shallow = tmp_path / "shallow"
    assert command("train", names, "--out", shallow, "--steps", 1, "--set", "model.levels=6", *deep[2:]).code == 0
    texts.append(command("inspect", shallow, "kamilorentashi" * 3, "--receptive").out)
    lines = "".join(texts).splitlines()
    assert max(map(len, lines)) <= columns
    assert not [line for line in lines if "…" in line]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (["kami", "--trace", "2"], "--trace '2' is not LEVEL,POSITION: levels go from 0 to 2, positions from 0"),
        (["kami", "--trace", "a,b"], "as in --trace 2,4."),
        (["kami", "--trace", "1,2,3"], "is not LEVEL,POSITION"),
        (["kami", "--trace", "1," + "9" * 5000], "is not LEVEL,POSITION"),
        (["kami", "--trace=-1,2"], "is not LEVEL,POSITION"),
        (["kami", "--trace", "3,1"], "there is no level 3: this tree has levels 0 to 2."),
        (["kami", "--trace", "1,5"], "the symbols of 'kami' are at 1 to 4; 0 is the pad before it."),
        (["ka7i", "--trace", "1,4"], "'7' (character 3 of 'ka7i') is not in the model's alphabet"),
        (["--trace", "1,4"], "--trace needs a text to look at: wavetree inspect"),
        (["--receptive"], "--receptive needs a text to look at"),
        (["--flip", "2"], "--flip needs a text to look at"),
        (["ka7i", "--receptive"], "'7' (character 3 of 'ka7i')"),
        (["ka7i", "--flip", "1"], "'7' (character 3 of 'ka7i')"),
        (["kami", "--flip", "x"], "--flip 'x' is neither POSITION nor POSITION=SYMBOL"),
        (["kami", "--flip", "5"], "there is no position 5: the symbols of 'kami' are at 1 to 4."),
        (["kami", "--flip", "0"], "there is no position 0"),
        (["kami", "--flip", "2=a"], "the symbol at position 2 is 'a' already: name another one."),
        (["kami", "--flip", "2=7"], "'7' (character 1 of '7') is not in the model's alphabet"),
        (["kami", "--flip", "2=ab"], "a flip is to one symbol, and 'ab' has 2."),
        (["", "--flip", "1"], "the text is empty"),
        (["kami", "--flip", "2", "--receptive"], "--receptive and --flip are different views: ask for one at a time."),
        (["kami", "--as", "python"], "--as python writes down the fusion that --trace LEVEL,POSITION opens"),
        (["kami", "--trace", "1,4", "--as", "python", "--json"], "goes without --json"),
        (["kami", "--trace", "1,4", "--as", "julia"], 'Choose from: "python"'),
        (["kami", "--trace", "1,4", "--top", "0"], "top cannot be 0"),
    ],
)
def test_wishes_that_cannot_be_granted(command: Command, run: Path, call: list[object], said: str) -> None:
    ran = command("inspect", run, *call)
    assert ran.code == 2
    assert said in ran.sentence


@pytest.mark.parametrize("view", VIEWS)
def test_a_run_that_is_no_tree(command: Command, flat_run: Path, view: list[str]) -> None:
    ran = command("inspect", flat_run, "kami", *view)
    assert ran.code == 2
    assert f"{view[0]} looks at the nodes of a tree" in ran.sentence
    assert "is a flat model" in ran.sentence


@pytest.mark.parametrize("view", VIEWS)
def test_symbols_that_could_steer_a_terminal_are_escaped(command: Command, tmp_path: Path, view: list[str]) -> None:
    path = tmp_path / "list.txt"
    path.write_text("".join(f"\x1b[3{a}m{b}日 x\n" for a in "0123456789" for b in "0123456789"), encoding="utf-8")
    run = tmp_path / "run"
    assert command("train", path, "--out", run, "--steps", 2, *SMALL).code == 0
    ran = command("inspect", run, "\x1b[日 x0", *view)
    assert ran.code == 0
    assert ran.out.replace("\n", "").isprintable()
    program = command("inspect", run, "\x1b[日 x0", "--trace", "1,2", "--as", "python").out
    assert program.replace("\n", "").isprintable()
