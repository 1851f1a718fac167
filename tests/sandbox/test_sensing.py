"""Access cones, captures and the book of requests: against Wertz, brute force, and sets."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sandbox.attitude import slew_time
from sandbox.bits import is_member
from sandbox.cells import cells_of, make_bands
from sandbox.fleet import CRAFT
from sandbox.geometry import round_path
from sandbox.orbits.bodies import MU_EARTH, R_EARTH
from sandbox.orbits.propagation import Forces, propagate
from sandbox.requests import index_book
from sandbox.sensing import (
    KEY,
    access_angle,
    capture_request,
    close_request,
    cone_times,
    decayed,
    find_cloud,
    ground_sample_distance,
    off_nadir_angle,
    open_request,
    plan_capture,
    sky_interval,
    update_requests,
)
from sandbox.state import CAPTURED, EXPIRED, OPEN, PENDING, make_state

KEPLER = Forces(0.0, 0.0, 0.0, False, False, False, 1.0)
AXES = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)  # GCRS and ITRS agree at the middle of the round
SPIN = 7.292115e-5


def unit_vector(latitude, longitude):
    return np.array(
        [
            math.cos(latitude) * math.cos(longitude),
            math.cos(latitude) * math.sin(longitude),
            math.sin(latitude),
        ]
    )


class TestAccess:
    @pytest.mark.parametrize(
        ("altitude_km", "off_nadir_deg", "central_deg"),
        [
            (1_000, 59.44, 25.56),  # Wertz (2011): 5 degrees of elevation from 1,000 km
            (700, 0.0, 0.0),
            (35_786, 8.71, 81.3),  # the limb seen from the geostationary ring
            (500, 45.0, 4.69),  # elevation 40.3: 90 - 45 - 40.31
        ],
    )
    def test_wertz(self, altitude_km, off_nadir_deg, central_deg):
        radius = R_EARTH + altitude_km * 1e3
        assert math.degrees(access_angle(radius, math.radians(off_nadir_deg))) == pytest.approx(
            central_deg, abs=0.15
        )

    @given(st.floats(160e3, 40_000e3), st.floats(0.0, math.radians(89)))
    def test_is_where_the_line_of_sight_meets_the_ground(self, altitude, off_nadir):
        radius = R_EARTH + altitude
        central = access_angle(radius, off_nadir)
        if math.sin(off_nadir) * radius >= R_EARTH:
            assert central == pytest.approx(math.acos(R_EARTH / radius))
        else:
            point = R_EARTH * unit_vector(0.0, central)
            assert off_nadir_angle(radius, 0.0, 0.0, *point) == pytest.approx(off_nadir, abs=1e-7)

    def test_ground_sample_distance(self):
        """WorldView-3: 0.31 m at nadir from 617 km, 0.5 micrometre of angle; half as good at 30 degrees."""
        assert ground_sample_distance(617e3, 0.5e-6, math.pi / 2) == pytest.approx(0.31, abs=0.01)
        assert ground_sample_distance(617e3, 0.5e-6, math.radians(30)) == pytest.approx(0.617, abs=0.001)

    @given(
        st.floats(-0.5, 0.5),
        st.floats(-0.5, 0.5),
        st.floats(0.0, 2 * math.pi),
        st.floats(4e-4, 1.2e-3),
        st.floats(0.01, 0.6),
    )
    def test_cone_times_against_brute_force(self, latitude, longitude, heading, rate, angle):
        u, target = np.array([1.0, 0.0, 0.0]), unit_vector(latitude, longitude)
        ahead = np.array([0.0, math.cos(heading), math.sin(heading)])
        r = rate * np.cross(u, ahead)
        enter, leave = cone_times(*u, *r, *target, angle)
        times = np.linspace(-1.5, 1.5, 6001) / rate
        track = np.cos(rate * times)[:, None] * u + np.sin(rate * times)[:, None] * ahead
        inside = track @ target >= math.cos(angle)
        if leave > enter:
            step = times[1] - times[0]
            edges = np.abs(times - enter) < step, np.abs(times - leave) < step
            sure = ~(edges[0] | edges[1])
            assert (inside == ((times >= enter) & (times <= leave)))[sure].all()
        else:
            assert (enter, leave) == (1.0, 0.0)
            assert (track @ target).max() <= math.cos(angle) + 1e-9


@st.composite
def scenes(draw):
    """A round's path (position and velocity too), a target near the ground track, where the camera points."""
    seconds = draw(st.sampled_from([10.0, 30.0, 60.0, 300.0]))
    r = R_EARTH + draw(st.floats(300e3, 1_200e3))
    rate, inclination = math.sqrt(MU_EARTH / r**3), draw(st.floats(0.0, math.pi))
    plane = np.array([0.0, math.cos(inclination), math.sin(inclination)])
    begin = -0.5 * seconds * rate
    position = r * (math.cos(begin) * np.array([1.0, 0.0, 0.0]) + math.sin(begin) * plane)
    velocity = r * rate * (-math.sin(begin) * np.array([1.0, 0.0, 0.0]) + math.cos(begin) * plane)
    (end,), (speed,) = propagate(position, velocity, [seconds], KEPLER)
    path = round_path(position, velocity, end, speed, KEPLER, 0.0, seconds)
    target = R_EARTH * unit_vector(draw(st.floats(-0.25, 0.25)), draw(st.floats(-0.25, 0.25)))
    start = -unit_vector(0.0, begin) + np.array([draw(st.floats(-1, 1)) for _ in range(3)])
    assume(np.linalg.norm(start) > 0.1)
    craft = np.zeros((), CRAFT)
    craft["max_off_nadir"] = math.radians(draw(st.floats(5, 60)))
    craft["slew_rate"] = math.radians(draw(st.floats(0.3, 4)))
    craft["slew_acceleration"] = math.radians(draw(st.floats(0.05, 1)))
    craft["settle"], craft["dwell"] = draw(st.floats(0, 5)), draw(st.floats(0.5, 8))
    return (position, velocity), path, seconds, target, start / np.linalg.norm(start), craft[()]


