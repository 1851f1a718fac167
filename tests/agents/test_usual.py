"""Who plays a problem where nobody is named."""

import pytest

import envs
from agents.policy import MINDS, TOLD, YARDSTICKS
from agents.usual import usual_policies, usual_policy
from experiments.training.evaluation import best_heuristic, heuristics


@pytest.mark.parametrize("problem", envs.names())
def test_one_is_a_heuristic_of_the_problem(problem):
    assert usual_policy(problem) == ("thrifty" if problem == "avoidance_v0" else "greedy")
    assert usual_policy(problem) in usual_policies(problem)
    assert not {*usual_policies(problem)} & {*YARDSTICKS}


def test_several_are_those_made_for_the_problem():
    made = ["random", "idle", "never", "threshold", "late_threshold", "thrifty"]
    assert usual_policies("avoidance_v0") == made
    assert usual_policies("offloading_v0")[3:] == ["local", "ground", "least_loaded"]
    assert usual_policies("tasking_v0") == ["random", "idle", "greedy", "deadline_greedy"]


@pytest.mark.parametrize("problem", envs.names())
def test_who_is_told_is_no_heuristic_to_be_better_than_or_to_copy(problem):
    assert not {*heuristics(problem)} & {*TOLD, *MINDS, *YARDSTICKS}
    assert best_heuristic({"oracle": 9.0, "random": 8.0, "greedy": 1.0}) == "greedy"
