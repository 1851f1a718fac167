"""Sun, Moon and the Earth's rotation over a scenario, as hourly tables: compiled code calls no library.

The Sun is erfa's `epv00` (VSOP2000, kilometres), seen from the moving Earth, so that shadows fall where they
do: light time and aberration, 20 arcsec together, are in. The Moon is `moon98` (Meeus, about 10 arcsec). The
rotation is IAU 2006/2000A precession-nutation with the measured UT1 and pole of `iers`; the celestial pole
offsets, 1 cm on the ground, are left out, as in astropy.
"""

from math import ceil, cos, isfinite, sin
from typing import NamedTuple

import erfa
import numpy as np

from sandbox.compiled import kernel
from sandbox.errors import SandboxError
from sandbox.orbits.bodies import AU, SPEED_OF_LIGHT
from sandbox.orbits.timescales import (
    Epoch,
    julian_date,
    polar_motion,
    terrestrial_time,
    universal_time,
    utc_after,
)
from sandbox.units import DAY, HOUR, accepts_quantities

__all__ = ["Ephemeris", "make_ephemeris"]

STEP_S = HOUR
MARGIN_S = 3 * STEP_S  # what the tables hold before the epoch and after the end


class Ephemeris(NamedTuple):
    """Tables of K nodes, `step_s` apart, from `start_s` on (seconds since the scenario's UTC epoch)."""

    start_s: float
    step_s: float
    sun: np.ndarray  # (K, 3) m, GCRS, apparent
    moon: np.ndarray  # (K, 3) m, GCRS, geometric
    q: np.ndarray  # (K, 3, 3) GCRS -> CIRS
    era: np.ndarray  # (K,) Earth rotation angle, rad, growing without a wrap
    polar: np.ndarray  # (K, 3, 3) TIRS -> ITRS


@accepts_quantities(duration_s="s")
def make_ephemeris(epoch: Epoch, duration_s: float) -> Ephemeris:
    """The tables for [-3 h, duration_s + 3 h] around an epoch (see `timescales.as_utc`).

    Takes a few milliseconds a day. Raises SandboxError for an unreadable epoch, one before 1973, or a
    duration that is negative or not finite.
    """
    if not (isfinite(duration_s) and duration_s >= 0):
        raise SandboxError(f"duration_s is {duration_s}; it must be a finite number of seconds, 0 or more.")
    nodes = np.arange(ceil((duration_s + 2 * MARGIN_S) / STEP_S) + 1) * STEP_S - MARGIN_S
    utc = utc_after(*julian_date(epoch), nodes)
    tt = terrestrial_time(*utc)
    return Ephemeris(
        start_s=float(nodes[0]),
        step_s=STEP_S,
        sun=_apparent_sun(*tt),
        moon=np.ascontiguousarray(erfa.moon98(*tt)["p"]) * AU,
        q=erfa.c2ixys(*erfa.xys06a(*tt)),
        era=np.unwrap(erfa.era00(*universal_time(*utc))),
        polar=erfa.pom00(*polar_motion(*utc), erfa.sp00(*tt)),
    )


def _apparent_sun(tt1, tt2) -> np.ndarray:
    heliocentric, barycentric = erfa.epv00(tt1, tt2)  # TT stands in for TDB: within 2 ms
    sun = -heliocentric["p"] * AU
    light_time = np.linalg.norm(sun, axis=-1, keepdims=True) / SPEED_OF_LIGHT
    return sun + barycentric["v"] * (AU / DAY) * light_time


def covers(ephemeris: Ephemeris, first_s: float, last_s: float) -> bool:
    """Whether the tables reach over [first_s, last_s]."""
    end_s = ephemeris.start_s + (len(ephemeris.era) - 1) * ephemeris.step_s
    return ephemeris.start_s <= first_s and last_s <= end_s


NO_EPHEMERIS = Ephemeris(
    0.0, 1.0, np.ones((4, 3)), np.ones((4, 3)), np.zeros((4, 3, 3)), np.zeros(4), np.zeros((4, 3, 3))
)  # of the right type, for kernels whose forces want neither Sun nor Moon


