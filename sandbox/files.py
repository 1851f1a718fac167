"""Files that are either whole or not there, and that take nobody else's place."""

import errno
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from secrets import token_hex

from sandbox.errors import SandboxError

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

MARK = "Written by orbital-autonomy-sandbox"
"""What every file that we write for others holds, where its format has a place for it."""
_SEARCHED = 1 << 20  # bytes at the beginning and at the end of a file, where the mark is
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_live: set[str] = set()  # drafts of this process


class DiskFull(SandboxError):
    """There was no room for a file."""


@contextmanager
def room_for(path: Path | str) -> Iterator[None]:
    """Say in a sentence with `path` in it (`DiskFull`) that the block found no room on the disk."""
    try:
        yield
    except DiskFull as error:
        raise DiskFull(_full(path)) from error
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise DiskFull(_full(path)) from error


def _full(path: Path | str) -> str:
    return f"{path} was not written, no space is left on its disk; free some, or name a place on another."


@contextmanager
def replacing(path: Path | str, ours: Callable[[Path], bool] | None = None) -> Iterator[Path]:
    """A path beside `path` to write to: renamed to `path` if the block ends well, else removed.

    A reader sees the old file or the new one, never a half. Missing folders are made. With `ours`, which
    knows a file that we wrote, no other is replaced, and of a link the file that it leads to.

    Raises `SandboxError` for a file that may not be replaced, before the block and after it, and `DiskFull`.
    """
    path = Path(path)
    if ours is not None:
        path = Path(os.path.realpath(path))
        check_replaceable(path, ours)
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in abandoned(path):
        with suppress(OSError):
            left.unlink()  # refuses a folder
    draft = draft_of(path)
    try:
        with room_for(path), held(draft):
            yield draft
            if ours is not None:
                check_replaceable(path, ours)
            os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def check_replaceable(path: Path | str, ours: Callable[[Path], bool]) -> None:
    """Raise `SandboxError` unless `path` is free, an empty file, or a file that is `ours`."""
    path = Path(path)
    if not path.exists():
        return
    if path.is_dir():
        raise SandboxError(f"{path} is a folder; name a file.")
    if not path.is_file():
        raise SandboxError(f"{path} is not an ordinary file; name another.")
    if path.stat().st_size and not ours(path):
        raise SandboxError(f"{path} was not written by this sandbox; name another file, or move it away.")


def marked(path: Path) -> bool:
    """Whether the file holds the `MARK`."""
    with path.open("rb") as file:
        if MARK.encode() in file.read(_SEARCHED):
            return True
        file.seek(max(0, path.stat().st_size - _SEARCHED))
        return MARK.encode() in file.read(_SEARCHED)


def draft_of(path: Path, ending: str = "part") -> Path:
    """A hidden name beside `path` that nobody else has, with this process in it."""
    return path.with_name(f".{path.name}.{os.getpid()}-{token_hex(3)}.{ending}")


def wanted(path: str | Path) -> Path:
    """The file that is written where `path` is a name of `draft_of`; else `path`."""
    path = Path(path)
    return path.with_name(re.sub(r"^\.(.+)\.\d+-[0-9a-f]{6}\.\w+$", r"\1", path.name))


def abandoned(path: Path, ending: str = "part") -> list[Path]:
    """What killed processes left beside `path` under a name of `draft_of`, the newest first.

    Left out is what is surely or perhaps in use: by a process that lives, or that holds it locked.
    """
    name = re.compile(rf"\.{re.escape(path.name)}\.(\d+)(-[0-9a-f]+)?\.{ending}")
    try:
        entries = list(os.scandir(path.parent))
    except OSError:
        return []
    found = []
    for entry in entries:
        owner = name.fullmatch(entry.name)
        if owner and not entry.is_symlink() and not _in_use(Path(entry.path), int(owner[1])):
            found.append(Path(entry.path))
    return sorted(found, key=lambda each: each.lstat().st_mtime, reverse=True)


def _in_use(draft: Path, process: int) -> bool:
    if str(draft) in _live or (process != os.getpid() and _lives(process)):
        return True
    try:
        with held(draft, create=False):
            return False
    except OSError:
        return True


def _lives(process: int) -> bool:
    """Whether there is such a process; where that cannot be told, that there is."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


@contextmanager
def held(draft: Path, create: bool = True) -> Iterator[None]:
    """Hold a file, which is made unless there, or a folder, so that nobody takes it for abandoned.

    The lock ends with this process, however that ends. Where the file system has no locks, the process in
    the name must do. Without `create`, raises OSError for what others hold, or where that cannot be told.
    """
    _live.add(str(draft))
    descriptor = None
    try:
        if fcntl is not None:
            how = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)
            new = os.O_CREAT if create and not draft.is_dir() else 0
            descriptor = os.open(draft, how | new, 0o666)
            with suppress(OSError) if create else nullcontext():
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)
        _live.discard(str(draft))