def seen(states, target, tau, seconds):
    """(off-nadir angle, line of sight in GCRS) at offset tau: propagated and turned without our kernels."""
    (p,), _ = propagate(*states, [tau], KEPLER)
    turn = SPIN * (tau - 0.5 * seconds)
    c, s = math.cos(turn), math.sin(turn)
    ground = np.array([c * target[0] - s * target[1], s * target[0] + c * target[1], target[2]])
    line = (ground - p) / np.linalg.norm(ground - p)
    return math.acos(min(1.0, -(line @ p) / np.linalg.norm(p))), line


def plan(scene, leave_by=math.inf):
    states, path, seconds, target, start, craft = scene
    u = unit_vector(0.0, 0.0)
    r = np.cross(states[0], states[1]) / np.linalg.norm(states[0]) ** 2 - np.array([0.0, 0.0, SPIN])
    r -= (r @ u) * u
    radius = np.linalg.norm(states[0])
    cone = access_angle(radius, craft["max_off_nadir"])
    enter, leave = cone_times(*u, *r, *(target / R_EARTH), cone)
    if leave <= enter:
        return None
    enter, leave = enter + 0.5 * seconds, min(leave + 0.5 * seconds, leave_by)
    if leave <= max(enter, 0.0) or enter > seconds + 60.0:
        return None
    found = plan_capture(path, AXES, 0.5 * seconds, tuple(start), target, craft, enter, leave, seconds, 0.0)
    return found if found[0] >= 0.0 else None


@given(scenes())
def test_a_capture_can_be_flown(scene):
    states, _, seconds, target, start, craft = scene
    found = plan(scene)
    if found is None or found[0] + craft["dwell"] > seconds + 60.0:
        return
    capture, slew, off_nadir = found
    begins, line = seen(states, target, capture, seconds)
    ends, _ = seen(states, target, capture + craft["dwell"], seconds)
    assert off_nadir == pytest.approx(begins, abs=1e-5)
    assert max(begins, ends) <= craft["max_off_nadir"] + 1e-5
    assert slew <= capture
    angle = math.acos(max(-1.0, min(1.0, line @ start)))
    needed = slew_time(angle, craft["slew_rate"], craft["slew_acceleration"]) + craft["settle"]
    if slew > 0.0:
        assert needed == pytest.approx(slew, abs=1e-2)
    else:
        _, first = seen(states, target, 0.0, seconds)
        assert math.acos(min(1.0, first @ start)) < 1e-3 + 1e-6


