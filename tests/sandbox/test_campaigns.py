"""Requests of several kinds in flight: looks apart, long dwells, large images, tips, and what completes."""

import copy
import math

import numpy as np
import pytest
from pilots import differing, one_of, orders, plain_world, play_round, sensible

from sandbox.campaigns import completion_of, count_arrival
from sandbox.orbits.frames import gcrs_to_itrs
from sandbox.orbits.propagation import propagate
from sandbox.scenario import load_scenario
from sandbox.state import (
    AREA,
    CAPTURED,
    CUE,
    DELIVERED,
    IDLE,
    NONE,
    OBSERVE,
    OPEN,
    PENDING,
    STEREO,
    TIP,
    make_state,
)
from sandbox.views import view

ALL = {
    "area": {"share": 0.2},
    "stereo": {"share": 0.2},
    "periodic": {"share": 0.1, "every_h": [0.3, 0.6], "window_h": 0.3},
    "dwell": {"share": 0.2},
    "cue": {"share": 0.2, "probability": 0.7},
}


def begin(small, kinds, changes=(), seed=0, **options):
    small["requests"] |= {"initial": 2_000, "per_hour": 0, "cloud_mean": 0.0, "lifetime_h": [5, 9]}
    small["spacecraft"]["craft"]["store_gbit"] = 4_000
    world = plain_world(load_scenario(small, {"requests.kinds": kinds} | dict(changes)), **options)
    world.reset(seed)
    return world


def pick(world, wanted):
    """Orders to image: of what is shown, what is in `wanted` (M,) if possible, else the first."""
    mode, place = orders(world, OBSERVE)
    shown = world.state.opportunities["request"][0]
    liked = (shown != NONE) & wanted[np.maximum(shown, 0)]
    place[0] = liked.argmax(axis=1)
    return mode, place


class Flight:
    """Plays rounds of a world of one, and says from where (ITRS) each image was taken, by orbits alone."""

    def __init__(self, world):
        self.world, self.taken = world, {}

    def play(self, mode, place):
        world = self.world
        start = float(world.state.clock["time"][0])
        before = world.state.requests.book["status"][0].copy()
        orbit = world.state.orbit.position[0].copy(), world.state.orbit.velocity[0].copy()
        play_round(world, mode, place)
        book, part = world.state.requests.book[0], world.state.requests.part[0]
        fresh = np.flatnonzero((book["status"] == CAPTURED) & (before == OPEN))
        for j in fresh:
            n = int(book["captured_by"][j])
            hold = max(float(world.fleet.craft["dwell"][n]), float(part["hold"][j]))
            shutter = float(book["captured_at"][j]) - hold
            self.taken[int(j)] = n, shutter, hold, self.seen(orbit, n, start, shutter)
        return fresh

    def seen(self, orbit, n, start, time):
        position, _ = propagate(orbit[0][n], orbit[1][n], [time - start])
        return gcrs_to_itrs(position[0], self.world.constants.ephemeris, time)


def angle(target, one, other):
    a, b = one - target, other - target
    return math.acos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


