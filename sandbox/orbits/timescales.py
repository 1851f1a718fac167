"""UTC in, TT and UT1 out, as two-part Julian dates in the manner of erfa."""

import re
import warnings
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Union

import erfa
import numpy as np

from sandbox.errors import SandboxError
from sandbox.orbits import iers
from sandbox.units import DAY, is_time

if TYPE_CHECKING:
    from astropy.time import Time

Epoch = Union[datetime, str, "Time"]
_MJD_ZERO = 2_400_000.5
_DAY_OF_YEAR = re.compile(r"([0-9]{4})-([0-9]{3})(T.*)?", re.ASCII)


def as_utc(when: Epoch) -> datetime:
    """`when` as an aware UTC datetime: one of any zone, an astropy Time of any scale, or ISO 8601.

    A string without an offset is taken as UTC; it may state the day of the year (2026-170T12:00:00), as CCSDS
    301.0-B has it. Raises SandboxError for one that is no date, for a naive datetime, an array of times, a
    moment within a leap second, which a datetime cannot name, and a time that no calendar of four digits
    holds.
    """
    if is_time(when):
        return _of_time(when)
    if isinstance(when, str):
        try:
            parsed = datetime.fromisoformat(_calendar_date(when.strip()))
        except ValueError:
            raise SandboxError(
                f"Epoch {when[:60]!r} is not a date; write it as ISO 8601 UTC, such as '2026-06-26T22:00:00'."
            ) from None
        when = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    if not isinstance(when, datetime) or when.tzinfo is None:
        raise SandboxError(
            f"Epoch {when!r} has no time zone; give an aware UTC datetime, a Time or an ISO 8601 string."
        )
    try:
        return when.astimezone(UTC)
    except OverflowError:
        raise SandboxError(
            f"Epoch {when.isoformat()} lies outside the years 1 to 9999 of UTC; choose another."
        ) from None


def _calendar_date(text: str) -> str:
    """An ISO 8601 date with its day of the year, if it has that, as month and day. Raises ValueError."""
    if (found := _DAY_OF_YEAR.fullmatch(text)) is None:
        return text
    year, day = int(found[1]), int(found[2])
    first = date(year, 1, 1)
    found_date = first + timedelta(days=min(max(day, 1), 366) - 1)
    if day < 1 or found_date.year != year:
        raise ValueError(text)
    return f"{found_date.isoformat()}{found[3] or ''}"


def _of_time(when: Any) -> datetime:
    if not when.isscalar:
        raise SandboxError(f"The epoch is an array of {when.size} times; give one Time.")
    try:
        return when.utc.to_datetime(timezone=UTC)
    except ValueError as error:
        raise SandboxError(f"Epoch {when.isot} is no date of UTC ({error}); choose another time.") from None


def as_time(when: Epoch) -> "Time":
    """`when` as an astropy Time: a Time as it is, all else as UTC. Raises SandboxError as `as_utc`."""
    if is_time(when):
        return when
    from astropy.time import Time

    return Time(as_utc(when).replace(tzinfo=None), scale="utc")


def julian_date(when: Epoch) -> tuple[float, float]:
    """UTC Julian date of `when` as (day at 0 h, fraction of the day, which may have a leap second)."""
    when = as_utc(when)
    second = when.second + when.microsecond / 1e6
    with _erfa_quiet():
        jd, fraction = erfa.dtf2d("UTC", when.year, when.month, when.day, when.hour, when.minute, second)
    return float(jd), float(fraction)


def utc_after(jd: float, fraction: float, seconds) -> tuple[np.ndarray, np.ndarray]:
    """The UTC Julian date `seconds` (SI, any shape) after another: leap seconds are counted."""
    with _erfa_quiet():
        tai1, tai2 = erfa.utctai(jd, fraction)
        return erfa.taiutc(tai1, tai2 + np.asarray(seconds) / DAY)


def terrestrial_time(jd, fraction) -> tuple[np.ndarray, np.ndarray]:
    """TT of a UTC Julian date (any shape)."""
    with _erfa_quiet():
        return erfa.taitt(*erfa.utctai(jd, fraction))


def universal_time(jd, fraction) -> tuple[np.ndarray, np.ndarray]:
    """UT1 of a UTC Julian date (any shape), from `iers`. Raises SandboxError before 1973."""
    ut1_utc, _, _ = iers.earth_orientation(np.asarray(jd) - _MJD_ZERO + fraction)
    with _erfa_quiet():
        return erfa.utcut1(jd, fraction, ut1_utc)


def universal_time_or_utc(jd, fraction) -> tuple[np.ndarray, np.ndarray]:
    """UT1 of a UTC Julian date (any shape); UTC itself for all of them if one lies before the table."""
    if np.all(np.asarray(jd) - _MJD_ZERO + fraction >= iers.first_day()):
        return universal_time(jd, fraction)
    return np.asarray(jd, float), np.asarray(fraction, float)


def polar_motion(jd, fraction) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of the pole (rad) at a UTC Julian date (any shape). Raises SandboxError before 1973."""
    _, x, y = iers.earth_orientation(np.asarray(jd) - _MJD_ZERO + fraction)
    return x, y


class _erfa_quiet(warnings.catch_warnings):
    """Silences erfa's "dubious year": after its last known leap second none is assumed."""

    def __enter__(self):
        super().__enter__()
        warnings.simplefilter("ignore", erfa.ErfaWarning)
