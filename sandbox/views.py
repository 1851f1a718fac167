"""Tuples of arrays that kernels read in place.

A world is a tree of named tuples with a hundred arrays at its ends. Handed to a kernel as it is, numba
unpacks all of it at every call, 70 ns an array, and every kernel that takes a part of it as an argument is
compiled with some thousand words to copy. A `View` lays the tree out once, as a table of words: where each
array begins and what its shape is, what each number is. A kernel then takes one address, and
`sim.state.orbit.position` reads the few words that it needs. In a kernel a view is used like the tuple: by
the names of its fields, or by index, as far as the index is a constant. It cannot be unpacked; a nameless
tuple in it of arrays and numbers can.

The table is as good as the tuples: immutable. What the arrays hold may change.
"""

import os
from itertools import accumulate
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.datamodel import PrimitiveModel, register_default
from numba.core.typing.templates import AbstractTemplate, AttributeTemplate, infer, infer_getattr, signature
from numba.extending import NativeValue, lower_builtin, lower_getattr_generic, typeof_impl, unbox
from numba.np import arrayobj

WORD = ir.IntType(64)


class View(int):
    """A tuple, laid out: the address of its table of words. It keeps what those refer to."""

    held: tuple
    kind: Any
    _table: np.ndarray

    def __new__(cls, held: tuple) -> "View":
        kind, words = ViewType(numba.typeof(held)), []  # type: tuple[ViewType, list[int]]
        _lay_out(held, kind.inner, words)
        table = np.array(words or [0], np.uint64)
        self = super().__new__(cls, table.ctypes.data)
        self.held, self.kind, self._table = held, kind, table
        return self

    def __reduce__(self) -> tuple:
        return View, (self.held,)


def view(held: Any, like: Any = None) -> Any:
    """A view of `held`, a tuple; where nothing is compiled (NUMBA_DISABLE_JIT) the tuple itself.

    For a kernel that was compiled for the view `like`: raises TypeError where something is of another type.
    """
    if os.environ.get("NUMBA_DISABLE_JIT", "0") != "0":
        return held
    made = View(held)
    if like is not None and made.kind != like.kind:
        raise TypeError(f"{type(held).__name__} holds {made.kind.inner}; give {like.kind.inner}.")
    return made


def _lay_out(value: Any, kind: Any, words: list[int]) -> None:
    """Append the words of `value`, `_size(kind)` of them."""
    if _is_tuple(kind):
        for item, inner in zip(value, kind.types, strict=True):
            _lay_out(item, inner, words)
    elif isinstance(kind, types.Array):
        words += [value.ctypes.data, *value.shape, *value.strides]
    elif isinstance(kind, types.Float):
        words.append(int(np.float64(value).view(np.uint64)))
    elif isinstance(kind, (types.Integer, types.Boolean)):
        words.append(int(value) & 0xFFFF_FFFF_FFFF_FFFF)
    elif not isinstance(kind, types.NoneType):
        raise TypeError(f"a view cannot hold {kind}")


def _is_tuple(kind: Any) -> bool:
    return isinstance(kind, types.BaseTuple)


def _size(kind: Any) -> int:
    if _is_tuple(kind):
        return sum(map(_size, kind.types))
    if isinstance(kind, types.Array):
        return 1 + 2 * kind.ndim
    return 0 if isinstance(kind, types.NoneType) else 1


# ---- what numba has to know -----------------------------------------------------------------------


