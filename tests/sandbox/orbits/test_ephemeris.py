import numpy as np
import pytest

from sandbox.errors import SandboxError
from sandbox.orbits.bodies import AU
from sandbox.orbits.ephemeris import (
    covers,
    earth_rotation,
    earth_rotation_angle,
    make_ephemeris,
    moon_position,
    sun_position,
)
from sandbox.orbits.timescales import julian_date, terrestrial_time, universal_time, utc_after

EPOCH = "2026-06-26T22:17:00"  # of the fixture `ephemeris`

ARCSECOND = np.pi / 648_000
TIMES = np.linspace(-3600.0, 2 * 86_400, 57)


def separation(a, b):
    a, b = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (a, b))
    return np.linalg.norm(a - b, axis=-1)


def astropy_times():
    from astropy import units as u
    from astropy.time import Time, TimeDelta

    return Time(EPOCH, scale="utc") + TimeDelta(TIMES * u.s)


def test_sun_agrees_with_astropy(ephemeris, offline_astropy):
    """Apparent direction within 0.01 arcsec, distance within 300 km."""
    from astropy.coordinates import get_sun

    theirs = get_sun(astropy_times()).cartesian.xyz.to_value("m").T
    ours = np.array([sun_position(ephemeris, t) for t in TIMES])
    assert separation(ours, theirs).max() < 0.01 * ARCSECOND
    assert np.abs(np.linalg.norm(ours, axis=-1) - np.linalg.norm(theirs, axis=-1)).max() < 300e3


def test_moon_agrees_with_astropy(ephemeris, offline_astropy):
    """Against astropy's built-in series, apparent: within 40 arcsec, a fiftieth of the disc's width."""
    from astropy.coordinates import get_body

    theirs = get_body("moon", astropy_times(), ephemeris="builtin").cartesian.xyz.to_value("m").T
    ours = np.array([moon_position(ephemeris, t) for t in TIMES])
    assert separation(ours, theirs).max() < 40 * ARCSECOND


def test_interpolation_is_exact_enough(ephemeris):
    """Between the hourly nodes: Moon 1 m, Sun 100 m, rotation angle 1e-12 rad (6 micrometres)."""
    import erfa

    utc = utc_after(*julian_date(EPOCH), TIMES)
    tt = terrestrial_time(*utc)
    moon = erfa.moon98(*tt)["p"] * AU
    assert np.abs(np.array([moon_position(ephemeris, t) for t in TIMES]) - moon).max() < 1.0
    fine = make_ephemeris("2026-06-27T10:47:00", 0)  # its node 0 lies half-way between two nodes of the other
    t = 12.5 * 3600
    assert np.abs(np.subtract(sun_position(ephemeris, t), sun_position(fine, 0.0))).max() < 100.0
    angle = erfa.era00(*universal_time(*utc))
    ours = np.array([earth_rotation_angle(ephemeris, t) for t in TIMES])
    turns = (ours - angle) / (2 * np.pi)
    assert np.abs(turns - np.round(turns)).max() < 2e-10
    assert (np.diff(ours) > 0).all()


def test_rotation_is_a_rotation(ephemeris):
    for t in TIMES:
        matrix = np.reshape(earth_rotation(ephemeris, t), (3, 3))
        assert np.allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(matrix) == pytest.approx(1.0)


def test_margins_are_covered():
    ephemeris = make_ephemeris(EPOCH, 100.0)
    assert covers(ephemeris, -3600.0, 3700.0)
    assert not covers(ephemeris, 0.0, 86_400.0)


def test_datetime_and_string_are_one():
    from datetime import UTC, datetime

    one = make_ephemeris(datetime(2026, 6, 26, 22, 17, tzinfo=UTC), 60.0)
    other = make_ephemeris(EPOCH, 60.0)
    for a, b in zip(one, other, strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("duration", [-1.0, float("nan"), float("inf")])
def test_bad_duration(duration):
    with pytest.raises(SandboxError, match="duration_s"):
        make_ephemeris(EPOCH, duration)
