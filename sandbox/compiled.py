"""The decorators of compiled functions."""

from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from hashlib import blake2s
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import IndexDataCacheFile

_ROOT = Path(__file__).resolve().parent.parent
_ROOMS = ("sandbox", "envs", "agents")
"""Folders that may hold kernels; each calls only kernels of its own and of those before it."""


@cache
def _source_stamp(rooms: tuple[str, ...]) -> str:
    """A short hash of the times and sizes of every module in `rooms`."""
    paths = sorted(path for room in rooms for path in (_ROOT / room).rglob("*.py"))
    marks = [(str(path.relative_to(_ROOT)), path.stat().st_mtime_ns, path.stat().st_size) for path in paths]
    return blake2s(repr(marks).encode(), digest_size=8).hexdigest()


@cache
def _drop_stale(room: str, stamp: str) -> None:
    """Delete the machine code of other versions of `room`, once for each version: a few MB for every edit."""
    marker = _ROOT / room / "__pycache__" / f"kernels.{stamp}"
    with suppress(OSError):  # an installation that cannot be written to
        if marker.exists():
            return
        for path in (_ROOT / room).rglob("__pycache__/*"):
            if path.suffix in (".nbi", ".nbc") or path.name.startswith("kernels."):
                path.unlink(missing_ok=True)
        marker.parent.mkdir(exist_ok=True)
        marker.touch()


def kernel(function: Callable, *, apart: bool = False) -> Callable:
    """Compile `function` with numba: no Python objects, no allocation, the lock released, cached on disk.

    Without numba's runtime (`_nrt=False`) a kernel cannot make an array, and pays for no reference counts:
    with them, the atomic increments for the arrays of the world took three quarters of a step.

    A kernel becomes part of whatever kernel calls it (`forceinline`): a call would copy every argument, and
    the tuples of a world's arrays are some thousand words, which took a third to half of a step. One made
    with `kernel_apart` does not: for long kernels of numbers, since every copy takes long to compile.

    numba's cache watches only the file of the outermost function, so a change in a kernel that it calls
    would go unseen. Here the names of the cached files carry the stamp of every source file that it may call.
    """
    njit: Any = numba.njit  # its annotations do not know all of these
    compiled = njit(function, cache=True, nogil=True, error_model="numpy", _nrt=False, forceinline=not apart)
    room = function.__module__.partition(".")[0]
    stamp = _source_stamp(_ROOMS[: _ROOMS.index(room) + 1] if room in _ROOMS else _ROOMS)
    if room in _ROOMS:
        _drop_stale(room, stamp)
    files = compiled._cache
    files._cache_file = IndexDataCacheFile(
        files.cache_path, f"{files._impl.filename_base}.{stamp}", files._impl.locator.get_source_stamp()
    )
    return compiled


kernel_apart = partial(kernel, apart=True)


def entry_point(function: Any, *examples: Any) -> Callable:
    """The machine code of kernel `function` for arguments of the types of `examples`.

    Calling it skips the look-up of the argument types, 7 us for the arrays of a world. Nothing checks them
    any more: use it only where the caller made all the arguments itself.
    """
    signature = tuple(numba.typeof(example) for example in examples)
    function.compile(signature)
    return function.get_overload(signature)
