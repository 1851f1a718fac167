"""The one decorator for compiled functions."""

from collections.abc import Callable
from pathlib import Path

import numba

_ROOT = Path(__file__).resolve().parent.parent


def _source_stamp() -> tuple[float, int]:
    """Newest modification time and total size of every module that may hold a kernel."""
    stats = [p.stat() for room in ("sandbox", "envs", "agents") for p in (_ROOT / room).rglob("*.py")]
    return max(s.st_mtime for s in stats), sum(s.st_size for s in stats)


_STAMP = _source_stamp()


def kernel(function: Callable) -> Callable:
    """Compile `function` with numba: no Python objects, no allocation, the lock released, cached on disk.

    Without numba's runtime (`_nrt=False`) a kernel cannot make an array, and pays for no reference counts:
    with them, the atomic increments for the arrays of the world took half of a step.

    numba's cache watches only the file of the outermost function, so a change in a kernel that it calls
    would go unseen. The stamp of every source file of the project takes the place of that one file's.
    """
    compiled = numba.njit(function, cache=True, nogil=True, error_model="numpy", _nrt=False)
    compiled._cache._cache_file._source_stamp = _STAMP
    return compiled
