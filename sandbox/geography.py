"""Land, sea and cities: where on the Earth requests come from, and the coast that maps draw.

The Earth is a sphere here; latitudes and longitudes are in radians unless the name says degrees. The data and
their sources: `sandbox/data/README.md`.
"""

import csv
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from sandbox.errors import SandboxError

DATA = Path(__file__).resolve().parent / "data"
EARTH_MEAN_RADIUS = 6_371_008.8  # m, IUGG
HABITABLE = (np.radians(-60.0), np.radians(75.0))  # leaves out Antarctica and the ice of the far north

Points = tuple[np.ndarray, np.ndarray]  # latitude, longitude


class Cities(NamedTuple):
    """Large cities, one entry of every array per city."""

    name: np.ndarray
    country: np.ndarray
    latitude: np.ndarray  # rad
    longitude: np.ndarray  # rad
    population: np.ndarray  # people in the urban area, roughly


def coastline() -> list[np.ndarray]:
    """Closed rings (n, 2) of longitude and latitude in degrees: land, and lakes within it (fill by even-odd).

    No ring jumps at the date line: longitudes run on, to 190 degrees at most, so a map draws each ring at
    -360, 0 and +360 degrees. Antarctica is closed along the pole.
    """
    return list(_rings("coastline.npz"))


def fine_coastline() -> list[np.ndarray]:
    """As `coastline`, of the 1:50m map, to 0.03 degrees, without islands below 120 km2: for near views."""
    return list(_rings("coastline_50m.npz"))


def on_land(latitude: ArrayLike, longitude: ArrayLike) -> np.ndarray:
    """Whether points (broadcast, radians, any turn of longitude) are on land, by half-degree cells.

    Raises `SandboxError` for a latitude beyond a pole or a value that is not finite.
    """
    latitude, longitude = np.broadcast_arrays(latitude, longitude)
    if not (np.all(np.abs(latitude) <= np.pi / 2 + 1e-6) and np.all(np.isfinite(longitude))):
        raise SandboxError("on_land: give finite angles in radians, the latitude within -pi/2 to pi/2.")
    mask = _mask()
    rows, columns = mask.shape
    row = np.clip((latitude / np.pi + 0.5) * rows, 0, rows - 1).astype(np.intp)
    column = np.floor((longitude / (2 * np.pi) + 0.5) * columns).astype(np.intp) % columns
    return mask[row, column]


def sample_globe(rng: np.random.Generator, n: int) -> Points:
    """Latitude and longitude (n,) of points uniform by area over the whole Earth.

    Takes `rng.random((n, 2))`, so a larger n begins with the points of a smaller one.
    """
    u, v = rng.random((n, 2)).T
    return np.arcsin(2.0 * u - 1.0), np.pi * (2.0 * v - 1.0)


def sample_land(rng: np.random.Generator, n: int, band: tuple[float, float] = HABITABLE) -> Points:
    """Latitude and longitude (n,) of points uniform by area over the land between the latitudes of `band`.

    Takes `rng.random((n, 3))` (cell, height and width within it), so a larger n begins with the points of a
    smaller one. Raises `SandboxError` where the band holds no land.
    """
    columns = _mask().shape[1]
    cells, cumulative, south, height = _land_cells(float(band[0]), float(band[1]))
    u, v, w = rng.random((n, 3)).T
    cell = cells[np.searchsorted(cumulative, u, side="right")]
    row, column = np.divmod(cell, columns)
    return np.arcsin(south[row] + v * height[row]), ((column + w) / columns - 0.5) * 2.0 * np.pi


@cache
def cities() -> Cities:
    """The cities of `data/cities.csv`; the arrays are read-only."""
    lines = (DATA / "cities.csv").read_text(encoding="utf-8").splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    numbers = {k: np.array([float(row[k]) for row in rows]) for k in rows[0] if k not in ("name", "country")}
    return Cities(
        name=_frozen(np.array([row["name"] for row in rows])),
        country=_frozen(np.array([row["country"] for row in rows])),
        latitude=_frozen(np.radians(numbers["latitude_deg"])),
        longitude=_frozen(np.radians(numbers["longitude_deg"])),
        population=_frozen(numbers["population_millions"] * 1e6),
    )


