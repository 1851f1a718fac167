"""From gists to what orders mean: the arithmetic of clocks, maps and ranks, and which order stands for which.

A model writes what an order says (`agents.reading.gist`); time zones, points off a place, the nearer of two
stations, what a correction leaves as it was and what a rank counts from are sums, done here.
"""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.reading.gist import Gist
from sandbox.geography import EARTH_MEAN_RADIUS
from sandbox.order_grammar import Place, beyond, grammar, places
from sandbox.order_meaning import CONDITIONS, DIRECTIVE, ORDER_KINDS, blank_meaning

DAY_S, MIN, HOUR = 86_400.0, 60.0, 3_600.0


class Chart(NamedTuple):
    """What one has to know to make sense of orders, beside their words."""

    stations: Sequence[str]
    station_up: NDArray[np.float64]  # (G, 3) zeniths
    keep_s: float
    """For how long an order can hold."""


def senses(told: Sequence[Gist], chart: Chart) -> list[Any]:
    """The orders (dtype DIRECTIVE) that hold for who knows these gists and no others, by rising number.

    Times count from the midnight, UTC, before the first of them was issued. What cannot be made sense of is
    left out: a correction of an order that is not known, a place or a station that is not.
    """
    if not told:
        return []
    by_number = {int(gist.number): gist for gist in told if gist.number.isdecimal()}
    first = _seconds(by_number[min(by_number)].issued) if by_number else 0.0
    gone = {int(_refers(gist)) for gist in by_number.values() if _refers(gist).isdecimal()}
    found = []
    made: dict[int, Any] = {}
    for number in sorted(by_number):
        try:
            made[number] = order = _sense(by_number[number], made, first, chart)
        except (KeyError, ValueError, IndexError):  # words in the wrong places, or what is not known
            continue
        if order is not None and number not in gone:
            found.append(order)
    return found


def _refers(gist: Gist) -> str:
    return gist.clauses[gist.body][0] if gist.body in ("cancellation", "correction") else ""


def _sense(gist: Gist, earlier: Mapping[int, Any], first: float, chart: Chart) -> Any:
    """The order that a gist tells of, given those before it; None for a cancellation."""
    body, number = gist.body, int(gist.number)
    issued = first + (_seconds(gist.issued) - first) % DAY_S
    if body == "cancellation":
        return None
    if body == "correction":
        order = earlier[int(_refers(gist))].copy()
    else:
        order = np.zeros(1, DIRECTIVE)[0]
        blank_meaning(order)
        order["kind"], order["until"] = ORDER_KINDS.index(body), issued + chart.keep_s
        order["begins"], order["ends"] = issued, order["until"]
    order["number"], order["issued"] = number, issued
    for name, told in gist.clauses.items():
        _CLAUSES.get(name.partition("_")[0], _nothing)(order, name, told, chart)
    for name, step in (("before_this", 1), ("before_other", -1)):
        if name in gist.clauses:
            other = earlier.get(int(gist.clauses[name][0]))
            order["precedence"] = step + (0 if other is None else int(other["precedence"]))
    return order


def _nothing(order: Any, name: str, told: Sequence[str], chart: Chart) -> None:
    """A clause that is made sense of elsewhere."""


def _factor(order: Any, name: str, told: Sequence[str], chart: Chart) -> None:
    order["factor"] = float(told[0])


def _charge(order: Any, name: str, told: Sequence[str], chart: Chart) -> None:
    order["charge"] = float(told[0]) / 100.0


def _news(order: Any, name: str, told: Sequence[str], chart: Chart) -> None:
    if name == "news_factor":
        _factor(order, name, told, chart)
    elif name == "news_charge":
        _charge(order, name, told, chart)
    elif name == "news_end":
        order["ends"] = _after(float(order["issued"]), told[0])


