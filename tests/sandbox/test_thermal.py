"""The thermal node against Stefan and Boltzmann, and its surroundings against hand calculations."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.orbits.bodies import R_EARTH
from sandbox.thermal import (
    STEFAN_BOLTZMANN,
    environment_heat,
    steady_temperature,
    temperature_step,
    throttle,
)

SUN = (1.0, 0.0, 0.0)


def settle(temperature, heat, area, emissivity, capacity, seconds, steps):
    for _ in range(steps):
        temperature = temperature_step(temperature, heat, area, emissivity, capacity, seconds)
    return temperature


@given(
    st.floats(150.0, 450.0),
    st.floats(20.0, 2_000.0),
    st.floats(0.2, 5.0),
    st.floats(0.1, 1.0),
    st.floats(1e3, 1e6),
    st.floats(0.5, 300.0),
)
def test_settles_where_it_radiates_what_comes_in(start, heat, area, emissivity, capacity, seconds):
    steady = (heat / (emissivity * 5.670374419e-8 * area)) ** 0.25
    assert steady_temperature(heat, area, emissivity) == pytest.approx(steady, rel=1e-12)
    constant = capacity / (4 * emissivity * 5.670374419e-8 * area * min(start, steady) ** 3)
    steps = math.ceil(60 * constant / seconds) + 60
    if steps < 200_000:
        assert settle(start, heat, area, emissivity, capacity, seconds, steps) == pytest.approx(
            steady, rel=1e-6
        )


@given(st.floats(200.0, 400.0), st.floats(50.0, 1_500.0), st.floats(0.5, 300.0))
def test_steady_is_left_alone_and_others_come_nearer(start, heat, seconds):
    steady = steady_temperature(heat, 1.6, 0.85)
    assert temperature_step(steady, heat, 1.6, 0.85, 60e3, seconds) == pytest.approx(steady, rel=1e-12)
    after = temperature_step(start, heat, 1.6, 0.85, 60e3, seconds)
    assert min(start, steady) - 1e-9 <= after <= max(start, steady) + 1e-9


def test_time_constant():
    """Near its balance the node relaxes with C / (4 e sigma A T^3)."""
    steady = steady_temperature(600.0, 1.6, 0.85)
    constant = 60e3 / (4 * 0.85 * STEFAN_BOLTZMANN * 1.6 * steady**3)
    assert 30 * 60 < constant < 3 * 3600  # BUPT-1's slow node: some half an hour to hours
    after = settle(steady + 1.0, 600.0, 1.6, 0.85, 60e3, 1.0, round(constant))
    assert after - steady == pytest.approx(math.exp(-1), rel=0.01)


def test_ten_second_steps_follow_one_second_steps():
    coarse = settle(280.0, 800.0, 1.6, 0.85, 60e3, 10.0, 360)
    fine = settle(280.0, 800.0, 1.6, 0.85, 60e3, 1.0, 3600)
    assert coarse == pytest.approx(fine, abs=0.05)


def test_black_plate_facing_the_sun():
    """One side radiates 1361 W/m2 at 393.6 K: the subsolar temperature at 1 au."""
    assert steady_temperature(1361.0, 1.0, 1.0) == pytest.approx(393.6, abs=0.1)


def heat(x, y, z, sunlight=1.0, absorptivity=0.3, emissivity=0.8):
    return environment_heat(x, y, z, SUN, sunlight, 1361.0, 0.9, 0.8, absorptivity, emissivity)


def test_between_earth_and_sun():
    """500 km up the Earth fills (6378.1 / 6878.1)^2 = 0.8599 of the view of a plate that faces it."""
    r = R_EARTH + 500e3
    direct = 0.3 * 0.9 * 1361.0  # 367.5 W
    albedo = 0.3 * 0.8 * 1361.0 * 0.30 * 0.8599  # 84.3 W
    infrared = 0.8 * 0.8 * 237.0 * 0.8599  # 130.4 W
    assert heat(r, 0.0, 0.0) == pytest.approx(direct + albedo + infrared, rel=1e-4)
    assert heat(0.0, r, 0.0) == pytest.approx(direct + infrared, rel=1e-4)
    assert heat(-r, 0.0, 0.0, sunlight=0.0) == pytest.approx(infrared, rel=1e-4)
    half = math.sqrt(0.5) * r
    assert heat(half, 0.0, half) == pytest.approx(direct + albedo * math.sqrt(0.5) + infrared, rel=1e-4)


def test_hot_and_cold_case_of_a_black_plate():
    """Gilmore (2002), table 2.1: 237 W/m2 of infrared and 30 % of albedo meet a plate near the Earth."""
    near = R_EARTH + 1.0
    night = environment_heat(-near, 0.0, 0.0, SUN, 0.0, 1361.0, 0.0, 1.0, 1.0, 1.0)
    assert night == pytest.approx(237.0, rel=1e-6)
    noon = environment_heat(near, 0.0, 0.0, SUN, 1.0, 1361.0, 0.0, 1.0, 1.0, 1.0)
    assert noon - night == pytest.approx(0.30 * 1361.0, rel=1e-6)


def test_geostationary_feels_the_sun_alone():
    r = 42_164e3
    assert heat(r, 0.0, 0.0) - 0.3 * 0.9 * 1361.0 < 0.03 * heat(r, 0.0, 0.0)


@pytest.mark.parametrize(
    ("temperature", "share"), [(200.0, 1.0), (318.15, 1.0), (325.65, 0.5), (333.15, 0.0), (400.0, 0.0)]
)
def test_throttle(temperature, share):
    assert throttle(temperature, 318.15, 333.15) == pytest.approx(share)


@given(st.floats(200.0, 400.0), st.floats(200.0, 400.0))
def test_throttle_never_rises(one, other):
    low, high = sorted((one, other))
    assert 1.0 >= throttle(low, 318.15, 333.15) >= throttle(high, 318.15, 333.15) >= 0.0
