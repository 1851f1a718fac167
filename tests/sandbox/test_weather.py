"""Rain over the stations: how often, how long, how well it is forecast, and that it is part of a world."""

import math

import numpy as np
import pytest

from sandbox.parts import chosen_parts
from sandbox.radio import CLEAR, HEAVY_RAIN, LIGHT_RAIN, rain_shares, station_climate
from sandbox.scenario import load_scenario
from sandbox.setting import make_setting
from sandbox.state import CLOCK
from sandbox.weather import STEP_S, begin, make_part, rain_chance, sky_at, worst_month
from sandbox.world import World


def skies(changes=(), days=200.0, seed=1):
    """A weather of one world for so many days, its clock, and the states (G, T) that it goes through."""
    scenario = load_scenario("scs01", {"weather.season": "year"} | dict(changes))
    part = make_part(make_setting(scenario, 1, days * 86_400.0))
    begin(part, 0, np.random.default_rng(seed))
    clock = np.zeros(1, CLOCK)
    stations, steps = part.state.truth.shape[1:]
    edges = part.params.edges
    state = np.array([np.searchsorted(edges[g], part.state.truth[0, g], "right") for g in range(stations)])
    for g in range(stations):
        for t in (0, steps // 3, steps - 1):
            assert sky_at(part, clock[0], 0, g, (t + 0.5) * STEP_S) == state[g, t]
    return scenario, part, clock[0], state


def test_it_rains_as_often_as_the_climate_says():
    scenario, _, _, state = skies(days=600.0)
    for g, station in enumerate(scenario.stations):
        shares = rain_shares(station_climate(station))
        found = [100.0 * float((state[g] >= least).mean()) for least in range(1, HEAVY_RAIN + 1)]
        assert found[:3] == pytest.approx(shares[:3], rel=0.5)
    dry, wet = (skies({"stations.0.rain_percent": percent})[3][0] >= LIGHT_RAIN for percent in (0.5, 20.0))
    assert dry.mean() < 0.02
    assert 0.14 < wet.mean() < 0.26


def test_rain_lasts_as_the_recommendation_says():
    """ITU-R P.1853-1: what drives the rain forgets itself at 2e-4 /s."""
    _, part, _, _ = skies(days=300.0)
    x = part.state.truth[0, 0].astype(float)
    lag = round(5_000.0 / STEP_S)
    assert np.corrcoef(x[:-lag], x[lag:])[0, 1] == pytest.approx(
        math.exp(-lag * STEP_S / (83 * 60)), abs=0.03
    )
    assert (x.mean(), x.std()) == pytest.approx((0.0, 1.0), abs=0.05)


def test_the_worst_month_is_three_times_the_year():
    """ITU-R P.841-6: 0.30 p_w^1.15 = p; its p_w of 1 % of the year is 2.85 %."""
    assert worst_month(np.array([1.0]))[0] == pytest.approx(2.85)
    assert worst_month(np.array([0.01]))[0] == pytest.approx((0.01 / 0.30) ** (1 / 1.15), rel=0.05)
    year, month = (
        (skies({"weather.season": season}, days=300.0)[3] >= LIGHT_RAIN).mean()
        for season in ("year", "worst_month")
    )
    assert 1.8 < month / year < 3.2


@pytest.mark.parametrize("lead_h", [0.5, 2.0, 6.0])
def test_forecasts_are_calibrated_and_lose_their_skill(lead_h):
    _, part, clock, state = skies({"stations.0.rain_percent": 20.0}, days=600.0)
    told, came = [], []
    for t in range(0, 160_000, 9):
        clock["time"] = t * STEP_S
        if t + lead_h * 12 + 1 >= state.shape[1]:
            break
        at = clock["time"] + lead_h * 3_600.0
        told.append(rain_chance(part, clock, 0, 0, at))
        came.append(sky_at(part, clock, 0, 0, at) >= LIGHT_RAIN)
    told, came = np.array(told), np.array(came, float)
    for low, high in ((0.0, 0.15), (0.15, 0.4), (0.4, 1.01)):
        mine = (told >= low) & (told < high)
        if mine.sum() > 300:
            assert came[mine].mean() == pytest.approx(told[mine].mean(), abs=0.07)
    brier, climate = ((told - came) ** 2).mean(), ((came.mean() - came) ** 2).mean()
    skill = 1.0 - brier / climate
    expected = {0.5: (0.55, 0.9), 2.0: (0.2, 0.5), 6.0: (-0.01, 0.12)}[lead_h]
    assert expected[0] < skill < expected[1]
    assert lead_h < 1.0 or np.any((told < 0.1) & (came == 1.0))  # it can be wrong


def test_what_is_seen_now_is_known():
    _, part, clock, state = skies(days=30.0)
    for t in range(state.shape[1]):
        clock["time"] = t * STEP_S
        assert rain_chance(part, clock, 0, 2, float(clock["time"])) == float(state[2, t] >= LIGHT_RAIN)


def test_a_scenario_without_rain_has_a_clear_sky():
    assert "weather" not in chosen_parts(None, load_scenario("scs01", {"weather.rain": False}), 0)
    assert "weather" in chosen_parts(None, load_scenario("scs01"), 0)
    _, part, clock, state = skies({"weather.rain": False})
    assert np.all(state == CLEAR)
    assert rain_chance(part, clock, 0, 0, 5e4) == 0.0
    assert rain_chance(None, clock, 0, 0, 5e4) == 0.0


def test_it_comes_back_with_a_snapshot_and_does_not_depend_on_the_batch():
    changes = {f"stations.{g}.rain_percent": 40.0 for g in range(2)}
    world = World(load_scenario("pair", changes), 2, parts=("weather",))
    world.reset([5, 6])
    for _ in range(3):
        world.step()
    taken = world.snapshot()
    seen = []
    for _ in range(2):
        rows = []
        for _ in range(30):
            world.step()
            rows.append(world.state.ground["sky"].copy())
        seen.append(np.array(rows))
        world.restore(taken)
    assert np.array_equal(*seen)
    assert len(np.unique(seen[0])) > 1
    alone = World(load_scenario("pair", changes), parts=("weather",))
    alone.reset(6)
    for _ in range(3):
        alone.step()
    assert np.array_equal(alone.state.ground["sky"][0], world.state.ground["sky"][1])
    assert np.array_equal(alone.weather.state.truth[0], world.weather.state.truth[1])
