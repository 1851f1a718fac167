import pytest

from sandbox.orbits import bodies


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("MU_EARTH", "GM_earth"),
        ("MU_SUN", "GM_sun"),
        ("MU_MOON", "GM_moon"),
        ("R_EARTH", "R_earth"),
        ("R_SUN", "R_sun"),
        ("J2", "J2_earth"),
        ("J3", "J3_earth"),
    ],
)
def test_agrees_with_boinor(ours, theirs):
    from boinor import constants

    assert getattr(bodies, ours) == getattr(constants, theirs).value


def test_agrees_with_astropy_and_erfa():
    import erfa
    from astropy import constants

    assert constants.au.si.value == bodies.AU
    assert constants.c.value == bodies.SPEED_OF_LIGHT
    assert pytest.approx(erfa.eform(1), rel=1e-12) == (bodies.R_WGS84, bodies.EARTH_FLATTENING)


def test_solar_constant_is_the_luminosity_over_the_sphere():
    import math

    from astropy import constants

    assert constants.L_sun.value / (4 * math.pi * bodies.AU**2) == pytest.approx(
        bodies.SOLAR_CONSTANT, rel=1e-3
    )
