"""Drawing the book of observation requests of one episode."""

from collections.abc import Sequence
from functools import lru_cache
from math import ceil, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.campaigns import completion_shares
from sandbox.cells import CELL, ROUNDING, Grid, cells_of, edges_of, make_bands
from sandbox.cloud_field import draw_field, edges_of_clouds, sky_of
from sandbox.customers import draw_tiers, draw_values
from sandbox.events import happening, places
from sandbox.fleet import zenith
from sandbox.geography import sample_cities, sample_globe, sample_land
from sandbox.orbits.frames import geodetic_to_itrs
from sandbox.request_kinds import Rows, expand, longest_life_h, plain_parts, rows_room, sorted_parts
from sandbox.scenario import Campaign, Event, UrgentRequests
from sandbox.scenario import Requests as Settings
from sandbox.sensing import KEY
from sandbox.state import CAMPAIGN, NONE, PART, PENDING, Requests
from sandbox.units import HOUR

CITY_SPREAD_M = 50_000.0
_PLACES = {
    "land": sample_land,
    "globe": sample_globe,
    "cities": lambda rng, n: sample_cities(rng, n, CITY_SPREAD_M),
}


class Book(NamedTuple):
    """Requests in order of release; every array is (m,) but `sky`, (m, Q). Times from the episode's start."""

    latitude: np.ndarray
    longitude: np.ndarray
    release: np.ndarray
    deadline: np.ndarray
    value: np.ndarray
    cloud: np.ndarray
    sky: np.ndarray


class Extras(NamedTuple):
    """What a book has beside that, empty where there is nothing of it: of requests of several kinds `part`
    (m,) and `campaign` (d,), of clouds that belong together the numbers behind the sky and its forecast,
    `truth` and `error` (m, Q)."""

    part: np.ndarray = np.zeros(0, PART)
    campaign: np.ndarray = np.zeros(0, CAMPAIGN)
    truth: np.ndarray = np.zeros((0, 0), np.float32)
    error: np.ndarray = np.zeros((0, 0), np.float32)


NOTHING_MORE = Extras()


def book_size(settings: Settings, horizon_s: float, events: Sequence[Event] = ()) -> int:
    """Room for every request of an episode: the mean of the Poisson stream and eight deviations more."""
    urgent = sum(event.requests.count for event in events if event.requests)
    return rows_room(settings, customer_room(settings, horizon_s)) + len(settings.sites) + urgent


def customer_room(settings: Settings, horizon_s: float) -> int:
    """Room for the customers of the stock and of the stream, who may ask for several requests each."""
    return settings.initial + _stream_room(settings, horizon_s)


def campaign_room(settings: Settings, horizon_s: float) -> int | None:
    """Room for the campaigns of an episode; None where all requests are single."""
    if not settings.has_kinds or settings.kinds is None:
        return None
    shares = [kind.share for kind in settings.kinds.named.values() if isinstance(kind, Campaign)]
    return customer_room(settings, horizon_s) if shares else 0


def _stream_room(settings: Settings, horizon_s: float) -> int:
    mean = settings.per_hour * horizon_s / HOUR
    return ceil(mean + 8.0 * sqrt(mean)) + 4 if mean else 0


def sky_intervals(settings: Settings, events: Sequence[Event] = ()) -> int:
    """Intervals of the sky that a request can live through."""
    lives = [
        longest_life_h(settings),
        *(site.deadline_h - site.release_h for site in settings.sites),
    ]
    lives += [event.requests.lifetime_h[1] for event in events if event.requests]
    return ceil(max(lives) / settings.sky_h) + 1


def draw_book(
    rng: np.random.Generator,
    settings: Settings,
    horizon_s: float,
    events: Sequence[Event] = (),
    times: NDArray[np.float64] | Sequence[float] = (),
) -> Book:
    """As `draw_book_with_extras`, the book alone."""
    return draw_book_with_extras(rng, settings, horizon_s, events, times)[0]


