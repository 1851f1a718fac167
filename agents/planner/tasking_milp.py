"""The linear program of one plan for tasking_v0: a network flow through rest, images and contacts.

Nodes: where each satellite is now; at rest with the panel to the Sun at the beginning of every round; an
image taken (an opportunity); a round of a contact. Arcs lead forward in time, with the turns that the camera
really makes.

It relaxes three things: energy is a sum over the window, not a level at each moment; images wait for a
contact in any order and number; and the relaxation lets a part of a satellite take a part of an image.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.planner.milp import Program, Solution
from agents.planner.opportunities import LINK, find_opportunities, link_opportunities, turn_seconds
from agents.planner.trajectories import Trajectories
from sandbox.campaigns import completion_shares, image_sizes
from sandbox.state import NONE
from sandbox.world import World

REST, SEND = -1, -2
"""What a satellite does in a round of a plan, if not to image the request of this number."""
LATER = 0.95
"""Share of an image's worth at a contact beyond the window that is counted on: others want the antenna."""
RESERVE = 0.12
"""Share of the battery that a plan leaves."""
SOON = 1e-4
"""Worth lost with every round of waiting: among plans of equal value the earlier one wins."""


class Arcs(NamedTuple):
    """Arcs (a,): nodes at both ends, the round in which they leave, seconds of turning."""

    tail: NDArray[np.int64]
    head: NDArray[np.int64]
    leave: NDArray[np.int64]
    turning: NDArray[np.float64]


