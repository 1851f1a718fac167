"""The thermal node against Stefan and Boltzmann, and its surroundings against hand calculations."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.optimize import least_squares

from sandbox.fleet import CRAFT
from sandbox.orbits.bodies import R_EARTH
from sandbox.state import BODY
from sandbox.thermal import (
    STEFAN_BOLTZMANN,
    environment_heat,
    full_power_minutes,
    has_cooled,
    heat_step,
    is_hot,
    power_share,
    steady_temperature,
    throttle,
)

SUN = (1.0, 0.0, 0.0)


def craft_of(**fields):
    """A record of a craft with the body of the shipped ones and boards of 200 W, 21 K and 5.4 minutes."""
    record = np.zeros(1, CRAFT)
    usual = {
        "heat_capacity": 60e3, "radiator_area": 1.6, "emissivity": 0.85, "board_power": 200.0,
        "board_rise": 21.0, "board_conductance": 200.0 / 21.0, "board_capacity": 200.0 / 21.0 * 324.0,
        "throttle_above": 318.15, "shutdown_above": 333.15, "board_throttle": 368.15,
        "board_shutdown": 374.15,
        "base_load": 130.0, "compute_load": 20.0,
    }  # fmt: skip
    for name, value in (usual | fields).items():
        record[name] = value
    return record[0]


def body_of(temperature, board, hot=False):
    record = np.zeros(1, BODY)
    record["temperature"], record["board"], record["hot"] = temperature, board, hot
    return record[0]


def temperature_step(temperature, heat, area, emissivity, capacity, seconds):
    """One node: boards that weigh nothing."""
    craft = craft_of(
        heat_capacity=capacity, radiator_area=area, emissivity=emissivity, board_capacity=1e-3,
        board_conductance=1e-3 / 324.0,
    )  # fmt: skip
    return heat_step(temperature, temperature, 0.0, heat, craft, seconds)[1]


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
    assert temperature_step(steady, heat, 1.6, 0.85, 60e3, seconds) == pytest.approx(steady, rel=1e-9)
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


BUPT_1 = {0: 13.0, 5: 28.0, 10: 35.0, 20: 41.0, 60: 49.0}
"""degC of the computer of a 12U satellite in orbit, by minutes at full power from cold: BUPT-1, MobiCom 2024
data, full mode with four tasks (10.2 W); it levels off at 50 to 57 degC."""


def warmed(rise, minutes, capacity, area):
    """degC of the boards after each minute of the first hour and a half, from 13 degC."""
    conductance = 10.2 / rise
    craft = craft_of(
        board_conductance=conductance, board_capacity=60.0 * minutes * conductance, heat_capacity=capacity,
        radiator_area=area,
    )  # fmt: skip
    board = body = 286.15
    outside = 0.85 * STEFAN_BOLTZMANN * area * body**4
    passed = [board]
    for _ in range(180):
        board, body = heat_step(board, body, 10.2, outside, craft, 60.0)
        passed.append(board)
    return np.array(passed) - 273.15


def test_two_nodes_fit_the_flown_computer():
    """And their fast one is near the default: 21 K with 5.4 minutes by a sum of two exponentials."""

    def miss(logs):
        return warmed(*np.exp(logs))[list(BUPT_1)] - list(BUPT_1.values())

    found = least_squares(miss, np.log([21.0, 5.4, 1_200.0, 0.1]))
    assert np.abs(found.fun).max() < 0.2
    rise, minutes, *_ = np.exp(found.x)
    assert 17.0 < rise < 28.0
    assert 4.0 < minutes < 7.0
    assert 48.0 < warmed(*np.exp(found.x))[-1] < 57.5
    assert warmed(*np.exp(found.x))[10] - 13.0 == pytest.approx(22.0, abs=0.2)


@pytest.mark.parametrize("seconds", [1.0, 10.0, 30.0, 300.0])
@pytest.mark.parametrize("light", [False, True])
def test_follows_a_stiff_solver(seconds, light):
    """A board that works every other half hour, in Sun and shadow by turns: within 0.1 K at any step."""
    small = {"heat_capacity": 1_700.0, "radiator_area": 0.14, "board_conductance": 10.2 / 21.0,
             "board_capacity": 10.2 / 21.0 * 324.0}  # fmt: skip
    craft = craft_of(**small) if light else craft_of()
    most, outside = (10.2, (30.0, 70.0)) if light else (200.0, (250.0, 600.0))

    def loads(number):
        return most * (number % 6 < 3), outside[number % 4 < 2]

    def slope(_, y, board_w, body_w):
        flow = craft["board_conductance"] * (y[0] - y[1])
        sent = craft["emissivity"] * STEFAN_BOLTZMANN * craft["radiator_area"] * y[1] ** 4
        return (board_w - flow) / craft["board_capacity"], (flow + body_w - sent) / craft["heat_capacity"]

    ours = theirs = (290.0, 285.0)
    for number in range(24):  # of ten minutes
        given = loads(number)
        for _ in range(round(600.0 / seconds)):
            ours = heat_step(*ours, *given, craft, seconds)
        solved = solve_ivp(slope, (0.0, 600.0), theirs, "Radau", args=given, rtol=1e-10, atol=1e-8)
        theirs = tuple(solved.y[:, -1])
        assert ours == pytest.approx(theirs, abs=0.1)


@given(st.floats(1e-3, 1e6), st.floats(1e-3, 1e6), st.floats(1.0, 300.0), st.floats(0.0, 2_000.0))
def test_is_stable_at_any_step_and_ends_in_balance(board_capacity, capacity, seconds, watts):
    craft = craft_of(board_capacity=board_capacity, heat_capacity=capacity)
    balance = steady_temperature(watts + 300.0, 1.6, 0.85)
    board = body = 290.0
    top = max(290.0, balance) + watts / craft["board_conductance"] + 1.0
    for _ in range(100):
        board, body = heat_step(board, body, watts, 300.0, craft, seconds)
        assert 100.0 < body < top + 60.0
        assert 100.0 < board < top + 60.0
    slowest = 8.0 * max(board_capacity / craft["board_conductance"], (capacity + board_capacity) / 5.0)
    if 100 * seconds > 3.0 * slowest:
        assert body == pytest.approx(balance, abs=0.5)
        assert board - body == pytest.approx(watts / craft["board_conductance"], abs=0.5)


@pytest.mark.parametrize("seconds", [10.0, 30.0, 300.0])
def test_a_board_holds_itself_below_where_it_would_be_off(seconds):
    """Too small a way for its heat: the clock goes down until what is drawn is what can leave."""
    craft = craft_of(board_rise=90.0, board_conductance=200.0 / 90.0, board_capacity=200.0 / 90.0 * 324.0)
    board = body = 290.0
    shares, boards = [], []
    for _ in range(round(6 * 3600 / seconds)):
        shares.append(power_share(body_of(body, board), craft, seconds))
        board, body = heat_step(board, body, 200.0 * shares[-1], 400.0, craft, seconds)
        boards.append(board)
    assert shares[0] == 1.0
    last = np.array(shares[len(shares) // 2 :])
    assert np.ptp(last) < 0.1
    assert 0.5 < last.mean() < 0.97
    assert board - body == pytest.approx(90.0 * last[-1], abs=2.0)
    assert 368.15 < max(boards[len(boards) // 2 :]) < 374.15


def test_off_for_heat_until_it_has_cooled():
    craft = craft_of()
    for temperature, board, hot, off in (
        (300.0, 300.0, False, False), (333.2, 300.0, False, True), (300.0, 374.2, False, True),
        (325.0, 340.0, False, False), (325.0, 340.0, True, True),
    ):  # fmt: skip
        body = body_of(temperature, board, hot)
        assert is_hot(body, craft) == off
        if off:
            assert power_share(body, craft, 30.0) == 0.0
    assert has_cooled(body_of(318.0, 360.0, True), craft)
    assert not has_cooled(body_of(319.0, 360.0, True), craft)
    assert not has_cooled(body_of(318.0, 369.0, True), craft)


@pytest.mark.parametrize("area", [0.6, 0.8, 1.0, 1.6, 3.0])
@pytest.mark.parametrize("outside", [250.0, 550.0])
def test_how_long_full_power_lasts_is_how_long_it_lasts(area, outside):
    craft = craft_of(radiator_area=area)
    board = body = 290.0
    told = full_power_minutes(body_of(body, board), craft, outside, 300.0)
    minutes = 0.0
    while minutes < 300.0 and power_share(body_of(body, board), craft, 0.0) == 1.0:
        board, body = heat_step(board, body, 200.0, 110.0 + outside, craft, 6.0)
        minutes += 0.1
    assert told == pytest.approx(min(minutes, 300.0), abs=0.6)


def test_full_power_lasts_no_time_where_it_is_throttled_already():
    craft = craft_of()
    assert full_power_minutes(body_of(320.0, 320.0), craft, 300.0, 60.0) == 0.0
    assert full_power_minutes(body_of(300.0, 300.0, True), craft, 300.0, 60.0) == 0.0
    assert full_power_minutes(body_of(280.0, 280.0), craft, 200.0, 60.0) == 60.0
