"""`wavetree export --to onnx`: three graphs for any runtime of ONNX, which were run once before.

start.onnx   step.onnx   score.onnx      the graphs, as export/graphs.py describes them
codec.json   fields.json                 symbols to ids; the conditions, where there are any
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from wavetree.errors import SettingError, WavetreeError
from wavetree.export.folder import write_folder
from wavetree.models import Tree, WaveNet, evaluating
from wavetree.runs import Trained

if TYPE_CHECKING:
    import onnxruntime

BATCHES = (1, 2, 5, 17)
TOLERANCE = 1e-4
Feed = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Checked:
    """What the check of the graphs found: the largest difference to torch over so many logits and nats."""

    difference: float
    compared: int
    batches: tuple[int, ...] = BATCHES
    tolerance: float = TOLERANCE


def export_onnx(trained: Trained, folder: Path) -> tuple[list[Path], Checked]:
    """Writes the graphs of a tree or a WaveNet into a new folder, once they agree with torch at batches 1, 2, 5 and 17.

    Raises SettingError for another kind of model or without the extra `onnx`, RunError where `folder` is taken,
    SaveError, and WavetreeError for a graph that does not agree.
    """
    model = trained.model
    if not isinstance(model, Tree | WaveNet):
        kind = trained.folder.config().model.kind
        raise SettingError(f"--to onnx takes a tree or a wavenet, and {trained.folder.path} is a {kind} model.")
    try:
        import onnxruntime  # noqa: F401

        from wavetree.export import graphs
    except ImportError:
        raise SettingError("--to onnx needs two libraries more: pip install 'wavetree[onnx]'.") from None
    made = {"start": graphs.start_graph(model), "step": graphs.step_graph(model), "score": graphs.score_graph(model)}
    files = {f"{name}.onnx": graph.SerializeToString() for name, graph in made.items()}
    checked = check(model, files)
    if not checked.difference <= TOLERANCE:
        raise WavetreeError(
            f"the graphs differ from torch by {checked.difference:.1e}, and at most {TOLERANCE:.0e} is right: nothing "
            "was written. Please report this, with the run's config.json."
        )
    files["codec.json"] = json.dumps(trained.codec.to_json(), ensure_ascii=False).encode()
    if trained.fields:
        files["fields.json"] = json.dumps(trained.fields.to_json(), ensure_ascii=False).encode()
    return write_folder(folder, files), checked


def check(model: Tree | WaveNet, files: Mapping[str, bytes], symbols: int = 12) -> Checked:
    """Runs the graphs beside the model: random ids (B, T), step by step and scored in two pieces, for every batch.

    The state goes from run to run on both sides, so that a mistake in it shows in what follows.
    """
    rng = np.random.default_rng(1)
    sessions = {name.removesuffix(".onnx"): _session(content) for name, content in files.items()}
    worst, compared = 0.0, 0
    for batch in BATCHES:
        ids = rng.integers(0, model.vocab_size, (batch, symbols))  # (B, T)
        told = rng.normal(size=(1, model.given_size)).astype(np.float32)  # (1, G)
        for reference, found in (_steps(model, sessions, ids, told), _scores(model, sessions, ids, told)):
            # A difference that is no number is no agreement, so it counts as an infinite one.
            worst = max(worst, float(np.nan_to_num(np.abs(reference - found), nan=np.inf).max()))
            compared += reference.size
    return Checked(worst, compared)


Both = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
Sessions = dict[str, "onnxruntime.InferenceSession"]


def _steps(
    model: Tree | WaveNet, sessions: Sessions, ids: npt.NDArray[np.int64], told: npt.NDArray[np.float32]
) -> Both:
    """Logits (T, B, V) of torch and of `step`."""
    given = np.repeat(told, len(ids), axis=0) if model.given_size else None  # (B, G)
    state = _start(sessions, told, model)
    reference, found = [], []
    with evaluating(model):
        theirs = model.start(torch.from_numpy(told) if model.given_size else None)
        for column in ids.T:
            logits, theirs = model.step(
                torch.from_numpy(column), theirs, None if given is None else torch.from_numpy(given)
            )
            reference.append(logits.numpy())
            feed = {"ids": column, **state} | ({} if given is None else {"given": given})
            values, state = _run(sessions["step"], feed)
            found.append(values)
    return np.stack(reference), np.stack(found)


def _scores(
    model: Tree | WaveNet, sessions: Sessions, ids: npt.NDArray[np.int64], told: npt.NDArray[np.float32]
) -> Both:
    """Nats (B, T - 1) of torch in one piece, and of `score` in two: one symbol, then the rest."""
    before, targets = ids[:, :-1], ids[:, 1:]
    given = np.repeat(told, len(ids), axis=0)[:, None] if model.given_size else None  # (B, 1, G)
    with evaluating(model):
        told_first = torch.from_numpy(told) if model.given_size else None
        logits = model.dense(torch.from_numpy(before), None if given is None else torch.from_numpy(given), told_first)
        reference = F.cross_entropy(logits.mT, torch.from_numpy(targets), reduction="none").numpy()  # (B, T - 1)
    state, pieces = _start(sessions, told, model), []
    for piece in (slice(0, 1), slice(1, None)):
        feed = {"ids": before[:, piece], "targets": targets[:, piece], **state}
        values, state = _run(sessions["score"], feed | ({} if given is None else {"given": given}))
        pieces.append(values)
    return reference, np.concatenate(pieces, axis=1)


def _start(sessions: Sessions, told: npt.NDArray[np.float32], model: Tree | WaveNet) -> Feed:
    session = sessions["start"]
    values = session.run(None, {"given": told} if model.given_size else {})
    return {output.name: value for output, value in zip(session.get_outputs(), values, strict=True)}


def _run(session: onnxruntime.InferenceSession, feed: Feed) -> tuple[npt.NDArray[np.float32], Feed]:
    """What the graph is for, and the state after it as the inputs of the next run."""
    values = session.run(None, {name: np.ascontiguousarray(value) for name, value in feed.items()})
    named = {output.name: value for output, value in zip(session.get_outputs(), values, strict=True)}
    state = {name.removesuffix("_after"): value for name, value in named.items() if name.startswith("state_")}
    (answer,) = (value for name, value in named.items() if not name.startswith("state_"))
    return answer, state


def _session(content: bytes) -> onnxruntime.InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
