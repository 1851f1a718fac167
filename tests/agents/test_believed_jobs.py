"""What the onboard planner believes of who asks: who waits unseen, and whom a disaster has struck."""

import numpy as np
import pytest

from agents import make_policy
from agents.planner.belief import BeliefSimulator
from agents.planner.believed_jobs import waits
from envs import autonomy_v0, offloading_v0
from sandbox.jobs import WAITING
from sandbox.scenario import load_scenario
from sandbox.state import NONE

DEFER = 0


@pytest.fixture(scope="module")
def waited():
    """A fleet that sees a part of the Earth, after half an hour: many users wait, and inboxes have room."""
    few = {f"jobs.kinds.{kind}.per_hour": 1_000 for kind in (0, 1)} | {"jobs.places": 1_000}
    env = offloading_v0.batch_env(load_scenario("relay_13_tight", {"horizon_h": 1.0} | few), autoreset=False)
    seen, info = env.reset(seed=6)
    policy = make_policy("local", env)
    for _ in range(60):
        seen, _, _, _, info = env.step(policy.act(seen, info))
    return env


def test_who_waits_is_who_truly_waits(waited):
    """The rule, held against the users of the world itself: they wait where nobody flew over them."""
    state, work = waited.world.state, waited.world.jobs.state
    now, book = float(state.clock["time"][0]), work.book[0]
    found = waits(waited.world, state, book, now)
    truly = book["status"] == WAITING
    assert truly.sum() > 100
    asked = (book["release"] <= now) & (book["deadline"] > now) & (book["source"] == NONE)
    assert not found[~asked].any()
    # seen a minute earlier or later, at the edge of the ground that was covered
    assert (found == truly)[asked].mean() > 0.95


def test_as_many_come_up_soon_as_in_truth(waited):
    """A plan reckons with the load that is to come, of which most has been asked already."""
    simulator = BeliefSimulator(waited.problem, 1)
    simulator.load(0)
    believed, work = simulator.world.jobs.state, waited.world.jobs.state
    now = float(waited.world.state.clock["time"][0])
    new = believed.book["release"][0, int(work.released[0]) :]
    waiting = int((work.book["status"][0] == WAITING).sum())
    assert (new <= now).sum() == pytest.approx(waiting, rel=0.25)
    before = believed.book["deadline"][0, int(work.released[0]) :][new <= now]
    assert (before > now).all()
    actions = np.full((1, waited.world.satellites), DEFER)
    arrived = 0
    for _ in range(5):
        simulator.step(actions)
        arrived += int(believed.servers["arrived"].sum())
    assert arrived > 0


def test_at_the_beginning_nobody_has_waited(waited):
    env = offloading_v0.batch_env(load_scenario("relay_13_tight", {"horizon_h": 0.5}), autoreset=False)
    env.reset(seed=6)
    state = env.world.state
    assert not waits(env.world, state, env.world.jobs.state.book[0], float(state.clock["start"][0])).any()


@pytest.mark.parametrize("struck", [True, False])
def test_a_disaster_that_has_struck_goes_on(struck):
    """Its teams ask on, and the stations that it silenced stay silent; of one to come nothing is known."""
    events = [event.model_dump() for event in load_scenario("disaster_response_scarce").events[:1]]
    events[0]["at_h"] = [0.05, 0.05] if struck else [0.6, 0.6]
    changes = {"horizon_h": 1.0, "events": events}
    env = autonomy_v0.batch_env(load_scenario("disaster_response_scarce", changes), autoreset=False)
    seen, info = env.reset(seed=8)
    policy = make_policy("idle", env)
    for _ in range(24):
        seen, _, _, _, info = env.step(policy.act(seen, info))
    simulator = BeliefSimulator(env.problem, 1)
    simulator.load(0)
    released, now = int(env.world.jobs.state.released[0]), float(env.world.state.clock["time"][0])
    work = simulator.world.jobs.state.book[0, released:]
    theirs = (work["kind"] == len(env.world.scenario.jobs.kinds)) & (work["release"] > now)
    hours = 0.8
    expected = events[0]["questions"]["per_hour"] * hours if struck else 0.0
    assert theirs.sum() == pytest.approx(expected, abs=4.0 * np.sqrt(expected))
    assert not np.isin(work["release"][theirs], env.world.jobs.state.book["release"]).any()
    simulator.step(np.zeros((1, env.world.satellites), np.int64))
    names = [station.name for station in env.world.scenario.stations]
    lost = [names.index(name) for name in events[0]["stations_lost"]]
    assert (simulator.world.state.ground["antennas"][0, lost] == 0).all() == struck