@given(scenes(), st.floats(0.0, 30.0))
def test_a_capture_ends_by_the_last_moment(scene, leave_by):
    found = plan(scene, leave_by)
    if found is not None:
        assert found[0] + scene[-1]["dwell"] <= leave_by - 1.0 + 1e-9


@given(scenes())
def test_a_capture_that_can_be_flown_is_found(scene):
    """By brute force over the round, for a camera that can follow the ground.

    The plan may miss what is open for a few seconds more than the dwell.
    """
    states, _, seconds, target, start, craft = scene
    fastest = np.linalg.norm(states[1]) / (np.linalg.norm(states[0]) - R_EARTH)
    assume(seconds <= 60.0 and craft["slew_rate"] > 1.3 * fastest)
    step, dwell = 0.5, craft["dwell"]
    taus = np.arange(0.0, seconds + dwell + step, step)
    views = [seen(states, target, tau, seconds) for tau in taus]
    inside = np.array([view[0] <= craft["max_off_nadir"] for view in views])
    angles = [math.acos(max(-1.0, min(1.0, line @ start))) for _, line in views]
    times = [slew_time(a, craft["slew_rate"], craft["slew_acceleration"]) + craft["settle"] for a in angles]
    span = int(dwell / step) + 1
    open_at = [
        k for k in range(len(taus) - span)
        if taus[k] + dwell <= seconds and inside[k : k + span + 1].all() and times[k] <= taus[k]
    ]  # fmt: skip
    found = plan(scene)
    if len(open_at) * step > 10.0:
        assert found is not None
        assert found[0] <= taus[open_at[0]] + 8.0
    if found is not None and found[0] + dwell <= seconds and open_at:
        assert found[0] >= taus[open_at[0]] - 2 * step


