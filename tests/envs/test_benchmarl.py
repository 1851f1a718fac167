"""The BenchMARL task: what it says of the environment that it makes."""

import pickle

import pytest

pytest.importorskip("benchmarl", reason="BenchMARL is not installed; docs/train.md says how")

import torch

from envs.benchmarl import SandboxTask


@pytest.mark.parametrize("state", [True, False])
@pytest.mark.parametrize("name", ["tasking_v0", "offloading_v0"])
def test_what_it_says_of_one_world(problems, name, state):
    task = SandboxTask(name, problems[name][1], max_cycles=7, state=state)
    env = task.get_env_fun(3, False, 5, "cpu")()
    team, actions = env.batch.satellites, len(env.batch.actions)
    assert task.max_steps(env) == 7
    assert task.observation_spec(env)["sat", "observation"].shape == (team, len(env.batch.layout))
    assert task.action_mask_spec(env)["sat", "action_mask"].shape == (team, actions)
    assert task.action_spec(env)["sat", "action"].shape == (team,)
    assert [len(agents) for agents in task.group_map(env).values()] == [team]
    told = task.state_spec(env)
    assert told is None if not state else told["state"].shape == (env.batch.problem.state_size,)
    for spec in (task.observation_spec(env), task.action_mask_spec(env), task.info_spec(env)):
        assert list(spec["sat"].keys()) in (["observation"], ["action_mask"], ["alive"])


def test_its_seeds_begin_where_it_is_told(small):
    seen = [
        SandboxTask("tasking_v0", small, first_seed=first).get_env_fun(2, False, seed, "cpu")().reset()
        for first, seed in ((40, 2), (0, 42), (0, 2))
    ]
    assert torch.equal(seen[0]["sat", "observation"], seen[1]["sat", "observation"])
    assert not torch.equal(seen[0]["sat", "observation"], seen[2]["sat", "observation"])


def test_it_can_be_pickled(small):
    task = pickle.loads(pickle.dumps(SandboxTask("tasking_v0", small, first_seed=3)))
    assert task.name == "tasking_v0"
    assert task.config["first_seed"] == 3
