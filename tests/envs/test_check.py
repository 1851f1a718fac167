"""check_env passes on ours and catches every fault that is planted."""

from functools import partial

import numpy as np
import pytest
from pettingzoo.test import parallel_api_test, parallel_seed_test

from envs import tasking_v0
from envs.check import EnvCheckError, check_env
from envs.parallel import ParallelFace


def test_tasking_passes(small):
    make = partial(tasking_v0.parallel_env, scenario=small)
    check_env(make, partial(tasking_v0.batch_env, small))


@pytest.mark.parametrize("options", [{"mask_in_obs": True}, {"death": "remove"}, {"team_reward": True}])
def test_tasking_passes_in_every_form(small, options):
    check_env(partial(tasking_v0.parallel_env, scenario=small, **options), max_cycles=12)


def test_passes_while_satellites_die(dying):
    check_env(partial(tasking_v0.parallel_env, scenario=dying, death="remove"), max_cycles=40)
    check_env(
        partial(tasking_v0.parallel_env, scenario=dying), partial(tasking_v0.batch_env, dying), max_cycles=40
    )


class Faulty(ParallelFace):
    """A sound environment with one fault planted by each subclass."""

    def __init__(self, scenario, max_cycles=None):
        batch = tasking_v0.batch_env(scenario, max_cycles=max_cycles, autoreset=False)
        super().__init__(batch)


class RandomReward(Faulty):
    """Random from the second step on."""

    def step(self, actions):
        seen, rewards, *rest = super().step(actions)
        late = self.world.state.clock["round"][0] > 1
        noise = np.random.default_rng()
        return (
            seen,
            {agent: float(noise.random()) if late else paid for agent, paid in rewards.items()},
            *rest,
        )


class WrongObservation(Faulty):
    def step(self, actions):
        seen, *rest = super().step(actions)
        return ({agent: np.full(3, 7.0) for agent in seen}, *rest)


class NanReward(Faulty):
    def step(self, actions):
        seen, rewards, *rest = super().step(actions)
        return (seen, dict.fromkeys(rewards, float("nan")), *rest)


class NumpyFlags(Faulty):
    def step(self, actions):
        seen, rewards, ends, *rest = super().step(actions)
        return (seen, rewards, {agent: np.bool_(end) for agent, end in ends.items()}, *rest)


class TextInInfo(Faulty):
    def reset(self, seed=None, options=None):
        seen, infos = super().reset(seed, options)
        return seen, {agent: {**info, "note": "hello"} for agent, info in infos.items()}


class LateKey(Faulty):
    def step(self, actions):
        *rest, infos = super().step(actions)
        return (*rest, {agent: {**info, "late": 1.0} for agent, info in infos.items()})


class NoOpMasked(Faulty):
    def reset(self, seed=None, options=None):
        seen, infos = super().reset(seed, options)
        for info in infos.values():
            info["action_mask"][0] = 0
        return seen, infos


class SeedIgnored(Faulty):
    def reset(self, seed=None, options=None):
        return super().reset(None if seed is None else 5)


class SeedRepeats(Faulty):
    def reset(self, seed=None, options=None):
        return super().reset(5 if seed is None else seed)


class NewSpaces(Faulty):
    def observation_space(self, agent):
        return self._make_space()


class StrayKeysRaise(Faulty):
    def step(self, actions):
        for agent in actions:
            assert agent in self.agents
        return super().step(actions)


FAULTS = Faulty.__subclasses__()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda kind: kind.__name__)
def test_every_planted_fault_is_caught(small, fault):
    with pytest.raises((EnvCheckError, AssertionError)):
        check_env(partial(fault, small), max_cycles=8)


def test_official_parallel_tests_miss_some_of_them(small):
    """The reason why this check exists; if it fails, the official tests have become stricter."""
    parallel_seed_test(lambda: RandomReward(small, max_cycles=8))
    parallel_api_test(NanReward(small, max_cycles=8), num_cycles=20)


def test_batch_that_leaks_between_worlds_is_caught(small):
    def leaky(worlds=1, **options):
        batch = tasking_v0.batch_env(small, worlds, **options)
        batch.world.constants.craft["panel_area"] *= worlds
        return batch

    make = partial(tasking_v0.parallel_env, scenario=small)
    with pytest.raises(EnvCheckError, match=r"world . of a batch differs"):
        check_env(make, leaky, max_cycles=8)
