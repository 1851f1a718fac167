"""Routing against brute force, scipy and published delays; no message beats light."""

import math
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from sandbox.errors import SandboxError
from sandbox.lasers import TERMINALS, follow_links, hold_pattern, make_lasers, no_links, seek_links
from sandbox.orbits.bodies import R_EARTH, SPEED_OF_LIGHT
from sandbox.orbits.constellations import states, walker_delta
from sandbox.routing import CONTACT, Plan, earliest_arrival, path, path_delay, routes
from sandbox.state import BODY, NONE

NOW = 1_000.0
PLAIN = make_lasers(2, terminals=1, range_m=1.0, acquisition_s=0.0, rate_bit_s=1.0)


@st.composite
def meshes(draw, most=8):
    """(links, lasers, positions): a random mesh of up to `most` satellites, some of its links not acquired
    yet."""
    count = draw(st.integers(2, most))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    direction = np.array([1.0, 0.0, 0.0]) + rng.normal(0.0, draw(st.floats(0.1, 0.8)), (count, 3))
    position = (
        direction / np.linalg.norm(direction, axis=-1, keepdims=True) * rng.uniform(6.9e6, 7.4e6, (count, 1))
    )
    lasers = make_lasers(
        count, terminals=draw(st.integers(1, 4)), range_m=4e6, acquisition_s=15.0, rate_bit_s=1e9
    )
    lasers["rate"] = rng.choice([1e8, 1e9, 1e11], count)
    body, links = np.ones(count, BODY), no_links(count)
    follow_links(links, lasers, body, position, position, 0.0)
    seek_links(links, lasers, body, position, position, 0.0)
    for n, k in np.argwhere(links["peer"] != NONE):
        if rng.random() < 0.1:
            for a, terminal in ((n, k), (links[n, k]["peer"], links[n, k]["back"])):
                links["since"][a, terminal] = NOW
    return links, lasers, position


def weights(links, lasers, bits):
    """Matrix of hop delays, s, inf where nothing carries: written anew, for comparison."""
    matrix = np.full((len(links), len(links)), np.inf)
    for n in range(len(links)):
        for k in range(TERMINALS):
            link = links[n, k]
            if link["peer"] != NONE and link["since"] + 15.0 <= NOW:
                rate = min(lasers["rate"][n], lasers["rate"][link["peer"]])
                matrix[n, link["peer"]] = bits / rate + link["distance"] / SPEED_OF_LIGHT
    return matrix


def by_brute_force(matrix, source, goals, cost):
    """Least delay over every path without a repeated node."""
    best = min((cost[g] for g in goals if g == source), default=math.inf)
    others = [n for n in range(len(matrix)) if n != source]
    for length in range(1, len(matrix)):
        for rest in permutations(others, length):
            if rest[-1] in goals:
                nodes = (source, *rest)
                delay = sum(matrix[a, b] for a, b in pairwise(nodes))
                best = min(best, delay + cost[rest[-1]])
    return best


@given(meshes(most=7), st.sampled_from([0.0, 1e3, 1e7, 4e9]), st.data())
def test_routing_equals_brute_force(mesh, bits, data):
    links, lasers, position = mesh
    count = len(links)
    goals = data.draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=3, unique=True))
    cost = data.draw(st.lists(st.floats(0.0, 0.05), min_size=len(goals), max_size=len(goals)))
    found = routes(links, lasers, goals, NOW, bits, cost)
    matrix, costs = weights(links, lasers, bits), dict(zip(goals, cost, strict=True))
    for source in range(count):
        best = by_brute_force(matrix, source, goals, costs)
        assert found.seconds[source] == pytest.approx(best, abs=1e-12)
        nodes = path(found, source)
        assert bool(nodes) == math.isfinite(best)
        if nodes:
            assert (nodes[0], nodes[-1]) == (source, found.goal[source])
            assert nodes[-1] in goals
            hops = path_delay(links, lasers, nodes, bits)
            assert sum(hops) + costs[nodes[-1]] == pytest.approx(best, abs=1e-12)
            # nothing beats light, not even on a straight line through the Earth
            assert (
                hops.propagation
                >= np.linalg.norm(position[nodes[0]] - position[nodes[-1]]) / SPEED_OF_LIGHT - 1e-12
            )


