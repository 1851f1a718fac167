"""The search for requests through cells of the ground against a plain one of the whole book, bit for bit."""

import math
import pickle

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from pilots import at_random, plain_world

from sandbox.access import LOOK_AHEAD_S, SCREEN_MARGIN, ground_track, half_turn
from sandbox.cells import band_at, box_around, cell_at, cells_between, cells_of, edges_of, make_bands
from sandbox.compiled import kernel
from sandbox.fleet import zenith
from sandbox.geometry import rotate, round_path, unit
from sandbox.orbits.ephemeris import earth_rotation, sun_position
from sandbox.requests import _extents
from sandbox.scenario import load_scenario
from sandbox.sensing import CONE_MARGIN_S, access_angle, cone_times, plan_capture
from sandbox.state import NONE, OPEN, OPPORTUNITY


@kernel
def search_book(sim, which, worth, plans):
    """For every satellite and request (B, N, M): its worth, or -1 where it cannot be imaged, and the plan."""
    state, constants = sim.state, sim.constants
    seconds = constants.round_s
    middle = 0.5 * seconds
    for b in which:
        now = state.clock[b].time
        first_turn = earth_rotation(constants.ephemeris, now)
        turn = earth_rotation(constants.ephemeris, now + middle)
        last_turn = earth_rotation(constants.ephemeris, now + seconds)
        sun = sun_position(constants.ephemeris, now + middle)
        sx, sy, sz = rotate(turn, *unit(sun[0], sun[1], sun[2]))
        for n in range(worth.shape[1]):
            craft, orbit, arrow = constants.craft[n], state.orbit, state.pointing[b, n]
            p, q = orbit.position[b, n], orbit.next_position[b, n]
            path = round_path(
                p,
                orbit.velocity[b, n],
                q,
                orbit.next_velocity[b, n],
                constants.forces,
                craft.ballistic,
                seconds,
            )
            x, y, z = rotate(first_turn, p[0], p[1], p[2])
            radius = math.sqrt(x * x + y * y + z * z)
            track = ground_track(
                (x / radius, y / radius, z / radius), unit(*rotate(last_turn, q[0], q[1], q[2])), seconds
            )
            cone = access_angle(radius, craft.max_off_nadir)
            floor = math.cos(cone + half_turn(track, seconds + 2.0 * LOOK_AHEAD_S) + SCREEN_MARGIN)
            ux, uy, uz = track[0]
            rx, ry, rz = track[1]
            reach = math.sin(cone + SCREEN_MARGIN)
            aside = reach * math.sqrt(rx * rx + ry * ry + rz * rz)
            behind = -aside - half_turn(track, seconds) * aside / reach
            fx, fy, fz = ry * uz - rz * uy, rz * ux - rx * uz, rx * uy - ry * ux
            for j in range(worth.shape[2]):
                worth[b, n, j] = -1.0
                request = state.requests.book[b, j]
                tx, ty, tz = request.up[0], request.up[1], request.up[2]
                if request.status != OPEN or ux * tx + uy * ty + uz * tz < floor:
                    continue
                if abs(rx * tx + ry * ty + rz * tz) > aside or fx * tx + fy * ty + fz * tz < behind:
                    continue
                if tx * sx + ty * sy + tz * sz < craft.min_sun_sine or now < request.closed_until:
                    continue
                target = request.position
                tx, ty, tz = unit(target[0], target[1], target[2])
                enter, leave = cone_times(ux, uy, uz, rx, ry, rz, tx, ty, tz, cone)
                enter, leave = enter + middle, leave + middle
                if leave <= max(enter, 0.0) or enter > seconds + LOOK_AHEAD_S:
                    continue
                last = min(leave, request.deadline - now + CONE_MARGIN_S)
                pointing = (arrow[0], arrow[1], arrow[2])
                capture, slew, off_nadir = plan_capture(
                    path, turn, middle, pointing, target, craft, enter, last, seconds, 0.0
                )
                if capture >= 0.0:
                    worth[b, n, j] = request.value * (1.0 - request.cloud)
                    plan = plans[b, n, j]
                    plan.capture, plan.slew, plan.off_nadir, plan.window = capture, slew, off_nadir, leave


