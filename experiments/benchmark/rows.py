"""From the outcomes of the episodes to the rows of the table.

A score is the team's return: the sum of all rewards of all satellites. It is shown as a percentage on a scale
of its own for every episode: 0 is what `idle` gets in it, 100 what the planner gets. An episode in which the
planner leads by less than `LEAST_LEAD` has no such scale and counts for nobody.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.benchmark.plan import ZERO, Plan
from experiments.benchmark.play import Episode
from experiments.benchmark.statistics import NONE, Estimate, improvement, interquartile
from experiments.benchmark.suite import Task

LEAST_LEAD = 1.0
"""Of return: about what the least image or answer is worth."""
MEANS = ("score", "lost", "energy_kwh", "thought_s", "thought_j")
ALL = "all"
Outcomes = Mapping[Episode, Mapping[str, Any]]


@dataclass(frozen=True)
class Row:
    """A policy in one scenario, or (`scenario` is ALL) in all those of a split, or of every split.

    Of `episodes` played, `counted` have a scale. `against` is the best heuristic of the problem. Means are
    over the episodes; NaN stands where there is nothing, as for a policy that is not made for the problem.
    """

    problem: str
    scenario: str
    hours: float
    split: str
    policy: str
    episodes: int
    counted: int
    percent: Estimate
    against: str
    better: Estimate
    score: float
    lost: float
    energy_kwh: float
    thought_s: float
    thought_j: float
    command: str


class Scores:
    """The outcomes of a plan, as arrays over its seeds."""

    def __init__(self, plan: Plan, outcomes: Outcomes) -> None:
        self.plan, self._outcomes = plan, outcomes

    def of(self, task: Task, policy: str, name: str = "score") -> NDArray[np.float64]:
        """A number of each episode, NaN where it has none."""
        found = [self._outcomes[Episode(task, policy, seed)].get(name) for seed in self.plan.seeds]
        return np.array([math.nan if value is None else value for value in found], float)

    def percent(self, task: Task, policy: str) -> NDArray[np.float64]:
        """Per cent of the planner, of the episodes that have a scale."""
        zero, top = self.of(task, ZERO), self.of(task, self.plan.asked.yardstick)
        kept = top - zero >= LEAST_LEAD
        return 100.0 * (self.of(task, policy)[kept] - zero[kept]) / (top[kept] - zero[kept])


def rows_of(plan: Plan, outcomes: Outcomes) -> list[Row]:
    """Every row of the table: by problem, the scenarios and then what sums them up, the policies in each."""
    scores = Scores(plan, outcomes)
    return [row for problem in plan.policies for row in _of_problem(scores, problem)]


def _of_problem(scores: Scores, problem: str) -> Iterator[Row]:
    plan = scores.plan
    tasks = [task for task in plan.tasks if task.case.problem == problem]
    best = best_heuristic(scores, tasks)
    for group in _groups(tasks):
        for policy in plan.policies[problem]:
            yield _row(scores, group, policy, best)
        for policy in plan.absent[problem]:
            yield _nothing(group, policy)


def best_heuristic(scores: Scores, tasks: Sequence[Task]) -> str | None:
    """The one of the highest interquartile mean over the `tasks` of one problem; None if none plays."""
    names = scores.plan.heuristics(tasks[0].case.problem)
    means = {name: interquartile([scores.percent(task, name) for task in tasks]).value for name in names}
    return max(names, key=lambda name: -math.inf if math.isnan(means[name]) else means[name], default=None)


def _groups(tasks: Sequence[Task]) -> list[list[Task]]:
    """Each task; then, where that are several, those of each split, and all."""
    splits = dict.fromkeys(task.case.split for task in tasks)
    sums = [[task for task in tasks if task.case.split == split] for split in splits]
    sums += [list(tasks)] if len(splits) > 1 else []
    return [[task] for task in tasks] + [group for group in sums if len(group) > 1]


def _row(scores: Scores, tasks: Sequence[Task], policy: str, best: str | None) -> Row:
    plan = scores.plan
    percent = [scores.percent(task, policy) for task in tasks]
    better = NONE
    if best not in (None, policy):
        better = improvement(percent, [scores.percent(task, best) for task in tasks])
    means: dict[str, Any] = {name: _mean([scores.of(task, policy, name) for task in tasks]) for name in MEANS}
    return Row(
        **_heading(tasks),
        policy=policy,
        episodes=len(tasks) * len(plan.seeds),
        counted=sum(map(len, percent)),
        percent=interquartile(percent),
        against=best or "",
        better=better,
        command=plan.command(tasks, policy, best),
        **means,
    )


def _nothing(tasks: Sequence[Task], policy: str) -> Row:
    empty: dict[str, Any] = {"episodes": 0, "counted": 0, "percent": NONE, "better": NONE, "against": ""}
    empty |= dict.fromkeys(MEANS, math.nan)
    return Row(**_heading(tasks), policy=policy, command="", **empty)


def _heading(tasks: Sequence[Task]) -> dict[str, Any]:
    """What a row is about; a sum says the hours of all its scenarios, and their split if it is one."""
    splits = {task.case.split for task in tasks}
    return {
        "problem": tasks[0].case.problem,
        "scenario": tasks[0].case.scenario if len(tasks) == 1 else ALL,
        "hours": math.fsum(task.case.hours for task in tasks),
        "split": splits.pop() if len(splits) == 1 else ALL,
    }


def _mean(values: Sequence[NDArray]) -> float:
    """Of the numbers there are; NaN where there is none."""
    known = np.concatenate(values)
    known = known[~np.isnan(known)]
    return float(known.mean()) if len(known) else math.nan
