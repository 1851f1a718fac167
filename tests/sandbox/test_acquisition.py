"""How long lasers take to find each other, by where they looked and whom they knew."""

import math

import numpy as np
import pytest
from test_lasers import alive, lasers, patterned

from sandbox.acquisition import LEAST_SHARE, MEMORY_S, local_direction, search_share, turn_angle
from sandbox.lasers import AHEAD, NONE, RIGHT, carries, follow_links, make_lasers, no_links, seek_links
from sandbox.scenario import load_scenario
from sandbox.world import World

UP, EAST = np.array([7e6, 0.0, 0.0]), np.array([0.0, 7.5e3, 0.0])


def test_directions_go_with_the_orbit():
    """Ahead, behind, aside and up are the same everywhere along the orbit."""
    for turn in (0.0, 1.0, 4.0):
        c, s = math.cos(turn), math.sin(turn)
        rotate = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
        place, later = rotate @ UP, rotate @ (UP + EAST)
        for there, expected in (
            (UP + 1e5 * np.array([0.0, 1.0, 0.0]), (0.0, 1.0, 0.0)),
            (UP + 1e5 * np.array([0.0, 0.0, 1.0]), (0.0, 0.0, 1.0)),
            (UP + 1e5 * np.array([-1.0, 0.0, 0.0]), (-1.0, 0.0, 0.0)),
        ):
            assert local_direction(place, later, rotate @ there) == pytest.approx(expected, abs=1e-9)


def test_turns():
    assert turn_angle((0.0, 0.0, 0.0), (1.0, 0.0, 0.0)) == 0.0
    assert turn_angle((0.0, 1.0, 0.0), (1.0, 0.0, 0.0)) == pytest.approx(math.pi / 2)
    assert turn_angle((0.0, 1.0, 0.0), (0.0, -1.0, 0.0)) == pytest.approx(math.pi)


def test_the_search_grows_with_the_field():
    """Twice the radius is four times the area; whole for a stranger and for one lost long ago."""
    assert search_share(math.inf) == search_share(MEMORY_S) == 1.0
    assert search_share(MEMORY_S / 2) == pytest.approx(0.25)
    assert search_share(0.0) == LEAST_SHARE


def held(slew_deg_s=2.0, total=48, planes=4):
    """A grid of satellites whose links have been up for a minute, and where they are."""
    links, position = patterned(total, planes)
    who = make_lasers(
        total, terminals=4, range_m=5e6, acquisition_s=15.0, rate_bit_s=1e11, slew_deg_s=slew_deg_s
    )
    for now in (0.0, 30.0, 60.0):
        follow_links(links, who, alive(total), position, position, now)
    return links, who, position


def test_a_new_partner_takes_the_whole_search():
    links, *_ = held()
    assert np.all(links["wait"][np.isfinite(links["since"])] == 15.0)


@pytest.mark.parametrize("gap", [30.0, 600.0, 3_600.0])
def test_a_neighbour_in_the_plane_is_back_the_sooner_the_shorter_it_was_gone(gap):
    links, who, position = held()
    follow_links(links, who, alive(48, dead=[1]), position, position, 90.0)
    assert np.isinf(links[0, AHEAD]["since"])
    follow_links(links, who, alive(48), position, position, 60.0 + gap)
    expected = 15.0 * search_share(gap)
    assert links[0, AHEAD]["wait"] == pytest.approx(expected, abs=1e-3)
    assert links[links[0, AHEAD]["peer"], links[0, AHEAD]["back"]]["wait"] == links[0, AHEAD]["wait"]
    assert not carries(links, who, 0, AHEAD, 60.0 + gap + 0.9 * expected)
    assert carries(links, who, 0, AHEAD, 60.0 + gap + 1.001 * expected)


def test_one_that_has_moved_across_takes_the_turn_too():
    """A neighbour in another plane comes back on the other side, as over the poles."""
    links, who, position = held(total=96, planes=12)
    n = int(np.flatnonzero(np.isfinite(links["since"][:, RIGHT]))[0])
    side = int(links[n, RIGHT]["peer"])
    before = links[n, RIGHT]["aim"].copy()
    follow_links(links, who, alive(96, dead=[side]), position, position, 90.0)
    moved = position.copy()
    normal = np.cross(position[n], position[links[n, AHEAD]["peer"]])
    normal /= np.linalg.norm(normal)
    moved[side] -= 2.0 * (position[side] @ normal) * normal  # mirrored in the plane of the others
    follow_links(links, who, alive(96), moved, moved, 660.0)
    angle = turn_angle(before, links[n, RIGHT]["aim"])
    assert angle > math.radians(20.0)
    wait = links[n, RIGHT]["wait"]
    assert wait >= math.degrees(angle) / 2.0 + 15.0 * search_share(600.0) - 1e-6
    slow, who_slow, _ = held(slew_deg_s=1.0, total=96, planes=12)
    for now, body, place in ((90.0, alive(96, dead=[side]), position), (660.0, alive(96), moved)):
        follow_links(slow, who_slow, body, place, place, now)
    assert slow[n, RIGHT]["wait"] - wait >= math.degrees(angle) / 2.0 - 1e-6


def test_a_link_that_broke_before_it_carried_taught_nothing():
    links, position = patterned(48, 4)
    who = lasers(48)
    follow_links(links, who, alive(48), position, position, 0.0)
    follow_links(links, who, alive(48, dead=[1]), position, position, 10.0)
    follow_links(links, who, alive(48), position, position, 20.0)
    assert links[0, AHEAD]["wait"] == pytest.approx(15.0, abs=1e-3)


def test_free_terminals_turn_to_whom_they_find():
    position = np.array([[7e6, 0.0, 0.0], [7e6, 1e5, 0.0], [7e6, -3e5, 0.0]])
    links, who = no_links(3), lasers(3, terminals=1)
    seek_links(links, who, alive(3), position, position, 0.0)
    follow_links(links, who, alive(3), position, position, 30.0)
    assert (links[0, 0]["peer"], links[0, 0]["wait"]) == (1, 15.0)
    body = alive(3, dead=[1])
    follow_links(links, who, body, position, position, 60.0)
    assert links[0, 0]["peer"] == NONE
    seek_links(links, who, body, position, position, 90.0)
    assert links[0, 0]["peer"] == 2
    turned = 180.0 - 0.5 * math.degrees(1e5 / 7e6 + 3e5 / 7e6)  # the lines lie below the horizon by so much
    assert links[0, 0]["wait"] == pytest.approx(turned / 2.0 + 15.0, abs=1.0)


def test_geometry_decides_how_much_the_mesh_carries():
    """The same satellites for an orbit: with quick terminals more links are up more of the time."""
    shares, waits = [], None
    for slew in (1e6, 0.5):
        names = [f"spacecraft.{kind}.lasers.slew_deg_s" for kind in load_scenario("relay_40").spacecraft]
        world = World(load_scenario("relay_40", dict.fromkeys(names, slew)), parts=("lasers",))
        world.reset(0)
        up = 0
        for _ in range(100):
            world.step()
            links, now = world.lasers.state.links[0], world.state.clock["time"][0]
            up += int((links["since"] + links["wait"] <= now).sum())
            seen = links["wait"][np.isfinite(links["since"])]
            waits = seen if waits is None or len(seen) else waits
        shares.append(up)
    assert shares[0] > shares[1] > 0
    assert 1.0 < np.median(waits) < 60.0
