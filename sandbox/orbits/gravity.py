"""The Earth's gravity field, zonals and tesserals together, in axes that turn with the Earth.

EGM2008 (Pavlis, Holmes, Kenyon and Factor 2012, J. Geophys. Res. 117, B04406), tide-free, as its fully
normalised coefficients are published by ICGEM, to degree and order 20. Cunningham's recursion (1970,
Celestial Mechanics 2) as in Montenbruck and Gill, Satellite Orbits (2000), section 3.2: the gradient of a
harmonic is a sum of harmonics one degree higher. Whatever multiplies one of these is summed up beforehand,
and they are gone through order by order, in each by degree, so that nothing but the last two is remembered.
"""

from csv import DictReader
from functools import cache
from math import cos, factorial, sin, sqrt
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sandbox.compiled import kernel
from sandbox.errors import SandboxError
from sandbox.orbits.ephemeris import earth_rotation

__all__ = ["gravity_field"]

FILE = Path(__file__).parents[1] / "data" / "egm2008.csv"
MU, RADIUS = 3.986004415e14, 6_378_136.3  # m3/s2 and m: those that the coefficients belong to
LEAST_DEGREE, MOST_DEGREE = 2, 20
ROTATION_RATE = 7.292115146706979e-5  # rad/s, of the Earth rotation angle (IERS Conventions 2010, eq. 5.15)


class GravityField(NamedTuple):
    """A field of some degree and order. `terms` (K, 8): see `_Terms`."""

    degree: int
    order: int
    terms: np.ndarray


@cache
def coefficients() -> tuple[np.ndarray, np.ndarray]:
    """Fully normalised C and S, (21, 21) each, by degree and order; zero below degree 2."""
    c, s = np.zeros((MOST_DEGREE + 1, MOST_DEGREE + 1)), np.zeros((MOST_DEGREE + 1, MOST_DEGREE + 1))
    with FILE.open(encoding="utf-8", newline="") as file:
        for row in DictReader(file):
            at = int(row["degree"]), int(row["order"])
            c[at], s[at] = float(row["c"]), float(row["s"])
    return c, s


@cache
def gravity_field(degree: int, order: int) -> GravityField:
    """EGM2008 to a degree from 2 to 20 and an order from 0 (zonals alone) to the degree.

    Raises SandboxError for others.
    """
    if not (LEAST_DEGREE <= degree <= MOST_DEGREE and 0 <= order <= degree):
        raise SandboxError(
            f"gravity of degree {degree!r:.40} and order {order!r:.40}; give a degree from {LEAST_DEGREE} to "
            f"{MOST_DEGREE}, and an order from 0 to the degree."
        )
    terms = _Terms(degree, order)
    c, s = coefficients()
    for n in range(2, degree + 1):
        for m in range(min(n, order) + 1):
            factor = sqrt((2 - (m == 0)) * (2 * n + 1) * factorial(n - m) / factorial(n + m))
            terms.harmonic(n, m, factor * c[n, m], factor * s[n, m])
    return GravityField(int(degree), int(order), terms.rows())


class _Terms:
    """What each harmonic V + iW of degree n and order m adds to the pull, as rows in the order of the
    recursion.

    Columns: the two factors of the recursion in n (of the one before and of the one before that; in the first
    row of an order the first leads on to the next order), then the factors of V and W in x, y and z.
    """

    def __init__(self, degree: int, order: int) -> None:
        self.degree, self.order = degree, order
        self.factor = np.zeros((degree + 2, order + 2, 6))

    def harmonic(self, n: int, m: int, c: float, s: float) -> None:
        """Add a term of the potential, unnormalised; Montenbruck and Gill, eq. 3.33."""
        if m == 0:
            self._add(n + 1, 1, (-c, 0.0), (0.0, -c))
        else:
            up, down = 0.5, 0.5 * (n - m + 2) * (n - m + 1)
            self._add(n + 1, m + 1, (-up * c, -up * s), (up * s, -up * c))
            self._add(n + 1, m - 1, (down * c, down * s), (down * s, -down * c))
        axial = -(n - m + 1.0)
        self._add(n + 1, m, (0.0, 0.0), (0.0, 0.0), (axial * c, axial * s))

    def _add(self, n, m, x, y, z=(0.0, 0.0)) -> None:
        self.factor[n, m] += np.array((*x, *y, *z)) * (MU / RADIUS**2)

    def rows(self) -> np.ndarray:
        found = []
        for m in range(self.order + 2):
            for n in range(m, self.degree + 2):
                before = (2 * m + 1.0, 0.0) if n == m else ((2 * n - 1) / (n - m), (n + m - 1) / (n - m))
                found.append((*before, *self.factor[n, m]))
        return np.array(found)


@kernel
def pull(field, x, y, z):
    """Acceleration (m/s2) in ITRS at an ITRS position (m)."""
    inverse2 = 1.0 / (x * x + y * y + z * z)
    inverse = sqrt(inverse2)
    central = -MU * inverse2 * inverse
    ax, ay, az = central * x, central * y, central * z
    scale = RADIUS * inverse2
    px, py, pz, q = scale * x, scale * y, scale * z, RADIUS * scale
    first_v, first_w = RADIUS * inverse, 0.0  # of degree m and order m
    i = 0
    for m in range(field.order + 2):
        v, w, last_v, last_w = first_v, first_w, 0.0, 0.0
        onward = field.terms[i, 0]
        for n in range(m, field.degree + 2):
            term = field.terms[i]
            if n > m:
                a, b = term[0] * pz, term[1] * q
                v, last_v = a * v - b * last_v, v
                w, last_w = a * w - b * last_w, w
            ax += term[2] * v + term[3] * w
            ay += term[4] * v + term[5] * w
            az += term[6] * v + term[7] * w
            i += 1
        first_v, first_w = (
            onward * (px * first_v - py * first_w),
            onward * (px * first_w + py * first_v),
        )
    return ax, ay, az


@kernel
def field_acceleration(field, turn, x, y, z):
    """Acceleration (m/s2) in GCRS at a GCRS position (m), where `turn` (nine numbers) leads to ITRS."""
    m = turn
    a, b, c = pull(
        field,
        m[0] * x + m[1] * y + m[2] * z,
        m[3] * x + m[4] * y + m[5] * z,
        m[6] * x + m[7] * y + m[8] * z,
    )
    return (
        m[0] * a + m[3] * b + m[6] * c,
        m[1] * a + m[4] * b + m[7] * c,
        m[2] * a + m[5] * b + m[8] * c,
    )


NO_TURN = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
"""In the place of a rotation, where there is no field to turn."""


@kernel
def turn_at(field, ephemeris, t):
    """The rotation GCRS -> ITRS at t seconds, nine numbers, where there is a field to turn."""
    if field is None:
        return NO_TURN
    return earth_rotation(ephemeris, t)


@kernel
def turned(field, turn, seconds):
    """The rotation so many seconds later, in a minute or so: the pole and precession stand still."""
    if field is None:
        return NO_TURN
    c, s, m = cos(ROTATION_RATE * seconds), sin(ROTATION_RATE * seconds), turn
    return (
        c * m[0] + s * m[3],
        c * m[1] + s * m[4],
        c * m[2] + s * m[5],
        c * m[3] - s * m[0],
        c * m[4] - s * m[1],
        c * m[5] - s * m[2],
        m[6],
        m[7],
        m[8],
    )
