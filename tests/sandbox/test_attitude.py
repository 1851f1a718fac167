"""Slews: kinematics of one turn, the great circle it follows, and meeting a target that moves."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sandbox.attitude import (
    ON_TARGET,
    angle_between,
    meet,
    on_target,
    slew_progress,
    slew_time,
    turn,
    turn_time,
)
from sandbox.geometry import line_of_sight, round_path
from sandbox.orbits.bodies import MU_EARTH, R_EARTH
from sandbox.orbits.propagation import Forces, propagate

KEPLER = Forces(0.0, 0.0, 0.0, False, False, False, 1.0)
AXES = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)  # GCRS and ITRS agree at the middle of the round
angles = st.floats(1e-6, math.pi)
rates = st.floats(0.001, 0.1)
accelerations = st.floats(1e-4, 0.05)
directions = st.tuples(st.floats(-1, 1), st.floats(0, 2 * math.pi)).map(
    lambda p: (
        math.sqrt(1 - p[0] ** 2) * math.cos(p[1]),
        math.sqrt(1 - p[0] ** 2) * math.sin(p[1]),
        p[0],
    )
)


class TestOneTurn:
    def test_agile_imager(self):
        """AstroReason-Bench's agile template, 1.8 deg/s and 0.4 deg/s2: 60 degrees in 37.8 s."""
        rate, acceleration = math.radians(1.8), math.radians(0.4)
        assert slew_time(math.radians(60), rate, acceleration) == pytest.approx(60 / 1.8 + 1.8 / 0.4)
        assert slew_time(math.radians(2), rate, acceleration) == pytest.approx(2 * math.sqrt(2 / 0.4))

    @given(rates, accelerations)
    def test_continuous_where_the_coast_begins(self, rate, acceleration):
        edge = rate * rate / acceleration
        below, above = (
            slew_time(edge * (1 - 1e-9), rate, acceleration),
            slew_time(edge * (1 + 1e-9), rate, acceleration),
        )
        assert below == pytest.approx(above, rel=1e-6)
        assert below == pytest.approx(2 * rate / acceleration, rel=1e-6)

    @given(angles, angles, rates, accelerations)
    def test_longer_turns_take_longer(self, one, other, rate, acceleration):
        small, large = sorted((one, other))
        assert slew_time(small, rate, acceleration) <= slew_time(large, rate, acceleration)

    @given(angles, rates, accelerations)
    def test_progress_starts_ends_and_is_symmetric(self, angle, rate, acceleration):
        total = slew_time(angle, rate, acceleration)
        assert slew_progress(0.0, angle, rate, acceleration) == 0.0
        assert slew_progress(total, angle, rate, acceleration) == 1.0
        assert slew_progress(2 * total, angle, rate, acceleration) == 1.0
        assert slew_progress(0.5 * total, angle, rate, acceleration) == pytest.approx(0.5, abs=1e-9)
        for share in (0.05, 0.2, 0.35, 0.49):
            early = slew_progress(share * total, angle, rate, acceleration)
            late = slew_progress((1 - share) * total, angle, rate, acceleration)
            assert early + late == pytest.approx(1.0, abs=1e-9)

    @given(angles, rates, accelerations)
    def test_progress_keeps_the_limits(self, angle, rate, acceleration):
        total = slew_time(angle, rate, acceleration)
        times = np.linspace(0.0, total, 400)
        turned = angle * np.array([slew_progress(t, angle, rate, acceleration) for t in times])
        speed = np.diff(turned) / np.diff(times)
        assert (speed >= -1e-9 * rate).all()
        assert speed.max() <= rate * (1 + 1e-6) + 1e-12
        assert np.abs(np.diff(speed) / np.diff(times)[1:]).max() <= acceleration * (1 + 1e-4) + 1e-9

    @given(directions, directions, st.floats(0.0, 1.0))
    def test_turn_keeps_to_the_great_circle(self, a, b, share):
        angle = angle_between(*a, *b)
        assume(1e-6 < angle < math.pi - 1e-4)
        p = np.array(turn(*a, *b, angle, share))
        assert np.linalg.norm(p) == pytest.approx(1.0, abs=1e-9)
        normal = np.cross(a, b) / np.linalg.norm(np.cross(a, b))
        assert abs(p @ normal) < 1e-9
        assert math.atan2(np.linalg.norm(np.cross(a, p)), p @ a) == pytest.approx(share * angle, abs=1e-8)

    @given(directions, st.floats(0.0, 1.0))
    def test_turn_of_nothing_and_of_half_a_circle_stay_unit(self, a, share):
        for b in (a, tuple(-x for x in a)):
            assert np.linalg.norm(turn(*a, *b, angle_between(*a, *b), share)) == pytest.approx(1.0)

    @given(directions, directions)
    def test_angle_between(self, a, b):
        exact = math.atan2(np.linalg.norm(np.cross(a, b)), np.dot(a, b))
        assert angle_between(*a, *b) == pytest.approx(exact, abs=2e-7)
        assert angle_between(*a, *a) < 3e-8

    def test_turn_time_settles(self, craft):
        east, north = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)
        assert turn_time(east, north, craft) == pytest.approx(90 / 1.8 + 1.8 / 0.4 + 2.0)
        assert on_target(east, (math.cos(0.9 * ON_TARGET), math.sin(0.9 * ON_TARGET), 0.0))
        assert not on_target(east, (math.cos(1.1 * ON_TARGET), math.sin(1.1 * ON_TARGET), 0.0))


