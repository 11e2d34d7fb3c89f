"""A model as ONNX graphs, built from its weights: what models/tree.py and models/wavenet.py say, in the words of ONNX.

    B batch   T time   C channels   V vocabulary   G numbers of a condition   n vectors that a level remembers

    start   [given (1, G)]                                           to the state before the first symbol
    step    ids (B,), state, [given (B, G)]                          to logits (B, V), the state after
    score   ids (B, T), targets (B, T), state, [given (B, 1, G)]     to nats (B, T), the state after

A state is one tensor a level, (B, n, C), the oldest vector first; (1, n, C), as `start` gives it, holds for any B.
Every size that is a letter is free at run time; `given` is there only where the model takes conditions, and zeros tell
it nothing. The opset is that of ONNX 1.14 (2023), so that no runtime need be new.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from wavetree.codecs import PAD
from wavetree.layers import BatchNorm, Fuse, GatedBlock
from wavetree.models import Tree, WaveNet

OPSET, IR_VERSION = 19, 9

TIME = 1
"""The axis of time in ids (B, T) and vectors (B, T, C)."""

Shape = Sequence[int | str]
Neighbours = Callable[[int, str, int, int], list[str]]
"""Of a level, given its vectors and how many it must look back in how many equal parts: the children, oldest first."""


class Graph:
    """Nodes and weights as they are added, each by the name that it gets; `model` closes it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[onnx.NodeProto] = []
        self._weights: dict[str, onnx.TensorProto] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, shape: Shape, kind: int = TensorProto.FLOAT) -> str:
        """An input by its name."""
        self._inputs.append(helper.make_tensor_value_info(name, kind, list(shape)))
        return name

    def output(self, name: str, value: str, shape: Shape) -> None:
        """A value as an output of this name."""
        self._nodes.append(helper.make_node("Identity", [value], [name]))
        self._outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape)))

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        """A node with one output, by the name of which it is spoken of from here on."""
        name = f"{op.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(op, list(inputs), [name], name=name, **attributes))
        return name

    def weight(self, name: str, value: Tensor | npt.NDArray[Any]) -> str:
        """A constant by a name of its own."""
        array = value.detach().numpy() if isinstance(value, Tensor) else value
        self._weights[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def numbers(self, *values: int) -> str:
        """Whole numbers, shape (len(values),), as slices and shapes take them."""
        return self.weight("_".join(["int", *map(str, values)]), np.array(values, np.int64))

    def model(self) -> onnx.ModelProto:
        """The finished file. Raises onnx.checker.ValidationError if it is no valid graph."""
        graph = helper.make_graph(
            self._nodes, self._name, self._inputs, self._outputs, initializer=list(self._weights.values())
        )
        opsets = [helper.make_opsetid("", OPSET)]
        made = helper.make_model(graph, producer_name="wavetree", opset_imports=opsets, ir_version=IR_VERSION)
        onnx.checker.check_model(made, full_check=True)
        return made


def start_graph(model: Tree | WaveNet) -> onnx.ModelProto:
    """The state before the first symbol: each level's response to nothing but pad."""
    graph = Graph("start")
    given = graph.input("given", [1, model.given_size]) if model.given_size else None
    pad = graph.weight("pad", np.full((1, 1), PAD, np.int64))  # (1, 1)
    told = None if given is None else graph.add("Unsqueeze", given, graph.numbers(TIME))

    def alike(level: int, x: str, reach: int, parts: int) -> list[str]:
        many, width = reach * parts, widths(model)[level]
        state = graph.add("Expand", x, graph.numbers(1, many, width))
        graph.output(f"state_{level}", state, [1, many, width])
        return [x] * (parts + 1)

    _levels(graph, model, _embedded(graph, model, pad, told), alike)
    return graph.model()


def step_graph(model: Tree | WaveNet) -> onnx.ModelProto:
    """One symbol on."""
    graph = Graph("step")
    ids = graph.input("ids", ["B"], TensorProto.INT64)
    given = graph.input("given", ["B", model.given_size]) if model.given_size else None
    at = graph.numbers(TIME)
    row = graph.add("Unsqueeze", ids, at)  # (B, 1)
    logits = _running(graph, model, row, None if given is None else graph.add("Unsqueeze", given, at))  # (B, 1, V)
    graph.output("logits", graph.add("Squeeze", logits, at), ["B", model.vocab_size])
    return graph.model()


def score_graph(model: Tree | WaveNet) -> onnx.ModelProto:
    """The surprisal of each target, which is the symbol that came after each of the ids."""
    graph = Graph("score")
    ids = graph.input("ids", ["B", "T"], TensorProto.INT64)
    targets = graph.input("targets", ["B", "T"], TensorProto.INT64)
    given = graph.input("given", ["B", 1, model.given_size]) if model.given_size else None
    chances = graph.add("LogSoftmax", _running(graph, model, ids, given), axis=-1)  # (B, T, V)
    last = graph.numbers(-1)
    chosen = graph.add("GatherElements", chances, graph.add("Unsqueeze", targets, last), axis=-1)  # (B, T, 1)
    graph.output("nats", graph.add("Neg", graph.add("Squeeze", chosen, last)), ["B", "T"])
    return graph.model()


def widths(model: Tree | WaveNet) -> list[int]:
    """C of what each level remembers."""
    if isinstance(model, WaveNet):
        return [model.config.channels] * len(model.blocks)
    return [fuse.weight.shape[1] // 2 for fuse in model.fusions]


def _running(graph: Graph, model: Tree | WaveNet, ids: str, given: str | None) -> str:
    """Ids (B, T) to logits (B, T, V), the left neighbours from the state and from before in the row: `dense`."""
    x = _embedded(graph, model, ids, given)  # (B, T, C)
    shape = graph.add("Shape", ids)  # [B, T]
    batch, time = (graph.add("Slice", shape, graph.numbers(at), graph.numbers(at + 1)) for at in (0, 1))
    whole, axis = graph.numbers(np.iinfo(np.int64).max), graph.numbers(TIME)

    def before(level: int, x: str, reach: int, parts: int) -> list[str]:
        many, width = reach * parts, widths(model)[level]
        past = graph.input(f"state_{level}", ["B or 1", many, width])
        for_all = graph.add("Concat", batch, graph.numbers(1, 1), axis=0)
        row = graph.add("Concat", graph.add("Expand", past, for_all), x, axis=TIME)  # (B, n + T, C)
        after = graph.add("Slice", row, time, whole, axis)
        graph.output(f"state_{level}_after", after, ["B", many, width])
        places = [graph.numbers(part * reach) for part in range(parts)]
        return [*(graph.add("Slice", row, at, graph.add("Add", at, time), axis) for at in places), x]

    return _levels(graph, model, x, before)


def _embedded(graph: Graph, model: Tree | WaveNet, ids: str, given: str | None) -> str:
    """Ids (B, T), and given (B, 1, G) where there is any, to (B, T, C)."""
    x = graph.add("Gather", graph.weight("embedding", model.embedding.weight), ids)
    if given is None or model.embedding.given is None:
        return x
    told = graph.add("MatMul", given, graph.weight("embedding.given", model.embedding.given.weight.T))
    return graph.add("Add", x, told)


def _levels(graph: Graph, model: Tree | WaveNet, x: str, neighbours: Neighbours) -> str:
    """The levels and the output: vectors (B, T, C) to logits (B, T, V)."""
    if isinstance(model, Tree):
        for level, fuse in enumerate(model.fusions):
            left, right = neighbours(level, x, 1 << level, 1)
            x = _fuse(graph, f"level_{level}", fuse, left, right)  # (B, T, H)
        return _linear(graph, "output", model.output, x)
    skips = ""
    for level, (block, dilation) in enumerate(zip(model.blocks, model.dilations, strict=True)):
        u = _norm(graph, f"level_{level}.norm", block.norm, x)
        children = neighbours(level, u, dilation, model.config.kernel - 1)
        z = _gate(graph, f"level_{level}", block, children)  # (B, T, H)
        skip = _linear(graph, f"level_{level}.skip", block.skip, z)
        skips = graph.add("Add", skips, skip) if skips else skip  # (B, T, S)
        if block.residual is not None:
            x = graph.add("Add", x, _linear(graph, f"level_{level}.residual", block.residual, z))
    seen = graph.add("Relu", _norm(graph, "norm", model.norm, skips))
    return _linear(graph, "output", model.output, graph.add("Relu", _linear(graph, "head", model.head, seen)))


def _fuse(graph: Graph, name: str, fuse: Fuse, left: str, right: str) -> str:
    """tanh(norm(W_left left + W_right right)), as in layers/fuse.py."""
    halves = zip(("left", "right"), (left, right), fuse.weight.chunk(2, dim=1), strict=True)
    products = [graph.add("MatMul", x, graph.weight(f"{name}.{side}", w.T)) for side, x, w in halves]
    return graph.add("Tanh", _norm(graph, f"{name}.norm", fuse.norm, graph.add("Add", *products)))


def _gate(graph: Graph, name: str, block: GatedBlock, children: Sequence[str]) -> str:
    """tanh(a) sigmoid(b), as in layers/gated.py."""
    pair = graph.add("MatMul", graph.add("Concat", *children, axis=-1), graph.weight(f"{name}.gate", block.weight.T))
    pair = graph.add("Add", pair, graph.weight(f"{name}.gate_bias", block.bias))  # (B, T, 2H)
    half, axis = block.weight.shape[0] // 2, graph.numbers(-1)
    a = graph.add("Slice", pair, graph.numbers(0), graph.numbers(half), axis)
    b = graph.add("Slice", pair, graph.numbers(half), graph.numbers(2 * half), axis)
    return graph.add("Mul", graph.add("Tanh", a), graph.add("Sigmoid", b))


def _linear(graph: Graph, name: str, linear: nn.Linear, x: str) -> str:
    product = graph.add("MatMul", x, graph.weight(f"{name}.weight", linear.weight.T))
    return graph.add("Add", product, graph.weight(f"{name}.bias", linear.bias))


def _norm(graph: Graph, name: str, norm: nn.Module, x: str) -> str:
    """Batch norm in evaluation mode is a scale and a shift."""
    if isinstance(norm, BatchNorm):
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        shift = norm.bias - norm.running_mean * scale
        scaled = graph.add("Mul", x, graph.weight(f"{name}.scale", scale))
        return graph.add("Add", scaled, graph.weight(f"{name}.shift", shift))
    if isinstance(norm, nn.LayerNorm):
        weights = graph.weight(f"{name}.weight", norm.weight), graph.weight(f"{name}.bias", norm.bias)
        return graph.add("LayerNormalization", x, *weights, axis=-1, epsilon=norm.eps)
    return x
