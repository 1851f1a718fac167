"""A policy that cannot see one of its limits."""

import numpy as np
import pytest

from agents import make_policy
from agents.blind import LIMITS, Blind, hidden_features
from agents.policy import Policy
from envs.episodes import make_env, scenario_of
from sandbox.errors import SandboxError
from sandbox.scenario import load_scenario


class Looks(Policy):
    """Keeps what it was shown."""

    def decide(self, observation, mask):
        self.seen, self.mask = observation, mask
        return np.zeros(mask.shape[:-1], np.int64)


@pytest.fixture(scope="module")
def env():
    return make_env("tasking_v0", load_scenario("pair"), 0.1)


@pytest.mark.parametrize("limit", ["battery", "link", "neighbours", "time", "weather", "heat", "store"])
def test_only_what_tells_of_the_limit_is_hidden(env, limit):
    observation, info = env.reset(0)
    kept, inner = observation.copy(), Looks(env)
    Blind(env, inner, limit).act(observation, info)
    np.testing.assert_array_equal(observation, kept, "what was given stays as it was")
    hidden = hidden_features(env.layout, limit)
    assert hidden
    for i, name in enumerate(env.layout.names):
        if name in hidden:
            found = inner.seen[..., i]
            wanted = env.layout.scaled(np.full(len(env.layout), hidden[name]))[i]
            assert (found == wanted).all()
        else:
            np.testing.assert_array_equal(inner.seen[..., i], kept[..., i])
    np.testing.assert_array_equal(inner.mask, info["action_mask"])


def test_every_feature_is_hidden_for_one_limit_at_most():
    for problem in ("tasking_v0", "offloading_v0", "autonomy_v0"):
        layout = make_env(problem, scenario_of(problem), 0.1).layout
        names = [name for limit in LIMITS for name in hidden_features(layout, limit)]
        assert len(set(names)) == len(names)
        for limit in LIMITS:
            for name, value in hidden_features(layout, limit).items():
                feature = layout.features[layout.index(name)]
                assert feature.low <= value <= feature.high


def test_what_orders_pay_can_be_hidden_where_there_are_any(env):
    assert not hidden_features(env.layout, "orders")
    kinds = {"requests.kinds": {"stereo": {"share": 0.5}}}
    layout = make_env("tasking_v0", load_scenario("pair", kinds), 0.1).layout
    assert set(hidden_features(layout, "orders")) == {
        f"request_{k}_{name}" for k in range(1, 5) for name in ("completion", "missing")
    }


def test_a_heuristic_that_does_not_see_its_battery_goes_on_imaging(env):
    observation, info = env.reset(0)
    observation[..., env.layout.index("battery")] = -0.9  # 5 %
    mask = np.ones_like(info["action_mask"])
    sighted, blind = make_policy("greedy", env), Blind(env, make_policy("greedy", env), "battery")
    downlink = env.actions.index("downlink")
    assert (sighted.act(observation, {"action_mask": mask}) != downlink).all()
    assert (blind.act(observation, {"action_mask": mask}) == downlink).all()


def test_mistakes_are_one_sentence(env):
    with pytest.raises(SandboxError, match="Unknown limit 'batery'; did you mean"):
        Blind(env, Looks(env), "batery")
    with pytest.raises(SandboxError, match="no features of 'fuel'"):
        Blind(env, Looks(env), "fuel")
