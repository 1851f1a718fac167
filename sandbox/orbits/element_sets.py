"""One satellite's SGP4 elements, whatever file they came from: checked, then handed to the `sgp4` package.

Elements are dictionaries with the names of the OMM standard (CCSDS 502.0-B-3) and the units of a TLE:
degrees, revolutions a day, 1 / Earth radius.
"""

import re
import reprlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any, NamedTuple

from sgp4.api import Satrec
from sgp4.omm import initialize

from sandbox.errors import SandboxError
from sandbox.orbits.timescales import as_utc


class ElementSet(NamedTuple):
    """A named satellite, ready for SGP4."""

    name: str
    norad_id: int
    epoch: datetime  # UTC
    satellite: Satrec
    cospar_id: str = ""  # international designator as its file writes it, without hyphens


SAME = "fetch the file again or correct the field"
FIRST_YEAR, LAST_YEAR = 1957, 2099
"""Years that an epoch may lie in: from the first satellite on."""
LONGEST_NAME = 100

_ANGLE = (lambda v: -360 <= v <= 360), "an angle within -360 and 360 degrees"
_NUMBER = isfinite, "a finite number"

# what must hold of each number that SGP4 reads, or that a catalogue must state
_LIMITS: dict[str, tuple[Callable[[float], bool], str]] = {
    # 0.001 a day: 4 million km, beyond all that orbits the Earth
    "MEAN_MOTION": ((lambda v: 0.001 <= v < 20), "above 0 (0.001 at least) and below 20 revolutions a day"),
    "ECCENTRICITY": ((lambda v: 0 <= v < 1), "at least 0 and below 1"),
    "INCLINATION": ((lambda v: 0 <= v <= 180), "an angle from 0 to 180 degrees"),
    "RA_OF_ASC_NODE": _ANGLE,
    "ARG_OF_PERICENTER": _ANGLE,
    "MEAN_ANOMALY": _ANGLE,
    # a foil of 100 m2/kg has about 15: B* is 0.157 / Earth radius for each m2/kg of Cd A / m
    "BSTAR": ((lambda v: -1000 <= v <= 1000), "a number within -1000 and 1000"),
    "MEAN_MOTION_DOT": _NUMBER,
    "MEAN_MOTION_DDOT": _NUMBER,
    "NORAD_CAT_ID": ((lambda v: 0 <= v < 1e9 and v == int(v)), "a whole number of at most nine digits"),
}
# what SGP4 assumes; a file that says otherwise is not for it
_ASSUMED = {
    "REF_FRAME": ("TEME",),
    "TIME_SYSTEM": ("UTC",),
    "MEAN_ELEMENT_THEORY": ("SGP4", "SGP/SGP4"),
    "EPHEMERIS_TYPE": ("0", "2"),
}
XP = "4"
"""The ephemeris type of SGP4-XP, whose elements SGP4 would fly kilometres off."""
_DEFAULTS = {"OBJECT_ID": "", "MEAN_MOTION_DOT": 0, "MEAN_MOTION_DDOT": 0}  # none moves a satellite in SGP4
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)


def element_set(fields: Mapping[str, Any], where: str, called: Mapping[str, str] | None = None) -> ElementSet:
    """The satellite of OMM `fields`, by its number if it has no name. `called` gives the user's field names.

    Raises SandboxError with `where`, field and value if one is missing, not a number, or out of range.
    """
    called = called or {}
    fields = _DEFAULTS | {key: value for key, value in fields.items() if not _absent(value)}
    _check_assumptions(fields, where)
    numbers = {key: number(fields, key, where, called) for key in _LIMITS}
    norad_id = int(numbers["NORAD_CAT_ID"])
    name = plain_name(fields.get("OBJECT_NAME")) or str(norad_id)
    epoch = _epoch(_required(fields, "EPOCH", where, called), where, called.get("EPOCH", "EPOCH"))
    cospar_id = plain_name(fields["OBJECT_ID"])[:11]
    satellite = Satrec()
    initialize(satellite, {**fields, **numbers, **_bookkeeping(cospar_id, norad_id, epoch)})
    return ElementSet(name, norad_id, epoch, satellite, _designator(cospar_id))


