"""The shipped networks fit the tiers that they were trained for, and decide legally there."""

import numpy as np
import pytest

from agents import make_policy
from agents.trained import NOT_TRAINED, ROOT, folder_of, shipped
from envs.episodes import make_env
from experiments.tiers import PROBLEMS, TIERS, tier_scenario

CASES = [(problem, tier) for problem in PROBLEMS if problem not in NOT_TRAINED for tier in TIERS]


def test_there_is_one_for_every_problem_and_tier():
    assert shipped() == sorted(folder_of(*case).name for case in CASES)


@pytest.mark.parametrize(("problem", "tier"), CASES)
def test_it_decides_legally_in_its_tier(problem, tier):
    env = make_env(problem, tier_scenario(problem, tier), 5 * 300 / 3600, 1)
    policy = make_policy("trained", env)
    observation, info = env.reset(seed=910_000)
    policy.reset(0)
    for _ in range(5):
        actions = policy.act(observation, info)
        assert (np.take_along_axis(info["action_mask"], actions[..., None], -1) == 1).all()
        told = policy.odds.sum(axis=-1)
        np.testing.assert_allclose(told, 1.0, atol=1e-6)
        observation, _, _, _, info = env.step(actions)


@pytest.mark.parametrize(("problem", "tier"), CASES)
def test_it_has_a_card_that_says_how_it_was_made(problem, tier):
    folder = ROOT / f"{problem}_{tier}"
    card = (folder / "README.md").read_text()
    assert f"experiments train --problem {problem} --tier {tier}" in card
    assert "satellites lost" in card
    assert (folder / "policy.npz").stat().st_size < 100_000
