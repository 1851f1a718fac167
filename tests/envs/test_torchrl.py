"""The native TorchRL environment: its own check, and the numbers of the batch face."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torchrl", reason="torchrl is not installed: pip install -e '.[torchrl]'")

from torchrl.envs.utils import check_env_specs  # noqa: E402

import envs  # noqa: E402
from envs.torchrl import SandboxTorchRL, make_torchrl  # noqa: E402
from sandbox.errors import SandboxError  # noqa: E402


@pytest.mark.parametrize("state", [True, False])
@pytest.mark.parametrize("name", ["tasking_v0", "offloading_v0"])
def test_its_own_check(problems, name, state):
    env = make_torchrl(name, problems[name][1], 3, state=state, max_cycles=5)
    check_env_specs(env)
    env.close()


def test_the_numbers_are_those_of_the_batch(small):
    env = make_torchrl("tasking_v0", small, 2, max_cycles=6)
    batch = envs.make("tasking_v0", small, face="batch", worlds=2, max_cycles=6)
    env.set_seed(7)
    observation, info = batch.reset(7)
    told = env.reset()
    rng = np.random.default_rng(0)
    for _ in range(14):
        assert np.array_equal(told["sat", "observation"].numpy(), observation)
        assert np.array_equal(told["sat", "action_mask"].numpy(), info["action_mask"] == 1)
        assert np.array_equal(told["state"].numpy(), batch.state())
        actions = np.argmax(rng.random(info["action_mask"].shape) * info["action_mask"], -1)
        told["sat", "action"] = torch.from_numpy(actions)
        step, told = env.step_and_maybe_reset(told)
        observation, reward, _, truncated, info = batch.step(actions)
        assert np.array_equal(step["next", "sat", "reward"][..., 0].numpy(), reward)
        assert np.array_equal(step["next", "truncated"][:, 0].numpy(), truncated[:, 0])
        assert np.array_equal(step["next", "done"][:, 0].numpy(), info["ended"])
        assert np.array_equal(step["next", "sat", "observation"].numpy(), info["final_observation"])
        assert np.array_equal(step["next", "state"].numpy(), batch.final_state())


def test_it_begins_episodes_itself(small):
    with pytest.raises(SandboxError, match="autoreset=False"):
        SandboxTorchRL(envs.make("tasking_v0", small, face="batch"))


@pytest.mark.parametrize("mask_in_obs", [False, True])
def test_its_wrapper_of_the_parallel_face_finds_the_mask(small, mask_in_obs):
    from torchrl.envs.libs.pettingzoo import PettingZooWrapper

    parallel = envs.make("tasking_v0", small, mask_in_obs=mask_in_obs, max_cycles=4)
    env = PettingZooWrapper(parallel, return_state=True)
    check_env_specs(env)
    played = env.rollout(9, break_when_any_done=False)
    legal = played["sat", "action_mask"].gather(-1, played["sat", "action"].unsqueeze(-1))
    assert legal.all()
    assert played["state"].shape[-1] == parallel.problem.state_size