def check_offers(world):
    """What is offered is what the plain search finds, in order of worth and number. How many there are."""
    shape = (world.worlds, world.satellites, world.state.requests.book.shape[1])
    worth, plans = np.zeros(shape), np.zeros(shape, OPPORTUNITY)
    world.share(search_book, worth, plans)
    seen = 0
    for b, n in np.ndindex(shape[:2]):
        offers = world.state.opportunities[b, n]
        numbers = np.flatnonzero(worth[b, n] >= 0.0)
        best = numbers[np.argsort(-worth[b, n, numbers], kind="stable")][: world.shown]
        alive = world.state.body["alive"][b, n]
        best = best if alive else best[:0]
        assert offers["request"].tolist() == best.tolist() + [NONE] * (world.shown - len(best))
        for name in ("capture", "slew", "off_nadir", "window"):
            assert (offers[name][: len(best)] == plans[name][b, n, best]).all()
        seen += len(best)
    return seen


EDGES = [(90, 0), (-90, 77), (0, 180), (0, -180), (0.5, 179.99), (-89.99, -180), (45, -180), (0, 0)]


@st.composite
def scenarios(draw):
    """Changes to the small scenario: orbits over poles and equator, books of all sizes and kinds."""
    low = draw(st.sampled_from([1.0, 5.0]))
    sites = [
        {"latitude_deg": lat, "longitude_deg": lon, "value": low, "deadline_h": 2}
        for lat, lon in draw(st.lists(st.sampled_from(EDGES), max_size=8))
    ]
    flood = {
        "name": "Flood", "kind": "flood", "latitude_deg": draw(st.floats(-90, 90)),
        "longitude_deg": draw(st.sampled_from([-180.0, 179.9, 20.0])), "radius_km": draw(st.floats(5, 3_000)),
        "at_h": [0.02, 0.1],
        "requests": {"count": draw(st.sampled_from([1, 300])), "lifetime_h": [0.02, 1.0], "value": [5, 5],
                     "cloud_mean": 0.3},
    }  # fmt: skip
    return {
        "fleet.0.walker.inclination_deg": draw(st.sampled_from([0.0, 53.0, 90.0, 97.5])),
        "fleet.0.walker.altitude_km": draw(st.sampled_from([400.0, 550.0, 1_200.0, 20_000.0])),
        "spacecraft.craft.camera.max_off_nadir_deg": draw(st.sampled_from([5.0, 40.0, 60.0])),
        "spacecraft.craft.camera.min_sun_elevation_deg": draw(st.sampled_from([-90.0, 0.0, 10.0, 60.0])),
        "round_s": draw(st.sampled_from([10.0, 30.0, 240.0])),
        "events": draw(st.sampled_from([[], [flood]])),
        "requests.initial": draw(st.sampled_from([0, 1, 30, 700, 4_000])),
        "requests.per_hour": draw(st.sampled_from([0.0, 2_000.0])),
        "requests.where": draw(st.sampled_from(["globe", "land", "cities"])),
        "requests.value": [low, 5.0],
        "requests.cloud_mean": draw(st.sampled_from([0.0, 0.4])),
        "requests.lifetime_h": [0.02, draw(st.sampled_from([0.1, 2.0]))],
        "requests.sites": sites,
    }


@settings(max_examples=12)
@given(changes=scenarios(), shown=st.sampled_from([1, 4, 40]), seed=st.integers(0, 2**31))
def test_offers_are_those_of_a_plain_search(template, changes, shown, seed):
    world = plain_world(load_scenario(template, changes), 2, shown=shown)
    world.reset(seed)
    rng = np.random.default_rng(seed)
    for _ in range(6):
        check_offers(world)
        world.step(**dict(zip(("mode", "place"), at_random(world, rng), strict=True)))
    check_offers(world)