def _station(order: Any, name: str, told: Sequence[str], chart: Chart) -> None:
    known = list(chart.stations)
    if name == "station_named":
        order["station"] = known.index(told[0])
    elif name == "station_numbered":
        order["station"] = range(len(known))[int(told[0]) - 1]
    elif name == "station_nearer":
        one, other = known.index(told[0]), known.index(told[1])
        up = place_called(told[2]).up
        nearer = chart.station_up[one] @ up >= chart.station_up[other] @ up
        order["station"] = one if nearer else other


def _where(order: Any, name: str, told: Sequence[str], chart: Chart) -> None:
    order["south"], order["north"] = -1.0, 1.0
    if name in ("where_near", "where_away"):
        middle = place_called(told[-1]).up
        if name == "where_away":
            middle = beyond(middle, 1e3 * float(told[1]), _bearing(told[2]))
        order["place"], order["reach"] = middle, _cosine(told[0])
    elif name == "where_south":
        order["north"] = 0.0
    else:
        order["south"] = _sine(told[0])
        order["north"] = _sine(told[1]) if name == "where_between" else 1.0


def _when(order: Any, name: str, told: Sequence[str], chart: Chart) -> None:
    issued = float(order["issued"])
    if name == "when_minutes":
        order["begins"], order["ends"] = issued, issued + MIN * float(told[0])
    elif name == "when_orbits":
        order["begins"] = order["ends"] = issued
        order["orbits_to"] = float(told[0])
    else:
        zone = _zone(told[2]) if name == "when_zone" else 0.0
        order["begins"], order["ends"] = (_after(issued, each, zone) for each in told[:2])


def _at(order: Any, name: str, told: Sequence[str], chart: Chart) -> None:
    if name == "at_shadow":
        order["at_shadow"] = True
        return
    issued = float(order["issued"])
    if name == "at_orbits":
        order["begins"], order["orbits_from"] = issued, float(told[0])
    else:
        order["begins"] = _after(issued, told[0], _zone(told[1]) if name == "at_zone" else 0.0)
    order["ends"] = order["until"]


def _if(order: Any, name: str, told: Sequence[str], chart: Chart) -> None:
    order["condition"] = CONDITIONS.index(name.removeprefix("if_"))
    order["threshold"] = float(told[0])


def _except(order: Any, name: str, told: Sequence[str], chart: Chart) -> None:
    if name == "except_value":
        order["spared_value"] = float(told[0])
    else:
        order["spared"], order["spared_reach"] = place_called(told[1]).up, _cosine(told[0])


_CLAUSES = {"priority": _factor, "reserve": _charge, "news": _news, "station": _station, "where": _where,
            "when": _when, "at": _at, "if": _if, "except": _except}  # fmt: skip


def place_called(name: str) -> Place:
    """The place of that name, in either language. Raises KeyError for an unknown one."""
    return _gazetteer()[name]


@cache
def _gazetteer() -> Mapping[str, Place]:
    return {name: place for place in places() for name in place.names.values()}


@cache
def _bearings() -> Mapping[str, float]:
    return {each[language]: float(each["deg"]) for each in grammar()["bearings"] for language in ("en", "zh")}


def _bearing(name: str) -> float:
    return math.radians(_bearings()[name])


def _zone(name: str) -> float:
    """Seconds by which standard time at a place is ahead of UTC."""
    return HOUR * (place_called(name).zone_h or 0)


def _seconds(time: str) -> float:
    """Of the day. Raises ValueError for what is no time of day."""
    hours, minutes = time.split(":")
    return HOUR * int(hours) + MIN * int(minutes)


def _after(issued: float, time: str, zone_s: float = 0.0) -> float:
    """When it is that time of day first, at or after the issue."""
    return issued + (_seconds(time) - zone_s - issued) % DAY_S


def _cosine(radius_km: str) -> float:
    return math.cos(1e3 * float(radius_km) / EARTH_MEAN_RADIUS)


def _sine(latitude_deg: str) -> float:
    return math.sin(math.radians(float(latitude_deg)))
