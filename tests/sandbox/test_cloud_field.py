"""Clouds that belong together: how often, how far, how long, and how well they are forecast."""

import math

import numpy as np
import pytest
from pilots import plain_world

from sandbox.cloud_field import cloud_chance, draw_field, edges_of_clouds, sky_of
from sandbox.fleet import zenith
from sandbox.geography import EARTH_MEAN_RADIUS, sample_globe
from sandbox.requests import draw_book, draw_book_with_extras
from sandbox.scenario import Clouds, Requests, load_scenario
from sandbox.sensing import is_closed
from sandbox.views import view

HOUR = 3_600.0
CLOUDS = {"correlation_km": 400, "persistence_h": 5, "forecast_h": 4, "nowcast_skill": 0.9}


def fields(latitude, longitude, release, intervals=6, sky_h=1.0, episodes=300):
    """The truth (episodes, m, Q) and the error of as many episodes, at the same places and times."""
    rng, clouds = np.random.default_rng(5), Clouds(**CLOUDS)
    drawn = [
        draw_field(rng, clouds, latitude, longitude, release, intervals, sky_h * HOUR)
        for _ in range(episodes)
    ]
    return (np.stack([getattr(field, name) for field in drawn]) for name in ("truth", "error"))


@pytest.fixture(scope="module")
def north():
    """Places along a meridian at growing distances from the first (m), and a field there."""
    distance = np.array([0.0, 100e3, 300e3, 600e3, 1_500e3])
    latitude = 0.4 + 2.0 * np.arcsin(0.5 * distance / EARTH_MEAN_RADIUS)
    return distance, *fields(latitude, np.zeros(5), np.zeros(5), episodes=4_000)


def test_numbers_are_normal_and_truth_and_error_are_two(north):
    _, truth, error = north
    for each in (truth, error):
        assert each.mean() == pytest.approx(0.0, abs=0.03)
        assert each.std() == pytest.approx(1.0, abs=0.02)
        assert (np.abs(each[:, 0, 0]) > 1.96).mean() == pytest.approx(0.05, abs=0.012)
    assert np.corrcoef(truth[:, 0, 0], error[:, 0, 0])[0, 1] == pytest.approx(0.0, abs=0.06)


def test_correlation_over_distance_is_the_closed_form(north):
    distance, truth, _ = north
    for k, d in enumerate(distance):
        expected = math.exp(-0.5 * (d / 400e3) ** 2)
        found = np.corrcoef(truth[:, 0, 0], truth[:, k, 0])[0, 1]
        assert found == pytest.approx(expected, abs=0.05)


def test_correlation_over_time_is_the_closed_form(north):
    _, truth, _ = north
    for q in range(truth.shape[2]):
        found = np.corrcoef(truth[:, 0, 0], truth[:, 0, q])[0, 1]
        assert found == pytest.approx(math.exp(-q / 5.0), abs=0.05)


def test_a_later_release_sees_the_same_field_later():
    truth, _ = fields(np.zeros(2), np.zeros(2), np.array([0.0, 2 * HOUR]), episodes=50)
    assert truth[:, 0, 2:] == pytest.approx(truth[:, 1, :-2], abs=1e-3)


def test_sky_is_closed_as_often_as_forecast():
    """Over many episodes: a single one has a few hundred clouds only."""
    latitude, longitude = sample_globe(np.random.default_rng(1), 100)
    truth, _ = fields(latitude, longitude, np.zeros(100), 2, episodes=300)
    for chance in (0.1, 0.55, 0.9):
        edge = edges_of_clouds(np.array([chance]))[0]
        assert (truth < edge).mean() == pytest.approx(chance, abs=0.015)


def test_sure_and_impossible_cloud():
    edge = edges_of_clouds(np.array([0.0, 1.0]))
    assert edge[0] == -np.inf
    assert edge[1] == np.inf
    for sure in (0.0, 1.0):
        sky = Sky(cloudy_world({"requests.cloud_mean": sure}))
        assert [sky.chance(j, 600.0) for j in range(20)] == [sure] * 20


