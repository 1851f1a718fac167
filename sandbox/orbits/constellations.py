"""Constellations as mean elements: rows of (a, e, i, raan, argp, M), in m and rad, plane by plane."""

from collections.abc import Sequence
from math import acos, inf, isfinite, pi, sqrt

import erfa
import numpy as np

from sandbox.errors import SandboxError
from sandbox.orbits.bodies import J2, MU_EARTH, R_EARTH
from sandbox.orbits.elements import mean_motion, mean_states
from sandbox.orbits.timescales import Epoch, julian_date, universal_time
from sandbox.units import DAY, accepts_quantities

__all__ = [
    "least_separation",
    "states",
    "sun_synchronous",
    "sun_synchronous_inclination",
    "walker_delta",
    "walker_star",
]

TROPICAL_YEAR_S = 365.24219 * DAY  # IAU, at J2000
MIN_ALTITUDE_M, MAX_ALTITUDE_M = 160e3, 60_000e3  # below it air ends an orbit within hours


@accepts_quantities(altitude_m="m", inclination="rad", raan0="rad", eccentricity="")
def walker_delta(
    total: int,
    planes: int,
    phasing: int,
    altitude_m: float,
    inclination: float,
    raan0: float = 0.0,
    eccentricity: float = 0.0,
) -> np.ndarray:
    """Walker delta i: total/planes/phasing, its ascending nodes around the whole equator. Returns (total, 6).

    `altitude_m` is of the semi-major axis above the equatorial radius; inclination and raan0 (of the first
    plane) are in rad. A satellite leads its neighbour in the plane before by phasing * 2 pi / total (Walker
    1984). Raises SandboxError for counts that do not fit and values out of range.
    """
    raans = raan0 + np.arange(_whole("planes", planes)) * 2 * pi / planes
    return _shell(total, raans, phasing, altitude_m, inclination, eccentricity)


@accepts_quantities(altitude_m="m", inclination="rad", raan0="rad", eccentricity="")
def walker_star(
    total: int,
    planes: int,
    phasing: int,
    altitude_m: float,
    inclination: float,
    raan0: float = 0.0,
    eccentricity: float = 0.0,
) -> np.ndarray:
    """As `walker_delta` (total, 6), in m and rad, nodes around half the equator, for near-polar planes."""
    raans = raan0 + np.arange(_whole("planes", planes)) * pi / planes
    return _shell(total, raans, phasing, altitude_m, inclination, eccentricity)


@accepts_quantities(altitude_m="m", local_time_h="h", eccentricity="")
def sun_synchronous(
    total: int,
    planes: int,
    altitude_m: float,
    local_time_h: float | Sequence[float],
    epoch: Epoch,
    phasing: int = 0,
    eccentricity: float = 0.0,
) -> np.ndarray:
    """A shell whose planes keep their mean local time at the ascending node. Returns (total, 6).

    `local_time_h` is one hour for each plane, or that of the first: the others then follow over 12 h, as in a
    Walker star. `epoch` is the UTC of the elements. Raises SandboxError as `walker_delta`, and for a local
    time outside 0 to 24 h.
    """
    hours = np.atleast_1d(np.asarray(local_time_h, dtype=float))
    if not ((hours >= 0) & (hours <= 24)).all():
        raise SandboxError(f"local_time_h is {local_time_h}; it must lie within 0 and 24 hours.")
    if len(hours) == 1:
        hours = hours + np.arange(_whole("planes", planes)) * 12 / planes
    if len(hours) != planes:
        raise SandboxError(f"local_time_h has {len(hours)} hours for {planes} planes; give one, or {planes}.")
    raans = _mean_sun(epoch) + (hours - 12) * pi / 12
    inclination = sun_synchronous_inclination(altitude_m, eccentricity)
    return _shell(total, raans, phasing, altitude_m, inclination, eccentricity)


@accepts_quantities(altitude_m="m", eccentricity="")
def sun_synchronous_inclination(altitude_m: float, eccentricity: float = 0.0) -> float:
    """Inclination (rad) at which J2 turns the node once a tropical year (Vallado, 4th ed., section 11.4.1).

    Raises SandboxError where there is none: above 5,970 km if circular.
    """
    a = _semi_major_axis(altitude_m, eccentricity)
    p = a * (1 - eccentricity**2)
    cosine = -(2 * pi / TROPICAL_YEAR_S) / (1.5 * J2 * (R_EARTH / p) ** 2 * mean_motion(MU_EARTH, a))
    if cosine < -1:
        raise SandboxError(
            f"No orbit at altitude_m = {altitude_m:g} is Sun-synchronous; choose one below 5,970 km."
        )
    return acos(cosine)


