"""The search of the planner: what it promises, and what its steps are made of."""

import numpy as np
import pytest

from agents import make_policy
from agents.planner.search import ALL, _difference, _edited
from agents.planner.variation import varied
from envs import offloading_v0, tasking_v0
from sandbox.scenario import load_scenario

SMALL = {"horizon_h": 3.0, "satellites": ["SCS-01 A", "SCS-01 B", "SCS-01 M"]}
EPISODES = {
    "scs01_scarce": (tasking_v0, SMALL),
    "relay_40_scarce": (offloading_v0, {"horizon_h": 0.3}),
}


@pytest.mark.parametrize("scenario", EPISODES)
def test_no_plan_that_it_began_with_would_have_earned_more(scenario):
    """Also where what pays within the horizon costs more after it."""
    module, changes = EPISODES[scenario]
    env = module.batch_env(load_scenario(scenario, changes), autoreset=False)
    planner = make_policy("planner", env, effort=1)
    seen, info = env.reset(seed=21)
    rounds, search = env.max_cycles, planner.searching
    assert rounds > search.horizon
    starts = [{}, *search.base.starts(), *planner.starts(0, 0, rounds)]
    blank = search.base.blank()
    tried = (starts + [{}] * search.simulator.copies)[: search.simulator.copies]
    promised, _ = search._run(0, _edited(blank, tried), 0, rounds)
    earned = 0.0
    for _ in range(rounds):
        seen, reward, _, _, info = env.step(planner.act(seen, info))
        earned += reward.sum()
    assert earned >= promised.sum(axis=1).max() - 1e-2


def test_the_difference_of_two_plans_makes_the_one_of_the_other():
    rng = np.random.default_rng(0)
    plan = {"a": rng.random((4, 3)).astype(np.float32), "b": rng.integers(0, 3, (4, 5)).astype(np.int8)}
    other = {name: part.copy() for name, part in plan.items()}
    other["a"][1, 2] += 1.0
    other["b"][3] += 1
    change = _difference(plan, other)
    assert sorted(change) == [1, 3]
    made = _edited(plan, [{}, change])
    for name, part in plan.items():
        np.testing.assert_array_equal(made[name][0], part)
        np.testing.assert_array_equal(made[name][1], other[name])


@pytest.mark.parametrize("n", [ALL, 2])
def test_numbers_are_varied_for_those_who_are_meant(n):
    plan = {"numbers": np.ones((4, 6), np.float32)}
    for seed in range(20):
        made = _edited(plan, [{n: varied(np.random.default_rng(seed), "numbers", plan, n)}])["numbers"][0]
        changed = (made != 1.0).any(axis=1)
        assert changed[2]
        assert changed.all() if n == ALL else changed.sum() == 1
        assert (made > 0.0).all()
