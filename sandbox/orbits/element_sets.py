"""One satellite's SGP4 elements, whatever file they came from: checked, then handed to the `sgp4` package.

Elements are dictionaries with the names of the OMM standard (CCSDS 502.0-B-3) and the units of a TLE:
degrees, revolutions a day, 1 / Earth radius.
"""

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


SAME = "fetch the file again or correct the field"
_ANGLE = (lambda v: -360 <= v <= 360), "an angle within -360 and 360 degrees"
_NUMBER = isfinite, "a finite number"

# what must hold of each number that SGP4 reads, or that a catalogue must state
_LIMITS: dict[str, tuple[Callable[[float], bool], str]] = {
    "MEAN_MOTION": ((lambda v: 0 < v < 20), "above 0 and below 20 revolutions a day"),
    "ECCENTRICITY": ((lambda v: 0 <= v < 1), "at least 0 and below 1"),
    "INCLINATION": ((lambda v: 0 <= v <= 180), "an angle from 0 to 180 degrees"),
    "RA_OF_ASC_NODE": _ANGLE,
    "ARG_OF_PERICENTER": _ANGLE,
    "MEAN_ANOMALY": _ANGLE,
    "BSTAR": _NUMBER,
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
_DEFAULTS = {"OBJECT_ID": "", "MEAN_MOTION_DOT": 0, "MEAN_MOTION_DDOT": 0}  # none moves a satellite in SGP4


def element_set(fields: Mapping[str, Any], where: str, called: Mapping[str, str] | None = None) -> ElementSet:
    """The satellite of OMM `fields`. `called` gives the names by which the user knows them.

    Raises SandboxError with `where`, field and value if one is missing, not a number, or out of range.
    """
    called = called or {}
    fields = _DEFAULTS | {key: value for key, value in fields.items() if value not in (None, "")}
    _check_assumptions(fields, where)
    numbers = {key: number(fields, key, where, called) for key in _LIMITS}
    name = str(_required(fields, "OBJECT_NAME", where, called)).strip()
    epoch = _epoch(_required(fields, "EPOCH", where, called), where, called.get("EPOCH", "EPOCH"))
    satellite = Satrec()
    initialize(satellite, {**fields, **numbers, **_bookkeeping(fields, int(numbers["NORAD_CAT_ID"]), epoch)})
    return ElementSet(name, int(numbers["NORAD_CAT_ID"]), epoch, satellite)


def number(fields: Mapping[str, Any], key: str, where: str, called: Mapping[str, str]) -> float:
    """One numeric field. Raises SandboxError as `element_set` does."""
    text, (holds, words) = _required(fields, key, where, called), _LIMITS[key]
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = float("nan")
    if not (isfinite(value) and holds(value)):
        raise SandboxError(f"{where}: {called.get(key, key)} is {text!r}; it must be {words}: {SAME}.")
    return value


def _required(fields, key, where, called) -> Any:
    if key not in fields:
        raise SandboxError(f"{where}: {called.get(key, key)} is missing; SGP4 cannot do without it: {SAME}.")
    return fields[key]


def _check_assumptions(fields, where) -> None:
    for key, allowed in _ASSUMED.items():
        if str(fields.get(key, allowed[0])) not in allowed:
            raise SandboxError(
                f"{where}: {key} is {fields[key]!r}, SGP4 needs {allowed[0]!r}; fetch the set as GP data."
            )


def _bookkeeping(fields, norad_id: int, epoch: datetime) -> dict[str, object]:
    """What `sgp4.omm` insists on beside the numbers; an id too long for Alpha-5 stays with us."""
    return {
        "EPOCH": epoch.strftime("%Y-%m-%dT%H:%M:%S.%f"),
        "NORAD_CAT_ID": norad_id if norad_id <= 339_999 else 0,
        "OBJECT_ID": str(fields["OBJECT_ID"])[:11],
        "CLASSIFICATION_TYPE": "U",
        "EPHEMERIS_TYPE": 0,
        "ELEMENT_SET_NO": 0,
        "REV_AT_EPOCH": 0,
    }


def _epoch(value: Any, where: str, name: str) -> datetime:
    try:
        return as_utc(value) if "-" in str(value) else year_and_day(str(value))
    except (SandboxError, ValueError):
        raise SandboxError(
            f"{where}: {name} is {value!r}; it must be ISO 8601, or a two-digit year and day like 26177.5."
        ) from None


def year_and_day(text: str) -> datetime:
    """UTC of a TLE's epoch, such as '26177.93574109' (57 to 99 are 1957 to 1999). Raises ValueError."""
    year, day = int(text[:2]), float(text[2:])
    if not 1 <= day < 367:
        raise ValueError(text)
    return datetime(year + (1900 if year >= 57 else 2000), 1, 1, tzinfo=UTC) + timedelta(days=day - 1)
