"""Two-line element sets, with or without name lines. `sgp4` checks neither sums nor fields: we do."""

import re
from collections import deque
from collections.abc import Iterator
from datetime import datetime

from sgp4.alpha5 import from_alpha5
from sgp4.api import Satrec

from sandbox.errors import SandboxError
from sandbox.orbits.element_sets import SAME, ElementSet, number, year_and_day

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
_FORMS = "give TLE, 3LE, or OMM as JSON, CSV or XML, as CelesTrak and Space-Track serve them"


def read_tle(text: str, source: str) -> Iterator[ElementSet]:
    """The element sets of a TLE or 3LE text. Raises SandboxError with `source`, line, field and remedy."""
    lines = deque((i, line.rstrip()) for i, line in enumerate(text.splitlines(), 1) if line.strip())
    while lines:
        name = None
        if not lines[0][1].startswith(("1 ", "2 ")):
            name = lines.popleft()[1].removeprefix("0 ").strip()
        first = _take(lines, "1", source, after=name)
        second = _take(lines, "2", source, after=first[1])
        yield _element_set(name, *first, *second)


def _take(lines: deque[tuple[int, str]], kind: str, source: str, after: str | None) -> tuple[str, str]:
    """Where the next line stands, and the line, which must be a sound line `kind`."""
    if not lines:
        raise SandboxError(f"{source}: the text ends after {after!r} without line {kind} of a TLE; {_FORMS}.")
    i, line = lines.popleft()
    where = f"{source}, line {i}"
    if not line.startswith(f"{kind} "):
        raise SandboxError(f"{where}: {line[:30]!r} stands where line {kind} of a TLE should; {_FORMS}.")
    if len(line) != 69:
        raise SandboxError(f"{where}: the line has {len(line)} characters, not 69; fetch the file again.")
    if line[68] != str(checksum(line)):
        raise SandboxError(
            f"{where}: the checksum is {line[68]!r} and the line adds up to {checksum(line)}; "
            "a character was changed: fetch the file again."
        )
    return where, line


def checksum(line: str) -> int:
    """Sum of the digits of a TLE line's first 68 characters, minus signs counting 1, modulo 10."""
    return sum(int(c) if c in "0123456789" else c == "-" for c in line[:68]) % 10


def _element_set(name: str | None, where1: str, line1: str, where2: str, line2: str) -> ElementSet:
    norad_id, epoch = _satellite_number(line1, where1), _epoch(line1, where1)
    if line2[2:7] != line1[2:7]:
        raise SandboxError(
            f"{where2}: satellite number {line2[2:7]!r} follows line 1 of {line1[2:7]!r}; pair the lines."
        )
    for line, where, columns in ((line1, where1, _LINE_1), (line2, where2, _LINE_2)):
        for key, at in columns.items():
            number({key: _decimal(line[at], key)}, key, where, _CALLED)
    return ElementSet(name or str(norad_id), norad_id, epoch, Satrec.twoline2rv(line1, line2))


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
            f"{where}: epoch is {line1[18:32]!r}; it must be two digits of a year, and a day: {SAME}."
        ) from None


def _decimal(text: str, key: str) -> str:
    """The text of a field with the decimal point and exponent that its columns imply."""
    if key == "ECCENTRICITY":
        return f".{text}"
    if key in ("BSTAR", "MEAN_MOTION_DDOT"):
        return re.sub(r"^([ +-]?)([0-9]{5})([ +-][0-9])$", r"\1.\2e\3", text).replace("e ", "e+").strip()
    return text.strip()