def flyover(altitude, seconds):
    """The path of a round along the x axis's equator, middle over longitude 0 of axes fixed to the ground."""
    r = R_EARTH + altitude
    rate = math.sqrt(MU_EARTH / r**3)
    half = 0.5 * seconds * rate
    position = r * np.array([math.cos(half), -math.sin(half), 0.0])
    velocity = r * rate * np.array([math.sin(half), math.cos(half), 0.0])
    (end,), (speed,) = propagate(position, velocity, [seconds], KEPLER)
    return round_path(position, velocity, end, speed, KEPLER, 0.0, seconds)


@st.composite
def chases(draw):
    seconds = draw(st.sampled_from([10.0, 30.0, 60.0]))
    path = flyover(draw(st.sampled_from([400e3, 600e3, 1_000e3])), seconds)
    along, across = draw(st.floats(-8, 14)), draw(st.floats(-6, 6))
    a, c = math.radians(along), math.radians(across)
    target = tuple(R_EARTH * np.array([math.cos(c) * math.cos(a), math.cos(c) * math.sin(a), math.sin(c)]))
    start = np.array(line_of_sight(path, AXES, 0.5 * seconds, (R_EARTH, 0.0, 0.0), 0.5 * seconds))
    start = start + np.array(draw(directions)) * draw(st.floats(0.0, 1.5))
    assume(np.linalg.norm(start) > 0.1)
    return path, seconds, target, tuple(start / np.linalg.norm(start)), draw(st.floats(0.0, 40.0))


class TestMeetingATarget:
    @given(chases())
    def test_is_there_in_time_and_not_much_later_than_it_could(self, craft_of_the_test, chase):
        craft, (path, seconds, target, start, earliest) = craft_of_the_test, chase
        latest = earliest + 80.0

        def needed_at(tau):
            aim = line_of_sight(path, AXES, 0.5 * seconds, target, min(tau, seconds + 60.0))
            angle = math.acos(max(-1.0, min(1.0, float(np.dot(aim, start)))))
            rate, acceleration = craft["slew_rate"], craft["slew_acceleration"]
            coasts = angle * acceleration > rate * rate
            turning = angle / rate + rate / acceleration if coasts else 2 * math.sqrt(angle / acceleration)
            return turning + craft["settle"]

        when, needed = meet(path, AXES, 0.5 * seconds, start, target, craft, earliest, latest, seconds, 0.0)
        first = next((tau for tau in np.arange(earliest, latest, 0.1) if needed_at(tau) <= tau), None)
        if needed <= when:
            assert earliest <= when <= latest
            assert needed == 0.0 or needed == pytest.approx(needed_at(when), abs=1e-6)
            assert needed == 0.0 or when <= first + 2.0  # some tenths, but where it crosses the line of sight
        else:
            assert first is None or first > latest - 0.5

    def test_on_the_target_it_follows(self, craft):
        path, target = flyover(500e3, 30.0), (R_EARTH, 0.0, 0.0)
        start = line_of_sight(path, AXES, 15.0, target, 0.0)
        assert meet(path, AXES, 15.0, start, target, craft, 0.0, math.inf, 30.0, 0.0) == (0.0, 0.0)
        assert meet(path, AXES, 15.0, start, target, craft, 7.0, math.inf, 30.0, 0.0)[0] == 7.0

    def test_path_holds_for_a_minute_after_its_round(self):
        for seconds, metres in ((10.0, 30.0), (30.0, 30.0), (300.0, 60.0)):
            path = flyover(400e3, seconds)
            rate = math.sqrt(MU_EARTH / (R_EARTH + 400e3) ** 3)
            sight = np.array(line_of_sight(path, AXES, 0.0, (0.0, 0.0, 0.0), seconds + 60.0))
            ahead = rate * (0.5 * seconds + 60.0)
            exact = -np.array([math.cos(ahead), math.sin(ahead), 0.0])
            assert np.linalg.norm(sight - exact) * (R_EARTH + 400e3) < metres


@pytest.fixture(scope="module")
def craft_of_the_test():
    from sandbox.fleet import make_fleet
    from sandbox.scenario import load_scenario

    return make_fleet(load_scenario("pair")).craft[0]
