"""Copies of a world live on exactly as the world itself does."""

import numpy as np
import pytest

from agents import make_policy
from agents.planner.simulator import Simulator
from envs import autonomy_v0, avoidance_v0, offloading_v0, tasking_v0
from sandbox.scenario import load_scenario

PROBLEMS = {
    "scs01": tasking_v0,
    "relay_40": offloading_v0,
    "crossing_12": avoidance_v0,
    "disaster_response": autonomy_v0,
}
POLICY = {"crossing_12": "threshold"}


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_copy_has_the_future_of_the_world(name):
    changes = {"encounters.population": 0} if name == "crossing_12" else {}
    env = PROBLEMS[name].batch_env(load_scenario(name, changes), 2, max_cycles=30, autoreset=False)
    seen, info = env.reset(seed=4)
    policy = make_policy(POLICY.get(name, "greedy"), env)
    for _ in range(10):
        seen, _, _, _, info = env.step(policy.act(seen, info))
    simulator = Simulator(env.problem, 3)
    simulator.load(1)
    np.testing.assert_array_equal(simulator.mask[2], info["action_mask"][1])
    for _ in range(20):
        actions = policy.act(seen, info)
        simulator.step(np.repeat(actions[1:2], 3, axis=0))
        seen, reward, _, _, info = env.step(actions)
        for w in range(3):
            np.testing.assert_array_equal(simulator.seen[w], seen[1])
            np.testing.assert_array_equal(simulator.reward[w], reward[1])
