"""Policies for operations_v0: one controller, that does what it takes orders in words to mean, and readers.

`Deaf` reads none, `Keyword` what `agents.order_reader` makes of their words, `Oracle` their meaning, which it
is given by a channel of its own as the planner is given the truth. So what they earn tells readers apart.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents import autonomy
from agents.order_reader import read
from envs.features import Layout
from sandbox import directives
from sandbox.order_delivery import told_orders
from sandbox.order_meaning import (
    BATTERY_ABOVE,
    BATTERY_BELOW,
    CANCELLATION,
    CLOUD_ABOVE,
    CLOUD_BELOW,
    EMBARGO,
    PRIORITY,
    RESERVE,
    SERVICE,
    STATION,
)
from sandbox.order_words import WORDS, words_of
from sandbox.state import NONE, copy_arrays

MIN = 60.0


class Reading(NamedTuple):
    """An order as a reader takes it, and by whom in a world it is known."""

    order: Any  # a record of dtype DIRECTIVE; its times on the same axis as `Seen.now`
    known: NDArray[np.bool_]  # (N,)


class Seen(NamedTuple):
    """What of an observation of one world the orders are about."""

    now: float  # s, on the axis of the orders
    period: NDArray[np.float64]  # (N,) s of a revolution
    up: NDArray[np.float64]  # (N, K, 3) zenith of the requests shown
    value: NDArray[np.float64]  # (N, K)
    cloud: NDArray[np.float64]  # (N, K) %
    battery: NDArray[np.float64]  # (N,) %
    to_shadow: NDArray[np.float64]  # (N,) min, 0 in shadow
    station: NDArray[np.int64]  # (N,) in view, or -1


class Rules(NamedTuple):
    """What orders make of the coming round for the satellites (N,) of a world and K requests."""

    factor: NDArray[np.float64]  # (N, K) by which an image counts
    banned: NDArray[np.bool_]  # (N, K) not to be taken
    save: NDArray[np.bool_]  # (N,) the battery has to be filled
    rest: NDArray[np.bool_]  # (N,) own boards run no jobs
    silent: NDArray[np.bool_]  # (N,) no images go down


class Obedient(autonomy.DeadlineGreedy):
    """Does what its orders mean as far as it has read them, and else as the best heuristic of autonomy_v0.

    A priority multiplies the value of requests, an embargo strikes them from the list. Ahead of a reserve
    panels are turned to the Sun as long before as charging takes at `charge_rate`. Where own boards are to
    rest jobs wait or are passed on; where a station is given up images wait.
    """

    problems: ClassVar[tuple[str, ...]] = ("operations_v0",)
    charge_rate = 0.25
    """Percent of the battery that come in a minute of sunlight, with the payload off."""
    margin = 2.0
    """Percent that the battery is to hold beyond a reserve."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        names, mission = self.actions, env.problem.mission
        self._round_s = float(mission.round_s)
        observe = [i for i, name in enumerate(names) if name.startswith("observe_")]
        self._observes, self._shown = np.array(observe), len(observe)
        self._runs = np.array([names.index("run_small"), names.index("run_large")])
        self._down, self._defer = names.index("downlink"), names.index("defer")
        self._values = self._each("request", self._shown, "value")
        layout = self.layout
        self._run_orders = np.array([layout.index("order_run_small"), layout.index("order_run_large")])
        self._down_order = layout.index("order_downlink")
        self._stations = np.array([
            _up(np.radians(station.latitude_deg), np.radians(station.longitude_deg))
            for station in mission.stations
        ])  # fmt: skip

    @abstractmethod
    def readings(self, b: int, physical: NDArray[np.float64]) -> tuple[float, NDArray, Sequence[Reading]]:
        """Of world b with features (N, F) in their units: the time on the axis of the orders, the satellites'
        revolutions (N,) on it, and the orders by rising number."""

    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        physical = self.layout.physical(observation)
        rules = [self._rules_of(b, physical[b]) for b in range(len(observation))]
        whole = Rules(*(np.stack(part) for part in zip(*rules, strict=True)))
        seen, legal = self._colour(observation, whole), mask.copy()
        legal[..., self._observes] &= ~(whole.banned | whole.save[..., None])
        legal[..., self._down] &= ~(whole.silent | whole.save)
        rest = whole.rest | whole.save
        legal[..., self._runs] &= ~rest[..., None]
        action = super().decide(seen, legal)
        serving = rest & (observation[..., self._run_orders] > 0.0).any(-1) & (mask[..., self._defer] == 1)
        moves = np.isin(action, self._burns.labels[1:]) | (action == self._reload)
        return np.where(serving & ~moves, self._defer, action)

    def _colour(self, observation: NDArray[np.float32], rules: Rules) -> NDArray[np.float32]:
        """The observation as the heuristic is to see it: values by their factors, without what is forbidden
        and without standing orders that are to end."""
        seen = observation.copy()
        seen[..., self._values] = (seen[..., self._values] + 1.0) * rules.factor - 1.0
        gone = rules.banned | rules.save[..., None]
        seen[..., self._present] = np.where(gone, -1.0, seen[..., self._present])
        silent, rest = rules.silent | rules.save, rules.rest | rules.save
        seen[..., self._down_order] = np.where(silent, -1.0, seen[..., self._down_order])
        for column in self._run_orders:
            seen[..., column] = np.where(rest, -1.0, seen[..., column])
        return seen

    def _rules_of(self, b: int, physical: NDArray[np.float64]) -> Rules:
        now, period, readings = self.readings(b, physical)
        rules = blank_rules(len(physical), self._shown)
        if readings:
            seen = self._seen(now, period, physical)
            for reading in sorted(readings, key=lambda one: (one.order["precedence"], one.order["number"])):
                self._apply(reading, seen, rules)
        return rules

    def _seen(self, now: float, period: NDArray, physical: NDArray) -> Seen:
        of = {name: physical[:, self._each("request", self._shown, name)] for name in
              ("latitude", "longitude", "value", "cloud")}  # fmt: skip
        own = {name: physical[:, self.layout.index(name)] for name in
               ("latitude", "longitude", "battery", "to_shadow", "station_seconds")}  # fmt: skip
        under = _up(np.radians(own["latitude"]), np.radians(own["longitude"]))
        nearest = (under @ self._stations.T).argmax(-1)
        return Seen(
            now=now,
            period=period,
            up=_up(np.radians(of["latitude"]), np.radians(of["longitude"])),
            value=of["value"],
            cloud=of["cloud"],
            battery=own["battery"],
            to_shadow=own["to_shadow"],
            station=np.where(own["station_seconds"] > 0.0, nearest, NONE),
        )

    def _apply(self, reading: Reading, seen: Seen, rules: Rules) -> None:
        """Write what an order means into the rules; a later one of these goes before those applied."""
        order, kind = reading.order, int(reading.order["kind"])
        if kind == RESERVE:
            rules.save[...] |= reading.known & self._must_save(order, seen)
            return
        due = reading.known & holds(order, seen.period, seen.now + 0.5 * self._round_s)
        if kind in (PRIORITY, EMBARGO):
            met = condition_met(order, seen.cloud, seen.battery[:, None])
            spoken = due[:, None] & met & speaks(order, seen.up, seen.value)
            rules.banned[spoken] = kind == EMBARGO
            rules.factor[spoken] = float(order["factor"]) if kind == PRIORITY else 1.0
        elif kind == SERVICE:
            rules.rest[...] |= due & condition_met(order, np.zeros_like(seen.battery), seen.battery)
        elif kind == STATION:
            rules.silent[...] |= due & (seen.station == order["station"])

    def _must_save(self, order: Any, seen: Seen) -> NDArray[np.bool_]:
        lack = 100.0 * float(order["charge"]) + self.margin - seen.battery
        if order["at_shadow"]:
            left = seen.to_shadow
            due = holds(order, seen.period, seen.now + MIN * left) & (left > 0.0)
        else:
            left = (order["begins"] + order["orbits_from"] * seen.period - seen.now) / MIN
            due = (left > 0.0) & (seen.now < order["until"])
        return due & (lack > 0.0) & (left <= 5.0 + lack / self.charge_rate)

    def _each(self, stem: str, count: int, name: str) -> NDArray[np.int64]:
        return np.array([self.layout.index(f"{stem}_{k}_{name}") for k in range(1, count + 1)])