class Book(RuleBasedStateMachine):
    """The open requests, cell by cell, against a set."""

    SIZE = 12

    def __init__(self):
        super().__init__()
        self.requests = make_state(1, 1, 1, self.SIZE, 2, 1, 1).requests
        book = self.requests.book[0]
        book["up"] = np.random.default_rng(0).normal(size=(self.SIZE, 3))
        book["release"] = np.repeat(np.arange(self.SIZE / 2) * 10.0, 2)
        book["deadline"] = book["release"] + np.tile([15.0, 45.0, 200.0], self.SIZE // 3)
        book["up"] /= np.linalg.norm(book["up"], axis=1, keepdims=True)
        book["value"], book["status"] = np.arange(self.SIZE) % 5, PENDING
        index_book(self.requests, 0, self.SIZE)
        self.now, self.open, self.done = -1.0, set(), {}

    @rule(seconds=st.floats(0.1, 25.0))
    def time_goes_by(self, seconds):
        self.now += seconds
        update_requests(self.requests, 0, self.now)
        book = self.requests.book[0]
        for j in list(self.open):
            if book["deadline"][j] <= self.now:
                self.open.discard(j)
                self.done[j] = EXPIRED
        fresh = (j for j in range(self.SIZE) if j not in self.done and book["release"][j] <= self.now)
        self.open |= set(fresh)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def capture(self, data):
        j = data.draw(st.sampled_from(sorted(self.open)))
        capture_request(self.requests, 0, j, 3, self.now + 4.0)
        self.open.discard(j)
        self.done[j] = CAPTURED
        assert self.requests.book[0, j]["captured_at"] == self.now + 4.0
        assert self.requests.book[0, j]["captured_by"] == 3

    @invariant()
    def list_is_the_set(self):
        r = self.requests
        there = [slot for slot in range(self.SIZE) if is_member(r.open, 0, slot)]
        assert set((r.indexed["key"][0, there] % KEY).tolist()) == self.open
        assert r.open_count[0] == len(self.open)
        status = [OPEN if j in self.open else self.done.get(j, PENDING) for j in range(self.SIZE)]
        assert r.book["status"][0].tolist() == status


TestBook = Book.TestCase


@pytest.mark.parametrize(("room", "count"), [(1, 1), (12, 9), (3_000, 3_000), (3_000, 17), (8, 0)])
def test_the_index_holds_each_request_in_its_cell_by_rank(room, count):
    rng, requests = np.random.default_rng(room), make_state(2, 1, 1, room, 2, 1, 1).requests
    book = requests.book[1]
    book["up"] = rng.normal(size=(room, 3))
    book["up"] /= np.linalg.norm(book["up"], axis=1, keepdims=True)
    book["value"], book["deadline"] = rng.integers(1, 5, room), rng.random(room)
    index_book(requests, 1, count)
    entries, starts = requests.indexed[1, :count], requests.starts[1]
    cells = cells_of(make_bands(room), book["up"][:count])
    assert sorted((entries["key"] % KEY).tolist()) == list(range(count))
    assert (starts[0], starts[-1]) == (0, count)
    for slot, entry in enumerate(entries):
        request, c = book[entry["key"] % KEY], cells[entry["key"] % KEY]
        assert (request["slot"], request["rank"]) == (slot, entry["key"] // KEY)
        assert starts[c] <= slot < starts[c + 1] == entry["end"]
        assert request["up"] == pytest.approx([entry[axis] for axis in "xyz"], abs=1e-7)
    for start, end in pairwise(starts):
        assert (np.diff(entries["key"][start:end]) > 0).all()
    due = requests.by_deadline[1]
    assert (due["time"] == np.sort(book["deadline"])).all()
    assert (due["time"] == book["deadline"][due["request"]]).all()
    assert (due["slot"] == book["slot"][due["request"]]).all()
    assert not requests.indexed["key"][0].any()


def test_opening_and_closing_by_hand():
    requests = make_state(2, 1, 1, 5, 1, 1, 1).requests
    requests.book["slot"] = np.arange(5)
    for j in (4, 0, 2):
        open_request(requests, 1, j)
    close_request(requests, 1, 4, EXPIRED)
    assert requests.open_count.tolist() == [0, 2]
    assert requests.open.tolist() == [[0], [0b101]]
    assert requests.book["status"][1].tolist() == [OPEN, PENDING, OPEN, PENDING, EXPIRED]


class TestSky:
    HOUR = 3600.0

    @pytest.fixture
    def requests(self):
        requests = make_state(1, 1, 1, 1, 3, 1, 1).requests
        requests.book["release"], requests.book["cloud"] = 100.0, 0.5
        requests.book["closed_until"] = -np.inf
        requests.sky[0, 0] = [0.9, 0.2, 0.7]
        return requests

    @pytest.mark.parametrize(
        ("time", "interval"),
        [(0.0, 0), (100.0, 0), (3699.9, 0), (3700.0, 1), (7299.0, 1), (7300.0, 2), (1e6, 2)],
    )
    def test_intervals_count_from_the_release(self, requests, time, interval):
        assert sky_interval(requests, 0, 0, time, self.HOUR) == interval

    def test_closed_sky_is_remembered_until_it_changes(self, requests):
        assert not find_cloud(requests, 0, 0, 200.0, self.HOUR)
        assert requests.book["closed_until"][0, 0] == -np.inf
        assert find_cloud(requests, 0, 0, 4000.0, self.HOUR)
        assert requests.book["closed_until"][0, 0] == 7300.0
        assert not find_cloud(requests, 0, 0, 7300.0, self.HOUR)

    def test_sure_and_impossible_cloud(self, requests):
        requests.book["cloud"] = 1.0
        assert find_cloud(requests, 0, 0, 200.0, self.HOUR)
        requests.book["cloud"], requests.sky[0, 0, 0] = 0.0, 0.0
        assert not find_cloud(requests, 0, 0, 200.0, self.HOUR)


def test_value_halves_every_half_life():
    assert decayed(8.0, 0.0, 3600.0) == 8.0
    assert decayed(8.0, 3600.0, 3600.0) == pytest.approx(4.0)
    assert decayed(8.0, 3 * 3600.0, 3600.0) == pytest.approx(1.0)
