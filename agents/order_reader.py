"""Orders in words read by key words: what a small honest parser makes of them.

It knows the kinds by words that the training wordings use, the first place with the first radius, bands of
latitude, and times of day, which it takes for UTC. It does not know of conditions, exceptions, corrections,
cancellations, precedence, points off a place, time zones, orbits and comparisons: an order that it cannot
place it leaves alone, of others it follows what it has understood.
"""

import math
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from sandbox.geography import EARTH_MEAN_RADIUS
from sandbox.order_grammar import places
from sandbox.order_meaning import (
    DIRECTIVE,
    EMBARGO,
    PRIORITY,
    RESERVE,
    SERVICE,
    STATION,
    blank_meaning,
)

KEEP_S = 200.0 * 60.0
"""For how long an order is taken to hold that names no end."""
_KINDS = (
    (STATION, ("given", "reserved", "放弃", "留给 救援", "send no images")),
    (SERVICE, ("queue", "boards", "任务")),
    (EMBARGO, ("do not image", "no images", "forbidden", "禁止", "不要")),
    (PRIORITY, ("times", "乘以", "倍")),
    (RESERVE, ("battery", "电池", "电量")),
)
_TIME = re.compile(r"\d\d:\d\d")
_REVISING = ("correction", "corrected", "更正", "cancel", "cancelled", "取消", "作废")


def read(said: Sequence[str], stations: Sequence[str]) -> Any:
    """The order that words seem to give, or None: a record of dtype DIRECTIVE, its times those of the day."""
    head, body = _split(said)
    if head is None or any(word in _REVISING for word in body):
        return None
    text = f" {' '.join(body)} "
    kind = next((kind for kind, keys in _KINDS if any(f" {key} " in text for key in keys)), None)
    if kind is None:
        return None
    order = np.zeros(1, DIRECTIVE)
    blank_meaning(order[0])
    number, issued = head
    order["kind"], order["number"], order["issued"] = kind, number, issued
    times = [issued + (_seconds(word) - issued) % 86_400.0 for word in body if _TIME.fullmatch(word)]
    order["begins"] = times[0] if times else issued
    order["ends"] = times[1] if len(times) > 1 else issued + KEEP_S
    order["until"] = max(issued + KEEP_S, order["ends"][0])
    understood = {
        STATION: lambda: _station(order, body, stations),
        SERVICE: lambda: True,
        RESERVE: lambda: bool(times) and _charge(order, body),
        EMBARGO: lambda: _where(order, body),
        PRIORITY: lambda: _factor(order, body) and _where(order, body),
    }[kind]()
    return order[0] if understood else None


def _split(said: Sequence[str]) -> tuple[tuple[int, float] | None, list[str]]:
    """The number of an order and when it was issued, and what it says."""
    mark = next((i for i, word in enumerate(said) if word in (":", "：")), 0)
    head = said[:mark]
    numbers = [int(word) for word in head if word.isdecimal()]
    times = [word for word in head if _TIME.fullmatch(word)]
    if not numbers or not times:
        return None, []
    return (numbers[0], _seconds(times[0])), list(said[mark + 1 :])


def _seconds(time: str) -> float:
    return 3600.0 * int(time[:2]) + 60.0 * int(time[3:])


def _where(order: Any, body: Sequence[str]) -> bool:
    """The first place with the first radius, or a band of latitude."""
    known = {name: place for place in places() for name in place.names.values()}
    place = next((known[word] for word in body if word in known), None)
    radius = _before(body, ("km", "公里"))
    if place is not None and radius is not None:
        order["place"], order["reach"] = place.up, math.cos(1e3 * radius / EARTH_MEAN_RADIUS)
        return True
    if "hemisphere" in body or "南半球" in body:
        order["north"] = 0.0
        return True
    numbers = [int(word) for word in body if word.isdecimal() and int(word) <= 90]
    if "between" in body and "latitude" in body:
        numbers = [int(word) for word in body[body.index("between") :] if word.isdecimal()][:2]
    elif "北纬" in body:
        numbers = [int(word) for word in body[body.index("北纬") :] if word.isdecimal()][:2]
    elif "north" in body or "以北" in body:
        mark = "north" if "north" in body else "纬度"
        numbers = [int(word) for word in body[body.index(mark) :] if word.isdecimal()][:1]
    else:
        return False
    if not numbers:
        return False
    order["south"] = math.sin(math.radians(numbers[0]))
    order["north"] = math.sin(math.radians(numbers[1])) if len(numbers) > 1 else 1.0
    return True


def _factor(order: Any, body: Sequence[str]) -> bool:
    found = _before(body, ("times", "倍"))
    if found is None and "乘以" in body[:-1]:
        following = body[body.index("乘以") + 1]
        found = float(following) if following.isdecimal() else None
    order["factor"] = found or 1.0
    return found is not None


def _charge(order: Any, body: Sequence[str]) -> bool:
    found = _before(body, ("%",))
    order["charge"] = (found or 0.0) / 100.0
    return found is not None


def _station(order: Any, body: Sequence[str], stations: Sequence[str]) -> bool:
    """The first station that is named, or the one with a number."""
    named = next((stations.index(word) for word in body if word in stations), -1)
    if named < 0 and "number" in body[:-1]:
        following = body[body.index("number") + 1]
        named = int(following) - 1 if following.isdecimal() else -1
    order["station"] = named
    return named >= 0


def _before(body: Sequence[str], units: Sequence[str]) -> float | None:
    """The number before the first of some words that has one."""
    for word, following in pairwise(body):
        if following in units and word.isdecimal():
            return float(word)
    return None