class Deaf(Obedient):
    """Reads no orders: the best heuristic of autonomy_v0."""

    def readings(self, b: int, physical: NDArray[np.float64]) -> tuple[float, NDArray, Sequence[Reading]]:
        return 0.0, np.zeros(len(physical)), ()


class Oracle(Obedient):
    """Knows what the orders mean that a satellite was told, from the world itself, and nothing else of it."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self._world = env.problem.world
        self._told = len([name for name in self.layout.names
                          if name.startswith("directive_") and name.endswith("_present")])  # fmt: skip

    def _meanings(self) -> Any:
        return self._world.directives

    def readings(self, b: int, physical: NDArray[np.float64]) -> tuple[float, NDArray, Sequence[Reading]]:
        part, now = self._meanings(), float(self._world.state.clock["time"][b])
        return now, part.params.period, list(self._readings(part, now, b, len(physical)))

    def _readings(self, part: Any, now: float, b: int, satellites: int) -> Iterator[Reading]:
        book = part.state.book[b]
        known = np.zeros((len(book), satellites), np.bool_)
        places = np.zeros(self._told, np.int64)
        for n in range(satellites):
            told_orders(part, now, b, n, places)
            known[places[places != NONE], n] = True
        for d in np.flatnonzero(known.any(-1)):
            if book["kind"][d] == CANCELLATION:
                continue
            by = int(book["revoked_by"][d])
            aware = known[d] & ~known[by - 1] if by else known[d]
            if aware.any():
                order = book[d].copy()
                order["ended"] = np.inf  # known or not is what counts
                yield Reading(order, aware)


class Shuffled(Oracle):
    """An oracle that is told what the orders of another episode mean: what reading nonsense earns."""

    def reset(self, seed: int | None = None) -> None:
        super().reset(seed)
        world = self._world
        self._other = copy_arrays(world.directives.state)
        made = directives.Directives(self._other, world.directives.params)
        for b in range(world.worlds):
            heard = self._other.heard[b].copy()
            issued = self._other.book["issued"][b].copy()
            directives.begin(made, world._setting, world.state, b, self.rng)
            self._other.heard[b], self._other.book["issued"][b] = heard, issued

    def _meanings(self) -> Any:
        self._other.heard[...] = self._world.directives.state.heard
        return directives.Directives(self._other, self._world.directives.params)


def word_places(layout: Layout) -> NDArray[np.int64]:
    """Where an observation has the words of the orders that are told: places (K, L)."""
    told = [name for name in layout.names if name.startswith("directive_") and name.endswith("_present")]
    return np.array([
        [layout.index(f"directive_{k}_word_{i}") for i in range(1, WORDS + 1)]
        for k in range(1, len(told) + 1)
    ])  # fmt: skip


class Keyword(Obedient):
    """Reads orders by key words, see `agents.order_reader`: no conditions, no corrections, no time zones."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self._words = word_places(self.layout)
        self._names = [station.name for station in env.problem.mission.stations]
        self._read: dict[bytes, Any] = {}

    def readings(self, b: int, physical: NDArray[np.float64]) -> tuple[float, NDArray, Sequence[Reading]]:
        now = 3600.0 * float(physical[0, self.layout.index("utc")])
        words = np.rint(physical[:, self._words]).astype(np.int16)
        known: dict[bytes, NDArray[np.bool_]] = {}
        for n, k in zip(*np.nonzero(words[..., 0]), strict=True):
            known.setdefault(words[n, k].tobytes(), np.zeros(len(words), np.bool_))[n] = True
        found = []
        for said, who in known.items():
            if said not in self._read:
                self._read[said] = read(words_of(np.frombuffer(said, np.int16).tolist()), self._names)
            if self._read[said] is not None:
                found.append(Reading(_on_day(self._read[said], now), who))
        return now, np.zeros(len(physical)), found