@kernel
def sun_position(ephemeris, t):
    """Apparent geocentric Sun, GCRS (m), at t seconds. Beyond the tables the last cell is extrapolated."""
    return _cubic(ephemeris.sun, (t - ephemeris.start_s) / ephemeris.step_s)


@kernel
def moon_position(ephemeris, t):
    """Geocentric Moon, GCRS (m), at t seconds. Beyond the tables the last cell is extrapolated."""
    return _cubic(ephemeris.moon, (t - ephemeris.start_s) / ephemeris.step_s)


@kernel
def earth_rotation_angle(ephemeris, t):
    """Earth rotation angle (rad, not wrapped) at t seconds: UT1 as an angle, without the pole's motion."""
    i, u = _cell(len(ephemeris.era), (t - ephemeris.start_s) / ephemeris.step_s)
    return ephemeris.era[i] + u * (ephemeris.era[i + 1] - ephemeris.era[i])


@kernel
def earth_rotation(ephemeris, t):
    """The rotation GCRS -> ITRS at t seconds: nine numbers, row by row."""
    i, u = _cell(len(ephemeris.era), (t - ephemeris.start_s) / ephemeris.step_s)
    angle = earth_rotation_angle(ephemeris, t)
    spin = (cos(angle), sin(angle), 0.0, -sin(angle), cos(angle), 0.0, 0.0, 0.0, 1.0)
    return _product(_matrix(ephemeris.polar, i, u), _product(spin, _matrix(ephemeris.q, i, u)))


@kernel
def _cell(nodes, x):
    """The cell of a table that x (in steps from its start) falls into, and the share of it gone by."""
    i = min(max(int(x), 0), nodes - 2)
    return i, x - i


@kernel
def _cubic(table, x):
    """Lagrange's cubic through the two nodes on either side of x."""
    i = min(max(int(x), 1), len(table) - 3)
    u = x - i
    a = -u * (u - 1) * (u - 2) / 6
    b = (u + 1) * (u - 1) * (u - 2) / 2
    c = -(u + 1) * u * (u - 2) / 2
    d = (u + 1) * u * (u - 1) / 6
    return (
        a * table[i - 1, 0] + b * table[i, 0] + c * table[i + 1, 0] + d * table[i + 2, 0],
        a * table[i - 1, 1] + b * table[i, 1] + c * table[i + 1, 1] + d * table[i + 2, 1],
        a * table[i - 1, 2] + b * table[i, 2] + c * table[i + 1, 2] + d * table[i + 2, 2],
    )


@kernel
def _matrix(table, i, u):
    """A matrix between nodes i and i + 1. Linear: over an hour the entries bend by less than 1e-9."""
    m, n = table[i], table[i + 1]
    return (
        m[0, 0] + u * (n[0, 0] - m[0, 0]),
        m[0, 1] + u * (n[0, 1] - m[0, 1]),
        m[0, 2] + u * (n[0, 2] - m[0, 2]),
        m[1, 0] + u * (n[1, 0] - m[1, 0]),
        m[1, 1] + u * (n[1, 1] - m[1, 1]),
        m[1, 2] + u * (n[1, 2] - m[1, 2]),
        m[2, 0] + u * (n[2, 0] - m[2, 0]),
        m[2, 1] + u * (n[2, 1] - m[2, 1]),
        m[2, 2] + u * (n[2, 2] - m[2, 2]),
    )


@kernel
def _product(m, n):
    """Product of two 3 x 3 matrices held as nine numbers, row by row."""
    return (
        m[0] * n[0] + m[1] * n[3] + m[2] * n[6],
        m[0] * n[1] + m[1] * n[4] + m[2] * n[7],
        m[0] * n[2] + m[1] * n[5] + m[2] * n[8],
        m[3] * n[0] + m[4] * n[3] + m[5] * n[6],
        m[3] * n[1] + m[4] * n[4] + m[5] * n[7],
        m[3] * n[2] + m[4] * n[5] + m[5] * n[8],
        m[6] * n[0] + m[7] * n[3] + m[8] * n[6],
        m[6] * n[1] + m[7] * n[4] + m[8] * n[7],
        m[6] * n[2] + m[7] * n[5] + m[8] * n[8],
    )