@pytest.mark.slow
@given(meshes(most=8), st.sampled_from([0.0, 1e7]))
def test_routing_equals_brute_force_on_eight(mesh, bits):
    links, lasers, _ = mesh
    found = routes(links, lasers, [0], NOW, bits)
    matrix = weights(links, lasers, bits)
    for source in range(len(links)):
        best = by_brute_force(matrix, source, [0], {0: 0.0})
        assert found.seconds[source] == pytest.approx(best, abs=1e-12)


def constellation(total, planes, phasing, pattern="grid", inclination=53.0):
    position, velocity = states(walker_delta(total, planes, phasing, 550e3, math.radians(inclination)))
    lasers = make_lasers(total, terminals=4, range_m=5_016e3, acquisition_s=0.0, rate_bit_s=1e11)
    links, body = no_links(total), np.ones(total, BODY)
    hold_pattern(links, 0, position, velocity, planes, pattern)
    follow_links(links, lasers, body, position, position, 0.0)
    return links, lasers, position


def test_routing_equals_scipy_on_a_whole_shell():
    links, lasers, _ = constellation(528, 24, 7, "honeycomb")
    goals = [0, 17, 230, 400]
    found = routes(links, lasers, goals, NOW, 4e9)
    matrix = weights(links, lasers, 4e9)
    graph = csr_matrix(np.where(np.isfinite(matrix), matrix, 0.0))
    expected, _, nearest = dijkstra(graph, indices=goals, min_only=True, return_predecessors=True)
    assert found.seconds == pytest.approx(expected, rel=1e-12)
    assert np.array_equal(found.goal, nearest)


def test_paris_to_luanda_as_published():
    """Hypatia (Kassing et al. 2020): round trip 85 to 117 ms over Starlink's first shell with +Grid.

    Its planes are abreast of each other on average. (Phased, links run north as well: 50 ms.)
    """
    links, lasers, position = constellation(1584, 72, 0)
    trips = []
    for turn in np.radians(np.arange(0.0, 360.0, 15.0)):  # the Earth turns under a shell that looks the same
        slants = []
        for latitude, longitude in ((48.86, 2.35), (-8.84, 13.23)):
            phi, lam = math.radians(latitude), math.radians(longitude) + turn
            up = np.array([math.cos(phi) * math.cos(lam), math.cos(phi) * math.sin(lam), math.sin(phi)])
            line = position - R_EARTH * up
            slant = np.linalg.norm(line, axis=-1)
            slants.append(np.where(line @ up / slant > math.sin(math.radians(25.0)), slant, np.inf))
        goals = np.flatnonzero(np.isfinite(slants[1]))
        found = routes(links, lasers, goals, NOW, 0.0, slants[1][goals] / SPEED_OF_LIGHT)
        trips.append(2.0 * float(np.min(found.seconds + slants[0] / SPEED_OF_LIGHT)))
    assert min(trips) > 0.080
    assert max(trips) < 0.120


def test_without_a_path_there_is_none():
    links, lasers = no_links(3), make_lasers(3, terminals=4, range_m=1e6, acquisition_s=0.0, rate_bit_s=1.0)
    found = routes(links, lasers, [1], NOW)
    assert found.seconds.tolist() == [math.inf, 0.0, math.inf]
    assert found.via.tolist() == found.goal.tolist() == [NONE, 1, NONE]
    assert path(found, 0) == []
    assert path(found, 1) == [1]


