"""A folder takes the place of another at once; what is not ours in it stays.

Killed at any moment, the old folder or the new one is there, where the system can exchange two folders in
one stroke (Linux, macOS). Elsewhere the old one stands aside for an instant, and `recover` puts it back.
"""

import ctypes
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from sandbox.errors import SandboxError
from sandbox.files import abandoned, draft_of, held

Owns = Callable[[Path], bool]
"""Whether a file, by its path within a folder, is ours to remove."""


class Kind(Protocol):
    """What knows the folders of one kind."""

    marker: str
    """The file that says whose the folder is."""

    def owns(self, folder: Path) -> Owns | None:
        """What is ours in a folder; None for a folder that is not."""

    def known(self, leaf: Path) -> bool:
        """Whether files of this path within a folder are written by us."""


def take_place(draft: Path, path: Path, kind: Kind) -> None:
    """Make `draft` the folder at `path`: of what is there, the files that are ours go, and all others stay.

    Raises `SandboxError` where something that is not ours is in the way.
    """
    if is_free(path):
        os.rename(draft, path)
        return
    owns = kind.owns(path)
    if owns is None:
        raise SandboxError(f"{path} is not ours any more.")
    check_way(path, owns, [leaf for leaf in leaves(draft) if not (draft / leaf).is_dir()])
    _carry(path, draft, owns)
    left = draft
    if not exchange(draft, path):
        left = draft_of(path, "old")
        os.rename(path, left)
        try:
            os.rename(draft, path)
        except BaseException:
            os.rename(left, path)
            raise
    with suppress(OSError), held(left):  # what fails here is put right by `recover`
        _settle(left, path, kind)


def recover(path: Path, kind: Kind) -> None:
    """Put right what killed processes left beside `path`, as far as the rights to write reach.

    Old results that stood aside return if nothing is at `path`; what was not ours returns to its place; what
    is left of drafts and old results is removed.
    """
    with suppress(OSError):
        for left in abandoned(path, "old"):
            if os.path.lexists(path):
                _settle(left, path, kind)
            else:
                os.rename(left, path)
        for left in abandoned(path):
            _settle(left, path, kind)


def leaves(folder: Path) -> Iterator[Path]:
    """The paths within `folder` of files, links and empty folders. No link is followed."""
    for place, folders, files in os.walk(folder):
        here = Path(place)
        links = [name for name in folders if (here / name).is_symlink()]
        for name in (*files, *links):
            yield (here / name).relative_to(folder)
        if here != folder and not files and not folders:
            yield here.relative_to(folder)


def check_way(path: Path, owns: Owns, new: Iterable[Path]) -> None:
    """Raise `SandboxError` if something at `path` that is not ours is where a `new` file is to be."""
    files = set(new)
    folders = {above for leaf in files for above in leaf.parents}
    for leaf in leaves(path):
        clash = leaf in files or not files.isdisjoint(leaf.parents)
        clash |= leaf in folders and not _is_folder(path / leaf)
        if clash and not owns(leaf):
            raise SandboxError(
                f"{path / leaf} was not written by this sandbox; move it away, or name another folder "
                "with --out."
            )


def exchange(one: Path, other: Path) -> bool:
    """Let two folders of one disk change places in one stroke; whether the system can."""
    names = os.fsencode(one), os.fsencode(other)
    system: Any = ctypes.CDLL(None) if os.name == "posix" else None
    try:
        if sys.platform == "darwin":
            return system.renamex_np(*names, 2) == 0  # RENAME_SWAP
        return system is not None and system.renameat2(-100, names[0], -100, names[1], 2) == 0
    except AttributeError:  # an older C library
        return False


def is_plain(path: Path) -> bool:
    """Whether there is an ordinary file, and no link."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def is_free(path: Path) -> bool:
    """Whether nothing is there, or an empty folder."""
    return not os.path.lexists(path) or (_is_folder(path) and not any(path.iterdir()))


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _carry(path: Path, draft: Path, owns: Owns) -> None:
    """Let what is not ours at `path` be in `draft` as well. What cannot be linked to is moved later."""
    for leaf in leaves(path):
        if owns(leaf):
            continue
        for above in reversed(leaf.parents[:-1]):
            _make_folder(path / above, draft / above)
        source, place = path / leaf, draft / leaf
        with suppress(OSError):
            if _is_folder(source):
                _make_folder(source, place)
            elif source.is_symlink():
                os.symlink(os.readlink(source), place)
            else:
                os.link(source, place)


def _make_folder(source: Path, place: Path) -> None:
    if not place.is_dir():
        place.mkdir()
        with suppress(OSError):
            shutil.copystat(source, place)


def _settle(left: Path, path: Path, kind: Kind) -> None:
    """Empty `left`, a draft or what was at `path` before: what is not ours in it returns to `path`."""
    if not _is_folder(left):
        return
    owns = kind.owns(left)
    whole = owns is not None
    mine = owns or (lambda leaf: kind.known(leaf) and is_plain(left / leaf))  # a draft that never was whole
    others: list[Path] = []
    ours: list[Path] = []
    for leaf in leaves(left):
        (ours if mine(leaf) else others).append(leaf)
    for leaf in others if whole and _is_folder(path) else ():
        _return(left / leaf, path / leaf)
    for leaf in sorted(ours, key=lambda leaf: leaf.as_posix() == kind.marker):  # the marker goes last
        (left / leaf).unlink(missing_ok=True)
    for place, _, _ in os.walk(left, topdown=False):
        with suppress(OSError):  # something is left in it
            os.rmdir(place)


def _return(source: Path, place: Path) -> None:
    """Move what is not ours back; where it is there already, the later of the two stays."""
    if _is_folder(source):
        place.mkdir(parents=True, exist_ok=True)
        return
    if os.path.lexists(place):
        here, there = source.lstat(), place.lstat()
        if here.st_ino == there.st_ino or here.st_mtime <= there.st_mtime or _is_folder(place):
            source.unlink()
            return
    place.parent.mkdir(parents=True, exist_ok=True)
    os.replace(source, place)
