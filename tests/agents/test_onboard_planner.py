"""The onboard planner: what it may know, what it may not, and what it makes of it."""

import numpy as np
import pytest

from agents import make_policy
from agents.planner.belief import BeliefSimulator
from envs import autonomy_v0, avoidance_v0, offloading_v0, tasking_v0
from sandbox.bits import is_member
from sandbox.cloud_field import cloud_chances
from sandbox.scenario import load_scenario
from sandbox.state import CUE, NONE, OPEN, PENDING

CASES = {
    "tasking_v0": (tasking_v0, "scs01_scarce", {"satellites": ["SCS-01 A", "SCS-01 B", "SCS-01 M"]}),
    "offloading_v0": (offloading_v0, "relay_40", {"horizon_h": 0.15}),
    "autonomy_v0": (autonomy_v0, "disaster_response_scarce", {"horizon_h": 0.25}),
}
SEARCHED = tuple(CASES)


def make(problem, rounds=None):
    module, name, changes = CASES[problem]
    changes = {"horizon_h": 0.5} | changes
    return module.batch_env(load_scenario(name, changes), max_cycles=rounds, autoreset=False)


def hide(world):
    """Another truth behind the same appearance: skies, what is yet to come, what will break, who is met."""
    state, now = world.state, float(world.state.clock["time"][0])
    rng = np.random.default_rng(99)
    book = state.requests.book[0]
    state.requests.sky[...] = rng.random(state.requests.sky.shape)
    coming = (book["release"] > now) & np.isfinite(book["release"])
    book["value"][coming] = 0.1
    book["cloud"][coming] = 0.9
    state.events[state.events > now] += 1e6
    if world.jobs is not None:
        work = world.jobs.state
        jobs = work.book[0]
        ahead = (np.arange(len(jobs)) >= work.released[0]) & np.isfinite(jobs["release"])
        jobs["value"][ahead] = 0.01
        jobs["deadline"][ahead] = jobs["release"][ahead] + 1.0
    if world.faults is not None:
        world.faults.state.key[...] += np.uint64(1)
        world.faults.state.ground[...] = now + 5_000.0
        world.faults.state.body["corrupt"] = True
    if world.encounters is not None:
        world.encounters.state.encounter["relative"][..., :3] += 5_000.0
        world.encounters.state.encounter["passing"] += 3_600.0
    if world.weather is not None:
        from sandbox.weather import STEP_S

        drift, start = world.weather.state, float(state.clock["start"][0])
        lead = np.arange(drift.truth.shape[2]) * STEP_S - (now - start)
        skill = np.exp(-np.maximum(lead, 0.0) / world.weather.params.skill_s)
        spread = np.sqrt(1.0 - skill**2)
        ahead = spread > 1e-3
        told = skill * drift.truth + spread * drift.error  # the forecast stays what it is
        drift.truth[..., ahead] = -drift.truth[..., ahead]
        drift.error[..., ahead] = ((told - skill * drift.truth) / np.maximum(spread, 1e-3))[..., ahead]


@pytest.mark.parametrize("problem", SEARCHED)
def test_what_is_hidden_changes_no_decision(problem):
    env, chosen = make(problem), []
    for hidden in (False, True):
        policy = make_policy("onboard", env, effort=1)
        policy.reset(seed=0)
        seen, info = env.reset(seed=12)
        for _ in range(4):  # so that something is under way
            seen, _, _, _, info = env.step(make_policy("greedy", env).act(seen, info))
        if hidden:
            hide(env.world)
        chosen.append(policy.act(seen, info))
    np.testing.assert_array_equal(*chosen)


