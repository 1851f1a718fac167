"""The book of requests: what is drawn, how often, and from what."""

import math

import numpy as np
import pytest

from sandbox.geography import cities, on_land
from sandbox.orbits.frames import itrs_to_geodetic
from sandbox.requests import book_size, draw_book, sky_intervals, write_book
from sandbox.scenario import Requests
from sandbox.state import NONE, PENDING, make_state

DAY = 86_400.0
SITES = (
    {
        "name": "late",
        "latitude_deg": -33.9,
        "longitude_deg": 18.4,
        "value": 99,
        "release_h": 5,
        "deadline_h": 30,
    },
    {"name": "early", "latitude_deg": 51.5, "longitude_deg": 0, "value": 50, "deadline_h": 1, "cloud": 1.0},
)


def draw(seed=0, horizon=DAY, **settings):
    settings = Requests(**settings)
    return draw_book(np.random.default_rng(seed), settings, horizon), settings


def test_poisson_stream():
    """36 an hour for a day: mean and variance 864 over many books."""
    counts = [
        len(draw_book(rng, Requests(initial=10, per_hour=36.0), DAY).release) - 10
        for rng in map(np.random.default_rng, range(400))
    ]
    assert np.mean(counts) == pytest.approx(864, abs=4 * math.sqrt(864 / 400))
    assert np.var(counts) == pytest.approx(864, rel=4 * math.sqrt(2 / 400))


def test_stream_is_even_in_time():
    book, _ = draw(per_hour=2_000.0, initial=50)
    stream = book.release[book.release > 0.0]
    hours, _ = np.histogram(stream, np.arange(25) * 3600.0)
    assert ((hours - 2_000) ** 2 / 2_000).sum() < 24 + 5 * math.sqrt(2 * 24)
    assert (book.release <= DAY).all()


def test_ranges():
    book, _ = draw(initial=500, per_hour=100.0, value=(2.0, 3.0), lifetime_h=(1.0, 4.0))
    life = (book.deadline - book.release) / 3600.0
    stock = book.release == 0.0
    assert (life[stock] >= 0.0).all()
    assert (life[stock] <= 4.0).all()
    assert ((life[~stock] >= 1.0 - 1e-9) & (life[~stock] <= 4.0 + 1e-9)).all()
    assert life[~stock].mean() == pytest.approx(2.5, abs=0.1)
    assert life[stock].mean() == pytest.approx(1.25, abs=0.15)  # half of theirs is over
    assert ((book.value >= 2.0) & (book.value <= 3.0)).all()
    assert ((book.cloud >= 0.0) & (book.cloud <= 1.0)).all()
    assert ((book.sky >= 0.0) & (book.sky < 1.0)).all()


def test_sorted_by_release():
    book, _ = draw(initial=20, per_hour=50.0, sites=SITES)
    assert (np.diff(book.release) >= 0.0).all()


@pytest.mark.parametrize(("mean", "spread"), [(0.5, 2.0), (0.55, 2.0), (0.2, 10.0), (0.9, 0.5)])
def test_cloud_is_beta(mean, spread):
    book, _ = draw(initial=20_000, per_hour=0.0, cloud_mean=mean, cloud_spread=spread)
    variance = mean * (1 - mean) / (spread + 1)
    assert book.cloud.mean() == pytest.approx(mean, abs=4 * math.sqrt(variance / 20_000))
    assert book.cloud.var() == pytest.approx(variance, rel=0.1)


@pytest.mark.parametrize("sure", [0.0, 1.0])
def test_cloud_may_be_sure(sure):
    book, _ = draw(initial=50, cloud_mean=sure)
    assert (book.cloud == sure).all()


def test_sky_is_closed_as_often_as_forecast():
    book, _ = draw(initial=20_000, per_hour=0.0, cloud_mean=0.55)
    assert (book.sky < book.cloud[:, None]).mean() == pytest.approx(0.55, abs=0.01)


