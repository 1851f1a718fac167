"""The vector environment for Stable-Baselines3: the numbers of the batch face, a slot for each satellite."""

import numpy as np
import pytest

pytest.importorskip("stable_baselines3", reason="stable-baselines3 is not installed: pip install -e '.[sb3]'")
pytest.importorskip("sb3_contrib", reason="sb3-contrib is not installed: pip install -e '.[sb3]'")

import envs
from envs.sb3 import SandboxVecEnv, make_sb3
from sandbox.errors import SandboxError


@pytest.mark.parametrize("team_reward", [False, True])
def test_the_numbers_are_those_of_the_batch(dying, team_reward):
    env = make_sb3("tasking_v0", dying, 2, team_reward=team_reward)
    batch = envs.make("tasking_v0", dying, face="batch", worlds=2, team_reward=team_reward)
    assert list(env.seed(3)) == [3, 3, 4, 4]
    seen, (observation, info) = env.reset(), batch.reset(3)
    lost = 0
    for t in range(150):
        assert np.array_equal(seen, observation.reshape(4, -1))
        assert np.array_equal(env.env_method("action_masks"), info["action_mask"].reshape(4, -1))
        actions = np.argmax(
            np.random.default_rng(t).random(info["action_mask"].shape) * info["action_mask"], -1
        )
        seen, reward, done, infos = env.step(actions.reshape(-1))
        observation, paid, terminated, truncated, info = batch.step(actions)
        assert np.array_equal(reward, paid.reshape(-1))
        over = terminated if team_reward else terminated | info["lost"]
        assert np.array_equal(done, (over | truncated).reshape(-1))
        for slot in np.flatnonzero(done):
            last = info["final_observation"].reshape(4, -1)[slot]
            assert np.array_equal(infos[slot]["terminal_observation"], last)
            assert infos[slot]["TimeLimit.truncated"] == (truncated & ~over).reshape(-1)[slot]
        lost += int(info["lost"].sum())
    assert lost


def test_what_slots_have(small):
    env = make_sb3("tasking_v0", small, 2)
    env.reset()
    assert env.has_attr("action_masks")
    assert len(env.get_attr("batch")) == 4
    assert env.env_is_wrapped(object, [0, 1]) == [False, False]
    with pytest.raises(SandboxError, match="no method"):
        env.env_method("fly")
    with pytest.raises(SandboxError, match="autoreset"):
        SandboxVecEnv(envs.make("tasking_v0", small, face="batch", autoreset=False))
