"""The language face: PettingZoo's own tests, the price of replies, and replies of every kind."""

import re
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test, seed_test

from envs import language, tasking_v0
from envs.language import LanguageEnv, Reply
from sandbox.compute import board, inference, model
from sandbox.errors import SandboxError
from sandbox.scenario import load_scenario


@pytest.fixture
def env(small):
    made = language.parallel_env(scenario=small, max_cycles=40)
    made.reset(seed=0)
    return made


class TestOfficial:
    @pytest.fixture(autouse=True)
    def _quiet(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that an observation is no array
            yield

    def test_parallel(self, small):
        parallel_api_test(language.parallel_env(scenario=small, max_cycles=40), num_cycles=60)

    def test_sequential(self, small):
        api_test(language.env(scenario=small, max_cycles=40), num_cycles=60)

    def test_seeds(self, small):
        parallel_seed_test(lambda: language.parallel_env(scenario=small, max_cycles=20))
        seed_test(lambda: language.env(scenario=small, max_cycles=20), num_cycles=20)


def test_reports_lie_in_their_space_and_infos_keep_their_keys(env):
    reports, infos = env.reset(seed=1)
    keys = infos["sat_0"].keys()
    while env.agents:
        for agent, report in reports.items():
            assert env.observation_space(agent).contains(report)
            assert infos[agent].keys() == keys
            numbers = [value for name, value in infos[agent].items() if name != "legal"]
            assert np.isfinite(numbers).all()
        reports, *_, infos = env.step(dict.fromkeys(env.agents, Reply("charge", 400, 900)))


def test_the_same_decisions_in_words_and_in_numbers(small):
    words, numbers = (
        make(scenario=small, max_cycles=60) for make in (language.parallel_env, tasking_v0.parallel_env)
    )
    words.reset(seed=4)
    _, infos = numbers.reset(seed=4)
    rng = np.random.default_rng(0)
    while words.agents:
        chosen = {
            agent: int(rng.choice(np.flatnonzero(infos[agent]["action_mask"]))) for agent in numbers.agents
        }
        _, rewards, *_, infos = numbers.step(chosen)
        _, again, *_ = words.step({agent: words.labels[action] for agent, action in chosen.items()})
        assert rewards == again


class TestPrice:
    def test_of_a_reply(self, env):
        *_, infos = env.step({"sat_0": Reply("B", 520, 40), "sat_1": "B"})
        cost = inference(board("scs01"), model("Qwen3-8B"), "int4", 520, 40)
        assert infos["sat_0"]["thought_s"] == pytest.approx(cost.seconds, rel=1e-6)
        assert infos["sat_0"]["thought_j"] == pytest.approx(cost.joules, rel=1e-6)
        assert infos["sat_1"]["thought_j"] == 0.0

    def test_of_another_model(self, env):
        *_, infos = env.step({"sat_0": Reply("B", 520, 40), "sat_1": Reply("B", 520, 40, "Qwen/Qwen3-0.6B")})
        assert infos["sat_1"]["thought_s"] < 0.5 * infos["sat_0"]["thought_s"]

    def test_a_reply_while_thinking_is_neither_read_nor_charged(self, env):
        reports, *_, infos = env.step(dict.fromkeys(env.agents, Reply("B", 500, 3_000)))
        assert infos["sat_0"]["thinking"] == 1.0
        assert "still thinking" in reports["sat_0"]
        *_, infos = env.step(dict.fromkeys(env.agents, Reply("nonsense", 500, 3_000)))
        assert infos["sat_0"]["thought_j"] == infos["sat_0"]["unreadable"] == 0.0

    def test_without_a_board_it_is_free_and_said_to_be(self, small):
        bare = load_scenario(small, {"spacecraft.computing_satellite.compute": None})
        env = language.parallel_env(scenario=bare, max_cycles=3)
        env.reset(seed=0)
        assert env.priced == {"sat_0": False, "sat_1": False}
        *_, infos = env.step({"sat_0": Reply("B", 500, 3_000)})
        assert infos["sat_0"]["thought_j"] == infos["sat_0"]["thinking"] == 0.0


class TestReplies:
    @pytest.mark.parametrize(
        ("reply", "unreadable", "illegal"), [("zzz", 1, 0), ("", 1, 0), ("C", 0, 1), ("charge", 0, 0)]
    )
    def test_are_counted(self, env, reply, unreadable, illegal):
        assert env.step({})[-1]["sat_0"]["legal"].tolist()[2] == 0  # nothing to send yet
        *_, infos = env.step({"sat_0": reply})
        assert (infos["sat_0"]["unreadable"], infos["sat_0"]["illegal"]) == (unreadable, illegal)

    @settings(max_examples=settings.default.max_examples // 2)
    @given(text=st.text(max_size=200))
    def test_any_text_is_taken(self, small, text):
        env = language.parallel_env(scenario=small, max_cycles=2)
        env.reset(seed=0)
        _, rewards, *_ = env.step(dict.fromkeys(env.agents, text))
        assert np.isfinite(list(rewards.values())).all()
        env.step({"sat_0": Reply(text, 3, 4)})

    def test_a_reply_without_text_or_tokens_is_unreadable_and_free(self, env):
        """As a server's whose content or usage is null."""
        *_, infos = env.step(
            {"sat_0": Reply(None), "sat_1": Reply("B", prompt_tokens=None, output_tokens=None)}
        )
        assert infos["sat_0"]["unreadable"] == 1.0
        assert infos["sat_1"]["unreadable"] == infos["sat_1"]["thought_j"] == 0.0

    @pytest.mark.parametrize(
        ("reply", "sentence"),
        [
            (Reply(["B"]), "has text ['B']; give a string or None"),
            (Reply(b"B"), "has text b'B'"),
            (Reply("B", model=3), "has model 3"),
            (Reply("B", message=[]), "has message []"),
            (Reply("B", prompt_tokens=-1), "has prompt_tokens -1; give a whole number from 0"),
            (Reply("B", output_tokens=float("nan")), "has output_tokens nan; give a whole number"),
            (Reply("B", output_tokens=float("inf")), "has output_tokens inf"),
            (Reply("B", output_tokens="12"), "has output_tokens '12'"),
            (Reply("B", output_tokens=10**300), "has output_tokens a whole number of 997 bits"),
            (Reply("B", output_tokens=-(10**5000)), "has output_tokens a whole number of 16610 bits"),
            (Reply("B", prompt_tokens=[1]), "has prompt_tokens [1]"),
        ],
    )
    def test_odd_replies_are_one_sentence(self, env, reply, sentence):
        with pytest.raises(SandboxError, match=re.escape(f"The reply of sat_0 {sentence}")) as caught:
            env.step({"sat_0": reply})
        assert len(str(caught.value)) < 200

    def test_what_is_no_reply_is_one_sentence(self, env):
        with pytest.raises(SandboxError, match="The reply of sat_0 is int; give a Reply or a string"):
            env.step({"sat_0": 1})


def test_wraps_only_ours():
    with pytest.raises(SandboxError, match="wraps a parallel environment of the sandbox, not object"):
        LanguageEnv(object())
