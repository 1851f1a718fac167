"""Who teaches is who earns most; a network only where it is shown what it knows."""

import numpy as np
import pytest

from agents.network import Network
from envs.episodes import make_env
from experiments.tiers import SCARCE, tier_scenario
from experiments.training.nano_lessons import Certain
from experiments.training.splits import DRAWS
from experiments.training.teachers import TEACHERS, choice
from experiments.training.teachers.choice import CANDIDATES, Likely, chosen_policy, chosen_teacher


@pytest.fixture
def scarce():
    with_cache = choice._best
    with_cache.cache_clear()
    yield make_env("offloading_v0", tier_scenario("offloading_v0", SCARCE), 0.1, 1)
    with_cache.cache_clear()


def test_every_problem_that_is_drawn_has_candidates():
    assert set(CANDIDATES) == set(DRAWS) == set(TEACHERS)


def test_the_one_that_earns_most_teaches(scarce, monkeypatch):
    paid = {"Greedy": 3.0, "OffloadingPhoenix": 7.0}
    monkeypatch.setattr(choice, "_earned", lambda env, policy: paid.get(type(policy).__name__, 1.0))
    assert type(chosen_policy(scarce)).__name__ == "OffloadingPhoenix"
    assert isinstance(chosen_teacher(scarce), Certain)


def test_a_network_says_how_likely_it_holds_what_is_legal(scarce, monkeypatch):
    monkeypatch.setattr(choice, "_earned", lambda env, policy: float(isinstance(policy, Network)))
    teacher = chosen_teacher(scarce)
    assert isinstance(teacher, Likely)
    observation, info = scarce.reset(seed=1)
    chances = teacher.chances(observation, info["action_mask"])
    np.testing.assert_allclose(chances.sum(axis=-1), 1.0, atol=1e-5)
    assert (chances[info["action_mask"] == 0] == 0.0).all()


def test_a_network_that_does_not_know_what_is_shown_is_no_candidate():
    scenario = tier_scenario("tasking_v0", SCARCE)
    assert choice.fitting(make_env("tasking_v0", scenario, 0.1, 1)) is not None
    assert choice.fitting(make_env("tasking_v0", scenario, 0.1, 1, candidates=6)) is None
    calm = make_env("avoidance_v0", tier_scenario("avoidance_v0", "calm"), 1.0, 1, warned=1)
    assert choice.fitting(calm) is None
    assert isinstance(chosen_policy(calm), TEACHERS["avoidance_v0"])