class TestStereo:
    @pytest.mark.parametrize("degrees", [15, 40])
    def test_looks_are_as_far_apart_as_asked(self, small, degrees):
        world = begin(small, {"stereo": {"share": 1.0, "convergence_deg": degrees}})
        flight, requests = Flight(world), world.state.requests
        same = 0
        for _ in range(240):
            part = requests.part[0]
            flight.play(*pick(world, (part["look"] != 0.0).any(axis=1)))
        firsts = np.flatnonzero(requests.part["opens"][0] != NONE)
        pairs = [(j, requests.part["opens"][0, j]) for j in firsts]
        done = [(i, j) for i, j in pairs if int(i) in flight.taken and int(j) in flight.taken]
        assert len(done) > 15
        for i, j in done:
            (n, at, _, first), (m, later, _, second) = flight.taken[int(i)], flight.taken[int(j)]
            apart = angle(requests.book["position"][0, i], first, second)
            assert apart >= math.radians(degrees) - 1e-4
            assert later > at
            same += n == m and later - at < 600.0
        assert same > 5  # on one pass, from ahead and from behind
        # the direction that is remembered is the one from which it was taken
        for i, j in done:
            line = flight.taken[int(i)][3] - requests.book["position"][0, i]
            look = requests.part["look"][0, j]
            assert look @ line / np.linalg.norm(line) == pytest.approx(1.0, abs=1e-8)

    def test_the_second_look_is_shown_where_it_is_far_enough(self, small):
        world = begin(small, {"stereo": {"share": 1.0, "convergence_deg": 30}})
        flight, requests, looked, locked = Flight(world), world.state.requests, 0, 0
        for _ in range(120):
            start = float(world.state.clock["time"][0])
            orbit = world.state.orbit.position[0].copy(), world.state.orbit.velocity[0].copy()
            part, shown = requests.part[0], world.state.opportunities[0]
            second = (part["look"] != 0.0).any(axis=1)
            for n, k in np.argwhere(shown["request"] != NONE):
                j, capture = shown["request"][n, k], float(shown["capture"][n, k])
                assert not part["locked"][j]
                if second[j] and capture <= 30.0:
                    target = requests.book["position"][0, j]
                    there = flight.seen(orbit, n, start, start + capture)
                    look = target + 1e6 * part["look"][j]
                    assert angle(target, look, there) >= math.radians(30) - 1e-4
                    looked += 1
            locked += (part["locked"] & (requests.book["status"][0] == PENDING)).sum()
            flight.play(*pick(world, ~second))
        assert looked > 20
        assert locked > 0


class TestVideo:
    KINDS = {"dwell": {"share": 1.0, "dwell_s": 20, "images": 5}}

    def test_the_whole_dwell_is_within_the_cone(self, small):
        world = begin(small, self.KINDS)
        flight, craft, seen = Flight(world), world.fleet.craft[0], 0
        for _ in range(200):
            start = float(world.state.clock["time"][0])
            orbit = world.state.orbit.position[0].copy(), world.state.orbit.velocity[0].copy()
            used = world.state.store.level["used"][0].copy()
            for j in flight.play(*orders(world, OBSERVE)):
                n, shutter, hold, _ = flight.taken[int(j)]
                assert hold == 20.0
                assert start - 1e-9 <= shutter <= start + 10.0 + 1e-9
                target = world.state.requests.book["position"][0, j]
                for tau in np.linspace(0.0, 20.0, 9):
                    here = flight.seen(orbit, n, start, shutter + tau)
                    down, line = -here / np.linalg.norm(here), target - here
                    off_nadir = math.acos(down @ line / np.linalg.norm(line))
                    assert off_nadir <= craft["max_off_nadir"] + 1e-6
                assert world.state.store.level["used"][0, n] - used[n] == 5 * craft["image_bits"]
                # camera and bus for 20 s and 30 s at least
                assert world.state.activity["consumed"][0, n] >= 250.0 * 30.0 + 180.0 * 20.0 - 1e-6
                seen += 1
        assert seen > 30

    def test_there_must_be_room_for_all_of_it(self, small):
        world = begin(small, self.KINDS, {"spacecraft.craft.store_gbit": 27})
        for _ in range(120):
            play_round(world, *orders(world, OBSERVE))
        level = world.state.store.level[0]
        assert level["used"].max() == 20e9  # one of 20 Gbit, and no room for a second
        assert (level["count"] <= 1).all()
        assert (level["count"] == 1).any()
        full = level["count"] == 1
        play_round(world, *orders(world, OBSERVE))
        assert (world.state.activity["mode"][0][full] == IDLE).all()