def _absent(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def plain_name(value: Any) -> str:
    """A name as one line of printable characters without doubled blanks; empty for what is no text."""
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        return ""
    text = str(value) if isinstance(value, str) or abs(value) < 10**20 else ""
    printable = "".join(c if c.isprintable() else " " for c in text[: 10 * LONGEST_NAME])
    return " ".join(printable.split())[:LONGEST_NAME]


def _designator(cospar_id: str) -> str:
    """An international designator without century and hyphen, as TLE write it: 98067A."""
    long = re.fullmatch(r"[0-9]{2}([0-9]{2})-([0-9]{3}[A-Z]{0,3})", cospar_id)
    return "".join(long.groups()) if long else cospar_id


def shown(value: Any) -> str:
    """A value as an error shows it: never longer than a line."""
    try:
        text = (
            repr(value) if isinstance(value, (str, float)) and len(str(value)) <= 40 else reprlib.repr(value)
        )
    except ValueError:  # Python writes no whole number of more than 4,300 digits
        return "a number of thousands of digits"
    return text if len(text) <= 60 else f"{text[:57]}..."


def number(fields: Mapping[str, Any], key: str, where: str, called: Mapping[str, str]) -> float:
    """One numeric field. Raises SandboxError as `element_set` does."""
    value, (holds, words) = _required(fields, key, where, called), _LIMITS[key]
    if not (isfinite(found := as_number(value)) and holds(found)):
        raise SandboxError(f"{where}: {called.get(key, key)} is {shown(value)}; it must be {words}: {SAME}.")
    return found


def as_number(value: Any) -> float:
    """A number, or decimal digits of ASCII, as a float; NaN for everything else."""
    if isinstance(value, str) and not _DECIMAL.fullmatch(value.strip()):
        return float("nan")
    try:
        return float("nan") if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return float("nan")


def _required(fields, key, where, called) -> Any:
    if key not in fields:
        raise SandboxError(f"{where}: {called.get(key, key)} is missing; SGP4 cannot do without it: {SAME}.")
    return fields[key]


def _check_assumptions(fields, where) -> None:
    for key, allowed in _ASSUMED.items():
        stated = fields.get(key, allowed[0])
        text = stated.strip().upper() if isinstance(stated, str) else shown(stated)
        if key == "EPHEMERIS_TYPE" and as_number(stated) in (0.0, 2.0, float(XP)):
            text = str(int(as_number(stated)))
        if text not in allowed:
            raise SandboxError(
                f"{where}: {_unfit(key, shown(stated), allowed[0], text)}; fetch the set as GP data."
            )
    if "BSTAR" not in fields and ("BTERM" in fields or "AGOM" in fields):
        raise SandboxError(
            f"{where}: BSTAR is missing and BTERM or AGOM given; {_NOT_XP}; fetch the set as GP data."
        )


_NOT_XP = "SGP4 cannot fly elements of SGP4-XP"


def _unfit(key: str, stated: str, needed: str, text: str) -> str:
    if key == "EPHEMERIS_TYPE" and text == XP:
        return f"{key} is {stated}, SGP4 needs {needed!r}: {_NOT_XP}"
    return f"{key} is {stated}, SGP4 needs {needed!r}"


def refuse_xp(ephemeris_type: str, where: str) -> None:
    """Raises SandboxError for the ephemeris type of SGP4-XP in a TLE."""
    if ephemeris_type == XP:
        raise SandboxError(f"{where}: ephemeris type is '4', {_NOT_XP}; fetch the set as GP data.")


def _bookkeeping(cospar_id: str, norad_id: int, epoch: datetime) -> dict[str, object]:
    """What `sgp4.omm` insists on beside the numbers; an id too long for Alpha-5 stays with us."""
    return {
        "EPOCH": epoch.strftime("%Y-%m-%dT%H:%M:%S.%f"),
        "NORAD_CAT_ID": norad_id if norad_id <= 339_999 else 0,
        "OBJECT_ID": cospar_id if cospar_id.isascii() else "",
        "CLASSIFICATION_TYPE": "U",
        "EPHEMERIS_TYPE": 0,
        "ELEMENT_SET_NO": 0,
        "REV_AT_EPOCH": 0,
    }


def _epoch(value: Any, where: str, name: str) -> datetime:
    try:
        if isinstance(value, datetime):
            epoch = as_utc(value)
        else:
            text = value.strip() if isinstance(value, str) else shown(value)
            epoch = as_utc(text) if "-" in text else year_and_day(text)
    except (SandboxError, ValueError):
        raise SandboxError(
            f"{where}: {name} is {shown(value)}; it must be ISO 8601, or year and day like 26177.5."
        ) from None
    if not FIRST_YEAR <= epoch.year <= LAST_YEAR:
        raise SandboxError(
            f"{where}: {name} is {shown(value)}; it must lie within {FIRST_YEAR} and {LAST_YEAR}: {SAME}."
        )
    return epoch


def year_and_day(text: str) -> datetime:
    """UTC of a TLE's epoch, such as '26177.93574109' (57 to 99 are 1957 to 1999). Raises ValueError."""
    if not re.fullmatch(r"[ 0-9][0-9][ 0-9]{2}[0-9](\.[0-9]*)? *", text, re.ASCII):
        raise ValueError(text)
    year, day = int(text[:2]), float(text[2:])
    if not 1 <= day < 367:
        raise ValueError(text)
    return datetime(year + (1900 if year >= 57 else 2000), 1, 1, tzinfo=UTC) + timedelta(days=day - 1)
