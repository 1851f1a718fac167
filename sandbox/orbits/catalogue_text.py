"""The text of a catalogue file, whatever its encoding, and no more of it than a catalogue can hold."""

import codecs
import os
import re
import stat
from pathlib import Path

from sandbox.errors import SandboxError

MOST_BYTES = 64 * 2**20
"""Largest file that is read. The whole public catalogue takes 5 MB as TLE, some 60 MB as XML."""
MOST_LINES = 2_000_000
MOST_SETS = 200_000
"""Element sets in one file; some 70,000 objects have been catalogued since 1957."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins as UTF-16's does: it comes first
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(rb"<\?xml[^>]{0,200}?\bencoding\s*=\s*[\"']([A-Za-z][A-Za-z0-9._-]{0,39})[\"']")
_CHARACTER_SETS = re.compile(
    r"utf-(8|16|32)(-[bl]e)?|ascii|iso8859-\d+|cp\d+|koi8-[ru]|mac-\w+|gb\w+|big5|euc_\w+"
)


def read_text(path: Path) -> str:
    """The text of a file without byte order mark: UTF-8, UTF-16 or UTF-32, as XML declares, else Latin-1.

    Raises SandboxError for what is no file (a device or a pipe never ends), is longer than `MOST_BYTES` or
    `MOST_LINES`, cannot be read, or is not text.
    """
    try:
        data = _bytes(path)
        text = _decoded(data)
    except SandboxError:  # a ValueError too
        raise
    except OSError as error:
        raise _unreadable(path, error.strerror or "the system refuses") from None
    except ValueError:  # a path with a null character, bytes that are not of their encoding
        raise _unreadable(path, "it is not text") from None
    if text.count("\n") + text.count("\r") > MOST_LINES:
        raise _unreadable(path, f"it has more than {MOST_LINES:,} lines")
    return text


def _unreadable(path: Path, why: str) -> SandboxError:
    return SandboxError(f"{path}: cannot be read ({why}); give a TLE or OMM file.")


def _bytes(path: Path) -> bytes:
    # a pipe that nobody writes to would hold open() up
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _unreadable(path, "it is not a file but a folder, a device or a pipe")
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise _unreadable(path, f"it is larger than {MOST_BYTES >> 20} MiB")
    return data


def _decoded(data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding)
    if b"\0" in data[:4096]:
        return data.decode(_wide(data[:200]))
    declared = _DECLARED.match(data[:400].lstrip())
    if declared and (known := _known(declared[1].decode("ascii"))):
        return data.decode(known)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _wide(start: bytes) -> str:
    """The encoding of a text without byte order mark in which every other byte is zero. Raises ValueError."""
    for encoding, zeros, others in (
        ("utf-16-le", start[1::2], start[::2]),
        ("utf-16-be", start[::2], start[1::2]),
    ):
        if not any(zeros) and all(others):
            return encoding
    raise ValueError("null characters")


def _known(name: str) -> str | None:
    """Python's name of a declared character set; None if there is none, or none that may be declared.

    A text that declares UTF-16 and could be read as far as the declaration is not in UTF-16.
    """
    try:
        found = codecs.lookup(name).name
    except LookupError:
        return None
    return found if _CHARACTER_SETS.fullmatch(found) and not found.startswith(("utf-16", "utf-32")) else None
