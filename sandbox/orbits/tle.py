"""Two-line element sets, with or without name lines. `sgp4` checks neither sums nor fields: we do."""

import re
from collections.abc import Iterator
from datetime import datetime
from math import isclose, radians, tau
from typing import NamedTuple

from sgp4.alpha5 import from_alpha5
from sgp4.api import Satrec

from sandbox.errors import SandboxError
from sandbox.orbits.element_sets import (
    SAME,
    ElementSet,
    number,
    plain_name,
    refuse_xp,
    shown,
    year_and_day,
)
from sandbox.orbits.sieve import Sieve

_LINE_1 = {"MEAN_MOTION_DOT": slice(33, 43), "MEAN_MOTION_DDOT": slice(44, 52), "BSTAR": slice(53, 61)}
_LINE_2 = {
    "INCLINATION": slice(8, 16),
    "RA_OF_ASC_NODE": slice(17, 25),
    "ECCENTRICITY": slice(26, 33),
    "ARG_OF_PERICENTER": slice(34, 42),
    "MEAN_ANOMALY": slice(43, 51),
    "MEAN_MOTION": slice(52, 63),
}
_CALLED = {
    "MEAN_MOTION_DOT": "first derivative of the mean motion",
    "MEAN_MOTION_DDOT": "second derivative of the mean motion",
    "BSTAR": "B*",
    "INCLINATION": "inclination",
    "RA_OF_ASC_NODE": "right ascension of the node",
    "ECCENTRICITY": "eccentricity",
    "ARG_OF_PERICENTER": "argument of perigee",
    "MEAN_ANOMALY": "mean anomaly",
    "MEAN_MOTION": "mean motion",
}
_FORMS = "give TLE, 3LE, or OMM as JSON, CSV, XML or KVN, as CelesTrak and Space-Track serve them"
_LENGTH = 68
"""Characters of a line without its checksum; whatever follows the checksum is not part of the set."""
# columns that are blank in a line, and those with a decimal point
_BLANKS = {"1": (1, 8, 17, 32, 43, 52, 61, 63), "2": (1, 7, 16, 25, 33, 42, 51)}
_POINTS = {"1": (23, 34), "2": (11, 20, 37, 46, 54)}
_SPACES_AND_DASHES = {
    **dict.fromkeys(map(ord, "\t\u00a0\u1680\u2007\u202f\u205f\u3000"), " "),
    **dict.fromkeys(range(0x2000, 0x200B), " "),
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2212"), "-"),
    **dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"), None),
}
"""What a copy from a web page puts in the place of blanks and minus signs, or between characters."""
_START = re.compile(r"1 [ 0-9A-Z][ 0-9]{3}[0-9][ A-Z] |2 [ 0-9A-Z][ 0-9]{3}[0-9] ", re.ASCII)


class _Line(NamedTuple):
    where: str
    text: str
    kind: str  # "1" or "2", "" for other text


def read_tle(text: str, source: str, sieve: Sieve | None = None) -> Iterator[ElementSet]:
    """The sound element sets of a TLE or 3LE text; what is not sound, or no element set, goes to `sieve`.

    Without one, SandboxError is raised for it, with `source`, line, field and remedy.
    """
    sieve = sieve or Sieve(source, strict=True)
    name: _Line | None = None  # the text before line 1, if nothing came between
    first: _Line | None = None
    broken = ""  # the number in a line 1 that was left out without its line 2
    for line in _lines(text, source):
        if first is not None and line.kind != "2":
            sieve.leave_out(_misplaced(line, "2"), _called(name) or plain_name(first.text[2:7]))
            broken, name, first = first.text[2:7], None, None
        if line.kind == "1":
            first = line
        elif line.kind == "2":
            if first is None and line.text[2:7] == broken:
                pass  # its line 1 has been left out
            elif first is None:
                sieve.leave_out(_misplaced(line, "1"), _called(name))
            else:
                try:
                    yield _element_set(_called(name), first, line)
                except SandboxError as error:
                    sieve.leave_out(error, _called(name) or plain_name(first.text[2:7]))
            name = first = None
        else:
            if name is not None:
                sieve.pass_over(_misplaced(line, "1"))
            name = line
    if first is not None:
        sieve.leave_out(_ends(source, first, "2"), _called(name) or plain_name(first.text[2:7]))
    elif name is not None:
        sieve.pass_over(_ends(source, name, "1"))


def _lines(text: str, source: str) -> Iterator[_Line]:
    """The lines of a text but for empty ones and comments."""
    for i, line in enumerate(text.splitlines(), 1):
        if not line or line.isspace():
            continue
        tidy = line[:200].translate(_SPACES_AND_DASHES).strip()
        if tidy and not tidy.startswith("#"):
            yield _Line(f"{source}, line {i}", tidy, _kind(tidy))


def _kind(line: str) -> str:
    """Which line of a set this is, or was before it was damaged."""
    if not line.startswith(("1 ", "2 ")):
        return ""
    return line[0] if _START.match(line) or sum(c.isdigit() for c in line) >= 20 else ""


def looks_like_tle(text: str) -> bool:
    """Whether the text has both lines of a set somewhere near its start."""
    kinds = {_kind(line.translate(_SPACES_AND_DASHES).strip()) for line in text[:20_000].splitlines()}
    return {"1", "2"} <= kinds