def draw_book_with_extras(
    rng: np.random.Generator,
    settings: Settings,
    horizon_s: float,
    events: Sequence[Event] = (),
    times: NDArray[np.float64] | Sequence[float] = (),
) -> tuple[Book, Extras]:
    """The stock at the start, the Poisson stream until `horizon_s`, the named sites, and the requests that
    the `events` open at their `times` (s from the episode's start)."""
    count = min(int(rng.poisson(settings.per_hour * horizon_s / HOUR)), _stream_room(settings, horizon_s))
    release = np.concatenate((np.zeros(settings.initial), rng.uniform(0.0, horizon_s, count)))
    total = len(release)
    latitude, longitude = _PLACES[settings.where](rng, total)
    life = rng.uniform(*settings.lifetime_h, total) * HOUR
    # the stock has been open for a while: a share of its life is over
    life[: settings.initial] *= rng.uniform(0.0, 1.0, settings.initial)
    value = draw_values(rng, settings.value, settings.value_tail, total)
    cloud = _cloud(rng, settings.cloud_mean, settings.cloud_spread, total)
    worth, patience = draw_tiers(rng, settings.tiers, total)
    rows = Rows(latitude, longitude, release, release + patience * life, worth * value, cloud)
    part, campaign, _, _ = extras = NOTHING_MORE
    if settings.has_kinds and settings.kinds is not None:
        room = rows_room(settings, customer_room(settings, horizon_s))
        rows, part, campaign = expand(rng, settings.kinds, rows, room)
    sites, intervals = settings.sites, sky_intervals(settings, events)
    book = Book(
        np.concatenate((rows.latitude, np.radians([s.latitude_deg for s in sites]))),
        np.concatenate((rows.longitude, np.radians([s.longitude_deg for s in sites]))),
        np.concatenate((rows.release, [s.release_h * HOUR for s in sites])),
        np.concatenate((rows.deadline, [s.deadline_h * HOUR for s in sites])),
        np.concatenate((rows.value, [s.value for s in sites])),
        np.concatenate((rows.cloud, [s.cloud for s in sites])),
        rng.random((len(rows.value) + len(sites), intervals)),
    )
    urgent = [
        _urgent(rng, event, event.requests, at, settings.cloud_spread, intervals)
        for event, at in happening(events, times, horizon_s)
        if event.requests
    ]
    book = Book(*map(np.concatenate, zip(book, *urgent, strict=True)))
    order = np.argsort(book.release, kind="stable")
    book = Book(*(column[order] for column in book))
    if settings.has_kinds:
        part = np.concatenate((part, plain_parts(len(order) - len(part))))
        part, campaign = sorted_parts(part, campaign, order)
        extras = extras._replace(part=part, campaign=campaign)
        first = np.flatnonzero((part["convergence"] > 0.0) & ~part["locked"])
        book.sky[part["opens"][first]] = book.sky[first]  # both looks of a pair are at one place
    if settings.clouds is not None:
        places = book.latitude, book.longitude, book.release
        field = draw_field(rng, settings.clouds, *places, intervals, settings.sky_h * HOUR)
        book = book._replace(sky=sky_of(field))
        extras = extras._replace(truth=field.truth, error=field.error)
    return book, extras


def _urgent(
    rng: np.random.Generator, event: Event, asked: UrgentRequests, at: float, spread: float, intervals: int
) -> Book:
    """The requests that `event` opens at time `at`."""
    latitude, longitude = places(rng, event, asked.count)
    return Book(
        latitude,
        longitude,
        np.full(asked.count, at),
        at + rng.uniform(*asked.lifetime_h, asked.count) * HOUR,
        rng.uniform(*asked.value, asked.count),
        _cloud(rng, asked.cloud_mean, spread, asked.count),
        rng.random((asked.count, intervals)),
    )


def _cloud(rng: np.random.Generator, mean: float, spread: float, total: int) -> np.ndarray:
    if mean in (0.0, 1.0):
        return np.full(total, mean)
    return rng.beta(mean * spread, (1.0 - mean) * spread, total)


