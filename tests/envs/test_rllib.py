"""RLlib's form of the dictionary face: its own check, its seeds, its names."""

import numpy as np
import pytest

pytest.importorskip("ray", reason="RLlib is not installed; docs/train.md says how")
pytest.importorskip("tree", reason="RLlib is not installed; docs/train.md says how")

from ray.rllib.utils.pre_checks.env import check_multiagent_environments

import envs
from envs.rllib import SandboxMultiAgentEnv


@pytest.mark.parametrize("name", ["tasking_v0", "offloading_v0"])
def test_its_own_check(problems, name):
    env = SandboxMultiAgentEnv({"problem": name, "scenario": problems[name][1], "max_cycles": 5})
    check_multiagent_environments(env)


def test_the_numbers_are_those_of_the_parallel_face(small):
    told = {"problem": "tasking_v0", "scenario": small, "first_seed": 40, "max_cycles": 6}
    env = SandboxMultiAgentEnv(told)
    plain = envs.make("tasking_v0", small, mask_in_obs=True, max_cycles=6)
    (told, _), (seen, _) = env.reset(seed=2), plain.reset(seed=42)
    for t in range(6):
        for agent, own in seen.items():
            assert np.array_equal(told[agent]["observations"], own["observation"])
            assert np.array_equal(told[agent]["action_mask"], own["action_mask"])
            assert env.observation_spaces[agent].contains(told[agent])
        actions = {agent: int(own["action_mask"].nonzero()[0][-1]) for agent, own in seen.items()}
        told, reward, _, truncated, _ = env.step(dict(actions))
        seen, paid, _, _, _ = plain.step(actions)
        assert {agent: reward[agent] for agent in paid} == paid
        assert truncated["__all__"] == (t == 5)


def test_a_reset_without_a_seed_draws_on(small):
    env = SandboxMultiAgentEnv({"problem": "tasking_v0", "scenario": small, "first_seed": 40})
    first, second = env.reset(seed=0)[0]["sat_0"]["observations"], env.reset()[0]["sat_0"]["observations"]
    assert not np.array_equal(first, second)
    assert np.array_equal(first, env.reset(seed=0)[0]["sat_0"]["observations"])
