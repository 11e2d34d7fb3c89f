"""Every file of a run folder, with anything in it: a result, or a sentence and the right exit code.

Where a file was changed and the checksums were not, the run is damaged: exit code 3. Where they were (`sealed`), the
run may say what it likes, and must say it in a sentence.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fuzz.calling import call
from tests.fuzz.guard import a_result_or_a_sentence
from tests.fuzz.hostile import json_files, spoilt
from tests.fuzz.runs import Spoilable

from wavetree.runs import RunFolder, given_size, load, sides_of
from wavetree.train.batches import batches_of
from wavetree.train.training import Shape, resumed

USES: list[tuple[list[str], bytes]] = [
    (["sample", "RUN", "-n", "2", "--max-length", "8", "--json"], b""),
    (["sample", "RUN", "-n", "2", "--condition", "sex=F"], b""),
    (["inspect", "RUN", "--json"], b""),
    (["inspect", "RUN", "kana"], b""),
    (["score", "RUN", "-", "--json-lines"], b"kana\nxyz\n"),
    (["score", "RUN", "-", "--condition", "sex=M", "--summary"], b"kana\n"),
    (["complete", "RUN", "ka", "-n", "2"], b""),
    (["evaluate", "RUN"], b""),
    (["memory", "RUN", "-n", "3"], b""),
]
"""What a run of a list is asked. RUN stands for its folder."""
SEALED_BY_CONFIG = ["codec.json", "fields.json", "train.txt", "validation.txt", "test.txt"]


def use(run: Spoilable, number: int) -> int:
    """One of USES of a run; its exit code."""
    words, given = USES[number]
    return call([str(run.path) if word == "RUN" else word for word in words], given).code


def changed_file(run: Spoilable, name: str) -> st.SearchStrategy[bytes]:
    """Contents for a file of a run."""
    content = run.content(name)
    return json_files(content) if name.endswith(".json") else spoilt(content)


@given(data=st.data(), sealed=st.booleans(), number=st.integers(0, len(USES) - 1))
def test_config(listed: Spoilable, data: st.DataObject, sealed: bool, number: int) -> None:
    raw = data.draw(json_files(listed.content("config.json")))
    with listed.holding({"config.json": raw}, sealed):
        code = use(listed, number)
    if not sealed and raw != listed.content("config.json"):
        assert code in {2, 3}


@given(data=st.data(), sealed=st.booleans(), number=st.integers(0, len(USES) - 1))
def test_codec(listed: Spoilable, data: st.DataObject, sealed: bool, number: int) -> None:
    raw = data.draw(json_files(listed.content("codec.json")))
    with listed.holding({"codec.json": raw}, sealed):
        code = use(listed, number)
    if not sealed and raw != listed.content("codec.json"):
        assert code == 3


@given(data=st.data(), name=st.sampled_from(SEALED_BY_CONFIG), number=st.integers(0, len(USES) - 1))
def test_items_and_fields(listed: Spoilable, data: st.DataObject, name: str, number: int) -> None:
    with listed.holding({name: data.draw(changed_file(listed, name))}, sealed=True):
        use(listed, number)


@given(data=st.data(), sealed=st.booleans())
def test_state(listed: Spoilable, data: st.DataObject, sealed: bool) -> None:
    """The checkpoint is loaded as `--resume` loads it, and a step is taken."""
    name = f"{listed.checkpoint}/state.json"
    raw = data.draw(json_files(listed.content(name)))
    with listed.holding({name: raw}, sealed):
        code = go_on(listed)
        assert code == 3 or sealed or raw == listed.content(name)


def go_on(run: Spoilable) -> int:
    """Takes a step from the latest checkpoint; the exit code that `train --resume` would have."""
    with a_result_or_a_sentence({2, 3}) as refused:
        folder = RunFolder.open(run.path)
        config, shape = folder.config(), Shape(folder.codec().vocab_size, given_size(folder))
        tensors, numbers = folder.load("latest", ["model", "training"])
        training = resumed(config, shape, tensors, numbers)
        folder.cut_log(training.step)
        training.advance(batches_of(sides_of(folder).train, config)[training.step], config)
    return refused[0].exit_code if refused else 0


@given(data=st.data(), kind=st.sampled_from(["model.safetensors", "training.safetensors", "manifest.json"]))
def test_checkpoint(listed: Spoilable, data: st.DataObject, kind: str) -> None:
    name = f"{listed.checkpoint}/{kind}"
    raw = data.draw(changed_file(listed, name))
    with listed.holding({name: raw}, sealed=False):
        code = go_on(listed)
    if kind != "manifest.json" and raw != listed.content(name):
        assert code == 3


@given(data=st.data(), name=st.sampled_from(["config.json", "model.safetensors", "codec.json", "calibration.json"]))
def test_a_published_run(published: Spoilable, data: st.DataObject, name: str) -> None:
    with published.holding({name: data.draw(changed_file(published, name))}, sealed=data.draw(st.booleans())):
        use(published, data.draw(st.integers(0, len(USES) - 1)))


@given(data=st.data(), kind=st.sampled_from(["model.safetensors", "training.safetensors"]))
def test_sealed_weights(listed: Spoilable, data: st.DataObject, kind: str) -> None:
    """Weights of other names, shapes and types, with checksums that fit."""
    name = f"{listed.checkpoint}/{kind}"
    content = listed.content(name)
    size = int.from_bytes(content[:8], "little")
    head = data.draw(json_files(content[8 : 8 + size]))
    raw = len(head).to_bytes(8, "little") + head + content[8 + size :]
    with listed.holding({name: raw}, sealed=True):
        go_on(listed)
        use(listed, 0)


@given(data=st.data(), name=st.sampled_from(["best", "latest", "metrics.jsonl", "calibration.json"]))
def test_pointers_log_and_calibration(listed: Spoilable, data: st.DataObject, name: str) -> None:
    with listed.holding({name: data.draw(changed_file(listed, name))}, sealed=False):
        use(listed, data.draw(st.integers(0, len(USES) - 1)))
        go_on(listed)


@given(data=st.data())
def test_sealed_calibration(listed: Spoilable, data: st.DataObject) -> None:
    """A calibration that has its own checksum right, whatever it says."""
    from wavetree.score.stored import _digest

    try:
        about = json.loads(data.draw(json_files(listed.content("calibration.json"))))
        about.pop("sha256", None)
        raw = json.dumps({**about, "sha256": _digest(about)}).encode()
    except (ValueError, AttributeError, TypeError, RecursionError):
        return
    with listed.holding({"calibration.json": raw}, sealed=False):
        for number in (4, 5):
            use(listed, number)


STREAM_USES = [
    ["inspect", "RUN"],
    ["evaluate", "RUN"],
    ["score", "RUN", "-"],
    ["sample", "RUN", "--length", "3"],
]


@pytest.mark.parametrize("kind", ["told", "heard"])
@given(data=st.data(), name=st.sampled_from(["config.json", "codec.json"]))
def test_runs_of_streams(request: pytest.FixtureRequest, kind: str, data: st.DataObject, name: str) -> None:
    run: Spoilable = request.getfixturevalue(kind)
    with run.holding({name: data.draw(json_files(run.content(name)))}, sealed=True):
        words = data.draw(st.sampled_from(STREAM_USES))
        call([str(run.path) if word == "RUN" else word for word in words], b"to be")


def test_what_is_not_changed_works(listed: Spoilable, told: Spoilable, heard: Spoilable) -> None:
    assert [use(listed, number) for number in range(len(USES))] == [0] * len(USES)
    assert go_on(listed) == 0
    with listed.holding({"metrics.jsonl": b""}, sealed=True):
        assert use(listed, 0) == 0
    assert load(told.path).codec.unit == "symbol"
    assert call(["score", str(told.path), "-"], b"to be").code == 0
    assert call(["inspect", str(heard.path)]).code == 0
