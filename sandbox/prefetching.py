"""Asking for memory ahead of its use, in kernels that read here and there in arrays larger than any cache."""

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from sandbox.compiled import COMPILES

_READ, _KEEP, _DATA = 0, 3, 1
"""What LLVM's prefetch is told: not to be written, to stay in all caches, no code."""


def prefetch(array: Any, b: int, place: int) -> None:
    """Ask for `array[b, place]`, which is within the array, and go on. It changes no result."""


if COMPILES:

    @intrinsic
    def prefetch(typing: Any, array: Any, b: Any, place: Any) -> Any:
        """Ask for `array[b, place]`, which is within the array, and go on. It changes no result."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            kind, *numbers = signature.args
            at = [
                context.cast(builder, value, number, types.intp)
                for value, number in zip(arguments[1:], numbers, strict=True)
            ]
            base = context.make_array(kind)(context, builder, arguments[0])
            item = cgutils.get_item_pointer(context, builder, kind, base, at)
            address = builder.bitcast(item, cgutils.voidptr_t)
            given = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, *3 * [cgutils.int32_t]])
            ask = builder.module.declare_intrinsic("llvm.prefetch", [cgutils.voidptr_t], given)
            how = [ir.Constant(cgutils.int32_t, number) for number in (_READ, _KEEP, _DATA)]
            builder.call(ask, [address, *how])
            return context.get_dummy_value()

        return types.none(array, b, place), generate
