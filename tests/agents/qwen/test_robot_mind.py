"""A Qwen3 as the mind of a search robot: it reads a report of the site and chooses by label."""

import numpy as np
import pytest

from sandbox.errors import SandboxError

pytest.importorskip("mujoco", reason="no mujoco; pip install -e '.[robots]'")

from agents.qwen.engines import make_engine
from agents.robots import make_mind
from agents.robots.qwen import QwenMind
from envs.reports import Reporter
from envs.robots import SearchEnv
from envs.robots.words import SearchProblem


@pytest.fixture(scope="module")
def situations():
    """Observations and masks of the first decisions in two sites."""
    env, found = SearchEnv(), []
    for seed in range(2):
        observation, info = env.reset(seed=seed)
        for _ in range(4):
            found.append((observation, info["action_mask"].copy()))
            action = make_mind("nearest").decide(observation, info["action_mask"])
            observation, _, _, _, info = env.step(action)
    return found


@pytest.fixture(scope="module")
def own_checkpoint(tmp_path_factory, situations):
    from checkpoints import make_checkpoint

    reporter = Reporter(SearchProblem())
    words = [reporter.system, *(reporter.report(*each) for each in situations)]
    return make_checkpoint(tmp_path_factory.mktemp("robot") / "small", corpus=words)


def test_the_report_says_what_there_is_and_what_may_be_decided(situations):
    reporter = Reporter(SearchProblem())
    for observation, mask in situations:
        text = reporter.report(observation, mask)
        assert "battery" in text
        assert "m to walk" in text
        assert text.count("\n") > 4
        labels = reporter.labels_of(reporter.options(mask))
        assert len(labels) == mask.sum()
        for label, action in zip(labels, np.flatnonzero(mask), strict=True):
            assert f"{label}: " in text or f"{label} " in text or "-" in text, action
    assert "victim" in reporter.system
    assert "sector" in reporter.system


@pytest.mark.parametrize("label", ["letters", "words"])
def test_a_qwen3_that_reads_decides_legally_and_repeats_itself(own_checkpoint, situations, label):
    minds = [QwenMind(make_engine(str(own_checkpoint), threads=1), label=label) for _ in "ab"]
    chosen = [[mind.decide(*each) for each in situations] for mind in minds]
    assert chosen[0] == chosen[1]
    for (_, mask), action in zip(situations, chosen[0], strict=True):
        assert mask[action] == 1
    decision = minds[0].decision
    assert decision is not None
    assert decision.prompt_tokens > 50
    assert decision.probabilities is not None
    assert decision.probabilities.sum() == pytest.approx(1.0)
    assert minds[0].report(*situations[0]).startswith("Robot:")


def test_one_searches_a_site_by_the_name_of_its_folder(own_checkpoint):
    mind, env = make_mind(str(own_checkpoint)), SearchEnv(most_decisions=3)
    observation, info = env.reset(seed=1)
    truncated = False
    while not truncated:
        observation, _, terminated, truncated, info = env.step(mind.decide(observation, info["action_mask"]))
        assert not terminated
    assert info["time_s"] > 0.0


def test_the_nano_reads_numbers_of_other_problems():
    with pytest.raises(SandboxError, match="reads no words"):
        QwenMind(make_engine())
