import numpy as np
import pytest

from sandbox.orbits.atmosphere import density


@pytest.mark.parametrize(
    ("altitude_km", "expected"), [(0, 1.225), (100, 5.297e-7), (500, 6.967e-13), (1000, 3.019e-15)]
)
def test_base_values_of_vallados_table(altitude_km, expected):
    assert density(altitude_km * 1e3) == pytest.approx(expected, rel=1e-12)


def test_vallados_example_8_4():
    """747.2119 km: 2.1219854e-14 kg/m3."""
    assert density(747_211.9) == pytest.approx(2.1219854e-14, rel=1e-5)


def test_falls_with_altitude_without_gaps():
    """A step between two rows is below 1 %; a wrong digit in the table would make a larger one."""
    heights = np.arange(0.0, 1100e3, 50.0)
    log = np.log([density(h) for h in heights])
    assert np.diff(log).max() < 0.01
    assert np.diff(log).min() > -0.02


def test_stays_within_a_factor_of_two_of_the_standard_atmosphere():
    """COESA 76 of boinor, 200 to 900 km."""
    from astropy import units as u
    from boinor.earth.atmosphere import COESA76

    for km in (200, 300, 400, 500, 700, 900):
        assert 0.5 < density(km * 1e3) / COESA76().density(km * u.km).to_value("kg/m3") < 2


def test_below_the_ground_it_is_that_of_the_ground():
    assert density(-100.0) == density(0.0)
