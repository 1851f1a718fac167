"""Paths through the mesh, by shortest delay: over the links that are up now, or over those that will be.

A message goes from satellite to satellite, each of which takes it in whole before it passes it on: a hop
takes the wait for the link (queueing), bits / rate (transmission) and distance / c (propagation), seconds in
double precision, so microseconds count.

`route_all` is Dijkstra over the live links of a whole mesh, to the nearest of several goals (a kernel,
because the world's kernels call it in every round; scipy's csgraph gives the same, and takes longer once the
graph has to be put in its form: see `experiments.performance.routing`). `earliest_arrival` is the same over a
plan of contacts yet to come: where there is no path now, the message waits on board for the next link (store
and forward). Waiting never lets a message overtake another, so Dijkstra stays exact (Orda and Rom 1990).
"""

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sandbox.compiled import kernel
from sandbox.errors import SandboxError
from sandbox.lasers import TERMINALS, carries, light_time, link_bit_rate
from sandbox.state import NONE
from sandbox.structured import structured

CONTACT = structured(
    [
        ("a", "i4"),  # sends
        ("b", "i4"),  # receives
        ("start", "f8"),  # s
        ("end", "f8"),  # s
        ("distance", "f8"),  # m
        ("rate", "f8"),  # bit/s
    ]
)
"""A stretch of time in which a can send to b."""


class Routes(NamedTuple):
    """For every satellite (N,) the best way to a goal."""

    seconds: NDArray[np.float64]  # to the goal, inf where there is no path
    via: NDArray[np.int32]  # next satellite; itself at a goal, -1 without a path
    goal: NDArray[np.int32]  # the goal it leads to, or -1


class Heap(NamedTuple):
    """Working memory of Dijkstra's algorithm over E edges and N nodes: room for E + N entries."""

    key: NDArray[np.float64]
    node: NDArray[np.int32]


class Hops(NamedTuple):
    """Where the time of a message goes, s."""

    queueing: float
    transmission: float
    propagation: float


class Journey(NamedTuple):
    """A message's way over a contact plan: nodes, when it reaches each, and where the time goes."""

    nodes: tuple[int, ...]
    times: tuple[float, ...]
    hops: Hops


def make_routes(satellites: int) -> Routes:
    """Room for `route_all`."""
    return Routes(np.empty(satellites), np.empty(satellites, np.int32), np.empty(satellites, np.int32))


def make_heap(nodes: int, edges: int | None = None) -> Heap:
    """Working memory for `nodes` and so many directed edges; by default for four terminals each."""
    room = nodes + (TERMINALS * nodes if edges is None else edges)
    return Heap(np.empty(room), np.empty(room, np.int32))


def routes(
    links: np.ndarray,
    lasers: np.ndarray,
    goals: ArrayLike,
    time: float,
    bits: float = 0.0,
    cost: ArrayLike = 0.0,
) -> Routes:
    """The best way from every satellite to one of `goals`, for a message of `bits` sent at `time`.

    links (N, 4) and lasers (N,) as in `sandbox.lasers`; `cost` is what each goal adds, s, for instance a wait
    for its board. Raises SandboxError for goals that are not satellites.
    """
    chosen = np.atleast_1d(np.asarray(goals))
    if chosen.dtype.kind not in "iu" or (
        chosen.size and not (0 <= chosen.min() <= chosen.max() < len(links))
    ):
        raise SandboxError(f"goals = {goals!r}; give numbers of satellites from 0 to {len(links) - 1}.")
    start = np.full(len(links), np.inf)
    np.minimum.at(start, chosen, np.broadcast_to(np.asarray(cost, np.float64), chosen.shape))
    found = make_routes(len(links))
    route_all(links, lasers, start, float(time), float(bits), found, make_heap(len(links)))
    return found


def path(found: Routes, source: int) -> list[int]:
    """The satellites from `source` to its goal, both included; empty where there is no path."""
    if found.via[source] == NONE:
        return []
    nodes = [source]
    while found.via[nodes[-1]] != nodes[-1]:
        nodes.append(int(found.via[nodes[-1]]))
    return nodes


def path_delay(links: np.ndarray, lasers: np.ndarray, nodes: list[int], bits: float) -> Hops:
    """Where the time goes of a message of `bits` along `nodes` over idle links."""
    transmission = propagation = 0.0
    for a, b in pairwise(nodes):
        k = int(np.flatnonzero(links["peer"][a] == b)[0])
        transmission += bits / min(lasers["rate"][a], lasers["rate"][b])
        propagation += light_time(float(links["distance"][a, k]))
    return Hops(0.0, transmission, propagation)


@kernel
def hop_seconds(links, lasers, n, k, bits):
    """Transmission and propagation over terminal k of satellite n, s."""
    peer = links[n, k].peer
    return bits / link_bit_rate(lasers, n, peer) + light_time(links[n, k].distance)


