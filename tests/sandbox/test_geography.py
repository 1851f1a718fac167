"""Land, sea and cities against an atlas, and the samplers against the areas they claim."""

import numpy as np
import pytest

from sandbox import geography
from sandbox.errors import SandboxError
from sandbox.geography import (
    cities,
    coastline,
    fine_coastline,
    on_land,
    sample_cities,
    sample_globe,
    sample_land,
)

LAND = {
    "Paris": (48.9, 2.3),
    "Nairobi": (-1.3, 36.8),
    "Brasilia": (-15.8, -47.9),
    "Alice Springs": (-23.7, 133.9),
    "Chukotka, beyond the date line": (67.0, -177.0),
    "Chukotka, before it": (67.5, 177.0),
    "South Pole": (-90.0, 0.0),
    "Greenland": (72.0, -40.0),
}
SEA = {
    "Gulf of Guinea": (0.0, 0.0),
    "Point Nemo": (-48.9, -123.4),
    "date line, equator": (0.0, 180.0),
    "Caspian Sea": (42.0, 50.5),
    "North Pole": (90.0, 77.0),
    "Arctic, at the date line": (75.0, 180.0),
    "Bay of Bengal": (15.0, 88.0),
}


@pytest.mark.parametrize(
    ("place", "land"), [*((p, True) for p in LAND.items()), *((p, False) for p in SEA.items())]
)
def test_known_places(place, land):
    assert on_land(*np.radians(place[1])) == land, place[0]


def test_land_covers_29_percent_of_the_earth():
    latitude, longitude = sample_globe(np.random.default_rng(0), 200_000)
    published = 0.292  # CIA World Factbook
    assert on_land(latitude, longitude).mean() == pytest.approx(published, abs=0.008)


def test_on_land_broadcasts_and_turns():
    latitude, longitude = np.radians([[50.0], [0.0]]), np.radians([2.3, 362.3, -357.7])
    assert on_land(latitude, longitude).tolist() == [[True] * 3, [False] * 3]


@pytest.mark.parametrize("bad", [(48.9, 0.0), (np.nan, 0.0), (0.0, np.inf)])
def test_on_land_refuses_degrees_and_nan(bad):
    with pytest.raises(SandboxError, match="radians"):
        on_land(*bad)


@pytest.mark.parametrize("coast", [coastline, fine_coastline])
def test_rings_are_closed_and_never_jump(coast):
    rings = coast()
    assert len(rings) > 100
    for ring in rings:
        assert np.array_equal(ring[0], ring[-1])
        assert np.abs(ring[:, 1]).max() <= 90.0
        step = np.abs(np.diff(ring[:, 0]))
        assert step[np.abs(ring[1:, 1]) < 90.0].max() < 20.0  # but for Antarctica's edge along the pole


def test_rings_and_mask_agree():
    """The area by Green's theorem along the rings is that of the cells."""
    area = sum(_ring_area(ring) for ring in coastline())
    cell = np.cos(np.linspace(-np.pi / 2, np.pi / 2, 360, endpoint=False) + np.pi / 720) * (np.pi / 360) ** 2
    assert (geography._mask() * cell[:, None]).sum() == pytest.approx(area, rel=0.005)


def test_the_finer_coast_is_of_the_same_land():
    """Its area is that of the coarser one, and it has several times as many points."""
    coarse, fine = coastline(), fine_coastline()
    assert sum(map(_ring_area, fine)) == pytest.approx(sum(map(_ring_area, coarse)), rel=0.01)
    assert sum(map(len, fine)) > 4 * sum(map(len, coarse))
    tips = np.concatenate(fine)
    for longitude, latitude in ((18.47, -34.35), (-5.62, 35.99), (104.27, 1.27)):  # known capes and straits
        assert np.hypot(*(tips - [longitude, latitude]).T).min() < 0.15


def _ring_area(ring):
    """Signed solid angle of a ring in the cylindrical equal-area plane; a lake runs the other way round."""
    x, y = np.radians(ring[:, 0]), np.sin(np.radians(ring[:, 1]))
    return -0.5 * np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])


def test_land_samples_are_on_land_in_the_band():
    band = (np.radians(-20.0), np.radians(33.3))
    latitude, longitude = sample_land(np.random.default_rng(1), 20_000, band)
    assert on_land(latitude, longitude).all()
    assert band[0] <= latitude.min() < band[0] + 0.01
    assert band[1] - 0.01 < latitude.max() <= band[1]
    assert np.abs(longitude).max() <= np.pi