def write_book(requests: Requests, b: int, book: Book, start: float, extras: Extras = NOTHING_MORE) -> None:
    """Lay `book` into the arrays of world `b`; what is left of their room never opens."""
    used = slice(0, len(book.release))
    rows = requests.book[b]
    rows["position"][used] = geodetic_to_itrs(book.latitude, book.longitude, np.zeros_like(book.latitude))
    rows["up"][used] = zenith(book.latitude, book.longitude)
    for name in ("release", "deadline"):
        rows[name] = np.inf
        rows[name][used] = start + getattr(book, name)
    for name in ("value", "cloud"):
        rows[name] = 0.0
        rows[name][used] = getattr(book, name)
    requests.sky[b, used] = book.sky
    rows["closed_until"] = -np.inf
    rows["status"] = PENDING
    rows["captured_at"] = rows["delivered_at"] = np.nan
    rows["captured_by"] = NONE
    _write_parts(requests, b, extras, start)
    if requests.edge.shape[1]:
        requests.truth[b, used], requests.error[b, used] = extras.truth, extras.error
        requests.edge[b, used] = edges_of_clouds(book.cloud)
    index_book(requests, b, used.stop)


def _write_parts(requests: Requests, b: int, extras: Extras, start: float) -> None:
    """Lay parts and campaigns into the arrays of world `b`, if there are any."""
    part, campaign = extras.part, extras.campaign
    requests.part[b] = plain_parts(requests.part.shape[1])
    requests.part[b, : len(part)] = part
    requests.campaign["completed_at"][b] = np.nan
    requests.campaign[b, : len(campaign)] = campaign
    requests.campaign["deadline"][b, : len(campaign)] += start
    requests.waits[b] = 0


def index_book(requests: Requests, b: int, count: int) -> None:
    """Sort the first `count` requests in the book of world `b` by place, worth and deadline; none is open."""
    rows, bands = requests.book[b], make_bands(requests.book.shape[1])
    worth = rows["value"] + completion_shares(requests, b)
    best = np.argsort(worth * (rows["cloud"] - 1.0), kind="stable")
    rows["rank"][best] = np.arange(len(rows))
    cell = cells_of(bands, rows["up"][:count])
    requests.starts[b, 1:] = np.cumsum(np.bincount(cell, minlength=bands[-1]))
    rank = np.flatnonzero(best < count)
    j = best[rank]
    order = np.argsort(cell[j].astype(np.int16), kind="stable")  # by radix; there are few enough cells
    rank, j = rank[order], j[order]
    rows["slot"][j] = np.arange(count)
    entry, up = requests.indexed[b, :count], rows["up"].take(j, axis=0)
    entry["key"], entry["end"] = rank * KEY + j, requests.starts[b, cell[j] + 1]
    for axis, name in enumerate("xyz"):
        entry[name] = up[:, axis]
    times, deadline = np.ascontiguousarray(rows["deadline"]), requests.by_deadline[b]
    soonest = np.argsort(times)
    deadline["time"], deadline["request"], deadline["slot"] = times[soonest], soonest, rows["slot"][soonest]
    requests.open[b] = 0
    for counter in (requests.released, requests.expired, requests.brief, requests.open_count):
        counter[b] = 0


def make_grid(places: int) -> Grid:
    """The cells of the ground for a book of so many requests."""
    bands = make_bands(places)
    cells = np.zeros(bands[-1], CELL)
    for name, column in zip(("x", "y", "z", "size"), _extents(tuple(bands.tolist())), strict=True):
        cells[name] = column
    return Grid(bands, cells)


@lru_cache(maxsize=64)
def _extents(bands: tuple[int, ...]) -> np.ndarray:
    """Of every cell of a grid the middle, a unit vector, and the distance to its farthest point: (4, C)."""
    south, north, west, east = edges_of(np.array(bands))
    middle = zenith(0.5 * (south + north), 0.5 * (west + east))
    size = np.maximum(*(np.linalg.norm(middle - zenith(edge, west), axis=-1) for edge in (south, north)))
    size = np.where(east - west < np.pi, size, 2.0)  # a wider cell ends farther away than at its corners
    return np.vstack((middle.T, size + ROUNDING))
