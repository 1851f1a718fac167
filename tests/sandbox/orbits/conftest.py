"""Shared by the tests of `sandbox.orbits`: an ephemeris, low orbits, and astropy kept offline."""

import numpy as np
import pytest

from sandbox.orbits.bodies import MU_EARTH, R_EARTH
from sandbox.orbits.elements import coe2rv
from sandbox.orbits.ephemeris import make_ephemeris

EPOCH = "2026-06-26T22:17:00"


@pytest.fixture(scope="session")
def ephemeris():
    """Two days from `EPOCH`."""
    return make_ephemeris(EPOCH, 2 * 86_400)


@pytest.fixture
def rng():
    return np.random.default_rng(20260626)


@pytest.fixture(scope="session")
def leo_states():
    """Positions and velocities (6, 3): 350 to 1,200 km, equatorial to retrograde, circular to e = 0.02."""
    orbits = [
        (350e3, 0.0, 0.01, 0.0, 0.0, 1.0),
        (420e3, 7e-4, 51.6, 211.2, 17.7, 85.6),
        (550e3, 1e-4, 97.6, 30.0, 90.0, 200.0),
        (700e3, 0.01, 63.4, 120.0, 270.0, 10.0),
        (900e3, 1e-3, 140.0, 300.0, 45.0, 330.0),
        (1200e3, 0.02, 88.0, 77.0, 180.0, 123.0),
    ]
    states = []
    for altitude, e, *angles in orbits:
        a = R_EARTH + altitude
        states.append(np.ravel(coe2rv(MU_EARTH, a * (1 - e * e), e, *np.radians(angles))))
    states = np.array(states)
    return states[:, :3].copy(), states[:, 3:].copy()


@pytest.fixture(scope="session")
def zonal_potential():
    """mu / r (1 - sum of J_n (R / r)^n P_n(sin latitude)), from numpy's Legendre polynomials."""

    def potential(position, forces):
        r = np.linalg.norm(position, axis=-1)
        series = np.zeros_like(r)
        for n, jn in ((2, forces.j2), (3, forces.j3), (4, forces.j4)):
            series += jn * (R_EARTH / r) ** n * np.polynomial.Legendre.basis(n)(position[..., 2] / r)
        return MU_EARTH / r * (1 - series)

    return potential


@pytest.fixture(scope="session")
def offline_astropy():
    """astropy with every download off and predictions of any age accepted."""
    from astropy.utils import data, iers

    iers.conf.auto_download = False
    iers.conf.auto_max_age = None
    iers.conf.iers_degraded_accuracy = "warn"
    data.conf.allow_internet = False