def test_a_crowd_in_one_place(small):
    """More than are scanned for the lowest, and of equal worth, so that numbers decide."""
    sites = [
        {"latitude_deg": 0.002 * (k % 50), "longitude_deg": 0.05 * k - 180, "value": 5, "deadline_h": 2}
        for k in range(7_200)
    ]
    small["requests"] |= {"initial": 0, "per_hour": 0, "sites": sites}
    small["spacecraft"]["craft"]["camera"]["min_sun_elevation_deg"] = -90
    world = plain_world(load_scenario(small, {"fleet.0.walker.inclination_deg": 0}), shown=7)
    world.reset(0)
    seen = 0
    for _ in range(4):
        seen += check_offers(world)
        world.step(mode=np.full((1, 3), 2, np.int32), place=np.zeros((1, 3), np.int32))
    assert seen == 4 * 3 * 7


def test_the_future_does_not_depend_on_copies(small):
    """Of a world that was pickled, and of one that was restored amid its episode, the offers stay right."""
    small["requests"] |= {"initial": 3_000, "per_hour": 3_000, "lifetime_h": [0.02, 0.5]}
    world = plain_world(load_scenario(small), 2, shown=6)
    world.reset(3)
    rng = np.random.default_rng(0)
    plays = [dict(zip(("mode", "place"), at_random(world, rng), strict=True)) for _ in range(30)]
    for play in plays[:10]:
        world.step(**play)
    kept, twin = world.snapshot(), pickle.loads(pickle.dumps(world))
    for play in plays[10:]:
        world.step(**play)
    ends = [world.state.requests.book.copy(), world.state.opportunities.copy()]
    world.restore(kept)
    for copy in (world, twin):
        for play in plays[10:]:
            check_offers(copy)
            copy.step(**play)
        for array, end in zip((copy.state.requests.book, copy.state.opportunities), ends, strict=True):
            for name in end.dtype.names:
                np.testing.assert_array_equal(array[name], end[name])


# ---- cells ------------------------------------------------------------------------------------------


def visited(bands, up, angle):
    """Cells that are looked into for what is within `angle` of a place."""
    south, north, longitude, width = box_around(*up, angle)
    found = []
    for band in range(band_at(bands, south), band_at(bands, north) + 1):
        first, last = cells_between(bands, band, longitude, width)
        found += [cell_at(bands, band, place) for place in range(int(first), int(last) + 1)]
    return found


@given(
    st.sampled_from([1, 20, 300, 5_000, 10**6]),
    st.sampled_from([-90.0, -89.9, -45.0, 0.0, 30.0, 89.0, 90.0]),
    st.sampled_from([-180.0, -179.9, 0.0, 100.0, 179.9, 180.0]),
    st.floats(1e-6, 1.57),
    st.integers(0, 2**31),
)
def test_all_within_an_angle_lies_in_the_cells_looked_into(places, latitude, longitude, angle, seed):
    bands, rng = make_bands(places), np.random.default_rng(seed)
    middle = zenith(np.radians(latitude), np.radians(longitude))
    points = middle + angle * 0.9 * rng.normal(size=(200, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    near = points[points @ middle >= math.cos(angle)]
    cells = visited(bands, middle, angle)
    assert len(set(cells)) == len(cells)
    assert set(cells) <= set(range(bands[-1]))
    assert set(cells_of(bands, near).tolist()) <= set(cells)


@given(st.sampled_from([1, 20, 300, 5_000, 10**6]), st.integers(0, 2**31))
def test_a_cell_holds_what_lies_between_its_edges_and_ends_within_its_size(places, seed):
    bands, points = make_bands(places), np.random.default_rng(seed).normal(size=(300, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    points = np.concatenate((points, np.eye(3), -np.eye(3)))
    cell = cells_of(bands, points)
    south, north, west, east = (edge[cell] for edge in edges_of(bands))
    latitude, longitude = np.arcsin(points[:, 2]), np.arctan2(points[:, 1], points[:, 0])
    assert ((south - 1e-12 <= latitude) & (latitude <= north + 1e-12)).all()
    assert ((west - 1e-12 <= longitude) & (longitude <= east + 1e-12)).all()
    *middle, size = _extents(tuple(bands.tolist()))[:, cell]
    assert (np.linalg.norm(points - np.array(middle).T, axis=1) <= size).all()
