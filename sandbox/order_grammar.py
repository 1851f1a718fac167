"""Orders drawn from a grammar: words for the satellites, and the meaning that the world computes with.

The wordings are in `data/order_grammar.yaml`. What is drawn depends on nothing but the generator, the
scenario's `orders`, the stations, and where the satellites pass, so that orders speak of places that matter.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.geography import DATA, EARTH_MEAN_RADIUS
from sandbox.order_meaning import (
    CANCELLATION,
    CONDITIONS,
    DIRECTIVE,
    EMBARGO,
    ORDER_KINDS,
    PRIORITY,
    RESERVE,
    SERVICE,
    STATION,
    blank_meaning,
)
from sandbox.order_words import numbers_of, text_of
from sandbox.scenario.orders import MOST_ORDERS, Orders
from sandbox.units import HOUR
from sandbox.yaml_files import read_yaml

MIN = 60.0
TICK_S = 300.0
"""Times of day are told to five minutes."""
DAY_S = 86_400.0
_RADII, _DISTANCES = range(200, 4_001, 100), range(300, 1_001, 100)
_LATITUDES = (0, 10, 20, 30, 40, 50, 60)
_VALUES, _THRESHOLDS = (5, 10, 20, 30), range(20, 81, 10)
_ORBITS = (1, 2)
LOOKS = 2
"""Moments at which it is seen what a satellite passes, until an order has its place."""
BY_CLOUD, BY_BATTERY = ("cloud_above",), ("battery_below",)
UNSEEN = {"cloud_above": "cloud_below", "battery_below": "battery_above"}
"""Conditions, and those that orders of the split `heldout` have beside them: never met in training."""


class Place(NamedTuple):
    """A place of the gazetteer."""

    names: Mapping[str, str]  # by language
    up: NDArray[np.float64]  # its zenith
    zone_h: int | None


class Theatre(NamedTuple):
    """What orders can speak of in an episode."""

    start: float  # s since the epoch
    horizon: float  # s
    midnight: float  # s of the day that had passed at the epoch, UTC
    stations: Sequence[str]
    station_up: NDArray[np.float64]  # (G, 3)
    passes: Callable[[float], NDArray[np.float64]]
    """Zeniths (N, 3) of the points below the satellites at a time (s since the epoch), roughly."""


@cache
def grammar() -> Mapping[str, Any]:
    """The wordings, as the file has them."""
    return read_yaml(DATA / "order_grammar.yaml")


@cache
def places() -> tuple[Place, ...]:
    """The gazetteer."""
    return tuple(
        Place({"en": p["en"], "zh": p["zh"]}, _up(p["latitude_deg"], p["longitude_deg"]), p.get("zone_h"))
        for p in grammar()["places"]
    )


@cache
def _ups() -> NDArray[np.float64]:
    return np.stack([place.up for place in places()])


def _up(latitude_deg: float, longitude_deg: float) -> NDArray[np.float64]:
    latitude, longitude = math.radians(latitude_deg), math.radians(longitude_deg)
    flat = math.cos(latitude)
    return np.array((flat * math.cos(longitude), flat * math.sin(longitude), math.sin(latitude)))


def beyond(up: NDArray[np.float64], distance_m: float, bearing: float) -> NDArray[np.float64]:
    """The zenith (3,) of the point `distance_m` away from that with zenith `up`, at a bearing (rad from north
    by east), on a sphere: along the great circle that leaves there."""
    east = np.array((-up[1], up[0], 0.0)) / math.hypot(up[0], up[1])
    north = np.cross(up, east)
    angle = distance_m / EARTH_MEAN_RADIUS
    ahead = math.cos(bearing) * north + math.sin(bearing) * east
    return math.cos(angle) * up + math.sin(angle) * ahead


def vocabulary() -> list[str]:
    """Every word that the grammar can say: times of day, numbers, and what the file says, in order."""
    said = [f"{tick // 12:02d}:{tick % 12 * 5:02d}" for tick in range(288)]
    said += [str(n) for n in range(MOST_ORDERS + 1)]
    said += [str(n) for n in (*range(5, 601, 5), *_RADII, *_DISTANCES)]
    told = grammar()
    for place in told["places"]:
        said += [place["en"], place["zh"]]
    for bearing in told["bearings"]:
        said += [bearing["en"], bearing["zh"]]
    said += told["names"]
    for name in ("header", "bodies", "news", "where", "when", "at", "if", "except", "before", "station"):
        for wording in _strings(told[name]):
            said += [word for word in wording.split() if not word.startswith("{")]
    return list(dict.fromkeys(said))


def _strings(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    else:
        for each in part.values() if isinstance(part, Mapping) else part:
            yield from _strings(each)


def draw_orders(
    rng: np.random.Generator, settings: Orders, theatre: Theatre
) -> tuple[NDArray[np.void], list[tuple[int, ...]]]:
    """The orders of an episode by time of issue: records (D,) of dtype DIRECTIVE, and words by number."""
    count = settings.count(theatre.horizon / HOUR)
    later = rng.uniform(0.0, theatre.horizon, count - min(count, settings.initial))
    issued = np.sort(np.concatenate((np.zeros(count - len(later)), later))) + theatre.start
    writer = Writer(rng, settings, theatre, count)
    for i, at in enumerate(issued.tolist()):
        writer.write(i, at)
    return writer.book, writer.words


class Writer:
    """Writes the orders of one episode, one after the other."""

    def __init__(self, rng: np.random.Generator, settings: Orders, theatre: Theatre, count: int) -> None:
        self.rng, self.settings, self.theatre = rng, settings, theatre
        self.book = np.zeros(count, DIRECTIVE)
        self.words: list[tuple[int, ...]] = []
        self._spoken: list[Place | None] = []
        weights = np.array([getattr(settings.kinds, name) for name in ORDER_KINDS[:CANCELLATION]])
        if not len(theatre.stations):
            weights[STATION] = 0.0
        self._odds = np.cumsum(weights / weights.sum())[:-1]

    def write(self, i: int, issued: float) -> None:
        """Draw order i, issued at a time (s since the epoch)."""
        order, settings = self.book[i], self.settings
        blank_meaning(order)
        order["number"], order["issued"] = i + 1, issued
        self.language = self._pick(settings.languages)
        midnight = self.theatre.midnight
        self.said = math.floor((midnight + issued) / TICK_S) * TICK_S - midnight
        order["until"] = issued + MIN * settings.keep_min
        self.slots: dict[str, str | list[str]] = {"number": str(i + 1), "issued": self._time(self.said)}
        self._place: Place | None = None
        chance, earlier = self.rng.random(), self._standing(i, issued)
        head = self._fill(grammar()["header"][self.language])
        if earlier and chance < settings.revisions:
            body = self._revise(order, self._pick(earlier))
        else:
            imaging = [e for e in earlier if self.book["kind"][e] in (PRIORITY, EMBARGO)]
            imaging = [e for e in imaging if self._spoken[e] is not None and not self.book["orbits_to"][e]]
            if imaging and chance < settings.revisions + settings.conflicts:
                body = self._contradict(order, self._pick(imaging))
            else:
                body = self._plain(order, int(np.searchsorted(self._odds, self.rng.random(), "right")))
        said = [*head, *body]
        order["bytes"] = len(text_of(said).encode())
        self.words.append(numbers_of(said))
        self._spoken.append(self._place)

    def _standing(self, i: int, now: float) -> list[int]:
        """Earlier orders that can be spoken of: not revoked, and not over for half an hour yet."""
        book = self.book[:i]
        ends = np.minimum(book["ends"] + 5_400.0 * book["orbits_to"], book["until"])
        ahead = (book["kind"] != CANCELLATION) & (book["revoked_by"] == 0) & (ends > now + 30.0 * MIN)
        return np.flatnonzero(ahead).tolist()

    def _plain(self, order: Any, kind: int) -> list[str]:
        """An order of its own."""
        order["kind"], settings = kind, self.settings
        if kind in (PRIORITY, EMBARGO):
            self._when(order)
            self._where(order)
            return [*self._body(kind, order), *self._clauses(order, (*BY_CLOUD, *BY_BATTERY))]
        if kind == RESERVE:
            self._charge(order)
            self._at(order)
            return self._body(kind, order)
        if kind == STATION:
            self._station(order)
        self._when(order)
        told = self._body(kind, order)
        if kind == SERVICE and self.rng.random() < settings.conditions:
            told += self._condition(order, BY_BATTERY)
        return told

    def _body(self, kind: int, order: Any) -> list[str]:
        if kind == PRIORITY:
            order["factor"] = self._pick(self.settings.factors)
            self.slots["factor"] = str(int(order["factor"]))
        return self._fill(self._one_of(grammar()["bodies"][ORDER_KINDS[kind]]))

    def _clauses(self, order: Any, conditions: Sequence[str]) -> list[str]:
        told: list[str] = []
        if self.rng.random() < self.settings.conditions:
            told += self._condition(order, conditions)
        if self.rng.random() < self.settings.exceptions:
            told += self._exception(order)
        return told

    def _condition(self, order: Any, of: Sequence[str]) -> list[str]:
        if self.settings.split == "heldout":
            of = (*of, *(UNSEEN[name] for name in of))
        name = self._pick(of)
        order["condition"], order["threshold"] = CONDITIONS.index(name), self._pick(_THRESHOLDS)
        self.slots["threshold"] = str(int(order["threshold"]))
        return self._fill(self._one_of(grammar()["if"][name]))

    def _exception(self, order: Any) -> list[str]:
        """A circle about another place of the region, or requests of some value."""
        ups = _ups()
        near = (ups @ order["place"] >= order["reach"]) & (ups[:, 2] >= order["south"])
        found = np.flatnonzero(near & (ups[:, 2] <= order["north"])).tolist()
        inside = [place for place in (places()[i] for i in found) if place is not self._place]
        if inside and self.rng.random() < 0.5:
            place = self._pick(inside)
            radius = self._pick((300, 500, 800))
            order["spared"], order["spared_reach"] = place.up, _cosine(radius)
            self.slots |= {"place": place.names[self.language], "radius": str(radius)}
            return self._fill(self._one_of(grammar()["except"]["near"]))
        order["spared_value"] = self._pick(_VALUES)
        self.slots["value"] = str(int(order["spared_value"]))
        return self._fill(self._one_of(grammar()["except"]["value"]))

    def _revise(self, order: Any, e: int) -> list[str]:
        """Cancel or correct order e."""
        target, now = self.book[e], float(order["issued"])
        target["revoked_by"], target["ended"] = order["number"], now
        self.slots["refers"] = str(int(target["number"]))
        parts = self._parts(target)
        if not parts or self.rng.random() < 0.4:
            order["kind"], order["refers"] = CANCELLATION, target["number"]
            return self._fill(self._one_of(grammar()["bodies"]["cancellation"]))
        number = int(order["number"])
        self.book[number - 1] = target  # which `order` is a view of
        order["number"], order["issued"] = number, now
        order["refers"], order["revoked_by"], order["ended"] = target["number"], 0, math.inf
        order["steps"] += 1
        part = self._pick(parts)
        self._place = self._spoken[e]
        if part == "factor":
            others = [f for f in (2, 3, 4, 5, 6, 8) if f != order["factor"]]
            order["factor"] = self._pick(others)
            self.slots["factor"] = str(int(order["factor"]))
        elif part == "charge":
            self._charge(order)
        elif part == "end":
            least = max(self.said, float(order["begins"])) + 20.0 * MIN
            most = max(least, float(order["until"]) - TICK_S)
            ticks = int(self.rng.integers(math.ceil((least - self.said) / TICK_S),
                                          math.floor((most - self.said) / TICK_S) + 1))  # fmt: skip
            order["ends"] = self.said + ticks * TICK_S
            self.slots["to"] = self._time(float(order["ends"]))
        else:
            self._circle(order, self._some_place(order), "near")
        self.slots["news"] = self._fill(grammar()["news"][part][self.language])
        return self._fill(self._one_of(grammar()["bodies"]["correction"]))

    def _parts(self, target: Any) -> list[str]:
        """What of an order a correction can put right."""
        timed = target["kind"] != RESERVE and not target["orbits_to"] and not target["orbits_from"]
        end = ["end"] if timed and target["until"] - max(self.said, target["begins"]) > 40.0 * MIN else []
        by_kind = {PRIORITY: ["factor", "where"], EMBARGO: ["where"], RESERVE: ["charge"]}
        return [*by_kind.get(int(target["kind"]), []), *end]

    def _contradict(self, order: Any, e: int) -> list[str]:
        """The opposite of order e about its place and a part of its time."""
        target, place = self.book[e], self._spoken[e]
        assert place is not None
        kind = EMBARGO if target["kind"] == PRIORITY else PRIORITY
        order["kind"] = kind
        self._circle(order, place, "near")
        first = max(self.said, float(target["begins"]))
        order["begins"] = first + TICK_S * int(self.rng.integers(0, 3))
        minutes = self._minutes(self.settings.lasting_min)
        last = self.said + math.floor((order["until"] - self.said) / TICK_S) * TICK_S
        order["ends"] = min(order["begins"] + MIN * minutes, last)
        order["ends"] = max(order["ends"], order["begins"] + TICK_S)
        self._span("utc", order)
        told, way = self._body(kind, order), self.rng.random()
        if way >= 0.8:
            return told
        self.slots["refers"] = str(int(target["number"]))
        order["steps"] += 1
        order["precedence"] = target["precedence"] + (1 if way < 0.4 else -1)
        return told + self._fill(self._one_of(grammar()["before"]["this" if way < 0.4 else "other"]))

    def _where(self, order: Any) -> None:
        """A circle or a band of latitude."""
        if self.rng.random() < 0.75:
            away = self.rng.random() < self.settings.reasoning
            order["steps"] += int(away)
            self._circle(order, self._some_place(order), "away" if away else "near")
            return
        name = self._pick(("north", "south", "between"))
        south, north = sorted(self.rng.choice(_LATITUDES, 2, replace=False).tolist())
        if name == "south":
            order["north"] = 0.0
        else:
            order["south"] = math.sin(math.radians(south))
            order["north"] = 1.0 if name == "north" else math.sin(math.radians(north))
        self.slots |= {"south": str(south), "north": str(north)}
        self.slots["where"] = self._fill(self._one_of(grammar()["where"][name]))

    def _circle(self, order: Any, place: Place, name: str) -> None:
        low, high = self.settings.radius_km
        radius = self._pick([r for r in _RADII if low <= r <= high])
        self._place, middle = place, place.up
        self.slots |= {"place": place.names[self.language], "radius": str(radius)}
        if name == "away":
            distance, bearings = self._pick(_DISTANCES), grammar()["bearings"]
            bearing = self._pick(bearings)
            middle = beyond(place.up, 1e3 * distance, math.radians(bearing["deg"]))
            self.slots |= {"distance": str(distance), "bearing": bearing[self.language]}
        order["place"], order["reach"] = middle, _cosine(radius)
        order["south"], order["north"] = -1.0, 1.0
        self.slots["where"] = self._fill(self._one_of(grammar()["where"][name]))

    def _some_place(self, order: Any) -> Place:
        """Of the places nearest to where some satellites are while an order holds, one that is overflown."""
        last = max(float(order["ends"]), float(order["begins"]) + 5_400.0 * float(order["orbits_to"]))
        up, best, found = _ups(), -2.0, 0
        for time in self.rng.uniform(float(order["begins"]), last, LOOKS):
            below = self.theatre.passes(float(time))
            near = up @ below[int(self.rng.integers(len(below)))]
            if near.max() > best:
                best, found = float(near.max()), int(near.argmax())
        return places()[found]

    def _when(self, order: Any) -> None:
        """The time in which an order holds."""
        begins = self.said + MIN * self._minutes(self.settings.lead_min)
        ends = begins + MIN * self._minutes(self.settings.lasting_min)
        order["begins"], order["ends"] = begins, ends
        name = "utc"
        if self.rng.random() < self.settings.reasoning:
            name = self._pick(("zone", "minutes", "orbits"))
            order["steps"] += 1
        if name == "minutes":
            order["begins"] = self.said
            self.slots["minutes"] = str(round((ends - self.said) / MIN))
        elif name == "orbits":
            order["begins"] = order["ends"] = self.said
            order["orbits_to"] = self._pick(_ORBITS)
            self.slots["orbits"] = str(int(order["orbits_to"]))
            order["steps"] += int(order["orbits_to"] > 1)
        self._span(name, order)

    def _span(self, name: str, order: Any) -> None:
        """Say from when to when, in the time of a place or in another way."""
        zone = self._zone() if name == "zone" else 0
        self.slots["from"] = self._time(float(order["begins"]), zone)
        self.slots["to"] = self._time(float(order["ends"]), zone)
        self.slots["when"] = self._fill(self._one_of(grammar()["when"][name]))

    def _at(self, order: Any) -> None:
        """The moment at which a battery is looked at."""
        if self.rng.random() < 0.35:
            self._when(order)
            order["at_shadow"], name = True, "shadow"
        else:
            low, high = self.settings.lead_min[0], sum(self.settings.lead_min)
            order["begins"] = self.said + MIN * max(5.0, self._minutes((low, high)))
            name = "utc"
            if self.rng.random() < self.settings.reasoning:
                name = self._pick(("zone", "orbits"))
                order["steps"] += 1
            if name == "orbits":
                order["begins"], order["orbits_from"] = self.said, self._pick(_ORBITS)
                self.slots["orbits"] = str(int(order["orbits_from"]))
                order["steps"] += int(order["orbits_from"] > 1)
            order["ends"], order["orbits_to"] = order["until"], 0.0
            self.slots["from"] = self._time(float(order["begins"]), self._zone() if name == "zone" else 0)
        self.slots["at"] = self._fill(self._one_of(grammar()["at"][name]))

    def _zone(self) -> int:
        zoned = [place for place in places() if place.zone_h is not None]
        place = self._pick(zoned)
        self.slots["zone"] = place.names[self.language]
        return place.zone_h or 0

    def _charge(self, order: Any) -> None:
        low, high = self.settings.charge_percent
        steps = [p for p in range(5, 96, 5) if low <= p <= high and p != round(100.0 * order["charge"])]
        percent = self._pick(steps) if steps else round(100.0 * float(order["charge"]))
        order["charge"], self.slots["charge"] = percent / 100.0, str(percent)

    def _station(self, order: Any) -> None:
        """A station by name, or the nearer of two to a place."""
        names, up = self.theatre.stations, self.theatre.station_up
        g = int(self.rng.integers(len(names)))
        known = [i for i, name in enumerate(names) if name in grammar()["names"]]
        if len(known) > 1 and self.rng.random() < self.settings.reasoning:
            g, other = (int(i) for i in self.rng.choice(known, 2, replace=False))
            place = self._pick(places())
            self.slots |= {"name": names[g], "other": names[other], "place": place.names[self.language]}
            g = g if up[g] @ place.up >= up[other] @ place.up else other
            order["steps"] += 1
            wording = self._one_of(grammar()["station"]["nearer"])
        else:
            self.slots |= {"name": names[g], "index": str(g + 1)}
            wording = grammar()["station"]["named" if g in known else "numbered"][self.language]
        order["station"] = g
        self.slots["station"] = self._fill(wording)

    def _pick(self, of: Sequence[Any]) -> Any:
        """One of several, each as likely."""
        return of[int(self.rng.integers(len(of)))]

    def _minutes(self, between: tuple[float, float]) -> float:
        """Minutes within a range, a multiple of five."""
        low, high = math.ceil(between[0] / 5.0), math.floor(between[1] / 5.0)
        return 5.0 * int(self.rng.integers(low, max(low, high) + 1))

    def _time(self, at: float, zone_h: int = 0) -> str:
        minutes = round((self.theatre.midnight + at + HOUR * zone_h) / TICK_S) * 5 % 1_440
        return f"{minutes // 60:02d}:{minutes % 60:02d}"

    def _one_of(self, wordings: Any) -> str:
        """A wording of the language and of the split."""
        told = wordings[self.language][self.settings.split]
        return told if isinstance(told, str) else self._pick(told)

    def _fill(self, wording: str) -> list[str]:
        """The words of a wording; what fills a slot is a word, or words apart."""
        said: list[str] = []
        for word in wording.split():
            if not word.startswith("{"):
                said.append(word)
                continue
            filled = self.slots[word.strip("{}")]
            said += [filled] if isinstance(filled, str) else filled
        return said


def _cosine(radius_km: float) -> float:
    return math.cos(1e3 * radius_km / EARTH_MEAN_RADIUS)