def states(mean_elements) -> tuple[np.ndarray, np.ndarray]:
    """GCRS positions (N, 3) in m and velocities (N, 3) in m/s of mean elements (N, 6), to fly under J2.

    Raises SandboxError for other shapes, and for numbers that are not finite.
    """
    return mean_states(np.ascontiguousarray(_rows(mean_elements)))


def least_separation(mean_elements) -> float:
    """The least distance (m) at which two satellites of a circular shell ever pass each other; inf of one.

    `mean_elements` (N, 6), in m and rad, share semi-major axis and inclination, so that all pairs keep their
    geometry under J2. The cosine of the angle between two of them is a constant and a wave of twice their
    rate, whose crest is known. Raises SandboxError for rows of other shapes, orbits and eccentric ones.
    """
    rows = _rows(mean_elements)
    if len(rows) < 2:
        return inf
    a, e, inclination = rows[:, 0], rows[:, 1], rows[:, 2]
    if (e > 1e-6).any() or np.ptp(a) > 1.0 or np.ptp(inclination) > 1e-6:
        raise SandboxError(
            "The satellites are not of one circular shell; give mean elements of one semi-major axis and "
            "inclination, and an eccentricity of 0."
        )
    raan, latitude = rows[:, 3], rows[:, 4] + rows[:, 5]
    node = np.stack((np.cos(raan), np.sin(raan), np.zeros(len(rows))), -1)
    across = np.stack((-np.sin(raan), np.cos(raan), np.zeros(len(rows))), -1) * np.cos(inclination)[:, None]
    across[:, 2] = np.sin(inclination)
    cosine, sine = np.cos(latitude)[:, None], np.sin(latitude)[:, None]
    up, ahead = cosine * node + sine * across, cosine * across - sine * node
    both, each, mixed = up @ up.T, ahead @ ahead.T, up @ ahead.T
    nearest = 0.5 * (both + each) + 0.5 * np.hypot(both - each, mixed + mixed.T)
    np.fill_diagonal(nearest, -np.inf)
    return float(a[0]) * sqrt(2.0 * max(0.0, 1.0 - float(nearest.max())))


def _rows(mean_elements) -> np.ndarray:
    rows = np.asarray(mean_elements, dtype=float)
    if rows.ndim != 2 or rows.shape[1] != 6 or not np.isfinite(rows).all():
        raise SandboxError(f"Mean elements of shape {rows.shape} must be finite numbers of shape (N, 6).")
    return rows


def _shell(total, raans, phasing, altitude_m, inclination, eccentricity) -> np.ndarray:
    """`total` satellites evenly over the planes; neighbours in adjacent planes differ by the phasing."""
    planes, per_plane = len(raans), _whole("total", total) // len(raans)
    if total % planes:
        raise SandboxError(f"total is {total}, which {planes} planes do not divide; change one of the two.")
    if not isinstance(phasing, int | np.integer) or not 0 <= phasing < planes:
        raise SandboxError(f"phasing is {phasing}; it must be a whole number from 0 to {planes - 1}.")
    if not 0 <= inclination <= pi:
        raise SandboxError(f"inclination is {inclination}; it must lie within 0 and pi (rad, not degrees).")
    plane, slot = np.divmod(np.arange(total), per_plane)
    anomaly = 2 * pi * (slot / per_plane + plane * phasing / total)
    rows = np.zeros((total, 6))
    rows[:, 0] = _semi_major_axis(altitude_m, eccentricity)
    rows[:, 1], rows[:, 2] = eccentricity, inclination
    rows[:, 3], rows[:, 5] = raans[plane] % (2 * pi), anomaly % (2 * pi)
    return rows


def _whole(name: str, count) -> int:
    if not isinstance(count, int | np.integer) or count < 1:
        raise SandboxError(f"{name} is {count}; it must be a whole number, 1 or more.")
    return int(count)


def _semi_major_axis(altitude_m: float, eccentricity: float) -> float:
    if not 0 <= eccentricity < 1:
        raise SandboxError(f"eccentricity is {eccentricity}; it must be at least 0 and below 1.")
    a = R_EARTH + altitude_m
    perigee = a * (1 - eccentricity) - R_EARTH
    if not (isfinite(altitude_m) and perigee >= MIN_ALTITUDE_M and altitude_m <= MAX_ALTITUDE_M):
        raise SandboxError(
            f"altitude_m is {altitude_m:g} (perigee {perigee:g}); the perigee must be above "
            f"{MIN_ALTITUDE_M:g} m and the altitude below {MAX_ALTITUDE_M:g} m."
        )
    return a


def _mean_sun(epoch: Epoch) -> float:
    """Right ascension (rad) of the mean Sun, from the origin of GCRS.

    At Greenwich mean noon it is the Earth rotation angle, which counts from an origin that, unlike the
    equinox, does not precess along the equator.
    """
    jd, fraction = universal_time(*julian_date(epoch))
    return float(erfa.era00(jd, fraction) - 2 * pi * ((jd + fraction) % 1))