def test_sky_and_field_agree():
    settings = Requests(initial=3_000, per_hour=0.0, clouds=CLOUDS, where="globe")
    book, field = draw_book_with_extras(np.random.default_rng(2), settings, 10 * HOUR)
    closed = book.sky < book.cloud[:, None]
    assert (closed == (field.truth < edges_of_clouds(book.cloud)[:, None])).mean() > 0.9999
    assert ((book.sky >= 0.0) & (book.sky <= 1.0)).all()
    assert (sky_of(field) == book.sky).all()


def test_neighbours_share_the_sky():
    settings = Requests(initial=1_500, per_hour=0.0, clouds=CLOUDS, cloud_spread=1e6, where="land")
    book = draw_book(np.random.default_rng(3), settings, 10 * HOUR)
    closed = book.sky[:, 0] < book.cloud
    up = zenith(book.latitude, book.longitude)
    near = up @ up.T > math.cos(150e3 / EARTH_MEAN_RADIUS)
    np.fill_diagonal(near, False)
    i, j = np.nonzero(near)
    assert len(i) > 200
    assert (closed[i] == closed[j]).mean() > 0.75
    alone = draw_book(np.random.default_rng(3), settings.model_copy(update={"clouds": None}), 10 * HOUR)
    closed = alone.sky[:, 0] < alone.cloud
    assert (closed[i] == closed[j]).mean() == pytest.approx(0.5, abs=0.1)


def cloudy_world(changes=()):
    changes = {"requests.clouds": CLOUDS, "requests.initial": 1_500, "requests.sky_h": 1} | dict(changes)
    world = plain_world(load_scenario("pair", changes))
    world.reset(1)
    return world


class Sky:
    """What is known, and what is true, of the sky of a world; times in s from the episode's start."""

    def __init__(self, world):
        self.start, self.sky_s = world.state.clock["start"][0], world.constants.sky_s
        self.requests, self.constants = view(world.state.requests), view(world.constants)

    def chance(self, j, time, now=0.0):
        return cloud_chance(self.requests, self.constants, 0, int(j), self.start + now, self.start + time)

    def closed(self, j, time):
        return is_closed(self.requests, 0, int(j), self.start + time, self.sky_s)


@pytest.mark.parametrize("lead_h", [0.0, 2.0, 8.0])
def test_forecasts_are_calibrated_and_sharpen(lead_h):
    told, came, world = [], [], cloudy_world()
    for seed in range(12):
        world.reset(seed)
        sky, at = Sky(world), lead_h * HOUR + 60.0
        for j in range(0, 1_500, 4):
            told.append(sky.chance(j, at, 60.0))
            came.append(sky.closed(j, at))
    told, came = np.array(told), np.array(came, float)
    for low in np.arange(0.0, 1.0, 0.2):
        mine = (told >= low) & (told < low + 0.2)
        if mine.sum() > 100:
            assert came[mine].mean() == pytest.approx(told[mine].mean(), abs=0.08)
    brier = ((told - came) ** 2).mean()
    expected = {0.0: (0.02, 0.09), 2.0: (0.08, 0.16), 8.0: (0.12, 0.19)}[lead_h]
    assert expected[0] < brier < expected[1]


def test_without_clouds_the_chance_is_that_of_the_request():
    world = plain_world(load_scenario("pair"))
    world.reset(0)
    sky = Sky(world)
    for j in range(5):
        assert sky.chance(j, 5_000.0) == world.state.requests.book["cloud"][0, j]


def test_a_perfect_nowcast_knows():
    sky = Sky(cloudy_world({"requests.clouds.nowcast_skill": 1.0}))
    for j in range(50):
        assert sky.chance(j, 100.0, 100.0) == float(sky.closed(j, 100.0))