@pytest.mark.parametrize("problem", SEARCHED)
def test_the_planner_itself_would_be_moved_by_it(problem):
    """The same change of the truth, told to who sees it: otherwise the test above would say nothing."""
    env, plans = make(problem), []
    for hidden in (False, True):
        policy = make_policy("planner", env, effort=1)
        policy.reset(seed=0)
        seen, info = env.reset(seed=12)
        for _ in range(4):
            seen, _, _, _, info = env.step(make_policy("greedy", env).act(seen, info))
        if hidden:
            hide(env.world)
        policy.act(seen, info)
        plans.append(policy._traces[0].actions)
    assert (plans[0] != plans[1]).any()


@pytest.mark.parametrize("problem", SEARCHED)
def test_the_copies_hold_what_is_known_and_nothing_of_the_rest(problem):
    env = make(problem)
    env.reset(seed=3)
    simulator, state = BeliefSimulator(env.problem, 2), env.world.state
    simulator.load(0)
    believed = simulator.world.state
    for name in ("power", "body", "outlook"):
        assert getattr(believed, name)[0].tobytes() == getattr(state, name)[0].tobytes()
    released, now = int(state.requests.released[0]), float(state.clock["time"][0])
    truth, belief = state.requests.book[0], believed.requests.book[0]
    np.testing.assert_array_equal(belief["position"][:released], truth["position"][:released])
    asked = np.isin(truth["status"][:released], (OPEN, PENDING))
    worth = (truth["value"] * (1.0 - truth["cloud"]))[:released]
    np.testing.assert_allclose(belief["value"][:released][asked], worth[asked])
    assert (belief["cloud"] == 0.0).all()
    assert (believed.requests.sky == 1.0).all()
    coming = np.isfinite(truth["release"]) & (truth["release"] > now)
    foreseen = np.isfinite(belief["release"]) & (belief["release"] > now)
    assert foreseen.sum() == pytest.approx(coming.sum(), rel=0.5, abs=15)
    assert not np.isin(belief["release"][foreseen], truth["release"][coming]).any()
    if env.world.jobs is not None:
        work, mine = env.world.jobs.state, simulator.world.jobs.state
        done = int(work.released[0])
        times, others = work.book["release"][0, done:], mine.book["release"][0, done:]
        assert not np.isin(others[np.isfinite(others)], times).any()
        mean = np.isfinite(times).sum()
        assert np.isfinite(others).sum() == pytest.approx(mean, rel=0.5, abs=30)


KINDS = {
    "requests.kinds": {
        "area": {"share": 0.2, "across": [2, 2], "along": [2, 3]},
        "stereo": {"share": 0.2, "convergence_deg": 25},
        "dwell": {"share": 0.1, "dwell_s": 15, "images": 4},
        "cue": {"share": 0.3, "probability": 0.6},
    },
    "requests.clouds": {"correlation_km": 200},
    "requests.initial": 600,
    "requests.where": "globe",
}


@pytest.mark.parametrize("changes", [{}, KINDS], ids=["single images", "several kinds"])
def test_the_believed_world_can_be_lived_in(changes):
    """The index of the book holds those that are open, so that what is released and imaged is found."""
    scenario = load_scenario("pair", {"horizon_h": 1.5} | changes)
    env = tasking_v0.batch_env(scenario, autoreset=False)
    seen, info = env.reset(seed=5)
    greedy = make_policy("greedy", env)
    for _ in range(30):
        seen, _, _, _, info = env.step(greedy.act(seen, info))
    simulator = BeliefSimulator(env.problem, 2)
    simulator.load(0)
    policy = make_policy("greedy", simulator)
    requests = simulator.world.state.requests
    for _ in range(120):
        simulator.step(policy.decide(simulator.seen, simulator.mask))
        there = np.flatnonzero(requests.book["status"][0] == OPEN)
        entries = requests.indexed[0, requests.book["slot"][0, there]]
        np.testing.assert_array_equal(entries["key"] % 2**32, there)
        slots = range(requests.indexed.shape[1])
        found = [slot for slot in slots if is_member(requests.open, 0, slot)]
        assert found == sorted(requests.book["slot"][0, there].tolist())
        assert requests.open_count[0] == len(there)
        now = float(simulator.world.state.clock["time"][0])
        assert (requests.book["deadline"][0, there] > now).all()
        assert (requests.book["release"][0, there] <= now).all()


