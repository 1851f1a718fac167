"""The decorators of compiled functions, and where their machine code is kept."""

import inspect
import os
import re
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from hashlib import blake2s
from pathlib import Path
from types import FunctionType
from typing import Any

import boinor
import numba
from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    IndexDataCacheFile,
    NullCache,
    _CacheLocator,
)
from numba.core.registry import CPUDispatcher
from numba.core.sigutils import normalize_signature

_ROOT = Path(__file__).resolve().parent.parent
_ROOMS = ("sandbox", "envs", "agents", "experiments")
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n#]+)|import[ \t]+([\w., \t]+))",
    re.MULTILINE,
)
CACHE_LIMIT_BYTES = 2**30
COMPILES = os.environ.get("NUMBA_DISABLE_JIT", "0") == "0"
"""Whether kernels are compiled; else they are plain Python, for a debugger."""


def cache_folder() -> Path:
    """Where machine code is kept: below `NUMBA_CACHE_DIR` if that is set, or in the user's cache."""
    if chosen := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(chosen) / "orbital-autonomy-sandbox"
    user = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME")
    return (Path(user) if user else Path.home() / ".cache") / "orbital-autonomy-sandbox" / "kernels"


@cache
def _writable_folder() -> Path | None:
    """`cache_folder()`, made; None, with a warning, where nothing can be written to."""
    try:
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(13, "not writable")
    except (OSError, RuntimeError) as error:  # RuntimeError: there is no home
        warnings.warn(
            f"compiled kernels are not kept, so every start compiles for minutes ({error}); "
            "let NUMBA_CACHE_DIR name a folder that can be written to.",
            RuntimeWarning,
            stacklevel=2,
        )
        return None
    return folder


# ---- which sources a kernel depends on ------------------------------------------------------------