def test_places():
    land, _ = draw(initial=2_000, per_hour=0.0, where="land")
    assert on_land(land.latitude, land.longitude).all()
    globe, _ = draw(initial=2_000, per_hour=0.0, where="globe")
    assert on_land(globe.latitude, globe.longitude).mean() == pytest.approx(0.29, abs=0.04)
    town, _ = draw(initial=2_000, per_hour=0.0, where="cities")
    near = [
        np.hypot(cities().latitude - a, (cities().longitude - o) * math.cos(a)).min()
        for a, o in zip(town.latitude, town.longitude, strict=True)
    ]
    assert np.quantile(near, 0.99) < 4 * 50e3 / 6_371e3


def test_sites_are_there_with_their_own_numbers():
    book, _ = draw(initial=5, per_hour=3.0, sites=SITES)
    (late,) = np.flatnonzero(book.value == 99.0)
    (early,) = np.flatnonzero(book.value == 50.0)
    assert np.degrees([book.latitude[late], book.longitude[late]]) == pytest.approx((-33.9, 18.4))
    assert (book.release[late], book.deadline[late], book.cloud[late]) == (5 * 3600.0, 30 * 3600.0, 0.0)
    assert (book.release[early], book.deadline[early], book.cloud[early]) == (0.0, 3600.0, 1.0)


def test_same_generator_same_book():
    one, two, other = draw(3, sites=SITES)[0], draw(3, sites=SITES)[0], draw(4, sites=SITES)[0]
    assert all((a == b).all() for a, b in zip(one, two, strict=True))
    assert len(one.release) != len(other.release) or (one.value != other.value).any()


def test_longer_horizon_brings_more():
    day, week = draw(5)[0], draw(5, horizon=7 * DAY)[0]
    assert len(week.release) == pytest.approx(256 + 7 * (len(day.release) - 256), rel=0.1)
    assert week.release.max() > 6 * DAY
    assert (week.release[:256] == day.release[:256]).all()


@pytest.mark.parametrize("per_hour", [0.0, 0.001, 0.1, 36.0, 1_000.0])
def test_book_has_room(per_hour):
    settings = Requests(initial=3, per_hour=per_hour, sites=SITES)
    room = book_size(settings, DAY)
    for seed in range(20):
        assert len(draw_book(np.random.default_rng(seed), settings, DAY).release) <= room
    mean = per_hour * 24
    assert room - 5 >= mean + 8 * math.sqrt(mean)
    assert (room == 5) == (per_hour == 0.0)


def test_sky_lasts_a_lifetime():
    settings = Requests(lifetime_h=(2.0, 12.0), sky_h=3.0)
    assert sky_intervals(settings) == 5
    assert sky_intervals(Requests(lifetime_h=(2.0, 12.0), sky_h=3.0, sites=SITES)) == 10


def test_empty_book():
    book, settings = draw(initial=0, per_hour=0.0)
    assert book_size(settings, DAY) == 0
    assert all(len(column) == 0 for column in book)


def test_written_in_its_world_and_place():
    book, settings = draw(initial=30, per_hour=2.0, sites=SITES)
    room = book_size(settings, DAY)
    requests = make_state(2, 1, 1, room, sky_intervals(settings), 1, 1).requests
    write_book(requests, 1, book, 1000.0)
    rows, used = requests.book[1], len(book.release)
    assert (requests.book[0]["value"] == 0.0).all()
    latitude, longitude, height = itrs_to_geodetic(rows["position"][:used])
    assert latitude == pytest.approx(book.latitude, abs=1e-9)
    assert np.cos(longitude - book.longitude) == pytest.approx(1.0)
    assert height == pytest.approx(0.0, abs=1e-3)
    assert np.linalg.norm(rows["up"][:used], axis=1) == pytest.approx(1.0)
    assert np.arcsin(rows["up"][:used, 2]) == pytest.approx(book.latitude)
    assert (rows["release"][:used] == 1000.0 + book.release).all()
    assert (rows["deadline"][:used] == 1000.0 + book.deadline).all()
    assert np.isinf(rows["release"][used:]).all()
    assert (rows["status"] == PENDING).all()
    assert (rows["captured_by"] == NONE).all()
    assert np.isnan(rows["captured_at"]).all()
    assert (requests.sky[1, :used] == book.sky).all()
    assert requests.open_count.tolist() == requests.released.tolist() == [0, 0]