class ViewType(types.Type):
    """The type of a view of a tuple of type `inner`."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        super().__init__(f"View[{inner}]")

    @property
    def key(self) -> Any:
        return self.inner

    def place(self, field: str | int) -> int | None:
        """The number of a field."""
        if isinstance(field, int):
            return field if 0 <= field < len(self.inner.types) else None
        fields = getattr(self.inner, "fields", ())
        return fields.index(field) if field in fields else None

    def member(self, place: int) -> Any:
        """The type of field number `place`."""
        inner = self.inner.types[place]
        return inner if _is_value(inner) else ViewType(inner)


def _is_value(kind: Any) -> bool:
    """Whether a field is handed on as it is: an array, a number, or a nameless tuple of such, which is short
    and may be unpacked."""
    if not _is_tuple(kind):
        return True
    return isinstance(kind, (types.UniTuple, types.Tuple)) and all(map(_is_value, kind.types))


@register_default(ViewType)
class _ViewModel(PrimitiveModel):
    def __init__(self, manager: Any, kind: ViewType) -> None:
        super().__init__(manager, kind, WORD.as_pointer())


@typeof_impl.register(View)
def _typeof(value: View, context: Any) -> ViewType:
    return value.kind


@unbox(ViewType)
def _unbox(kind: ViewType, value: Any, c: Any) -> NativeValue:
    return NativeValue(c.builder.inttoptr(c.pyapi.long_as_ulonglong(value), WORD.as_pointer()))


@infer_getattr
class _Attribute(AttributeTemplate):
    key = ViewType

    def generic_resolve(self, kind: Any, name: str) -> Any:  # type: ignore[override]
        place = kind.place(name)
        return None if place is None else kind.member(place)


@infer
class _Item(AbstractTemplate):
    key = "static_getitem"

    def generic(self, args: tuple, kws: dict) -> Any:
        kind, index = args
        if not (isinstance(kind, ViewType) and isinstance(index, int)):
            return None
        place = kind.place(index)
        return None if place is None else signature(kind.member(place), *args)


@lower_getattr_generic(ViewType)
def _get_attribute(context: Any, builder: Any, kind: ViewType, value: Any, name: str) -> Any:
    place = kind.place(name)
    assert place is not None  # or it would not have been typed
    return _read(context, builder, kind, value, place)


@lower_builtin("static_getitem", ViewType, types.IntegerLiteral)
def _get_item(context: Any, builder: Any, sig: Any, args: tuple) -> Any:
    return _read(context, builder, sig.args[0], args[0], args[1])


def _read(context: Any, builder: Any, kind: ViewType, address: Any, place: int) -> Any:
    """The value of field number `place` of the view at `address`."""
    inner, at = kind.inner.types[place], sum(map(_size, kind.inner.types[:place]))
    if not _is_value(inner):
        return builder.gep(address, [WORD(at)])
    return _value(context, builder, inner, address, at)


def _value(context: Any, builder: Any, kind: Any, address: Any, at: int) -> Any:
    """The value of this type whose words begin at number `at`."""
    if _is_tuple(kind):
        places = accumulate(map(_size, kind.types), initial=at)
        items = [_value(context, builder, item, address, i) for item, i in zip(kind.types, places)]  # noqa: B905
        return context.make_tuple(builder, kind, items)
    if isinstance(kind, types.Array):
        return _array(context, builder, kind, address, at)
    if isinstance(kind, types.NoneType):
        return context.get_dummy_value()
    word = _word(builder, address, at)
    if isinstance(kind, types.Float):
        return context.cast(builder, builder.bitcast(word, ir.DoubleType()), types.float64, kind)
    return context.cast(builder, word, types.uint64, kind)


def _array(context: Any, builder: Any, kind: Any, address: Any, at: int) -> Any:
    array = arrayobj.make_array(kind)(context, builder)
    words = [_word(builder, address, at + i) for i in range(1 + 2 * kind.ndim)]
    arrayobj.populate_array(
        array,
        data=builder.inttoptr(words[0], array.data.type),
        shape=words[1 : 1 + kind.ndim],
        strides=words[1 + kind.ndim :],
        itemsize=context.get_constant(types.intp, arrayobj.get_itemsize(context, kind)),
        meminfo=None,
    )
    return array._getvalue()


def _word(builder: Any, address: Any, at: int) -> Any:
    """Word number `at`. That it never changes spares reading it again after everything that is written."""
    word = builder.load(builder.gep(address, [WORD(at)]))
    word.set_metadata("invariant.load", builder.module.add_metadata([]))
    return word
