"""Every shipped policy with rounds of other lengths than those it was written with."""

from functools import cache

import numpy as np
import pytest

import envs
from agents import make_policy, policy_names
from agents.planner.neighbourhood import LENGTHS_S, some_rounds
from agents.planner.opportunities import _most_turning, turn_seconds
from agents.policy import YARDSTICKS
from agents.tuned import autonomy, avoidance, offloading, tasking
from envs.deliberation import deliberating
from sandbox.fleet import make_fleet
from sandbox.scenario import load_scenario

PLAYED = {
    "tasking_v0": ("pair", {"horizon_h": 1.0}),
    "offloading_v0": ("relay_40", {"horizon_h": 1.0, "substep_s": 10}),
    "avoidance_v0": ("crossing_12", {"horizon_h": 6.0, "encounters.population": 0, "substep_s": 10}),
    "autonomy_v0": (None, {"substep_s": 10}),
}
ROUNDS = 3
TEACHERS = {
    "tasking_v0": tasking.Teacher,
    "offloading_v0": offloading.Teacher,
    "avoidance_v0": avoidance.Teacher,
    "autonomy_v0": autonomy.Teacher,
}


@pytest.fixture(scope="module")
def made(disaster):
    """A function: a problem's environment with rounds of so many seconds, made once for all tests."""

    @cache
    def make(problem, round_s):
        name, changes = PLAYED[problem]
        changes = changes | {"round_s": round_s}
        scenario = disaster(changes=changes) if name is None else load_scenario(name, changes)
        return envs.make(problem, scenario, face="batch", max_cycles=ROUNDS, autoreset=False)

    return make


def play(env, policy):
    """The rounds that were played, every action legal."""
    env = deliberating(env) if policy.thinks else env
    policy.reset(seed=0)
    seen, info = env.reset(seed=3)
    for _ in range(env.max_cycles):
        actions = policy.act(seen, info)
        legal = np.take_along_axis(info["action_mask"], np.maximum(actions, 0)[..., None], -1)[..., 0] == 1
        assert (legal | (actions < 0) & policy.thinks).all()
        step = (actions, policy.thought) if policy.thinks else (actions,)
        seen, _, _, _, info = env.step(*step)
    policy.close()
    return env.world.state.clock


@pytest.mark.parametrize("round_s", [10.0, 20.0, 60.0])
@pytest.mark.parametrize("problem", PLAYED)
def test_every_policy_plays(made, problem, round_s):
    env = made(problem, round_s)
    for name in policy_names(problem):
        searches = name in YARDSTICKS and (name, problem) != ("planner", "avoidance_v0")
        clock = play(env, make_policy(name, env, **({"effort": 1} if searches else {})))
        assert clock["time"][0] - clock["start"][0] == ROUNDS * round_s, name
    play(env, TEACHERS[problem](env))


@pytest.mark.parametrize("kind", ["greedy", "least_loaded", "tuned"])
def test_a_neighbour_decides_a_round_later(made, kind):
    waits = {}
    for round_s in (10.0, 30.0, 60.0):
        env = made("offloading_v0", round_s)
        policy = offloading.Teacher(env) if kind == "tuned" else make_policy(kind, env)
        found = policy._waits(np.zeros((1, 1, len(env.layout))))
        waits[round_s] = found["neighbour_1"].item() - found["run_large"].item()
    assert waits[60.0] - waits[30.0] == pytest.approx(3 * (waits[30.0] - waits[10.0]) / 2)
    assert waits[10.0] < waits[30.0] < waits[60.0]


@pytest.mark.parametrize("kind", ["deadline_greedy", "tuned"])
def test_a_request_can_wait_for_rounds_and_not_for_seconds(made, kind):
    """One that stays in reach for 100 s is put off where rounds are short, and not where they are long."""
    scores = {}
    for round_s in (10.0, 60.0):
        env = made("tasking_v0", round_s)
        policy = tasking.Teacher(env) if kind == "tuned" else make_policy(kind, env)
        seen, told = np.zeros((1, 1, len(env.layout))), {"value": 5.0, "window": 100.0, "deadline": 60.0}
        for name, value in told.items():
            seen[..., env.layout.index(f"request_1_{name}")] = value
        mask = np.ones((1, 1, len(env.actions)), np.int8)
        scores[round_s] = policy._score(seen, mask)[0, 0, 0]
    assert scores[10.0] == pytest.approx(policy.patience * scores[60.0])


@pytest.mark.parametrize("problem", ["tasking_v0", "offloading_v0", "autonomy_v0"])
def test_a_planner_looks_as_far_ahead_whatever_a_round_lasts(made, problem):
    for round_s in (10.0, 20.0, 30.0, 60.0):
        planner = make_policy("planner", made(problem, round_s))
        for seconds in (planner.every_s, planner.horizon_s, planner.overlap_s):
            assert planner.rounds_in(seconds) * round_s == pytest.approx(seconds, abs=0.5 * round_s)


@pytest.mark.parametrize("round_s", [10.0, 20.0, 30.0, 60.0, 300.0])
@pytest.mark.parametrize("slew_rate_deg_s", [0.5, 1.8, 6.0])
def test_the_longest_turn_fits_whatever_a_round_lasts(round_s, slew_rate_deg_s):
    attitude = {"spacecraft.computing_satellite.attitude.slew_rate_deg_s": slew_rate_deg_s}
    craft = make_fleet(load_scenario("pair", attitude)).craft[0]
    rounds = _most_turning(craft, round_s)
    needed = turn_seconds(np.array([0.0, 0.0, 1.0]), np.array([0.0, 0.0, -1.0]), craft) + craft["dwell"]
    assert (rounds - 1) * round_s < needed <= rounds * round_s


def test_a_habit_lasts_as_long_whatever_a_round_lasts():
    for round_s in (10.0, 20.0, 30.0, 60.0):
        slices = [some_rounds(np.random.default_rng(k), 0, 5, round_s) for k in range(200)]
        lengths = {(each.stop - each.start) * round_s for each in slices}
        assert all(min(abs(length - each) for each in LENGTHS_S) <= 0.5 * round_s for length in lengths)
        assert max(lengths) == pytest.approx(max(LENGTHS_S), abs=0.5 * round_s)
        assert min(lengths) >= round_s
