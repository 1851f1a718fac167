"""GCRS (states), ITRS (ground), TEME (SGP4) and geodetic coordinates: arrays, and a kernel for one point."""

from math import atan2, sqrt

import erfa
import numpy as np

from sandbox.compiled import kernel
from sandbox.errors import SandboxError
from sandbox.orbits.bodies import EARTH_FLATTENING, R_WGS84
from sandbox.orbits.ephemeris import Ephemeris, earth_rotation
from sandbox.orbits.timescales import Epoch, julian_date, terrestrial_time, universal_time_or_utc
from sandbox.units import accepts_quantities

__all__ = ["gcrs_to_itrs", "geodetic_to_itrs", "itrs_to_gcrs", "itrs_to_geodetic", "teme_to_gcrs"]

_E2 = EARTH_FLATTENING * (2 - EARTH_FLATTENING)  # first eccentricity squared


@accepts_quantities(position="m", t="s")
def gcrs_to_itrs(position, ephemeris: Ephemeris, t) -> np.ndarray:
    """Positions (..., 3) in m from GCRS to ITRS at t seconds; t broadcasts against the leading shape."""
    return _rotate(earth_rotations(ephemeris, t), position)


@accepts_quantities(position="m", t="s")
def itrs_to_gcrs(position, ephemeris: Ephemeris, t) -> np.ndarray:
    """Positions (..., 3) in m from ITRS to GCRS at t seconds; t broadcasts against the leading shape."""
    return _rotate(np.swapaxes(earth_rotations(ephemeris, t), -1, -2), position)


@accepts_quantities(t="s")
def earth_rotations(ephemeris: Ephemeris, t) -> np.ndarray:
    """The rotations GCRS -> ITRS (..., 3, 3) at t (...) seconds."""
    t = np.asarray(t, dtype=float)
    return np.array([earth_rotation(ephemeris, s) for s in t.flat]).reshape(*t.shape, 3, 3)


def _rotate(matrices: np.ndarray, vectors) -> np.ndarray:
    return np.einsum("...ij,...j->...i", matrices, np.asarray(vectors, dtype=float))


@accepts_quantities(latitude="rad", longitude="rad", height="m")
def geodetic_to_itrs(latitude, longitude, height=0.0) -> np.ndarray:
    """ITRS (..., 3) in m of geodetic latitude and longitude (rad) and height (m) on WGS 84; they broadcast.

    Raises SandboxError for a latitude beyond the poles, the usual sign of degrees.
    """
    latitude, longitude, height = np.broadcast_arrays(latitude, longitude, height)
    if not (np.abs(latitude) <= np.pi / 2).all():
        worst = latitude.flat[np.abs(latitude).argmax()]
        raise SandboxError(f"latitude is {worst}; it must lie within -pi/2 and pi/2 (radians, not degrees).")
    normal = R_WGS84 / np.sqrt(1 - _E2 * np.sin(latitude) ** 2)
    equatorial = (normal + height) * np.cos(latitude)
    axial = (normal * (1 - _E2) + height) * np.sin(latitude)
    return np.stack([equatorial * np.cos(longitude), equatorial * np.sin(longitude), axial], axis=-1)


@accepts_quantities(position="m")
def itrs_to_geodetic(position) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Geodetic latitude and longitude (rad) and height (m) on WGS 84 of ITRS positions (..., 3) in m."""
    position = np.asarray(position, dtype=float)
    points = np.array([subpoint(*p) for p in position.reshape(-1, 3)]).reshape(*position.shape[:-1], 3)
    return points[..., 0], points[..., 1], points[..., 2]


@kernel
def subpoint(x, y, z):
    """Geodetic latitude and longitude (rad) and height (m) on WGS 84 of an ITRS position (m).

    Bowring (1976) with two passes: within a micrometre in low orbit, 0.2 mm at geostationary height.
    """
    p = sqrt(x * x + y * y)  # hypot, which guards against overflow, takes several times as long
    up, out = z, (1 - EARTH_FLATTENING) * p  # the reduced latitude, then the latitude, as a direction
    for _ in range(2):
        scale = 1 / sqrt(up * up + out * out)
        up, out = (
            z + _E2 / (1 - EARTH_FLATTENING) * R_WGS84 * (up * scale) ** 3,
            p - _E2 * R_WGS84 * (out * scale) ** 3,
        )
        up *= 1 - EARTH_FLATTENING
    up /= 1 - EARTH_FLATTENING
    scale = 1 / sqrt(up * up + out * out)
    sine, cosine = up * scale, out * scale
    height = p * cosine + z * sine - R_WGS84 * sqrt(1 - _E2 * sine**2)
    return atan2(up, out), atan2(y, x), height


@accepts_quantities(position="m", velocity="m/s")
def teme_to_gcrs(position, velocity, time: Epoch) -> tuple[np.ndarray, np.ndarray]:
    """States (..., 3) from SGP4's TEME to GCRS at a time (see `timescales.as_utc`).

    Both frames are taken as inertial: the precession of TEME adds less than 0.1 mm/s in low orbit.
    """
    rotation = teme_rotations(*julian_date(time))
    return _rotate(rotation, position), _rotate(rotation, velocity)


def teme_rotations(jd, fraction) -> np.ndarray:
    """The rotations TEME -> GCRS (..., 3, 3) at UTC Julian dates (...).

    TEME is the frame that GMST of 1982 turns into the Earth's (Vallado et al. 2006, AIAA 2006-6753); from
    there the IAU 2006/2000A rotation leads back. The pole's motion cancels, and so does that of the Earth but
    for the rate of precession: before 1973, where UT1 is not in the table, UTC stands in for it (50 um in low
    orbit for each second between them).
    """
    tt, ut1 = terrestrial_time(jd, fraction), universal_time_or_utc(jd, fraction)
    to_cirs = erfa.rz(erfa.gmst82(*ut1) - erfa.era00(*ut1), np.eye(3))
    return np.swapaxes(erfa.c2ixys(*erfa.xys06a(*tt)), -1, -2) @ to_cirs
