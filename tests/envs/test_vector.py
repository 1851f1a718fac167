"""Gymnasium's vector face: three ways to start anew, one truth."""

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from envs import autonomy_v0, tasking_v0
from sandbox.errors import SandboxError

CYCLES = 5


def make(small, mode):
    return tasking_v0.vector_env(3, small, max_cycles=CYCLES, autoreset_mode=mode)


def test_made_by_name(small):
    env = gymnasium.make_vec(
        "sandbox/Tasking-v0",
        num_envs=3,
        vectorization_mode="vector_entry_point",
        scenario=small,
        max_cycles=CYCLES,
    )
    seen, info = env.reset(seed=0)
    assert env.observation_space.contains(seen)
    assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    assert info["action_mask"].shape == (3, 7)
    seen, reward, *_ = env.step(env.action_space.sample())
    assert env.observation_space.contains(seen)
    assert reward.shape == (3,)


def test_every_world_is_the_single_environment(small):
    env = make(small, "NextStep")
    seen, _ = env.reset(seed=10)
    for b in range(3):
        alone = tasking_v0.satellite_env(small, max_cycles=CYCLES)
        np.testing.assert_array_equal(alone.reset(seed=10 + b)[0], seen[b])


def test_every_world_is_the_single_environment_of_autonomy():
    env = autonomy_v0.vector_env(2, max_cycles=CYCLES)
    seen, info = env.reset(seed=10)
    alone = [autonomy_v0.satellite_env(max_cycles=CYCLES) for _ in range(2)]
    for b, one in enumerate(alone):
        np.testing.assert_array_equal(one.reset(seed=10 + b)[0], seen[b])
    for _ in range(CYCLES - 1):
        actions = info["action_mask"].argmax(-1) + (info["action_mask"][:, 1] == 1)
        seen, reward, _, _, info = env.step(actions)
        for b, one in enumerate(alone):
            own = one.step(int(actions[b]))
            np.testing.assert_array_equal(own[0], seen[b])
            assert own[1] == pytest.approx(reward[b])


def test_seeds_one_by_one(small):
    env = make(small, "NextStep")
    listed, _ = env.reset(seed=[4, 5, 6])
    counted, _ = env.reset(seed=4)
    np.testing.assert_array_equal(listed, counted)


def test_next_step_ignores_the_action_after_the_end(small):
    env = make(small, "NextStep")
    env.reset(seed=0)
    for _ in range(CYCLES):
        _, _, _, cuts, _ = env.step(np.zeros(3, int))
    assert cuts.all()
    seen, reward, _, cuts, _ = env.step(np.ones(3, int))
    assert not cuts.any()
    assert not reward.any()
    assert (env.layout.physical(seen, "time_left") == 100.0).all()


def test_same_step_gives_both_observations(small):
    env, twin = make(small, "SameStep"), make(small, "Disabled")
    env.reset(seed=0)
    twin.reset(seed=0)
    for _ in range(CYCLES):
        seen, _, _, cuts, info = env.step(np.zeros(3, int))
        last, *_ = twin.step(np.zeros(3, int))
    assert cuts.all()
    np.testing.assert_array_equal(info["final_obs"], last)
    np.testing.assert_array_equal(seen, twin.reset(options={"reset_mask": np.ones(3, bool)})[0])


def test_disabled_wants_a_reset_mask(small):
    env = make(small, "Disabled")
    env.reset(seed=0)
    for _ in range(CYCLES):
        env.step(np.zeros(3, int))
    with pytest.raises(SandboxError, match="World 0 has ended; reset it"):
        env.step(np.zeros(3, int))
    env.reset(options={"reset_mask": np.array([True, True, True])})
    env.step(np.zeros(3, int))


def test_partial_reset_leaves_the_others_alone(small):
    env = make(small, "Disabled")
    env.reset(seed=0)
    env.step(np.zeros(3, int))
    before = env.batch.world.state.power["energy"].copy()
    seen, _ = env.reset(options={"reset_mask": np.array([False, True, False])})
    after = env.batch.world.state.power["energy"]
    np.testing.assert_array_equal(before[[0, 2]], after[[0, 2]])
    assert env.layout.physical(seen, "time_left")[1] == 100.0


@pytest.mark.parametrize(
    ("actions", "sentence"),
    [(np.zeros(2, int), "shape"), (np.array([0, 0, 9]), "outside"), (np.zeros(3), "dtype")],
)
def test_bad_actions(small, actions, sentence):
    env = make(small, "NextStep")
    env.reset(seed=0)
    with pytest.raises(SandboxError, match=sentence):
        env.step(actions)


def test_fleets_are_refused(small):
    from envs.vector import SatelliteVectorEnv

    with pytest.raises(SandboxError, match="one satellite"):
        SatelliteVectorEnv(tasking_v0.batch_env(small, 2, autoreset=False))