@kernel
def route_all(links, lasers, start, time, bits, found, heap):
    """Fill `found` with the best way from every satellite: Dijkstra's algorithm, outwards from the goals.

    start (N,) is what a message that ends at a satellite has still to wait, s, and inf where none may end.
    Links go both ways alike, so the way out is the way in. `heap` is working memory. Of two ways that take
    equally long, the one found first stays.
    """
    count = 0
    for n in range(links.shape[0]):
        found.seconds[n] = start[n]
        found.via[n] = found.goal[n] = NONE
        if start[n] < math.inf:
            found.via[n] = found.goal[n] = n
            count = push(heap, count, start[n], n)
    while count > 0:
        key, n = heap.key[0], heap.node[0]
        count = pop(heap, count)
        if key > found.seconds[n]:
            continue
        for k in range(links.shape[1]):
            if not carries(links, lasers, n, k, time):
                continue
            peer = links[n, k].peer
            reached = key + hop_seconds(links, lasers, n, k, bits)
            if reached < found.seconds[peer]:
                found.seconds[peer] = reached
                found.via[peer] = n
                found.goal[peer] = found.goal[n]
                count = push(heap, count, reached, peer)


@kernel
def push(heap, count, key, node):
    """Put `node` on the heap of `count` entries; how many it has then."""
    i = count
    while i > 0:
        above = (i - 1) // 2
        if heap.key[above] <= key:
            break
        heap.key[i], heap.node[i] = heap.key[above], heap.node[above]
        i = above
    heap.key[i], heap.node[i] = key, node
    return count + 1


@kernel
def pop(heap, count):
    """Take the least entry off the heap of `count`; how many are left."""
    last = count - 1
    key, node = heap.key[last], heap.node[last]
    i = 0
    while 2 * i + 1 < last:
        below = 2 * i + 1
        if below + 1 < last and heap.key[below + 1] < heap.key[below]:
            below += 1
        if heap.key[below] >= key:
            break
        heap.key[i], heap.node[i] = heap.key[below], heap.node[below]
        i = below
    heap.key[i], heap.node[i] = key, node
    return last


class Plan:
    """Contacts yet to come between N nodes, ready to be searched.

    contacts: records of dtype CONTACT. Raises SandboxError for nodes that are not there, contacts that end
    before they start, and rates that are not positive.
    """

    def __init__(self, contacts: np.ndarray, nodes: int) -> None:
        rows = np.sort(np.asarray(contacts, CONTACT), order=("a", "start"), kind="stable")
        ends = np.concatenate((rows["a"], rows["b"]))
        if ends.size and not 0 <= ends.min() <= ends.max() < nodes:
            raise SandboxError(f"The contacts name node {ends.max()}; there are nodes 0 to {nodes - 1} only.")
        if not (
            np.all(rows["start"] <= rows["end"])
            and np.all(rows["rate"] > 0)
            and np.all(rows["distance"] >= 0)
        ):
            raise SandboxError("A contact must end after it starts and have a rate above 0; check the plan.")
        self.contacts, self.nodes = rows, nodes
        self.first = np.searchsorted(rows["a"], np.arange(nodes + 1)).astype(np.int32)

    def send(self, source: int, goal: int, time: float, bits: float = 0.0) -> Journey | None:
        """The way from `source`, at `time`, on which a message is first at `goal`; None if there is none."""
        arrival, used = earliest_arrival(self, [source], [time], bits)
        return self._journey(arrival, used, goal, bits) if np.isfinite(arrival[goal]) else None

    def _journey(self, arrival: NDArray, used: NDArray, goal: int, bits: float) -> Journey:
        nodes, queueing, transmission, propagation = [goal], 0.0, 0.0, 0.0
        while used[nodes[-1]] != NONE:
            contact = self.contacts[used[nodes[-1]]]
            nodes.append(int(contact["a"]))
            transmission += bits / contact["rate"]
            propagation += light_time(float(contact["distance"]))
        nodes.reverse()
        times = tuple(float(arrival[n]) for n in nodes)
        queueing = max(0.0, times[-1] - times[0] - transmission - propagation)
        return Journey(tuple(nodes), times, Hops(queueing, float(transmission), propagation))


def earliest_arrival(
    plan: Plan, sources: ArrayLike, times: ArrayLike, bits: float = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """When a message of `bits` can be at every node (N,), inf where never, and the contact it comes by, or
    -1.

    It sets out from any of `sources` at the time given for it.
    """
    arrival = np.full(plan.nodes, np.inf)
    np.minimum.at(arrival, np.atleast_1d(sources), np.atleast_1d(np.asarray(times, np.float64)))
    used = np.full(plan.nodes, NONE, np.int32)
    _spread(plan.contacts, plan.first, arrival, used, float(bits), make_heap(plan.nodes, len(plan.contacts)))
    return arrival, used


@kernel
def _spread(contacts, first, arrival, used, bits, heap):
    """Dijkstra's algorithm in time, forwards over contacts sorted by sender; `first` (N + 1,) is where each
    begins."""
    count = 0
    for n in range(arrival.shape[0]):
        if arrival[n] < math.inf:
            count = push(heap, count, arrival[n], n)
    while count > 0:
        key, n = heap.key[0], heap.node[0]
        count = pop(heap, count)
        if key > arrival[n]:
            continue
        for i in range(first[n], first[n + 1]):
            contact = contacts[i]
            sent = max(key, contact.start) + bits / contact.rate
            reached = sent + light_time(contact.distance)
            if sent <= contact.end and reached < arrival[contact.b]:
                arrival[contact.b] = reached
                used[contact.b] = i
                count = push(heap, count, reached, contact.b)