class TestTips:
    def test_a_tip_opens_with_the_image_of_its_cue(self, small):
        world = begin(small, {"cue": {"share": 1.0, "probability": 0.6, "processing_s": 100}})
        requests, opened = world.state.requests, set()
        part, book = requests.part[0], requests.book[0]
        tips = np.flatnonzero(part["kind"] == TIP)
        cue = {int(part["opens"][j]): j for j in np.flatnonzero(part["opens"] != NONE)}
        assert set(cue) == set(tips.tolist())
        for _ in range(240):
            shown = set(world.state.opportunities["request"][0].ravel().tolist())
            for j in tips:
                taken = book["status"][cue[int(j)]] in (CAPTURED, DELIVERED)
                now, found = world.state.clock["time"][0], book["captured_at"][cue[int(j)]] + 100.0
                if book["status"][j] == PENDING:
                    assert not taken or found > now or book["deadline"][j] <= now
                    assert int(j) not in shown
                elif int(j) not in opened:
                    assert taken
                    assert found <= now < found + 30.0 + 1e-6
                    opened.add(int(j))
            play_round(world, *orders(world, OBSERVE))
        assert len(opened) > 20
        assert (book["status"][tips] == CAPTURED).sum() > 0
        assert requests.waits[0] <= 3

    def test_one_that_is_over_stays_hidden(self, small):
        world = begin(small, {"cue": {"share": 1.0, "processing_s": 0, "tip_lifetime_h": [0.01, 0.01]}})
        for _ in range(60):
            play_round(world, *orders(world, OBSERVE))
        requests = world.state.requests
        assert (requests.book["status"][0][requests.part["kind"][0] == TIP] == PENDING).all()
        cues = requests.part["kind"][0] == CUE
        assert (requests.book["status"][0][cues] == CAPTURED).sum() > 20
        assert requests.waits[0] == 0


class TestCompletion:
    """Three scenes, taken by satellites 0, 0 and 1, and a single image between them."""

    @pytest.fixture
    def state(self):
        state = make_state(1, 3, 4, 4, 1, 1, 1, campaigns=1)
        part, book = state.requests.part[0], state.requests.book[0]
        part["campaign"], part["sibling"] = [0, NONE, 0, 0], [2, NONE, 3, NONE]
        part["kind"], part["opens"], part["images"] = [AREA, 0, AREA, AREA], NONE, 1.0
        book["captured_by"], book["status"] = [0, 2, 0, 1], CAPTURED
        state.requests.campaign[0, 0] = (AREA, False, 0, 3, 3, 0, 12.0, 100.0, -np.inf, np.nan)
        state.body["alive"] = True
        return state

    def arrive(self, state, *arrivals):
        seen = view(state)
        for j, time, n in arrivals:
            count_arrival(seen, 0, j, time, n)
        return state.activity["value"][0].tolist()

    def test_is_paid_once_in_equal_shares(self, state):
        assert self.arrive(state, (0, 10.0, 0), (1, 11.0, 2), (3, 90.0, 1)) == [0.0, 0.0, 0.0]
        assert completion_of(view(state.requests), 0, 0, 95.0) == (0, 12.0)
        assert self.arrive(state, (2, 99.0, 0)) == [8.0, 4.0, 0.0]
        assert state.requests.campaign["completed_at"][0, 0] == 99.0

    def test_whatever_the_order_of_the_images(self, state):
        assert self.arrive(state, (3, 99.0, 1), (2, 10.0, 0), (0, 50.0, 0)) == [8.0, 4.0, 0.0]
        assert state.requests.campaign["completed_at"][0, 0] == 99.0

    @pytest.mark.parametrize("late", [0, 2, 3])
    def test_not_where_one_was_late(self, state, late):
        by = {0: 0, 2: 0, 3: 1}
        times = {j: 100.5 if j == late else 20.0 for j in by}
        assert self.arrive(state, *((j, times[j], by[j]) for j in by)) == [0.0, 0.0, 0.0]
        assert np.isnan(state.requests.campaign["completed_at"][0, 0])

    def test_the_share_of_a_lost_satellite_goes_to_who_completes(self, state):
        state.body["alive"][0, 1] = False
        assert self.arrive(state, (3, 9.0, 1), (2, 10.0, 0), (0, 50.0, 0)) == [12.0, 0.0, 0.0]

    def test_what_is_told_of_it(self, state):
        requests = view(state.requests)
        state.requests.campaign["captured"][0, 0] = 1
        assert completion_of(requests, 0, 2, 50.0) == (2, 12.0)
        assert completion_of(requests, 0, 1, 50.0) == (1, 0.0)
        assert completion_of(requests, 0, 2, 100.5) == (2, 0.0)
        state.requests.campaign["failed"][0, 0] = True
        assert completion_of(requests, 0, 2, 50.0) == (2, 0.0)

    def test_in_flight(self, small):
        """Small areas over stations: everything that the fleet earns is in the book."""
        small["stations"] = [
            {"name": f"s{i}{j}", "latitude_deg": i, "longitude_deg": j, "antennas": 3}
            for i in (-45, -15, 15, 45)
            for j in range(-180, 180, 40)
        ]
        kinds = {"area": {"share": 0.6, "across": [1, 1], "along": [2, 2]}, "stereo": {"share": 0.4}}
        world, earned = begin(small, kinds, {"requests.initial": 700}), np.zeros(3)
        requests, wanted = world.state.requests, None
        for _ in range(240):
            began = requests.campaign["captured"][0] > 0
            wanted = began[np.maximum(requests.part["campaign"][0], 0)]
            mode, place = pick(world, wanted)
            sends = sensible(world)[0] == 3
            play_round(world, np.where(sends, 3, mode), place)
            earned += world.state.activity["value"][0]
        book, done = requests.book[0], np.isfinite(requests.campaign["completed_at"][0])
        assert done.sum() > 5
        there = book["status"] == DELIVERED
        age = (book["delivered_at"] - book["captured_at"])[there]
        images = (book["value"][there] * 0.5 ** (age / world.constants.half_life)).sum()
        assert earned.sum() == pytest.approx(images + requests.campaign["bonus"][0][done].sum())
        kinds_done = set(requests.campaign["kind"][0][done].tolist())
        assert kinds_done == {AREA, STEREO}