def test_nobody_knows_which_cue_finds_something():
    """In the copies no image of a cue opens anything, and a sky is as likely closed as it is forecast."""
    env = tasking_v0.batch_env(load_scenario("pair", {"horizon_h": 1.5} | KINDS), autoreset=False)
    env.reset(seed=5)
    truth = env.world.state.requests
    found = (truth.part["kind"][0] == CUE) & (truth.part["opens"][0] != NONE)
    assert found.sum() > 5
    simulator = BeliefSimulator(env.problem, 1)
    simulator.load(0)
    belief = simulator.world.state.requests
    assert (belief.part["opens"][0, belief.part["kind"][0] == CUE] == NONE).all()
    known, now = int(truth.released[0]), float(env.world.state.clock["time"][0])
    clear = 1.0 - cloud_chances(truth, env.world.constants, 0, now)
    np.testing.assert_allclose(
        belief.book["value"][0, :known], (truth.book["value"][0] * clear)[:known], rtol=1e-6
    )
    assert np.abs(clear[:known] - 1.0 + truth.book["cloud"][0, :known]).max() > 0.1
    assert (cloud_chances(belief, simulator.world.constants, 0, now) < 1e-9).all()


@pytest.mark.parametrize("problem", SEARCHED)
def test_plans_say_nothing_of_what_was_only_believed_in(problem):
    env = make(problem)
    policy = make_policy("onboard", env, effort=1)
    seen, info = env.reset(seed=4)
    policy.act(seen, info)
    plan = policy._plans[0]
    if "keys" in plan:
        assert (plan["keys"][:, int(env.world.state.requests.released[0]) :] == 1.0).all()
    if problem == "offloading_v0":
        assert (plan["wishes"][:, int(env.world.jobs.state.released[0]) :] == 0).all()


def test_each_world_of_a_batch_is_planned_as_if_alone():
    module, name, changes = CASES["tasking_v0"]
    scenario, played = load_scenario(name, {"horizon_h": 0.5} | changes), {}
    for worlds, seed in ((2, 8), (1, 9)):
        env = module.batch_env(scenario, worlds, max_cycles=8, autoreset=False)
        policy = make_policy("onboard", env, effort=1)
        policy.reset(seed=0)
        seen, info = env.reset(seed=seed)
        actions = []
        for _ in range(env.max_cycles):
            chosen = policy.act(seen, info)
            assert np.take_along_axis(info["action_mask"], chosen[..., None], -1).all()
            actions.append(chosen[-1])
            seen, _, _, _, info = env.step(chosen)
        played[worlds] = np.stack(actions)
    np.testing.assert_array_equal(played[2], played[1])


class TestAvoidance:
    @pytest.fixture(scope="class")
    def env(self):
        scenario = load_scenario("crossing_12_scarce", {"horizon_h": 2.0})
        return avoidance_v0.batch_env(scenario, autoreset=False)

    def test_its_rule_is_of_the_mission_and_not_of_the_episode(self, env):
        found = []
        for seed in (1, 2):
            policy = make_policy("onboard", env, effort=1)
            seen, info = env.reset(seed=seed)
            policy.act(seen, info)
            found.append(vars(policy._rule) | {"rng": None})
        for name in ("decide_h", "clearance", "log_threshold", "out_km"):
            assert found[0][name] == found[1][name]

    def test_what_rare_hits_cost_is_counted_by_how_often_they_are_drawn(self, env):
        from agents.planner.avoidance_aboard import OFTENER, Redrawn

        drawn = Redrawn(env.problem, 4)
        share = env.problem.world.scenario.encounters.hit_share
        assert drawn.weight == pytest.approx(1.0 / OFTENER)
        assert drawn.world.scenario.encounters.hit_share == pytest.approx(OFTENER * share)
