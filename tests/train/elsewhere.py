"""A device that is not there, for the tests: torch's own `meta`, whose tensors have no numbers, and numbers beside it.

Every operation on it is done with the real numbers in the memory of the processor, so that a training ends with
weights that can be compared. As on a GPU, one that would take tensors of two devices is refused, and only copies go
across. (On a GPU some pass that are refused here: an index on the CPU, or a single number. What torch makes of meta
without asking, as `torch.tensor(..., device=...)` does, has no numbers here, and is refused as well.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

ELSEWHERE = "meta"
ACROSS = {torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default}


class Elsewhere(TorchDispatchMode):
    """In here tensors of the device `ELSEWHERE` have numbers. `calls` are the operations that were done there."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self._numbers: dict[int, Tensor] = {}  # by the memory that a tensor of the device would have

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        named = dict(kwargs or {})
        tensors = [leaf for leaf in tree_leaves((args, named)) if isinstance(leaf, Tensor)]
        from_there = {tensor.is_meta for tensor in tensors}
        if len(from_there) > 1 and func not in ACROSS:
            raise RuntimeError(f"{func} was given tensors of two devices")
        there = True in from_there
        if named.get("device") is not None:
            there, named["device"] = torch.device(named["device"]).type == ELSEWHERE, torch.device("cpu")
        if func is torch.ops.aten.copy_.default:
            there = args[0].is_meta
        self.calls += there
        real_args, real_named = tree_map_only(Tensor, self._here, (tuple(args), named))
        out = func(*real_args, **real_named)
        if not there:
            return out
        if func is torch.ops.aten.copy_.default:
            return args[0]
        if any(each.alias_info is not None for each in func._schema.returns):  # a view, or a change in place
            return func(*args, **named)  # on meta: a tensor over the same memory
        return tree_map_only(Tensor, self._there, out)

    def _here(self, tensor: Tensor) -> Tensor:
        if not tensor.is_meta:
            return tensor
        numbers = self._numbers[tensor.untyped_storage()._cdata]
        return numbers.as_strided(tensor.shape, tensor.stride(), tensor.storage_offset())

    def _there(self, numbers: Tensor) -> Tensor:
        made = torch.empty_strided(numbers.shape, numbers.stride(), dtype=numbers.dtype, device=ELSEWHERE)
        self._numbers[made.untyped_storage()._cdata] = numbers.clone() if numbers.storage_offset() else numbers
        return made