def blank_rules(satellites: int, shown: int) -> Rules:
    """Rules that ask for nothing."""
    flags = (np.zeros(satellites, np.bool_) for _ in range(3))
    return Rules(np.ones((satellites, shown)), np.zeros((satellites, shown), np.bool_), *flags)


def holds(order: Any, period: NDArray, time: Any) -> NDArray[np.bool_]:
    """Whether an order holds at a time (N,) for satellites with revolutions (N,)."""
    begins = order["begins"] + order["orbits_from"] * period
    ends = np.minimum(order["ends"] + order["orbits_to"] * period, order["until"])
    return (begins <= time) & (time < ends)


def speaks(order: Any, up: NDArray, value: NDArray) -> NDArray[np.bool_]:
    """Whether an order speaks of requests with zeniths (..., 3) and values (...), exceptions left out."""
    near = (up @ order["place"] >= order["reach"]) & (up[..., 2] >= order["south"])
    spared = (up @ order["spared"] >= order["spared_reach"]) | (value >= order["spared_value"])
    return near & (up[..., 2] <= order["north"]) & ~spared


def condition_met(order: Any, cloud: NDArray, battery: NDArray) -> NDArray[np.bool_]:
    """Whether the condition of an order holds under forecasts of cloud and with batteries, in %."""
    met = {
        CLOUD_ABOVE: cloud > order["threshold"],
        CLOUD_BELOW: cloud < order["threshold"],
        BATTERY_BELOW: battery < order["threshold"],
        BATTERY_ABOVE: battery > order["threshold"],
    }
    return met.get(int(order["condition"]), np.ones(np.broadcast(cloud, battery).shape, np.bool_))


def _on_day(order: Any, now: float) -> Any:
    """An order with times of day, with those that are nearest to `now`, s of the same day."""
    near = order.copy()
    issued = now - (now - order["issued"]) % 86_400.0
    for name in ("begins", "ends", "until"):
        near[name] = issued + (order[name] - order["issued"])
    return near


def _up(latitude: Any, longitude: Any) -> NDArray[np.float64]:
    flat = np.cos(latitude)
    return np.stack((flat * np.cos(longitude), flat * np.sin(longitude), np.sin(latitude)), axis=-1)