class TaskingMilp:
    """World b over the first `rounds` of the trajectories `along`, as a `milp.Program`."""

    def __init__(self, world: World, b: int, along: Trajectories, rounds: int, near: int = 0) -> None:
        self.world, self.b, self.along, self.rounds = world, b, along, rounds
        self.step, self.craft = world.constants.round_s, world.constants.craft
        self.opportunities = find_opportunities(world, b, along, rounds, near)
        # (s, 2) satellite and round in which it sees a station
        self.sends = np.argwhere(along.outlook["station"][:rounds].T != NONE)
        team = world.satellites
        self.rest = team + np.arange(team * (rounds + 1)).reshape(team, rounds + 1)
        self.first_shot = team + self.rest.size
        self.first_sent = self.first_shot + len(self.opportunities)
        self.arcs = Arcs(*map(np.concatenate, zip(*self._all_arcs(), strict=True)))
        self.into_shot = np.flatnonzero(
            (self.arcs.head >= self.first_shot) & (self.arcs.head < self.first_sent)
        )
        self.into_sent = np.flatnonzero(self.arcs.head >= self.first_sent)
        self.shot = self.arcs.head[self.into_shot] - self.first_shot
        self.sent = self.arcs.head[self.into_sent] - self.first_sent
        self.program = Program()
        self._add_arcs()
        self._keep_flow()
        self._share_requests()
        self._share_antennas()
        self._save_energy()
        for n in range(team):
            self._add_deliveries(n)

    def orders(self, solution: Solution) -> NDArray[np.int64]:
        """What each satellite does in each round (N, H)."""
        orders = np.full((self.world.satellites, self.rounds), REST)
        used = solution.values[: len(self.arcs.tail)] > 0.5
        for arc, c in zip(self.into_shot, self.shot, strict=True):
            if used[arc]:
                one = self.opportunities[c]
                orders[one["satellite"], self.arcs.leave[arc] : one["slot"] + 1] = one["request"]
        for arc, s in zip(self.into_sent, self.sent, strict=True):
            if used[arc]:
                orders[tuple(self.sends[s])] = SEND
        return orders

    def _all_arcs(self) -> list[tuple[NDArray, ...]]:
        team, rest = np.arange(self.world.satellites), self.rest
        shots, sends = self.opportunities, self.sends
        parts = [
            (team, rest[:, 1], np.zeros_like(team)),
            (rest[:, :-1].ravel(), rest[:, 1:].ravel(), np.tile(np.arange(self.rounds), len(team))),
            (
                self.first_shot + np.arange(len(shots)),
                rest[shots["satellite"], shots["slot"] + 1],
                shots["slot"] + 1,
            ),
            (self.first_sent + np.arange(len(sends)), rest[sends[:, 0], sends[:, 1] + 1], sends[:, 1] + 1),
        ]
        still = [(*part, np.zeros(len(part[0]))) for part in parts]
        return [*still, self._arcs_to_images(), self._arcs_to_contacts()]

    def _arcs_to_images(self) -> tuple[NDArray, ...]:
        """What can be imaged next: from now, from rest, from an image, from a contact."""
        along, team, shots, sends = self.along, self.world.satellites, self.opportunities, self.sends
        sun = np.broadcast_to(-along.sun[self.rounds // 2], (team, 3))
        aims = (self.world.state.pointing[self.b], sun, shots["aim"], along.aim[sends[:, 1], sends[:, 0]])
        everyone = np.arange(team)
        owners = np.concatenate((everyone, everyone, shots["satellite"], sends[:, 0]))
        free = np.concatenate((np.zeros(team, int), np.full(team, -2), shots["slot"] + 1, sends[:, 1] + 1))
        links = self._links(owners, np.concatenate(aims), free)
        source, opportunity, depart = links["source"], links["opportunity"], links["depart"].astype(np.int64)
        # sources stand as nodes do, but for rest, which is one node a round
        rested = (source >= team) & (source < 2 * team)
        tail = np.where(
            rested,
            self.rest[shots["satellite"][opportunity], depart],
            np.where(source < team, source, self.first_shot + source - 2 * team),
        )
        return tail, self.first_shot + opportunity.astype(np.int64), depart, links["turning"]

    def _links(self, owners: NDArray, aims: NDArray, free: NDArray) -> NDArray[np.void]:
        world, room = self.world, 16 * len(self.opportunities) + 64
        while True:
            links = np.zeros(room, LINK)
            count = link_opportunities(
                world.state.requests,
                world.constants,
                self.b,
                self.along,
                self.opportunities,
                owners.astype(np.int64),
                np.ascontiguousarray(aims),
                free.astype(np.int64),
                np.zeros(world.state.requests.book.shape[1], np.int64),
                links,
            )
            if count <= room:
                return links[:count]
            room = count

    def _arcs_to_contacts(self) -> tuple[NDArray, ...]:
        """Into each round of a contact: from now or rest, from an image or the round of contact before it."""
        along, found = self.along, []
        nodes = {(n, t): self.first_sent + s for s, (n, t) in enumerate(self.sends.tolist())}
        before: dict[tuple[int, int], list[int]] = {}
        for c, (n, t) in enumerate(self.opportunities[["satellite", "slot"]].tolist()):
            before.setdefault((n, t + 1), []).append(c)
        for (n, t), node in nodes.items():
            aim, craft = along.aim[t, n], self.craft[n]
            resting = (
                (n, self.world.state.pointing[self.b, n]) if t == 0 else (self.rest[n, t], -along.sun[t])
            )
            starts = [resting]
            starts += [(self.first_shot + c, self.opportunities["aim"][c]) for c in before.get((n, t), ())]
            found += [(tail, node, t, turn_seconds(start, aim, craft)) for tail, start in starts]
            if t and along.outlook["station"][t - 1, n] == along.outlook["station"][t, n]:
                found.append((nodes[n, t - 1], node, t, 0.0))
        columns = np.array(found, float).reshape(-1, 4).T
        return (*columns[:3].astype(np.int64), columns[3])

    def _add_arcs(self) -> None:
        """The arcs as variables, with what they bring: an image, what it is worth later."""
        shots, half_life = self.opportunities, self.world.constants.half_life
        # images count as taken at the end of their round and as sent at the beginning of theirs: a bound
        self.taken_at = self.along.start + self.step * (shots["slot"] + 1.0)
        value = self._worths()[shots["request"]]
        self.later = self._next_contact()
        self.worth_later = (
            value * LATER * 2.0 ** (-(self.later[shots["satellite"]] - self.taken_at) / half_life)
        )
        gains = np.zeros(len(self.arcs.tail))
        gains[self.into_shot] = (self.worth_later - SOON * shots["slot"])[self.shot]
        gains[self.into_sent] = -SOON * (1 + self.sends[self.sent, 1])
        self.program.add(gains)

    def _next_contact(self) -> NDArray[np.float64]:
        """Time (s) of each satellite's first contact after the window; inf if the episode has none."""
        seen = self.along.outlook["station"][self.rounds :] != NONE
        if not len(seen):
            return np.full(self.world.satellites, np.inf)
        first = self.along.start + self.step * (self.rounds + seen.argmax(axis=0) + 1.0)
        return np.where(seen.any(axis=0), first, np.inf)

    def _keep_flow(self) -> None:
        """What comes into a node leaves it; a living satellite sets out, and ends where the window does."""
        nodes = self.first_sent + len(self.sends)
        balance = np.zeros(nodes)
        balance[: self.world.satellites] = -self.world.state.body["alive"][self.b].astype(float)
        inner = np.ones(nodes, bool)
        inner[self.rest[:, -1]] = False
        place, arcs = np.cumsum(inner) - 1, np.arange(len(self.arcs.tail))
        inward = inner[self.arcs.head]
        self.program.rows(
            np.concatenate((place[self.arcs.head[inward]], place[self.arcs.tail])),
            np.concatenate((arcs[inward], arcs)),
            np.concatenate((np.ones(inward.sum()), -np.ones(len(arcs)))),
            balance[inner],
            balance[inner],
        )

    def _share_requests(self) -> None:
        """One image of each request."""
        wanted, place = np.unique(self.opportunities["request"][self.shot], return_inverse=True)
        self.program.rows(place, self.into_shot, 1.0, np.ones(len(wanted)))

    def _share_antennas(self) -> None:
        """In each round as many at a station as it has antennas."""
        n, t = self.sends[self.sent].T
        stations = self.world.constants.stations
        key, place = np.unique(t * len(stations) + self.along.outlook["station"][t, n], return_inverse=True)
        self.program.rows(place, self.into_sent, 1.0, stations["antennas"][key % len(stations)])

    def _save_energy(self) -> None:
        """Energy: what imaging, sending and turning from the Sun take (J) stays within what is spare."""
        craft, along, step, turning = self.craft, self.along, self.step, self.arcs.turning
        shots = self.opportunities[self.shot]
        n, t = shots["satellite"], shots["slot"]
        rounds = t - self.arcs.leave[self.into_shot] + 1
        images = along.harvest[t, n] * shade(shots["aim"], along.sun[t]) * rounds * step
        images += (
            craft["slew_load"][n] * turning[self.into_shot] + craft["camera_load"][n] * craft["dwell"][n]
        )
        m, u = self.sends[self.sent].T
        sending = along.harvest[u, m] * shade(along.aim[u, m], along.sun[u]) + craft["transmitter_load"][m]
        contacts = step * sending + craft["slew_load"][m] * np.minimum(turning[self.into_sent], step)
        self.program.rows(
            np.concatenate((n, m)),
            np.concatenate((self.into_shot, self.into_sent)),
            np.concatenate((images, contacts)),
            np.maximum(0.0, self._spare()),
        )

    def _spare(self) -> NDArray[np.float64]:
        """J above the reserve that each satellite has when it has least, if it only charges."""
        craft, power = self.craft, self.world.state.power[self.b]
        energy, capacity = power["energy"].copy(), power["capacity"]
        least = energy.copy()
        for harvest in self.along.harvest:
            net = (harvest - craft["base_load"]) * self.step
            net = np.where(net > 0.0, net * craft["charge_efficiency"], net / craft["discharge_efficiency"])
            energy = np.minimum(energy + net, capacity)
            least = np.minimum(least, energy)
        return least - RESERVE * capacity

    def _add_deliveries(self, n: int) -> None:
        """What satellite n sends in which contact of the window: images on board, and those to come."""
        columns, groups = [], []
        for rounds in self._contacts(n):
            stock, left = self._stock(n, rounds)
            coming, owners = self._coming(n, rounds)
            gains = np.concatenate((stock, coming))
            variables = self.program.add(gains, whole=False)
            images = image_sizes(self.world.state.requests)[self.b, owners]
            sizes = np.concatenate((left, images * self.craft["image_bits"][n]))
            self._fill_contact(n, rounds, variables, sizes)
            columns.append(variables)
            groups.append(np.concatenate((-1 - np.arange(len(stock)), owners)))
        if columns:
            self._once(n, np.concatenate(columns), np.concatenate(groups))

    def _worths(self) -> NDArray[np.float64]:
        """Values of the requests (M,), with their shares of what completing their campaigns pays."""
        requests = self.world.state.requests
        return requests.book["value"][self.b] + completion_shares(requests, self.b)

    def _contacts(self, n: int) -> list[NDArray[np.int64]]:
        """The rounds of each contact of satellite n in the window."""
        station = self.along.outlook["station"][: self.rounds, n]
        runs = np.split(np.arange(self.rounds), np.flatnonzero(np.diff(station)) + 1)
        return [run for run in runs if station[run[0]] != NONE]

    def _gain(self, n: int, value: NDArray, taken_at: NDArray, sent_at: NDArray) -> NDArray[np.float64]:
        """What it brings to send at `sent_at` and not at the first contact after the window."""
        half_life = self.world.constants.half_life
        later = LATER * 2.0 ** (-(self.later[n] - taken_at) / half_life)
        return np.maximum(0.0, value * (2.0 ** (-(sent_at - taken_at) / half_life) - later))

    def _stock(self, n: int, rounds: NDArray) -> tuple[NDArray, NDArray]:
        """Gains, and bits still to be sent, of the images on board."""
        store, book = self.world.state.store, self.world.state.requests.book[self.b]
        level = store.level[self.b, n]
        places = (level["head"] + np.arange(level["count"])) % store.request.shape[2]
        images = book[store.request[self.b, n, places]]
        at = np.full(len(images), self.along.start + self.step * float(rounds[0]))
        value = self._worths()[store.request[self.b, n, places]]
        return self._gain(n, value, images["captured_at"], at), store.remaining[self.b, n, places]

    def _coming(self, n: int, rounds: NDArray) -> tuple[NDArray, NDArray]:
        """Gains and requests of the images that could be taken before the contact ends."""
        mine = (self.opportunities["satellite"] == n) & (self.opportunities["slot"] < rounds[-1])
        # of several images of one request the last before the contact loses least
        requests, first = np.unique(self.opportunities["request"][mine][::-1], return_index=True)
        opportunities = np.flatnonzero(mine)[::-1][first]
        slot = np.maximum(rounds[0], self.opportunities["slot"][opportunities] + 1)
        at = self.along.start + self.step * slot.astype(float)
        value = self._worths()[requests]
        return self._gain(n, value, self.taken_at[opportunities], at), requests

    def _fill_contact(self, n: int, rounds: NDArray, variables: NDArray, sizes: NDArray) -> None:
        """A contact holds as many bits as the rounds that are given to it."""
        mine = (self.sends[self.sent, 0] == n) & np.isin(self.sends[self.sent, 1], rounds)
        arcs = self.into_sent[mine]
        outlook = self.along.outlook[self.sends[self.sent[mine], 1], n]
        begin = np.maximum(outlook["visible_from"], self.arcs.turning[arcs])
        room = outlook["rate"] * np.maximum(0.0, outlook["visible_to"] - begin)
        self.program.rows(
            np.zeros(len(variables) + len(arcs), int),
            np.concatenate((variables, arcs)),
            np.concatenate((sizes, -room)) * 1e-9,
            0.0,
        )

    def _once(self, n: int, variables: NDArray, groups: NDArray) -> None:
        """An image is sent once, and only if it is there: on board (a negative group), or taken."""
        names, place = np.unique(groups, return_inverse=True)
        mine = self.opportunities["satellite"][self.shot] == n
        arcs, request = self.into_shot[mine], self.opportunities["request"][self.shot[mine]]
        known = np.isin(request, names)
        taken = np.searchsorted(names, request[known])
        self.program.rows(
            np.concatenate((place, taken)),
            np.concatenate((variables, arcs[known])),
            np.concatenate((np.ones(len(variables)), -np.ones(known.sum()))),
            np.where(names < 0, 1.0, 0.0),
        )


def shade(aim: NDArray, sun: NDArray) -> NDArray[np.float64]:
    """Share (m,) of the harvest that is lost when a body-mounted panel looks away from `aim` (m, 3)."""
    return 1.0 - np.clip(-(aim * sun).sum(axis=-1), 0.0, 1.0)