def _called(name: _Line | None) -> str:
    return plain_name(name.text.removeprefix("0 ")) if name else ""


def _misplaced(line: _Line, kind: str) -> SandboxError:
    return SandboxError(
        f"{line.where}: {line.text[:30]!r} stands where line {kind} of a TLE should; {_FORMS}."
    )


def _ends(source: str, last: _Line, kind: str) -> SandboxError:
    return SandboxError(
        f"{source}: the text ends after {last.text[:69]!r} without line {kind} of a TLE; {_FORMS}."
    )


def _checked(line: _Line) -> str:
    """The 69 columns of a line, with the checksum that it has or should have."""
    where, text = line.where, line.text[: _LENGTH + 1]
    if len(text.rstrip()) < _LENGTH:
        raise SandboxError(f"{where}: the line has {len(text)} characters, not 69; fetch the file again.")
    if not text.isascii():
        odd = next(c for c in text if not c.isascii())
        raise SandboxError(f"{where}: {odd!r} is no character of a TLE; fetch the file again.")
    total = str(checksum(text))
    if text[_LENGTH:].strip():
        if text[_LENGTH] != total:
            raise SandboxError(
                f"{where}: the checksum is {text[_LENGTH]!r} and the line adds up to {total}; "
                "a character was changed: fetch the file again."
            )
    elif not _in_columns(text, line.kind):
        raise SandboxError(
            f"{where}: the line has {_LENGTH} characters without a checksum, and its fields do not stand in "
            "their columns; fetch the file again."
        )
    return text[:_LENGTH] + total


def _in_columns(text: str, kind: str) -> bool:
    return all(text[i] == " " for i in _BLANKS[kind]) and all(text[i] == "." for i in _POINTS[kind])


def checksum(line: str) -> int:
    """Sum of the digits of a TLE line's first 68 characters, minus signs counting 1, modulo 10."""
    return sum(int(c) if c in "0123456789" else c == "-" for c in line[:68]) % 10


def _element_set(name: str, first: _Line, second: _Line) -> ElementSet:
    where1, where2 = first.where, second.where
    line1, line2 = _checked(first), _checked(second)
    norad_id, epoch = _satellite_number(line1, where1), _epoch(line1, where1)
    if line2[2:7] != line1[2:7] and line2[2:7].strip().zfill(5) != line1[2:7].strip().zfill(5):
        raise SandboxError(
            f"{where2}: satellite number {line2[2:7]!r} follows line 1 of {line1[2:7]!r}; pair the lines."
        )
    refuse_xp(line1[62], where1)
    numbers = {
        key: number({key: _decimal(line[at], key)}, key, where, _CALLED)
        for line, where, columns in ((line1, where1, _LINE_1), (line2, where2, _LINE_2))
        for key, at in columns.items()
    }
    satellite = Satrec.twoline2rv(line1, line2)
    if not _agrees(satellite, numbers):
        raise SandboxError(
            f"{where2}: SGP4 reads other numbers than stand in the columns of this set; fetch the file again."
        )
    return ElementSet(name or str(norad_id), norad_id, epoch, satellite, line1[9:17].strip())


def _agrees(satellite: Satrec, numbers: dict[str, float]) -> bool:
    """Whether `sgp4`, which goes by blanks more than by columns, found the same elements."""
    ours = (
        numbers["ECCENTRICITY"],
        *(
            radians(numbers[k])
            for k in ("INCLINATION", "RA_OF_ASC_NODE", "ARG_OF_PERICENTER", "MEAN_ANOMALY")
        ),
        numbers["MEAN_MOTION"] * tau / 1440,
        numbers["BSTAR"],
    )
    theirs = (
        satellite.ecco, satellite.inclo, satellite.nodeo, satellite.argpo, satellite.mo, satellite.no_kozai,
        satellite.bstar,
    )  # fmt: skip
    return all(isclose(a, b, rel_tol=1e-9, abs_tol=1e-12) for a, b in zip(ours, theirs, strict=True))


def _satellite_number(line1: str, where: str) -> int:
    if not re.fullmatch(r" *[0-9]+|[A-HJ-NP-Z][0-9]{4}", line1[2:7]):
        raise SandboxError(
            f"{where}: satellite number is {line1[2:7]!r}; it must be digits or Alpha-5: {SAME}."
        )
    return from_alpha5(line1[2:7].strip())


def _epoch(line1: str, where: str) -> datetime:
    try:
        return year_and_day(line1[18:32])
    except ValueError:
        raise SandboxError(
            f"{where}: epoch is {shown(line1[18:32])}; it must be two digits of a year, and a day: {SAME}."
        ) from None


def _decimal(text: str, key: str) -> str:
    """The text of a field with the decimal point and exponent that its columns imply."""
    if key == "ECCENTRICITY":
        return f".{text}"
    if key in ("BSTAR", "MEAN_MOTION_DDOT"):
        return re.sub(r"^([ +-]?)([0-9]{5})([ +-][0-9])$", r"\1.\2e\3", text).replace("e ", "e+").strip()
    return text.strip()
