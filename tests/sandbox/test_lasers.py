"""The laser mesh: geometry against closed forms and published ranges, links that agree at both ends."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import SandboxError
from sandbox.lasers import (
    AHEAD,
    GRAZING_M,
    LEFT,
    RIGHT,
    beam,
    carries,
    follow_links,
    hold_pattern,
    make_lasers,
    no_links,
    seek_links,
)
from sandbox.orbits.bodies import R_EARTH
from sandbox.orbits.constellations import states, sun_synchronous, walker_delta, walker_star
from sandbox.state import BODY, NONE

FAR = 1e9


def alive(count, dead=()):
    body = np.zeros(count, BODY)
    body["alive"] = True
    body["alive"][list(dead)] = False
    return body


def walker(total, planes, phasing=0, altitude=550e3, inclination=53.0, build=walker_delta):
    return states(build(total, planes, phasing, altitude, math.radians(inclination)))


def patterned(total, planes, pattern="grid", **how):
    position, velocity = walker(total, planes, **how)
    links = no_links(total)
    hold_pattern(links, 0, position, velocity, planes, pattern)
    return links, position


def lasers(count, terminals=4, range_m=5e6, acquisition=15.0):
    return make_lasers(
        count, terminals=terminals, range_m=range_m, acquisition_s=acquisition, rate_bit_s=1e11
    )


def both_ends_agree(links):
    for n, k in np.argwhere(links["peer"] != NONE):
        link = links[n, k]
        other = links[link["peer"], link["back"]]
        assert (other["peer"], other["back"]) == (n, k)
        assert (other["since"], other["distance"]) == (link["since"], link["distance"])
    for row in links["peer"]:
        held = row[row != NONE]
        assert len(set(held)) == len(held)


@pytest.mark.parametrize(
    ("altitude", "longest"),
    [(550e3, 5_017e3), (630e3, 5_443e3), (1_015e3, 7_197e3)],  # Starlink, Kuiper, Telesat in Hypatia
)
def test_the_longest_beam_is_the_published_one(altitude, longest):
    r = R_EARTH + altitude
    half = math.asin(0.5 * longest / r)
    for factor, seen in ((0.999, True), (1.001, False)):
        angle = half * factor
        length = beam(
            r * math.cos(angle), r * math.sin(angle), 0.0, r * math.cos(angle), -r * math.sin(angle), 0.0, FAR
        )
        assert (length > 0.0) == seen
        if seen:
            assert length == pytest.approx(2 * r * math.sin(angle), rel=1e-12)


@given(st.lists(st.floats(-9e6, 9e6), min_size=6, max_size=6))
def test_a_beam_is_the_same_both_ways_and_clears_the_air(ends):
    a, b = np.array(ends[:3]), np.array(ends[3:])
    length = beam(*a, *b, FAR)
    assert length == beam(*b, *a, FAR)
    heights = [np.linalg.norm(a + share * (b - a)) for share in np.linspace(0.0, 1.0, 501)]
    if length > 0.0:
        assert length == pytest.approx(np.linalg.norm(a - b))
        assert min(heights) >= R_EARTH + GRAZING_M - 1.0
    elif np.linalg.norm(a - b) > 0.0:
        assert min(heights) < R_EARTH + GRAZING_M + 1e-5 * np.linalg.norm(a - b) ** 2 / R_EARTH + 1.0


def test_a_beam_has_a_longest_range():
    assert beam(7e6, 0.0, 0.0, 7e6, 1e6, 0.0, 1e6 + 1.0) == pytest.approx(1e6)
    assert beam(7e6, 0.0, 0.0, 7e6, 1e6, 0.0, 1e6 - 1.0) == -1.0


@pytest.mark.parametrize(("total", "planes", "phasing"), [(24, 4, 1), (48, 6, 2), (66, 6, 5), (40, 5, 1)])
def test_a_grid_holds_four_neighbours(total, planes, phasing):
    links, position = patterned(total, planes, phasing=phasing)
    both_ends_agree(links)
    assert np.all(links["peer"] != NONE)
    assert np.all(links["fixed"])
    per_plane, n = total // planes, np.arange(total)
    ahead = n // per_plane * per_plane + (n + 1) % per_plane
    assert np.array_equal(links["peer"][:, AHEAD], ahead)
    gap = np.linalg.norm(position[links["peer"][:, AHEAD]] - position, axis=-1)
    radius = np.linalg.norm(position, axis=-1)
    assert gap == pytest.approx(2 * radius * math.sin(math.pi / per_plane), rel=0.01)
    # the neighbour to the right is in the next plane, and none there is nearer in argument of latitude
    right = links["peer"][:, RIGHT]
    assert np.array_equal(right // per_plane, (n // per_plane + 1) % planes)
    slots = phasing / total + np.zeros(
        total
    )  # how far a slot of the next plane is ahead of the same slot here
    turned = (right % per_plane - n % per_plane) / per_plane + slots
    wrapped = n // per_plane == planes - 1  # back in the first plane the phases have come round
    turned[wrapped] = turned[wrapped] - planes * phasing / total
    off = np.abs((turned + 0.5) % 1.0 - 0.5)
    assert np.all(off <= 0.5 / per_plane + 1e-9)


def test_planes_that_move_against_each_other_are_not_joined():
    """In a star the last plane and the first pass each other; theirs is the seam."""
    position, velocity = walker(66, 6, 2, 780e3, 86.4, walker_star)
    links = no_links(66)
    hold_pattern(links, 0, position, velocity, 6, "grid")
    both_ends_agree(links)
    lonely = np.flatnonzero((links["peer"] == NONE).any(axis=1)) // 11
    assert set(lonely) == {0, 5}
    assert np.all(links["peer"][:11, LEFT] == NONE)
    assert np.all(links["peer"][55:, RIGHT] == NONE)


def test_sun_synchronous_planes_are_joined_in_the_order_of_their_nodes():
    hours = [6.0, 17.6, 6.4, 18.0]
    position, velocity = states(sun_synchronous(32, 4, 600e3, hours, "2026-06-27T00:00:00"))
    links = no_links(32)
    hold_pattern(links, 0, position, velocity, 4, "grid")
    both_ends_agree(links)
    joined = {(a // 8, b // 8) for a, b in zip(range(32), links["peer"][:, RIGHT], strict=True) if b != NONE}
    assert joined == {(0, 2), (1, 3)}


@given(st.integers(3, 12), st.integers(1, 6), st.integers(0, 5))
def test_a_honeycomb_leaves_a_terminal_free(per_plane, planes, phasing):
    per_plane = 2 * per_plane
    links, _ = patterned(per_plane * planes, planes, "honeycomb", phasing=phasing % planes)
    both_ends_agree(links)
    held = (links["peer"] != NONE).sum(axis=1).reshape(planes, per_plane)
    if planes > 2:  # fewer are not joined; where the pattern closes around the Earth it may not fit
        assert (held == 3).all(axis=1).sum() >= planes - 2
    assert np.all(held >= 2)


def test_small_planes_have_no_link_twice():
    links, _ = patterned(2, 1)
    assert links["peer"].tolist() == [[1, NONE, NONE, NONE], [NONE, 0, NONE, NONE]]
    assert np.all(patterned(1, 1)[0]["peer"] == NONE)
    assert np.all(patterned(6, 2, "nearest")[0]["peer"] == NONE)


def test_a_link_carries_once_it_was_in_sight_for_the_acquisition_time():
    links, position = patterned(48, 4)
    who, body = lasers(48), alive(48)
    assert not carries(links, who, 0, AHEAD, 1e9)
    follow_links(links, who, body, position, position, 100.0)
    both_ends_agree(links)
    assert not carries(links, who, 0, AHEAD, 114.0)
    assert carries(links, who, 0, AHEAD, 115.0)
    follow_links(links, who, body, position, position, 130.0)
    assert links[0, AHEAD]["since"] == 100.0
    hidden = position.copy()
    hidden[0] *= -1.0
    follow_links(links, who, body, position, hidden, 160.0)  # lost before the step is over
    both_ends_agree(links)
    assert np.all(np.isinf(links[0]["since"]))
    assert not carries(links, who, 0, AHEAD, 1e9)
    assert links[0, AHEAD]["peer"] != NONE  # the pattern holds
    follow_links(links, who, body, position, position, 190.0)
    assert links[0, AHEAD]["since"] == 190.0


def test_the_dead_hold_no_link():
    links, position = patterned(48, 4)
    body = alive(48, dead=[3])
    follow_links(links, lasers(48), body, position, position, 0.0)
    touched = np.argwhere(links["peer"] == 3)
    assert len(touched)
    assert np.all(np.isinf(links["since"][tuple(touched.T)]))
    assert np.isfinite(links["since"]).sum() > 0


@st.composite
def clusters(draw):
    """Satellites over one region, so that many see each other."""
    count = draw(st.integers(2, 10))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    direction = np.array([1.0, 0.0, 0.0]) + rng.normal(0.0, draw(st.floats(0.05, 0.8)), (count, 3))
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    return direction * rng.uniform(6.9e6, 7.4e6, (count, 1)), rng


@given(clusters(), st.integers(0, 4))
def test_free_terminals_find_partners_and_let_them_go(made, terminals):
    position, rng = made
    count = len(position)
    links, who, body = no_links(count), lasers(count, terminals, range_m=3e6), alive(count)
    for step in range(4):
        later = position + rng.normal(0.0, 3e5, position.shape)
        follow_links(links, who, body, position, later, 30.0 * step)
        seek_links(links, who, body, position, later, 30.0 * step)
        both_ends_agree(links)
        held = links["peer"] != NONE
        assert np.all(held.sum(axis=1) <= terminals)
        for n, k in np.argwhere(held):
            peer = links[n, k]["peer"]
            for place in (position, later):
                assert beam(*place[n], *place[peer], 3e6) > 0.0
            apart = np.linalg.norm(position[n] - position[peer])
            assert links[n, k]["distance"] == pytest.approx(apart, rel=1e-12)
        spare = np.flatnonzero(held.sum(axis=1) < terminals)
        for n in spare:  # whoever is left over sees nobody who is left over too
            for m in spare:
                if n != m and m not in links["peer"][n]:
                    apart = [beam(*place[n], *place[m], 3e6) < 0.0 for place in (position, later)]
                    assert any(apart)
        position = later


def test_a_pattern_group_looks_beyond_itself():
    position = np.array([[7e6, 1e5 * i, 0.0] for i in range(4)])
    who = lasers(4, terminals=1)
    who["pattern_group"] = [0, 0, 1, NONE]
    links = no_links(4)
    seek_links(links, who, alive(4), position, position, 0.0)
    both_ends_agree(links)
    assert links["peer"][:, 0].tolist() == [2, 3, 0, 1]
    dead = no_links(4)
    seek_links(dead, who, alive(4, dead=[2]), position, position, 0.0)
    assert dead["peer"][:, 0].tolist() == [3, NONE, NONE, 0]


def test_mistakes_are_one_sentence():
    with pytest.raises(SandboxError, match="terminals = 5; give a whole number from 0 to 4"):
        lasers(3, terminals=5)
    with pytest.raises(SandboxError, match="Unknown mesh pattern 'gird'; did you mean grid"):
        patterned(24, 4, "gird")
