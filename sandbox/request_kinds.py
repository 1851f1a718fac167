"""Drawing what customers ask for beside single images: which kind, and the requests that it is made of.

Every customer of the book has a place, a release, a deadline, a value and a forecast of cloud. An area
becomes its scenes, a stereo pair its two looks, a series its looks, each with times of its own, a cue itself
and, where there is something to find, the tip. Rows of one customer follow one another.
"""

from math import ceil, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.geography import EARTH_MEAN_RADIUS, moved
from sandbox.scenario import AreaKind, CueKind, DwellKind, Kinds, PeriodicKind, Requests, StereoKind
from sandbox.state import (
    AREA,
    CAMPAIGN,
    NONE,
    PART,
    PERIODIC,
    REQUEST_KINDS,
    SINGLE,
    STEREO,
    TIP,
)
from sandbox.units import HOUR

Floats = NDArray[np.float64]


class Rows(NamedTuple):
    """Requests (m,) as customers ask for them: places, times from the episode's start, values, clouds."""

    latitude: Floats
    longitude: Floats
    release: Floats
    deadline: Floats
    value: Floats
    cloud: Floats


class Expanded(NamedTuple):
    """Requests of all customers, what they are beside single images, and their campaigns."""

    rows: Rows
    part: np.ndarray
    campaign: np.ndarray


class _Group(NamedTuple):
    """The rows of the customers of one kind: whose they are (m,), and which of theirs."""

    owner: NDArray[np.intp]
    place: NDArray[np.intp]


# ---- room ------------------------------------------------------------------------------------------


def rows_room(settings: Requests, customers: int) -> int:
    """Room for the requests of so many customers: the mean and eight deviations more."""
    if not settings.has_kinds or settings.kinds is None:
        return customers
    named = settings.kinds.named
    counts = {name: _moments(kind) for name, kind in named.items()}
    single = 1.0 - sum(kind.share for kind in named.values())
    mean = single + sum(kind.share * counts[name][0] for name, kind in named.items())
    square = single + sum(kind.share * counts[name][1] for name, kind in named.items())
    most = max(1, *(kind.most_rows for kind in named.values()))
    spread = sqrt(max(0.0, square - mean * mean) * customers)
    return min(most * customers, ceil(mean * customers + 8.0 * spread) + most)


def _moments(kind: object) -> tuple[float, float]:
    """Mean of the number of requests of a customer of a kind, and of its square."""
    if isinstance(kind, AreaKind):
        (a, a2), (b, b2) = _uniform(kind.across), _uniform(kind.along)
        return a * b, a2 * b2
    if isinstance(kind, PeriodicKind):
        return _uniform(kind.looks)
    if isinstance(kind, StereoKind):
        return 2.0, 4.0
    if isinstance(kind, CueKind):
        return 1.0 + kind.probability, 1.0 + 3.0 * kind.probability
    return 1.0, 1.0


def _uniform(between: tuple[int, int]) -> tuple[float, float]:
    numbers = np.arange(between[0], between[1] + 1.0)
    return float(numbers.mean()), float((numbers**2).mean())


def longest_life_h(settings: Requests) -> float:
    """Hours from release to deadline that a request of any kind can have."""
    life = settings.lifetime_h[1] * settings.time_factor
    kinds = settings.kinds
    if not settings.has_kinds or kinds is None:
        return life
    periodic = kinds.periodic.window_h if kinds.periodic else 0.0
    return max(life, periodic, kinds.cue.tip_lifetime_h[1] if kinds.cue else 0.0)


# ---- drawing ---------------------------------------------------------------------------------------


def expand(rng: np.random.Generator, kinds: Kinds, asked: Rows, room: int) -> Expanded:
    """The requests of the customers `asked` (c,), each of a kind drawn by its share; at most `room`.

    Customers whose requests have no room, which eight deviations make a matter of theory, are left out.
    """
    total, named = len(asked.value), kinds.named
    edges = np.cumsum([kind.share for kind in named.values()])
    which = np.searchsorted(edges, rng.random(total), side="right")
    code = np.array([*(REQUEST_KINDS.index(name) for name in named), SINGLE])[which]
    counts = np.ones(total, np.intp)
    columns = {name: _draw_shape(rng, kind, total) for name, kind in named.items()}
    for name, shape in columns.items():
        mine = code == REQUEST_KINDS.index(name)
        counts[mine] = shape["rows"][mine]
    counts[np.cumsum(counts) > room] = 0
    owner = np.repeat(np.arange(total), counts)
    place = np.arange(len(owner)) - (np.cumsum(counts) - counts)[owner]
    rows = Rows(*(column[owner].copy() for column in asked))
    part = plain_parts(len(owner))
    part["kind"] = code[owner]
    builders = {"area": _areas, "stereo": _pairs, "periodic": _series, "dwell": _videos, "cue": _cues}
    for name, kind in named.items():
        mine = np.flatnonzero(part["kind"] == REQUEST_KINDS.index(name))
        if len(mine):
            shape = {key: column[owner[mine]] for key, column in columns[name].items()}
            rows.value[mine] *= kind.value_factor
            builders[name](kind, rows, part, mine, place[mine], shape)  # type: ignore[operator]
    return Expanded(rows, part, _campaigns(kinds, rows, part, owner, place))


def plain_parts(count: int) -> np.ndarray:
    """What `count` single images are beside that."""
    part = np.zeros(count, PART)
    part["campaign"] = part["sibling"] = part["opens"] = NONE
    part["images"], part["opens_at"] = 1.0, np.inf
    return part