def _file(module: str) -> Path | None:
    """The source of a module of ours, or of one that is imported from elsewhere; None for what is no file."""
    if module.partition(".")[0] in _ROOMS:
        path = _ROOT.joinpath(*module.split("."))
        return next(
            (file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None
        )
    source = getattr(sys.modules.get(module), "__file__", None)
    return Path(source) if source and source.endswith(".py") else None


@cache
def _read(path: Path) -> tuple[str, tuple[str, ...]]:
    """The hash of a source file, and the modules that it may import (with names that are none)."""
    text = path.read_bytes()
    found: list[str] = []
    for origin, names, plain in _IMPORT.findall(text.decode("utf-8", "replace")):
        if plain:
            found += [name.split(" as ")[0].strip() for name in plain.split(",")]
        else:
            found += [origin, *(f"{origin}.{name}" for name in re.findall(r"\w+", names))]
    return blake2s(text, digest_size=8).hexdigest(), tuple(found)


@cache
def _sources(module: str) -> frozenset[str]:
    """The modules that a kernel of `module` may take a kernel or a constant from: all it imports, in turn.

    Those of the four rooms and of the package that `module` belongs to; libraries are not looked into.
    """
    own = module.partition(".")[0]
    seen: set[str] = set()
    ahead = [module]
    while ahead:
        name = ahead.pop()
        if name in seen or (name.partition(".")[0] not in (*_ROOMS, own)) or (path := _file(name)) is None:
            continue
        seen.add(name)
        imported = _read(path)[1]
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        ahead += [_absolute(target, package) for target in imported]
    return frozenset(seen)


def _absolute(target: str, package: str) -> str:
    if not target.startswith("."):
        return target
    dots = len(target) - len(target.lstrip("."))
    base = package.split(".")[: len(package.split(".")) - dots + 1]
    return ".".join([*base, *filter(None, target.lstrip(".").split("."))])


def source_stamp(function: Callable) -> str:
    """A short hash of the content of every source that `function`, a kernel, may depend on.

    Of content, not of times: two copies of one version share their machine code.
    """
    modules = _sources(function.__module__)
    if not modules:  # typed into a notebook: its own text, and all of ours
        modules = frozenset(name for name in sys.modules if name.partition(".")[0] in _ROOMS and _file(name))
        marks = [inspect.getsource(function)]
    else:
        marks = []
    marks += [f"{name} {_read(path)[0]}" for name in sorted(modules) if (path := _file(name))]
    return blake2s("\n".join(marks).encode(), digest_size=8).hexdigest()


# ---- machine code on disk -------------------------------------------------------------------------


class _Locator(_CacheLocator):
    """A folder of ours; a kernel is known by module, line and the stamp of its sources, not by its path."""

    def __init__(self, function: Callable, source: str):
        self._py_file = source
        self._mark = f"{function.__module__}-{function.__code__.co_firstlineno}.{source_stamp(function)}"

    def get_cache_path(self) -> str:
        return str(_writable_folder())

    def get_source_stamp(self) -> str:
        return self._mark

    def get_disambiguator(self) -> str:
        return self._mark

    @classmethod
    def from_function(cls, function: Callable, source: str) -> "_Locator":
        return cls(function, source)


class _CacheImpl(CompileResultCacheImpl):
    _locator_classes = [_Locator]


class _File(IndexDataCacheFile):
    """Marks what is used, so that the oldest can go when there is too much. What cannot be read is not there:
    a file that was cut short, or one of a version of ours that had types which this one has not."""

    def _load_index(self) -> dict[Any, str]:
        try:
            return super()._load_index()
        except Exception:  # of any kind: unpickling raises what it likes
            return {}

    def load(self, key: Any) -> Any:
        try:
            data = super().load(key)
        except Exception:
            return None
        if data is not None:
            with suppress(OSError):
                os.utime(self._index_path)
        return data

    def save(self, key: Any, data: Any) -> None:
        """numba numbers the files of an index, so that of two processes that compile for different types at
        once one takes the other's code for its own; here a file is named by what it is compiled for."""
        number = int.from_bytes(blake2s(repr(key).encode(), digest_size=6).digest(), "big")
        with suppress(OSError):  # a full disk costs the next start its time, not this run
            self._save_data(self._data_name(number), data)
            self._save_index(self._load_index() | {key: self._data_name(number)})
        _drop_oldest(Path(self._cache_path))


class _KernelCache(FunctionCache):
    _impl_class = _CacheImpl

    def __init__(self, function: Callable):
        super().__init__(function)
        self._cache_file = _File(
            self._cache_path, self._impl.filename_base, self._impl.locator.get_source_stamp()
        )

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        """numba's key holds the pickled closure, which is another in every process: here its names count."""
        function = self._py_func
        cells = [cell.cell_contents for cell in function.__closure__ or ()]
        code = function.__code__.co_code
        return sig, codegen.magic_tuple(), code, tuple(map(_identity, cells)), _Kernel.nested()


def _identity(value: Any) -> Any:
    """What a closed-over value is, the same in every process: a kernel by its name and closure."""
    if isinstance(value, CPUDispatcher):
        value = value.py_func
    if isinstance(value, FunctionType):
        cells = tuple(_identity(cell.cell_contents) for cell in value.__closure__ or ())
        return value.__module__, value.__qualname__, value.__code__.co_code, source_stamp(value), cells
    if isinstance(value, tuple):
        return tuple(map(_identity, value))
    return repr(value)


@cache
def _drop_oldest(folder: Path) -> None:
    """Keep the cache under its limit: what was not used for the longest goes. Once in a process."""
    sets: dict[str, list[os.stat_result]] = {}
    with suppress(OSError):
        for path in folder.glob("*.nb[ic]"):
            with suppress(OSError):  # another process is at it too
                stat = path.stat()
                sets.setdefault(path.name.rsplit(".", 2 if path.suffix == ".nbc" else 1)[0], []).append(stat)
    spare = CACHE_LIMIT_BYTES - sum(stat.st_size for stats in sets.values() for stat in stats)
    for name, stats in sorted(sets.items(), key=lambda item: max(stat.st_mtime for stat in item[1])):
        if spare >= 0:
            return
        for path in folder.glob(f"{name}.*"):
            with suppress(OSError):
                path.unlink(missing_ok=True)
        spare += sum(stat.st_size for stat in stats)


class _Kernel(CPUDispatcher):
    """A compiled function that Python can call only where Python does.

    For every function numba also compiles a wrapper that unpacks Python objects into its arguments. Of the
    tuples of a world's arrays these are some thousand words, and few kernels are ever called from Python:
    without the wrappers of the others the first compilation takes a third less.
    """

    _depth = threading.local()

    def __init__(self, function: Callable, options: dict[str, Any]) -> None:
        super().__init__(function, targetoptions=options)
        self.bare: set[tuple] = set()
        """Argument types for which there is no wrapper."""

    @classmethod
    def nested(cls) -> bool:
        """Whether the kernel that is being compiled is called by another."""
        return getattr(cls._depth, "count", 0) > 1

    def compile(self, sig: Any) -> Any:
        depth = self._depth
        depth.count = getattr(depth, "count", 0) + 1
        try:
            key = tuple(normalize_signature(sig)[0])
            if not self.nested() and key in self.bare:
                self.bare.remove(key)
                del self.overloads[key]
            self.targetoptions["no_cpython_wrapper"] = self.nested()
            return super().compile(sig)
        finally:
            depth.count -= 1

    def add_overload(self, cres: Any) -> None:
        if not self.nested():
            super().add_overload(cres)
            return
        key = tuple(cres.signature.args)
        self.bare.add(key)
        self.overloads[key] = cres


# ---- decorators -----------------------------------------------------------------------------------


def kernel(function: Callable, *, apart: bool = False) -> Callable:
    """Compile `function` with numba: no Python objects, no allocation, the lock released, cached on disk.

    Without numba's runtime (`_nrt=False`) a kernel cannot make an array, and pays for no reference counts:
    with them, the atomic increments for the arrays of the world took three quarters of a step.

    A kernel becomes part of whatever kernel calls it (`forceinline`): a call would copy every argument, and
    the tuples of a world's arrays are some thousand words, which took a third to half of a step. One made
    with `kernel_apart` does not: for long kernels of numbers, since every copy takes long to compile.

    numba's cache watches only the file of the outermost function, so a change in a kernel that it calls
    would go unseen. Here the names of the cached files carry the stamp of every source that it may depend on.
    """
    if not COMPILES:
        return function
    options = {
        "nopython": True,
        "boundscheck": None,
        "nogil": True,
        "error_model": "numpy",
        "_nrt": False,
        "forceinline": not apart,
        "no_cfunc_wrapper": True,
    }
    compiled: Any = _Kernel(function, options)
    compiled._cache = _KernelCache(function) if _writable_folder() else NullCache()
    return compiled


kernel_apart = partial(kernel, apart=True)


class _SetupCache(_KernelCache):
    """Of functions that hold machine code of boinor, whose sources are not looked into: by its version."""

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        return *super()._index_key(sig, codegen), boinor.__version__


def setup_kernel(function: Callable) -> Callable:
    """Compile a function of set-up: it may make arrays and call boinor's core functions; cached on disk.

    Those compile for seconds in every process, since boinor keeps no machine code. Not for what runs in every
    round: see `kernel`.
    """
    compiled: Any = numba.njit(function, nogil=True)
    compiled._cache = _SetupCache(function) if _writable_folder() else NullCache()
    return compiled


def entry_point(function: Any, *examples: Any) -> Callable:
    """The machine code of kernel `function` for arguments of the types of `examples`.

    Calling it skips the look-up of the argument types, 7 us for the arrays of a world. Nothing checks them
    any more: use it only where the caller made all the arguments itself.
    """
    if not hasattr(function, "compile"):  # NUMBA_DISABLE_JIT: plain Python
        return function
    signature = tuple(numba.typeof(example) for example in examples)
    function.compile(signature)
    return function.get_overload(signature)
