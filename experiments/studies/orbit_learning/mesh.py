"""The bits of learning on their way over the laser mesh of a flown world.

The links are those of the scenario, followed beside the world as it flies (`sandbox.lasers`), with their
ranges, rates, terminals and times of acquisition. A parcel goes the shortest way (`sandbox.routing`) between
its ends in a round in which there is one, as much of it as the links still carry in that round, and waits
where it was made until then. Every hop costs its sender the energy of the terminal while it sends.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandbox.lasers import (
    SEARCH_S,
    TERMINALS,
    follow_links,
    laser_records,
    link_bit_rate,
    seek_links,
    turn_links,
)
from sandbox.routing import path, routes
from sandbox.state import NONE


@dataclass
class Parcel:
    """Bits that one satellite has for another. `hub` is the end that many parcels share."""

    kind: str
    hub: int
    other: int
    inward: bool  # from `other` to `hub`
    bits: float
    content: Any = None
    left: float = field(init=False)

    def __post_init__(self) -> None:
        self.left = self.bits

    @property
    def origin(self) -> int:
        """Who sends it."""
        return self.other if self.inward else self.hub

    @property
    def goal(self) -> int:
        """Who gets it."""
        return self.hub if self.inward else self.other


class Mesh:
    """The links of a world, followed round by round."""

    def __init__(self, world: Any) -> None:
        self._world = world
        self.lasers, pattern = laser_records(world.scenario, world.fleet)
        self.links, self.round_s = pattern.copy(), world.scenario.round_s
        self._seeks = bool(((pattern["peer"] != NONE).sum(axis=1) < self.lasers["terminals"]).any())
        self._turns = bool((self.lasers["regard"] < 1.0).any())
        self._every = max(1, round(SEARCH_S / self.round_s))

    def follow(self) -> None:
        """The links of the coming round."""
        state = self._world.state
        now, round_ = float(state.clock["time"][0]), int(state.clock["round"][0])
        body, place, later = state.body[0], state.orbit.position[0], state.orbit.next_position[0]
        follow_links(self.links, self.lasers, body, place, later, now)
        if self._turns:
            turn_links(self.links, self.lasers, place, state.pointing[0])
        if self._seeks and round_ % self._every == 0:
            seek_links(self.links, self.lasers, body, place, later, now)

    def ways(self, hub: int) -> Any:
        """The shortest ways from every satellite to `hub` (`routing.Routes`)."""
        return routes(self.links, self.lasers, [hub], float(self._world.state.clock["time"][0]))

    def terminal(self, a: int, b: int) -> int:
        """The terminal of satellite a that looks at b."""
        return int(np.flatnonzero(self.links["peer"][a] == b)[0])

    def rate(self, a: int, b: int) -> float:
        """Bit/s between two satellites that are linked."""
        return float(link_bit_rate(self.lasers, a, b))


class Carrier:
    """Parcels on their way, and an account of their bits.

    made = delivered + dropped + under way, in bits; `carried` counts them once for every hop, and `joules`
    (N,) is what the terminals took for that. Where `free`, all are linked to all and nothing costs.
    """

    def __init__(self, mesh: Mesh, satellites: int, free: bool = False) -> None:
        self._mesh, self._free = mesh, free
        self.parcels: list[Parcel] = []
        self.made = self.delivered = self.dropped = self.carried = 0.0
        self.joules = np.zeros(satellites)
        self._used = np.zeros((satellites, TERMINALS))

    @property
    def under_way(self) -> float:
        """Bits made that have neither arrived nor been dropped."""
        return sum(parcel.bits for parcel in self.parcels)

    def send(self, parcel: Parcel, replaces: bool = False) -> None:
        """Give a parcel on its way; it may take the place of others of its kind between the same two."""
        if replaces:
            same = (parcel.kind, parcel.origin, parcel.goal)
            self.drop(other for other in self.parcels if (other.kind, other.origin, other.goal) == same)
        self.made += parcel.bits
        self.parcels.append(parcel)

    def drop(self, parcels: Iterable[Parcel]) -> None:
        """Give these up."""
        gone = {id(parcel): parcel for parcel in parcels}
        self.dropped += sum(parcel.bits for parcel in gone.values())
        self.parcels = [parcel for parcel in self.parcels if id(parcel) not in gone]

    def move(self, alive: NDArray[np.bool_]) -> tuple[list[Parcel], NDArray[np.float64]]:
        """A round's worth of the way: who has arrived, and J (N,) that the terminals took. Parcels of who was
        lost are dropped."""
        self.drop([p for p in self.parcels if not (alive[p.origin] and alive[p.goal])])
        spent, arrived = np.zeros_like(self.joules), []
        self._used[...] = 0.0
        ways: dict[int, Any] = {}
        for parcel in self.parcels:
            if not self._free and parcel.left > 0.0:
                if parcel.hub not in ways:
                    ways[parcel.hub] = self._mesh.ways(parcel.hub)
                self._pass_on(parcel, ways[parcel.hub], spent)
            if self._free or parcel.left <= 0.0:
                arrived.append(parcel)
        here = set(map(id, arrived))
        self.parcels = [parcel for parcel in self.parcels if id(parcel) not in here]
        self.delivered += sum(parcel.bits for parcel in arrived)
        self.joules += spent
        return arrived, spent

    def _pass_on(self, parcel: Parcel, found: Any, spent: NDArray) -> None:
        """Send what the links on the way still carry in this round, and account for it."""
        if parcel.origin == parcel.goal:
            parcel.left = 0.0
            return
        nodes = path(found, parcel.other)
        if not nodes:
            return
        nodes = nodes if parcel.inward else nodes[::-1]
        mesh, seconds = self._mesh, self._mesh.round_s
        hops = [(a, mesh.terminal(a, b), mesh.rate(a, b)) for a, b in pairwise(nodes)]
        bits = min(parcel.left, *(rate * seconds - self._used[a, k] for a, k, rate in hops))
        for a, k, rate in hops:
            self._used[a, k] += bits
            self.carried += bits
            spent[a] += mesh.lasers["transmit_w"][a] * bits / rate
        parcel.left -= bits
        if parcel.left < 0.5:  # less than a bit is a rounding of what the links carry
            parcel.left = 0.0