def test_microseconds_count():
    links, lasers, _ = constellation(24, 4, 1)
    lasers["rate"] = 1e9
    hops = path_delay(links, lasers, [0, int(links["peer"][0, 0])], 1_000.0)
    assert hops.transmission == pytest.approx(1e-6, rel=1e-12)
    assert hops.propagation == pytest.approx(links["distance"][0, 0] / SPEED_OF_LIGHT, rel=1e-15)


@st.composite
def plans(draw):
    nodes = draw(st.integers(2, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows = np.zeros(draw(st.integers(0, 10)), CONTACT)
    for row in rows:
        row["a"], row["b"] = rng.choice(nodes, 2, replace=False)
        row["start"] = rng.uniform(0.0, 100.0)
        row["end"] = row["start"] + rng.uniform(0.0, 40.0)
    rows["distance"] = rng.uniform(1e5, 5e6, len(rows))
    rows["rate"] = rng.choice([1e3, 1e6], len(rows))
    return rows, nodes


def first_arrivals(rows, nodes, source, time, bits):
    """Earliest arrival at every node over every sequence of contacts that repeats no node."""
    best = np.full(nodes, np.inf)

    def go(node, clock, seen):
        best[node] = min(best[node], clock)
        for row in rows:
            sent = max(clock, row["start"]) + bits / row["rate"]
            if row["a"] == node and row["b"] not in seen and sent <= row["end"]:
                go(row["b"], sent + row["distance"] / SPEED_OF_LIGHT, {*seen, row["b"]})

    go(source, time, {source})
    return best


@given(plans(), st.floats(0.0, 120.0), st.sampled_from([0.0, 1e3, 1e4, 3e4]))
def test_store_and_forward_equals_brute_force(made, time, bits):
    rows, nodes = made
    plan = Plan(rows, nodes)
    expected = first_arrivals(rows, nodes, 0, time, bits)
    arrival, _ = earliest_arrival(plan, 0, time, bits)
    assert arrival == pytest.approx(expected, rel=1e-12)
    for goal in range(nodes):
        journey = plan.send(0, goal, time, bits)
        if not math.isfinite(expected[goal]):
            assert journey is None
            continue
        assert (journey.nodes[0], journey.nodes[-1], journey.times[0]) == (0, goal, time)
        assert list(journey.times) == sorted(journey.times)
        assert time + sum(journey.hops) == pytest.approx(expected[goal], rel=1e-12)


def test_a_message_waits_on_board_for_the_next_link():
    rows = np.array(
        [(0, 1, 10.0, 20.0, 3e6, 1e6), (1, 2, 50.0, 90.0, 6e6, 1e6), (1, 2, 15.0, 16.0, 6e6, 1e6)], CONTACT
    )
    journey = Plan(rows, 3).send(0, 2, 0.0, 5e6)
    assert journey.nodes == (0, 1, 2)
    assert journey.hops.transmission == 10.0
    assert journey.hops.propagation == pytest.approx(9e6 / SPEED_OF_LIGHT)
    assert journey.times[1] == pytest.approx(15.0 + 3e6 / SPEED_OF_LIGHT)
    assert journey.times[2] == pytest.approx(55.0 + 6e6 / SPEED_OF_LIGHT)
    assert Plan(rows, 3).send(2, 0, 0.0) is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: routes(no_links(2), PLAIN, [2], 0.0), r"goals = \[2\]; give numbers of satellites from 0"),
        (lambda: Plan(np.array([(0, 3, 0, 1, 1, 1)], CONTACT), 3), "name node 3; there are nodes 0 to 2"),
        (lambda: Plan(np.array([(0, 1, 2, 1, 1, 1)], CONTACT), 2), "must end after it starts"),
        (lambda: Plan(np.array([(0, 1, 0, 1, 1, 0)], CONTACT), 2), "a rate above 0"),
    ],
)  # fmt: skip
def test_mistakes_are_one_sentence(call, message):
    with pytest.raises(SandboxError, match=message):
        call()
