"""What a run says while it trains, as events for TensorBoard. Needs the extra `tensorboard`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from wavetree.errors import InputError
from wavetree.runs import RunFolder
from wavetree.train import Check, Progress, Watch


def refuse_without_tensorboard() -> None:
    """Raises InputError where TensorBoard is not installed."""
    if find_spec("tensorboard") is None:
        raise InputError(
            "TensorBoard is not installed: pip install 'wavetree[tensorboard]', or leave --tensorboard out."
        )


@contextmanager
def tensorboard_watch(folder: RunFolder, logs: Path) -> Iterator[Watch]:
    """In here a run writes events under `logs`, in a folder of its name; a resumed run goes on with what it wrote.

    Losses and rate after every block of steps; validation, samples and what was seen inside at every check.
    """
    from torch.utils.tensorboard import SummaryWriter

    begun = int(str(folder.newest([])[1]["step"])) if folder.has_checkpoint() else 0
    # what was logged after the checkpoint that a run goes on from is logged again
    with SummaryWriter(str(logs / folder.path.resolve().name), purge_step=begun + 1) as writer:
        told = begun

        def progress(seen: Progress) -> None:
            writer.add_scalar("loss/train", seen.loss, seen.step)
            writer.add_scalar("learning rate", seen.rate, seen.step)

        def check(seen: Check) -> None:
            nonlocal told
            writer.add_scalar("loss/validation", seen.val_nll, seen.step)
            for line in folder.metrics():
                if told < line["step"] <= seen.step and "diagnostics" in line:
                    _inside(line["step"], line["diagnostics"])
            if seen.samples:
                writer.add_text("samples", "\n\n".join(seen.samples), seen.step)
            told = seen.step
            writer.flush()

        def _inside(step: int, found: dict[str, dict[str, object]]) -> None:
            for what in ("gradients", "updates"):
                for level, value in found[what].items():
                    writer.add_scalar(f"{what}/{level}", value, step)
            for name, units in found["units"].items():
                assert isinstance(units, dict)
                for what, share in units.items():
                    writer.add_scalar(f"{what}/{name}", share, step)

        yield Watch(progress, check)
