"""A mind over the fleet: who is asked and when, what is held, what falls back, what is charged."""

from itertools import pairwise

import numpy as np
import pytest

from agents import make_policy
from agents.qwen.decisions import Decision, Engine
from agents.qwen.policy import QwenPolicy
from envs import tasking_v0
from envs.deliberation import HOLD, deliberating
from envs.parallel import ParallelFace
from sandbox.errors import SandboxError
from sandbox.scenario import load_scenario


class Bold(Engine):
    """Always takes the last legal action, for so many tokens; notes what it was asked."""

    name = "Qwen3-8B"

    def __init__(self, output=10):
        self.output, self.asked, self.closed = output, [], False

    def decide(self, requests):
        self.asked.append([request.satellite for request in requests])
        return [Decision(int(request.legal[-1]), 400, self.output) for request in requests]

    def close(self):
        self.closed = True


@pytest.fixture
def env():
    scenario = load_scenario("scs01", {"horizon_h": 1.0, "satellites": [f"SCS-01 {x}" for x in "ABDGKM"]})
    return deliberating(tasking_v0.batch_env(scenario, autoreset=False))


def play(env, policy, rounds=20):
    observation, info = env.reset(0)
    policy.reset(0)
    terms = []
    for _ in range(rounds):
        actions = policy.act(observation, info)
        observation, *_, info = env.step(actions, policy.thought)
        terms.append((actions, info["terms"][0].copy(), info["thinking"][0].copy()))
    return terms


def test_everyone_with_a_choice_is_asked_every_round(env):
    engine = Bold()
    play(env, QwenPolicy(env, engine))
    assert all(asked == list(range(6)) for asked in engine.asked)


def test_requests_hold_what_each_satellite_sees(env):
    policy = QwenPolicy(env, Bold())
    observation, info = env.reset(0)
    policy.act(observation, info)
    for (b, n), (request, decision) in policy.decisions.items():
        np.testing.assert_array_equal(request.observation, observation[b, n])
        np.testing.assert_array_equal(request.mask, info["action_mask"][b, n])
        assert request.mask[decision.action]
        assert request.report.startswith("Power and heat: battery at")


def test_its_tokens_are_charged(env):
    (_, terms, _), *_ = play(env, QwenPolicy(env, Bold()))
    assert (terms[:, env.terms.index("prompt_tokens")] == 400).all()
    assert (terms[:, env.terms.index("thought_j")] > 0).all()


def test_who_thinks_is_not_asked(env):
    engine = Bold(output=2_500)
    story = play(env, QwenPolicy(env, engine))
    assert engine.asked[0] == list(range(6))
    assert len(engine.asked) == 10, "a thought lasts two rounds"
    for (_, _, thinking), (actions, _, _) in pairwise(story):
        assert (actions[0][thinking] == HOLD).all()


def test_in_turn_every_so_many_rounds(env):
    engine = Bold()
    play(env, QwenPolicy(env, engine, period=3), rounds=6)
    assert engine.asked[:3] == [[0, 3], [2, 5], [1, 4]]
    assert engine.asked[3:] == engine.asked[:3]


def test_a_fast_fallback_decides_in_between_for_nothing(env):
    fallback = make_policy("greedy", env)
    policy = QwenPolicy(env, Bold(output=2_500), period=2, fallback=fallback)
    observation, info = env.reset(0)
    policy.reset(0)
    for _ in range(15):
        actions = policy.act(observation, info)
        expected = fallback.decide(observation, info["action_mask"])
        asked = np.zeros_like(info["thinking"])
        for place in policy.decisions:
            asked[place] = True
        np.testing.assert_array_equal(actions[~asked], expected[~asked])
        np.testing.assert_array_equal(policy.thought.meanwhile, expected)
        assert (policy.thought.output_tokens[~asked] == 0).all()
        observation, *_, info = env.step(actions, policy.thought)


def test_each_satellite_with_its_own_adapter(env):
    adapters = ["fire", None, "flood", None, None, "fire"]
    policy = QwenPolicy(env, Bold(), adapters=adapters)
    policy.act(*env.reset(0))
    assert [request.adapter for request, _ in policy.decisions.values()] == adapters


def test_on_an_environment_that_charges_nothing(env):
    plain = tasking_v0.batch_env("pair", max_cycles=5)
    policy = QwenPolicy(plain, Bold(), period=2)
    observation, info = plain.reset(0)
    for _ in range(4):
        actions = policy.act(observation, info)
        assert (actions >= 0).all()
        observation, *_, info = plain.step(actions)


def test_dictionary_face(env):
    face = ParallelFace(env)
    policy = QwenPolicy(face, Bold(output=1_000))
    observations, infos = face.reset(seed=0)
    for _ in range(5):
        observations, *_, infos = face.step(policy.act(observations, infos), policy.thought)
    assert sum(info["prompt_tokens"] for info in infos.values()) >= 0


def test_closing_lets_the_engine_go(env):
    engine = Bold()
    QwenPolicy(env, engine).close()
    assert engine.closed


def test_a_mind_that_has_not_learned_the_problem_is_one_sentence(env):
    engine = Bold()
    engine.problems = ("avoidance_v0",)
    with pytest.raises(SandboxError, match="Qwen3-8B has learned avoidance_v0 alone, not tasking_v0; give"):
        QwenPolicy(env, engine)


def test_bad_period_is_one_sentence(env):
    with pytest.raises(SandboxError, match="period = 0; give a whole number of rounds of at least 1"):
        QwenPolicy(env, Bold(), period=0)