@cache
def _shares_of_people() -> np.ndarray:
    """Of the first city, of the first two, and so on up to 1."""
    people = cities().population
    return _frozen(np.cumsum(people) / people.sum())


def sample_cities(rng: np.random.Generator, n: int, spread_m: float) -> Points:
    """Latitude and longitude (n,) near cities drawn by population: a Gaussian of `spread_m` (1 sigma, m).

    Takes `rng.random((n, 3))` (city, distance, bearing); a larger n begins with the points of a smaller one.
    """
    latitude, longitude, _ = cities()[2:]
    share = _shares_of_people()
    u, v, w = rng.random((n, 3)).T
    city = np.minimum(np.searchsorted(share, u, side="right"), len(share) - 1)
    rayleigh = np.sqrt(-2.0 * np.log1p(-v))  # the length of a Gaussian pair
    arc = spread_m / EARTH_MEAN_RADIUS * rayleigh
    return moved(latitude[city], longitude[city], arc, 2.0 * np.pi * w)


def sample_around(
    rng: np.random.Generator, n: int, latitude: float, longitude: float, radius_m: float
) -> Points:
    """Latitude and longitude (n,) of points uniform by area within `radius_m` of a place, along the ground.

    Takes `rng.random((n, 2))` (distance, bearing); a larger n begins with the points of a smaller one.
    """
    u, v = rng.random((n, 2)).T
    arc = 2.0 * np.arcsin(np.sqrt(u) * np.sin(0.5 * radius_m / EARTH_MEAN_RADIUS))
    return moved(np.full(n, latitude), np.full(n, longitude), arc, 2.0 * np.pi * v)


def moved(latitude: np.ndarray, longitude: np.ndarray, arc: np.ndarray, bearing: np.ndarray) -> Points:
    """The points an `arc` (rad) away along the great circles that leave at `bearing` (rad from north)."""
    sine = np.sin(latitude) * np.cos(arc) + np.cos(latitude) * np.sin(arc) * np.cos(bearing)
    east = np.sin(bearing) * np.sin(arc) * np.cos(latitude)
    turn = np.arctan2(east, np.cos(arc) - np.sin(latitude) * sine)
    return np.arcsin(np.clip(sine, -1.0, 1.0)), (longitude + turn + np.pi) % (2.0 * np.pi) - np.pi


@lru_cache(maxsize=16)
def _land_cells(low: float, high: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Flat indices of the land cells in a band, their cumulative area up to 1, and each row's sine range."""
    if not -np.pi / 2 <= low < high <= np.pi / 2:
        raise SandboxError(f"band is ({low}, {high}); give (south, north) in radians within -pi/2 to pi/2.")
    mask = _mask()
    edges = np.linspace(-np.pi / 2, np.pi / 2, len(mask) + 1)
    sines = np.sin(np.clip(edges, low, high))
    south, height = sines[:-1], np.diff(sines)
    area = np.where(mask, height[:, None], 0.0).ravel()
    cells = np.flatnonzero(area)
    if not len(cells):
        degrees = " to ".join(f"{np.degrees(x):.2f}" for x in (low, high))
        raise SandboxError(f"band {degrees} degrees holds no land; widen it.")
    cumulative = np.cumsum(area[cells])
    cumulative /= cumulative[-1]
    return cells, cumulative, south, height


@cache
def _rings(file: str) -> tuple[np.ndarray, ...]:
    with np.load(DATA / file, allow_pickle=False) as data:
        points = np.cumsum(data["steps"].T, axis=0) * float(data["point_deg"])
        return tuple(_frozen(ring) for ring in np.split(points, np.cumsum(data["lengths"])[:-1]))


@cache
def _mask() -> np.ndarray:
    """Land mask (360, 720): rows from the south pole, columns from 180 degrees west."""
    with np.load(DATA / "coastline.npz", allow_pickle=False) as data:
        bits = data["mask"]
    return _frozen(np.unpackbits(bits, axis=1)[:, : 2 * len(bits)].astype(bool))


def _frozen(array: np.ndarray) -> np.ndarray:
    array = np.ascontiguousarray(array)
    array.flags.writeable = False
    return array
