import erfa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.errors import SandboxError
from sandbox.orbits import iers
from sandbox.orbits.ephemeris import make_ephemeris
from sandbox.orbits.frames import (
    gcrs_to_itrs,
    geodetic_to_itrs,
    itrs_to_gcrs,
    itrs_to_geodetic,
    subpoint,
    teme_to_gcrs,
)
from sandbox.units import DAY

ARCSECOND = np.pi / 648_000


@pytest.mark.parametrize(
    ("epoch", "tolerance_m"),
    [
        ("2026-06-26T22:17:00", 2e-3),  # measured, on no full hour
        ("2024-02-01T00:00:00", 5e-3),
        ("2016-12-31T20:00:00", 1e-2),  # over a leap second
        ("2027-05-01T00:00:00", 2e-3),  # predicted
    ],
)
def test_gcrs_to_itrs_agrees_with_astropy(offline_astropy, rng, epoch, tolerance_m):
    """At 7,000 km, within 1 cm: interpolation 1 mm, the rest the choice of IERS series."""
    from astropy import units as u
    from astropy.coordinates import GCRS, ITRS, CartesianRepresentation
    from astropy.time import Time, TimeDelta

    ephemeris = make_ephemeris(epoch, 3 * DAY)
    t = np.sort(rng.uniform(-3600, 3 * DAY, 50))
    when = Time(epoch, scale="utc") + TimeDelta(t * u.s)
    position = rng.normal(size=(50, 3))
    position *= 7e6 / np.linalg.norm(position, axis=1, keepdims=True)
    theirs = GCRS(CartesianRepresentation(position.T * u.m), obstime=when).transform_to(ITRS(obstime=when))
    ours = gcrs_to_itrs(position, ephemeris, t)
    assert np.linalg.norm(ours - theirs.cartesian.xyz.to_value("m").T, axis=1).max() < tolerance_m
    assert np.allclose(itrs_to_gcrs(ours, ephemeris, t), position, atol=1e-6)


def test_interpolation_alone_is_below_a_millimetre(rng):
    """The same instants from tables whose nodes fall elsewhere, at 7,000 km."""
    coarse = make_ephemeris("2026-06-26T00:00:00", DAY)
    point = np.array([7e6, 0.0, 0.0])
    for minutes in (17, 31, 1000):
        exact = make_ephemeris(f"2026-06-26T{minutes // 60:02d}:{minutes % 60:02d}:00", 0.0)
        error = gcrs_to_itrs(point, coarse, minutes * 60.0) - gcrs_to_itrs(point, exact, 0.0)
        assert np.linalg.norm(error) < 1e-3


def test_vallado_example_3_15(monkeypatch):
    """ITRF -> GCRF at 2004-04-06 07:51:28.386009 UTC with the book's own Earth orientation, within 2 cm.

    The book has the celestial pole offsets (0.2 mas), which we and astropy leave out.
    """
    own = (-0.4399619, -0.140682 * ARCSECOND, 0.333309 * ARCSECOND)
    monkeypatch.setattr(iers, "earth_orientation", lambda mjd: tuple(np.full(np.shape(mjd), v) for v in own))
    ephemeris = make_ephemeris("2004-04-06T07:51:28.386009", 60.0)
    itrf = np.array([-1033.4793830, 7901.2952754, 6380.3565958]) * 1e3
    gcrf = np.array([5102.508959, 6123.011403, 6378.136925]) * 1e3
    assert np.linalg.norm(itrs_to_gcrs(itrf, ephemeris, 0.0) - gcrf) < 0.02


def test_teme_agrees_with_astropy(offline_astropy, rng):
    """Position within 1 mm, velocity within 0.1 mm/s (the precession of TEME, which we leave out)."""
    from astropy import units as u
    from astropy.coordinates import GCRS, TEME, CartesianDifferential, CartesianRepresentation
    from astropy.time import Time

    for when in ("2026-06-26T22:17:00", "2024-02-01T07:30:00", "2005-06-28T00:00:00"):
        p, v = rng.normal(size=3) * 4e6, rng.normal(size=3) * 4e3
        state = CartesianRepresentation(p * u.m, differentials=CartesianDifferential(v * u.m / u.s))
        theirs = TEME(state, obstime=Time(when)).transform_to(GCRS(obstime=Time(when)))
        position, velocity = teme_to_gcrs(p, v, when)
        assert np.abs(position - theirs.cartesian.xyz.to_value("m")).max() < 1e-3
        assert np.abs(velocity - theirs.velocity.d_xyz.to_value("m/s")).max() < 1e-4


def test_times_broadcast_against_positions(ephemeris, rng):
    position = rng.normal(size=(4, 5, 3)) * 7e6
    t = np.arange(4.0) * 600
    together = gcrs_to_itrs(position, ephemeris, t[:, None])
    for i in range(4):
        assert np.array_equal(together[i], gcrs_to_itrs(position[i], ephemeris, t[i]))


@settings(deadline=None)  # the first example compiles
@given(
    latitude=st.floats(-np.pi / 2, np.pi / 2),
    longitude=st.floats(-np.pi, np.pi),
    height=st.floats(-5e3, 2e6),
)
def test_geodetic_there_and_back(latitude, longitude, height):
    point = geodetic_to_itrs(latitude, longitude, height)
    assert np.allclose(geodetic_to_itrs(*subpoint(*point)), point, atol=1e-4)


@pytest.mark.parametrize(("height", "tolerance"), [(0.0, 1e-14), (500e3, 1e-12), (36_000e3, 1e-10)])
def test_geodetic_agrees_with_erfa(rng, height, tolerance):
    point = geodetic_to_itrs(rng.uniform(-1.57, 1.57, 500), rng.uniform(-3.1, 3.1, 500), height)
    longitude, latitude, up = erfa.gc2gd(1, point)
    ours = itrs_to_geodetic(point)
    assert np.abs(ours[0] - latitude).max() < tolerance
    assert np.abs(ours[1] - longitude).max() < 1e-14
    assert np.abs(ours[2] - up).max() < 1e-6


def test_poles():
    for sign in (1, -1):
        latitude, _, height = subpoint(0.0, 0.0, sign * 6_800_000.0)
        assert latitude == pytest.approx(sign * np.pi / 2)
        assert height == pytest.approx(6_800_000.0 - 6_356_752.314245)


def test_degrees_for_radians_are_noticed():
    with pytest.raises(SandboxError, match="radians"):
        geodetic_to_itrs(48.1, 0.2)
