"""The one inner loop of the engine, written for the vector unit: a few vectors times a strip of a weight matrix.

A strip is 16, 32 or 64 columns of a matrix, its rows one after the other. A tile keeps some ROWS x VECTORS sums of 16
float32 numbers in registers while it walks down the strip once, so that a weight is read once for all ROWS vectors.
Compilers find this form in plain loops only by luck (docs/log.md has the figures), so it is spelt out in LLVM's own
vectors of 16, which become two, four or more registers where the machine's are narrower.

Compiled code here holds bare pointers: an array is seven words and a count of its users at every call. Nobody checks
them against the end of anything. Imports numba: only generate/kernels.py imports this.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from wavetree.generate.layout import LANES

VECTOR = ir.VectorType(ir.FloatType(), LANES)
INDEX = ir.IntType(64)
FLOAT_BYTES = 4
FLOATS = types.CPointer(types.float32)


def _floats(typing_context: Any, array: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.make_array(signature.args[0])(context, builder, arguments[0]).data

    return FLOATS(array), generate


def _shift(typing_context: Any, pointer: Any, numbers: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.gep(arguments[0], [arguments[1]])

    return FLOATS(FLOATS, types.intp), generate


floats: Any = intrinsic(_floats)
"""The pointer to the first number of a float32 array."""
shift: Any = intrinsic(_shift)
"""A pointer and how many numbers further on to the pointer there."""


def make_tile(rows: int, vectors: int) -> Any:
    """A function for compiled code: out[r, :] = base[r, :] + x[r, :n] @ strip for `rows` rows and 16 `vectors` columns.

    Its arguments: strip, n, then x, base and out, each with the distance of its rows.
    """

    def tile(
        typing_context: Any,
        strip: Any,
        n: Any,
        x: Any,
        x_step: Any,
        base: Any,
        base_step: Any,
        out: Any,
        out_step: Any,
    ) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            _emit(builder, rows, vectors, *arguments)
            return context.get_dummy_value()

        return types.void(FLOATS, types.intp, *(FLOATS, types.intp) * 3), generate

    return intrinsic(tile)


def _emit(
    builder: Any,
    rows: int,
    vectors: int,
    strip: Any,
    n: Any,
    x: Any,
    x_step: Any,
    base: Any,
    base_step: Any,
    out: Any,
    out_step: Any,
) -> None:
    """The loop itself, in LLVM's language."""

    def vector(start: Any, number: int) -> Any:
        return builder.bitcast(builder.gep(start, [INDEX(number * LANES)]), VECTOR.as_pointer())

    def rows_of(start: Any, step: Any) -> list[Any]:
        return [builder.gep(start, [builder.mul(step, INDEX(r))]) for r in range(rows)]

    def splat(number: Any) -> Any:
        nothing = ir.Constant(VECTOR, ir.Undefined)
        first = builder.insert_element(nothing, number, ir.IntType(32)(0))
        return builder.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))

    multiply_add = ir.FunctionType(VECTOR, [VECTOR] * 3)
    fma = cgutils.get_or_insert_function(builder.module, multiply_add, f"llvm.fmuladd.v{LANES}f32")
    xs, bases, outs = rows_of(x, x_step), rows_of(base, base_step), rows_of(out, out_step)
    tile = [(r, v) for r in range(rows) for v in range(vectors)]
    sums = {place: cgutils.alloca_once(builder, VECTOR) for place in tile}  # LLVM makes registers of them
    for r, v in tile:
        builder.store(builder.load(vector(bases[r], v), align=FLOAT_BYTES), sums[r, v])
    with cgutils.for_range(builder, n) as loop:
        row = builder.gep(strip, [builder.mul(loop.index, INDEX(vectors * LANES))])
        weights = [builder.load(vector(row, v), align=FLOAT_BYTES) for v in range(vectors)]
        for r in range(rows):
            factor = splat(builder.load(builder.gep(xs[r], [loop.index])))
            for v in range(vectors):
                builder.store(builder.call(fma, [factor, weights[v], builder.load(sums[r, v])]), sums[r, v])
    for r, v in tile:
        builder.store(builder.load(sums[r, v]), vector(outs[r], v), align=FLOAT_BYTES)
