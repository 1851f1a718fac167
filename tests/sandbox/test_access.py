"""The outlook against brute force: what can be imaged or heard is there, and the best comes first."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pilots import plain_world, play_round

from sandbox.access import count_rivals, precedes
from sandbox.attitude import slew_time
from sandbox.orbits.ephemeris import sun_position
from sandbox.orbits.frames import earth_rotations, itrs_to_geodetic
from sandbox.orbits.propagation import propagate
from sandbox.scenario import load_scenario
from sandbox.state import CHARGE, IDLE, NONE, OBSERVE, OPEN, OPPORTUNITY

SHOWN = 48


def sights(world, n, taus):
    """Positions (T, 3) of satellite n in the coming round and the rotations GCRS -> ITRS (T, 3, 3)."""
    orbit = world.state.orbit
    position, _ = propagate(orbit.position[0, n], orbit.velocity[0, n], taus)
    return position, earth_rotations(world.constants.ephemeris, world.state.clock["time"][0] + taus)


def lines_to(targets, position, rotation):
    """Unit vectors (T, M, 3) in GCRS from positions (T, 3) to ITRS targets (M, 3)."""
    ground = np.einsum("tji,mj->tmi", rotation, targets)
    line = ground - position[:, None]
    return line / np.linalg.norm(line, axis=-1, keepdims=True)


def could_image(world, n, step=0.5):
    """Requests that satellite n could image within the round by a scan of it: {number: seconds of room}."""
    craft, book, seconds = world.fleet.craft[n], world.state.requests.book[0], world.scenario.round_s
    now, taus = world.state.clock["time"][0], np.arange(0.0, seconds + step, step)
    position, rotation = sights(world, n, taus)
    ids = np.flatnonzero((book["status"] == OPEN) & (book["closed_until"] <= now))
    line = lines_to(book["position"][ids], position, rotation)
    up = position / np.linalg.norm(position, axis=1, keepdims=True)
    inside = -np.einsum("tmi,ti->tm", line, up) >= math.cos(craft["max_off_nadir"])
    inside &= np.einsum("tmi,tji,mj->tm", line, rotation, book["up"][ids], optimize=True) < 0.0  # this side
    angle = np.arccos(np.clip(line @ world.state.pointing[0, n], -1.0, 1.0))
    sun = np.array(sun_position(world.constants.ephemeris, now + 0.5 * seconds))
    sun = earth_rotations(world.constants.ephemeris, now + 0.5 * seconds) @ (sun / np.linalg.norm(sun))
    found, span = {}, math.ceil(craft["dwell"] / step)
    for m, j in enumerate(ids):
        if book["up"][j] @ sun < craft["min_sun_sine"]:
            continue
        room = 0
        for k in np.flatnonzero(inside[:, m])[:-1]:
            done = taus[k] + craft["dwell"]
            ready = slew_time(angle[k, m], craft["slew_rate"], craft["slew_acceleration"]) + craft["settle"]
            stays = k + span < len(taus) and inside[k : k + span + 1, m].all()
            room += stays and done <= seconds and now + done <= book["deadline"][j] and ready <= taus[k]
        if room:
            found[int(j)] = room * step
    return found


@pytest.mark.parametrize("command", [IDLE, CHARGE, OBSERVE])
@pytest.mark.parametrize("inclination", [0.0, 53.0, 97.5])
def test_every_request_that_can_be_imaged_is_offered(small, inclination, command):
    small["requests"] |= {"initial": 4_000, "per_hour": 2_000, "lifetime_h": [0.05, 3.0]}
    small["spacecraft"]["craft"]["camera"]["min_sun_elevation_deg"] = 5
    world = plain_world(load_scenario(small, {"fleet.0.walker.inclination_deg": inclination}), shown=SHOWN)
    world.reset(1)
    seen = 0
    for _ in range(25):
        for n in range(2):
            offers = world.state.opportunities[0, n]
            offered = offers["request"][offers["request"] != NONE].tolist()
            assert len(offered) < SHOWN
            now_or_soon = offers["capture"][: len(offered)] + 4.0 <= 30.0
            possible = could_image(world, n)
            for j, room in possible.items():
                assert j in offered or room <= 3.0  # the plan keeps a second from the edges
            for j in np.array(offered)[now_or_soon]:
                offer = offers[offered.index(j)]
                assert j in possible or offer["slew"] == 0.0 or offer["capture"] > 24.0
            seen += len(possible)
        for _ in range(7):
            play_round(world, np.full((1, 3), command), np.zeros((1, 3), int))
    assert seen > 20


def test_offers_fall_in_expected_value_and_the_best_are_shown(small):
    small["requests"] |= {"initial": 6_000}
    many, few = (plain_world(load_scenario(small), shown=k) for k in (SHOWN, 3))
    for world in (many, few):
        world.reset(2)
    book, full = many.state.requests.book[0], 0
    for _ in range(100):
        for n in range(3):
            offers = many.state.opportunities[0, n]
            ids = offers["request"][offers["request"] != NONE]
            worth = book["value"][ids] * (1 - book["cloud"][ids])
            assert (np.diff(worth) <= 0.0).all()
            assert len(set(ids)) == len(ids)
            assert few.state.opportunities["request"][0, n, : len(ids)].tolist() == ids[:3].tolist()
            full += len(ids) > 3
        for world in (many, few):
            play_round(world, np.full((1, 3), IDLE), np.zeros((1, 3), int))
    assert full > 20


def test_equal_worth_is_offered_by_number(small):
    sites = [
        {"latitude_deg": 0.01 * (k % 5), "longitude_deg": 0.3 * k, "value": 5, "deadline_h": 2}
        for k in range(60)
    ]
    small["requests"] |= {"initial": 0, "per_hour": 0, "sites": sites}
    world = plain_world(load_scenario(small, {"fleet.0.walker.inclination_deg": 0}), shown=4)
    world.reset(0)
    seen = 0
    for _ in range(200):
        for n in range(3):
            ids = world.state.opportunities["request"][0, n]
            assert (np.diff(ids[ids != NONE]) > 0).all()
            seen += (ids != NONE).all()
        play_round(world, np.full((1, 3), CHARGE), np.zeros((1, 3), int))
    assert seen > 3


def test_station_in_view_and_sub_satellite_point(small):
    small["stations"] = [
        {"name": f"{lat} {lon}", "latitude_deg": lat, "longitude_deg": lon, "min_elevation_deg": 3}
        for lat in (-80, -40, 0, 40, 80)
        for lon in range(0, 360, 60)
    ]
    world = plain_world(load_scenario(small))
    world.reset(0)
    stations, taus, seen = world.constants.stations, np.linspace(0.0, 30.0, 61), 0
    place, zenith = (
        np.stack([stations[axis] for axis in axes], axis=1) for axes in (("x", "y", "z"), ("ux", "uy", "uz"))
    )
    for _ in range(200):
        for n in range(3):
            position, rotation = sights(world, n, taus)
            ground = np.einsum("tij,tj->ti", rotation, position)
            line = ground[:, None] - place
            height = np.einsum("tgi,gi->tg", line, zenith) / np.linalg.norm(line, axis=-1)
            above = height >= stations["sin_mask"]
            view = world.state.outlook[0, n]
            latitude, longitude, _ = itrs_to_geodetic(ground[0])
            assert view["latitude"] == pytest.approx(float(latitude), abs=1e-9)
            assert view["longitude"] == pytest.approx(float(longitude), abs=1e-9)
            g = view["station"]
            if g == NONE:
                assert above.sum() <= 1
                continue
            seen += 1
            inside = (taus > view["visible_from"] + 0.01) & (taus < view["visible_to"] - 0.01)
            assert above[inside, g].all()
            assert not above[
                (taus < view["visible_from"] - 0.01) | (taus > view["visible_to"] + 0.01), g
            ].any()
            middle = np.searchsorted(taus, 0.5 * (view["visible_from"] + view["visible_to"]))
            assert math.sin(view["elevation"]) == pytest.approx(height[middle, g], abs=0.01)
            whole = above.all(axis=0)
            if whole[g]:
                assert height[30, g] >= height[30, whole].max() - 1e-6
        play_round(world, np.full((1, 3), IDLE), np.zeros((1, 3), int))
    assert seen > 100


def test_shadow_is_where_the_light_changes(small):
    world = plain_world(load_scenario(small))
    world.reset(0)
    times, lit, told = [], [], []
    for _ in range(230):
        times.append(world.state.clock["time"][0])
        lit.append(world.state.outlook["sunlight"][0].copy())
        told.append(world.state.outlook["shadow"][0].copy())
        play_round(world, np.full((1, 3), IDLE), np.zeros((1, 3), int))
    times, dark, told = np.array(times), np.array(lit) < 0.5, np.array(told)
    for n in range(3):
        for k in np.flatnonzero(dark[1:, n] != dark[:-1, n]):
            for before in range(max(0, k - 30), k):
                if (dark[before : k + 1, n] == dark[k, n]).all():
                    crossing = times[before] + told[before, n]
                    assert times[k] - 15.0 <= crossing <= times[k + 1] + 15.0


@given(
    st.lists(st.lists(st.tuples(st.integers(-1, 6), st.integers(0, 4)), min_size=3, max_size=3), min_size=1)
)
def test_rivals_against_brute_force(rows):
    offers = np.zeros((len(rows), 3), OPPORTUNITY)
    for n, row in enumerate(rows):
        taken = set()
        for k, (request, capture) in enumerate(row):
            offers[n, k]["request"] = NONE if request in taken else request
            offers[n, k]["capture"] = capture
            taken.add(request)
    count_rivals(offers, np.empty(7, np.int32), np.empty(offers.size, np.int32))
    for n, k in np.ndindex(offers.shape):
        mine = offers[n, k]
        others = [
            (o["capture"], m) for m in range(len(rows)) for o in offers[m]
            if m != n and mine["request"] != NONE and o["request"] == mine["request"]
        ]  # fmt: skip
        assert mine["rivals"] == len(others)
        assert mine["earlier"] == sum(other < (mine["capture"], n) for other in others)


def test_precedes_is_a_strict_order():
    moments = [(t, n) for t in (0.0, 1.0) for n in range(3)]
    for a in moments:
        for b in moments:
            assert precedes(*a, *b) == (a < b)