class TestWorlds:
    def rounds(self, world, count):
        for _ in range(count):
            play_round(world, *sensible(world))

    def test_snapshots_lead_to_the_same_future(self, small):
        world = begin(small, ALL, {"requests.clouds": {}})
        self.rounds(world, 60)
        moment, twin = world.snapshot(), copy.deepcopy(world)
        self.rounds(world, 60)
        after = copy.deepcopy(world.state)
        world.restore(moment)
        self.rounds(world, 60)
        self.rounds(twin, 60)
        assert differing(after, world.state) == differing(after, twin.state) == []
        assert (after.requests.campaign["captured"] > 0).any()

    def test_a_world_of_a_batch_is_the_world_alone(self, small):
        pair, alone = begin(small, ALL, seed=3, worlds=2), begin(small, ALL, seed=4)
        self.rounds(pair, 40)
        self.rounds(alone, 40)
        assert differing(one_of(pair.state, 1), alone.state) == []

    def test_nothing_is_kept_where_all_requests_are_single(self, small):
        state = begin(small, {}).state.requests
        assert state.part.size == state.campaign.size == state.truth.size == state.edge.size == 0


def test_what_a_lost_satellite_has_on_board_completes_nothing(small):
    """The scenes that are still open pay no more for completing their area."""
    world = begin(small, {"area": {"share": 1.0, "across": [2, 2], "along": [2, 3]}})
    requests, state = world.state.requests, world.state
    every = np.ones(requests.book.shape[1], bool)
    loaded = []
    while not loaded:
        play_round(world, *pick(world, every))
        loaded = np.flatnonzero(state.store.level["count"][0])
    n = loaded[0]
    held = state.store.request[0, n, state.store.level["head"][0, n]]
    mine = requests.part["campaign"][0, held]
    is_open = (requests.part["campaign"][0] == mine) & (requests.book["status"][0] == OPEN)
    other, now = int(np.flatnonzero(is_open)[0]), float(state.clock["time"][0])
    assert completion_of(view(requests), 0, other, now)[1] > 0.0
    state.body["alive"][0, n] = False
    play_round(world, *orders(world, IDLE))
    assert requests.campaign["failed"][0, mine]
    assert completion_of(view(requests), 0, other, now)[1] == 0.0
    assert not np.delete(requests.campaign["failed"][0], mine).all()
