"""What comes into reach later, against a plain walk along the orbit, and how it is kept up to date."""

import copy
import pickle

import numpy as np
import pytest

from sandbox.access import LOOK_AHEAD_S
from sandbox.ahead import EVERY_S
from sandbox.errors import SandboxError
from sandbox.orbits.ephemeris import sun_position
from sandbox.orbits.frames import gcrs_to_itrs
from sandbox.orbits.propagation import propagate
from sandbox.scenario import load_scenario
from sandbox.state import CHARGE, NONE, OPEN
from sandbox.world import World

STEP_S = 2.0
MINUTES = 15.0


@pytest.fixture(scope="module")
def world(template):
    small = copy.deepcopy(template)
    small["requests"] |= {"initial": 600, "ahead": 5, "ahead_min": MINUTES}
    return World(small, parts=("ahead",))


def passes(world, n, first, last):
    """(enter, leave, least off-nadir angle) of each request that satellite n sees from `first` to `last`."""
    state, constants = world.state, world.constants
    now = state.clock["time"][0]
    ahead = np.arange(first, last, STEP_S)
    position, _ = propagate(
        state.orbit.position[0, n], state.orbit.velocity[0, n], ahead, constants.forces,
        constants.ballistic[n],
    )  # fmt: skip
    seen = gcrs_to_itrs(position, constants.ephemeris, now + ahead)
    targets = state.requests.book["position"][0]
    line = targets[None] - seen[:, None]
    line /= np.linalg.norm(line, axis=-1, keepdims=True)
    down = -seen / np.linalg.norm(seen, axis=-1, keepdims=True)
    angle = np.arccos(np.clip((line * down[:, None]).sum(-1), -1.0, 1.0))
    above = (line * state.requests.book["up"][0]).sum(-1) < 0.0  # the satellite is above the horizon
    inside = (angle <= constants.craft["max_off_nadir"][n]) & above
    return {
        int(j): (ahead[rows[0]], ahead[rows[-1]], angle[rows, j].min())
        for j in np.flatnonzero(inside.any(axis=0))
        for rows in [np.flatnonzero(inside[:, j])]
    }


def test_what_is_upcoming_is_what_a_walk_along_the_orbit_finds(world):
    """Sorted by time; of all that will be passed by day, those of the greatest expected value."""
    told = 0
    for seed in range(3):
        world.reset(seed=seed)
        for n in range(world.satellites):
            found = world.ahead.state.upcoming[0, n]
            found = found[found["request"] != NONE]
            now = world.state.clock["time"][0]
            truth = passes(world, n, 0.0, 60.0 * MINUTES + 600.0)
            assert (np.diff(found["enter"]) >= 0.0).all()
            for entry in found:
                enter, leave, off_nadir = truth[int(entry["request"])]
                # at the edge of the swath a pass is short, and errs by more
                off = 8.0 if leave - enter > 60.0 else 40.0
                assert entry["enter"] - now == pytest.approx(enter, abs=off)
                assert entry["leave"] - now == pytest.approx(leave, abs=off)
                assert entry["off_nadir"] == pytest.approx(off_nadir, abs=np.radians(2.0))
                assert entry["enter"] - now > world.constants.round_s + LOOK_AHEAD_S
            told += len(found)
    assert told > 15


def test_the_best_are_kept(world):
    """No request that is passed in the middle of the swath, by day, is better than what was kept."""
    world.reset(seed=1)
    book, state = world.state.requests.book[0], world.state
    checked = 0
    for n in range(world.satellites):
        found = world.ahead.state.upcoming[0, n]
        kept = set(found["request"][found["request"] != NONE].tolist())
        worst = book["rank"][sorted(kept)].max() if len(kept) == len(found) else np.inf
        horizon = world.constants.round_s + LOOK_AHEAD_S
        for j, (enter, leave, off_nadir) in passes(world, n, 0.0, 60.0 * MINUTES).items():
            sure = horizon + 10.0 < enter and leave < 60.0 * MINUTES - 10.0
            sure &= off_nadir < np.radians(37.0) and _by_day(world, j, enter - 30.0, leave + 30.0)
            sure &= book["status"][j] == OPEN and book["deadline"][j] > state.clock["time"][0] + leave
            if sure and j not in kept:
                assert book["rank"][j] > worst, (n, j)
                checked += 1
    assert checked > 0


def _by_day(world, j, *offsets):
    """Whether the Sun is well above the least elevation over request j at these offsets (s)."""
    up, now = world.state.requests.book["up"][0, j], world.state.clock["time"][0]
    ephemeris = world.constants.ephemeris
    for offset in offsets:
        sun = np.array(sun_position(ephemeris, now + offset))
        turned = gcrs_to_itrs(sun[None], ephemeris, np.array([now + offset]))[0]
        low = world.constants.craft["min_sun_sine"][0]
        if up @ turned / np.linalg.norm(turned) < low + 0.02:
            return False
    return True


def test_what_was_told_comes_into_reach(world):
    """Once its time has come a request leaves this list, and is among those in reach if there is room."""
    world.reset(seed=2)
    promised, came = {}, 0
    for _ in range(40):
        now = world.state.clock["time"][0]
        for n in range(world.satellites):
            here = set(world.state.opportunities["request"][0, n].tolist()) - {NONE}
            for entry in world.ahead.state.upcoming[0, n]:
                if entry["request"] != NONE:
                    assert entry["enter"] > now + world.constants.round_s
                    promised[n, int(entry["request"])] = entry["enter"]
            for j in here:
                if (n, j) in promised:
                    assert promised[n, j] < now + world.constants.round_s + LOOK_AHEAD_S + 20.0
                    came += 1
        world.step(mode=np.full((1, world.satellites), CHARGE, np.int32))
    assert came > 0


def test_closed_requests_are_forgotten_at_once(world):
    """Not only at the next search: what was captured or has expired is not told of."""
    world.reset(seed=3)
    for _ in range(12):
        world.step()
        listed = world.ahead.state.upcoming["request"]
        listed = listed[listed != NONE]
        assert (world.state.requests.book["status"][0, listed] == OPEN).all()


def test_others_are_counted(world):
    """Rivals are those who have it in reach or coming; earlier, those who get there first."""
    world.reset(seed=4)
    upcoming, shown = world.ahead.state.upcoming[0], world.state.opportunities["request"][0]
    for n, row in enumerate(upcoming):
        for entry in row[row["request"] != NONE]:
            others = [
                (other["enter"], m) for m, them in enumerate(upcoming) if m != n
                for other in them if other["request"] == entry["request"]
            ]  # fmt: skip
            now = sum(entry["request"] in shown[m] for m in range(len(shown)) if m != n)
            assert entry["rivals"] == len(others) + now
            assert entry["earlier"] == now + sum(other < (entry["enter"], n) for other in others)


def test_searches_take_turns_and_a_snapshot_holds_them(world):
    world.reset(seed=5)
    due = world.ahead.state.due[0].copy()
    assert len(set(due.tolist())) > 1
    assert (due <= EVERY_S + world.state.clock["time"][0]).all()
    saved = world.snapshot()
    world.step()
    first = pickle.dumps(world.ahead.state.upcoming)
    world.restore(saved)
    world.step()
    assert pickle.dumps(world.ahead.state.upcoming) == first


@pytest.mark.parametrize(
    ("field", "value"), [("ahead", -1), ("ahead", 1000), ("ahead_min", 0), ("ahead_min", 1e4)]
)
def test_bounds(template, field, value):
    small = copy.deepcopy(template)
    small["requests"] |= {field: value}
    with pytest.raises(SandboxError, match=field):
        load_scenario(small)
