"""The one decorator for compiled functions."""

from collections.abc import Callable
from hashlib import blake2s
from pathlib import Path

import numba
from numba.core.caching import IndexDataCacheFile

_ROOT = Path(__file__).resolve().parent.parent


def _source_stamp() -> str:
    """A short hash of the times and sizes of every module that may hold a kernel."""
    paths = sorted(path for room in ("sandbox", "envs", "agents") for path in (_ROOT / room).rglob("*.py"))
    marks = [(str(path.relative_to(_ROOT)), path.stat().st_mtime_ns, path.stat().st_size) for path in paths]
    return blake2s(repr(marks).encode(), digest_size=8).hexdigest()


_STAMP = _source_stamp()


def kernel(function: Callable) -> Callable:
    """Compile `function` with numba: no Python objects, no allocation, the lock released, cached on disk.

    Without numba's runtime (`_nrt=False`) a kernel cannot make an array, and pays for no reference counts:
    with them, the atomic increments for the arrays of the world took three quarters of a step.

    numba's cache watches only the file of the outermost function, so a change in a kernel that it calls
    would go unseen. Here the names of the cached files carry the stamp of every source file of the project.
    """
    compiled = numba.njit(function, cache=True, nogil=True, error_model="numpy", _nrt=False)
    cache = compiled._cache
    cache._cache_file = IndexDataCacheFile(
        cache.cache_path, f"{cache._impl.filename_base}.{_STAMP}", cache._impl.locator.get_source_stamp()
    )
    return compiled