def _draw_shape(rng: np.random.Generator, kind: object, total: int) -> dict[str, NDArray]:
    """What distinguishes customers (total,) of a kind; `rows` is how many requests each makes."""
    one = np.ones(total, np.intp)
    if isinstance(kind, AreaKind):
        across, along = (
            rng.integers(*between, total, endpoint=True) for between in (kind.across, kind.along)
        )
        azimuth = np.radians(rng.uniform(*kind.azimuth_deg, total))
        return {"rows": across * along, "across": across, "along": along, "azimuth": azimuth}
    if isinstance(kind, PeriodicKind):
        looks = rng.integers(*kind.looks, total, endpoint=True)
        return {"rows": looks, "every": rng.uniform(*kind.every_h, total) * HOUR}
    if isinstance(kind, CueKind):
        return {
            "rows": one + (rng.random(total) < kind.probability),
            "factor": rng.uniform(*kind.tip_value, total),
            "life": rng.uniform(*kind.tip_lifetime_h, total) * HOUR,
            "arc": np.sqrt(rng.random(total)) * 1e3 * kind.distance_km / EARTH_MEAN_RADIUS,
            "bearing": rng.uniform(0.0, 2.0 * np.pi, total),
        }
    return {"rows": 2 * one if isinstance(kind, StereoKind) else one}


def _areas(kind: AreaKind, rows: Rows, part: np.ndarray, mine: NDArray, place: NDArray, shape: dict) -> None:
    """Lay the scenes of areas on their grids; along is the direction of the azimuth."""
    across = (place % shape["across"] - 0.5 * (shape["across"] - 1)) * kind.spacing_km
    along = (place // shape["across"] - 0.5 * (shape["along"] - 1)) * kind.spacing_km
    arc = 1e3 * np.hypot(across, along) / EARTH_MEAN_RADIUS
    bearing = shape["azimuth"] + np.arctan2(across, along)
    rows.latitude[mine], rows.longitude[mine] = moved(rows.latitude[mine], rows.longitude[mine], arc, bearing)


def _pairs(
    kind: StereoKind, rows: Rows, part: np.ndarray, mine: NDArray, place: NDArray, shape: dict
) -> None:
    """The first look of a stereo pair opens the second."""
    first = place == 0
    part["convergence"][mine] = np.radians(kind.convergence_deg)
    part["opens"][mine[first]] = mine[first] + 1
    part["locked"][mine[~first]] = True


def _series(
    kind: PeriodicKind, rows: Rows, part: np.ndarray, mine: NDArray, place: NDArray, shape: dict
) -> None:
    """The looks of a series, in turn."""
    rows.release[mine] += place * shape["every"]
    rows.deadline[mine] = rows.release[mine] + kind.window_h * HOUR


def _videos(
    kind: DwellKind, rows: Rows, part: np.ndarray, mine: NDArray, place: NDArray, shape: dict
) -> None:
    part["hold"][mine], part["images"][mine] = kind.dwell_s, kind.images


def _cues(kind: CueKind, rows: Rows, part: np.ndarray, mine: NDArray, place: NDArray, shape: dict) -> None:
    """A cue, and the tip that its image opens, where there is something to find."""
    tip = place == 1
    found = mine[tip]
    part["opens"][found - 1], part["delay"][found - 1] = found, kind.processing_s
    part["kind"][found], part["locked"][found] = TIP, True
    rows.value[found] *= shape["factor"][tip]
    rows.deadline[found] = rows.release[found] + shape["life"][tip]
    rows.latitude[found], rows.longitude[found] = moved(
        rows.latitude[found], rows.longitude[found], shape["arc"][tip], shape["bearing"][tip]
    )


def _campaigns(kinds: Kinds, rows: Rows, part: np.ndarray, owner: NDArray, place: NDArray) -> np.ndarray:
    """The campaigns of the rows: what each image pays, and what is left for completing them."""
    paying = {AREA: kinds.area, STEREO: kinds.stereo, PERIODIC: kinds.periodic}
    members = np.flatnonzero(np.isin(part["kind"], list(paying)))
    firsts = members[place[members] == 0]
    campaign = np.zeros(len(firsts), CAMPAIGN)
    number = np.cumsum(place[members] == 0) - 1
    part["campaign"][members] = number
    follows = members[place[members] > 0]
    part["sibling"][follows - 1] = follows
    campaign["first"], campaign["kind"] = firsts, part["kind"][firsts]
    campaign["parts"] = np.bincount(number, minlength=len(firsts))
    campaign["completed_at"], campaign["arrived"] = np.nan, -np.inf
    np.maximum.at(deadline := np.full(len(firsts), -np.inf), number, rows.deadline[members])
    for code, kind in paying.items():
        if kind is None:
            continue
        mine, theirs = campaign["kind"] == code, members[part["kind"][members] == code]
        whole = np.bincount(part["campaign"][theirs], rows.value[theirs], minlength=len(firsts))
        campaign["bonus"][mine] = (1.0 - kind.part_share) * whole[mine]
        rows.value[theirs] *= kind.part_share
        campaign["deadline"][mine] = deadline[mine] + kind.arrival_h * HOUR
    return campaign


def sorted_parts(
    part: np.ndarray, campaign: np.ndarray, order: NDArray[np.intp]
) -> tuple[np.ndarray, np.ndarray]:
    """Parts (m,) and their campaigns after requests were put in the `order` (m,)."""
    new = np.empty(len(order), np.int32)
    new[order] = np.arange(len(order), dtype=np.int32)
    part, campaign = part[order], campaign.copy()
    for name in ("sibling", "opens"):
        named = part[name] != NONE
        part[name][named] = new[part[name][named]]
    campaign["first"] = new[campaign["first"]]
    return part, campaign