def test_land_samples_are_uniform_by_area():
    """Against rejection from the whole globe: the same share in every box of 15 by 30 degrees."""
    latitude, longitude = sample_globe(np.random.default_rng(2), 2_000_000)
    south, north = geography.HABITABLE
    keep = on_land(latitude, longitude) & (latitude > south) & (latitude < north)
    expected = _boxes(latitude[keep], longitude[keep]) / keep.sum()
    n = 200_000
    counted = _boxes(*sample_land(np.random.default_rng(3), n))
    sigma = np.sqrt(expected * (1 - expected) * (1 / n + 1 / keep.sum())) + 1e-9
    z = (counted / n - expected) / sigma
    assert np.abs(z[expected > 0]).max() < 4.5
    assert np.mean(z[expected > 1e-3] ** 2) == pytest.approx(1.0, abs=0.4)


def _boxes(latitude, longitude):
    edges = np.radians(np.arange(-90, 91, 15)), np.radians(np.arange(-180, 181, 30))
    return np.histogram2d(latitude, longitude, bins=edges)[0]


@pytest.mark.parametrize("sample", [sample_globe, sample_land, lambda rng, n: sample_cities(rng, n, 3e4)])
def test_samples_repeat_and_extend(sample):
    long, again, short = (sample(np.random.default_rng(7), n) for n in (500, 500, 20))
    assert np.array_equal(long, again)
    assert np.array_equal(np.array(long)[:, :20], short)
    assert sample(np.random.default_rng(7), 0)[0].shape == (0,)


@pytest.mark.parametrize("band", [(0.5, 0.2), (-2.0, 0.0), (np.nan, 0.0), (-60.0, 75.0)])
def test_band_must_be_a_band_in_radians(band):
    with pytest.raises(SandboxError, match="radians"):
        sample_land(np.random.default_rng(0), 1, band)


def test_band_without_land():
    with pytest.raises(SandboxError, match="no land"):
        sample_land(np.random.default_rng(0), 1, (np.radians(88.0), np.radians(89.0)))


def test_cities_lie_on_land_or_within_a_cell_of_it():
    table = cities()
    nudge = np.radians([-0.5, 0.0, 0.5])
    near = on_land(
        table.latitude[:, None, None] + nudge[:, None], table.longitude[:, None, None] + nudge[None, :]
    )
    assert table.name[~near.any(axis=(1, 2))].tolist() == ["Honolulu"]  # Oahu is too small for 1:110m


def test_cities_span_the_continents():
    table = cities()
    assert len(set(zip(table.name, table.country, strict=True))) == len(table.name) >= 150
    assert len(set(table.country)) > 80
    assert (table.latitude < 0).sum() > 30
    assert table.population.min() > 1e5
    assert table.population.max() == table.population[table.name == "Tokyo"][0]


def test_city_samples_follow_population_and_spread():
    n, spread = 50_000, 20_000.0
    latitude, longitude = sample_cities(np.random.default_rng(5), n, spread)
    table = cities()
    tokyo = np.flatnonzero(table.name == "Tokyo")[0]
    north = (latitude - table.latitude[tokyo]) * geography.EARTH_MEAN_RADIUS
    turn = longitude - table.longitude[tokyo]
    east = turn * np.cos(table.latitude[tokyo]) * geography.EARTH_MEAN_RADIUS
    near = np.hypot(north, east) < 6 * spread
    share = table.population[tokyo] / table.population.sum()
    assert near.mean() == pytest.approx(share, rel=0.1)
    assert north[near].std() == pytest.approx(spread, rel=0.06)
    assert east[near].std() == pytest.approx(spread, rel=0.06)


def test_moving_is_along_great_circles():
    quarter = geography.moved(np.array([0.3]), np.array([3.0]), np.array([np.pi / 2]), np.array([0.0]))
    assert np.allclose(quarter, [[np.pi / 2 - 0.3], [3.0 - np.pi]])  # over the pole and down the other side
    east = geography.moved(*np.zeros((2, 1)), np.array([0.1]), np.array([np.pi / 2]))
    assert np.allclose(east, [[0.0], [0.1]])


def test_data_cannot_be_changed_by_accident():
    with pytest.raises(ValueError, match="read-only"):
        coastline()[0][0, 0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        cities().latitude[0] = 1.0
