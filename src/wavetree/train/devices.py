"""Where the steps of a training run: on the CPU, or on a GPU that torch knows (docs/scale.md).

A model is built on the CPU and brought to its device (`Training.begin`), so that a seed means the same weights
everywhere; each piece of what is learnt follows it (evaluate/predictions.py); what is kept comes back, float32 of the
CPU (`Training.tensors`). Everything else is the CPU's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from wavetree.config import Config
from wavetree.errors import SettingError

THERE: Mapping[str, Callable[[], bool]] = {
    "cpu": lambda: True,
    "cuda": torch.cuda.is_available,
    "mps": torch.backends.mps.is_available,
}
"""Whether this process can use each device."""


def on_device(config: Config, device: str | None) -> Config:
    """The settings with another device, if one is given. Raises SettingError for one that is not here."""
    wanted = device or config.train.device
    if wanted not in THERE:
        raise SettingError(f"train.device cannot be {wanted!r}: it is one of {', '.join(THERE)}.")
    if not THERE[wanted]():
        raise SettingError(
            f"train.device is {wanted}, and torch {torch.__version__} finds none on this machine: install a build of "
            "torch for its GPU, or train on the processor with --set train.device=cpu (with --resume, too)."
        )
    return config.model_copy(update={"train": config.train.model_copy(update={"device": wanted})})


def fastest_precision(device: str) -> str:
    """bfloat16 where the device has units for it, else float32: what train.precision=auto becomes."""
    if device == "cpu":
        able: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
        return "bfloat16" if able.get("amx_bf16") else "float32"
    units = device == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return "bfloat16" if units else "float32"


def memory_of(device: str) -> int | None:
    """Bytes of a GPU that has memory of its own."""
    return torch.cuda.get_device_properties(torch.cuda.current_device()).total_memory if device == "cuda" else None


def settle(device: str) -> None:
    """Waits for what was asked of a device: a GPU answers before it has worked, and a clock must not believe it."""
    if device != "cpu":
        torch.accelerator.synchronize()
