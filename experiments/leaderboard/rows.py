"""From the outcomes of the episodes to the rows of the table.

A score is the team's return: the sum of all rewards of all satellites. It is shown as a percentage on a scale
of its own for every episode: 0 is what `idle` gets in it, 100 what the planner gets. An episode in which the
planner leads by less than `LEAST_LEAD` has no such scale and counts for nobody. A problem without a
planner has no scale at all: its policies are compared by their returns.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.leaderboard.plan import ZERO, Plan
from experiments.leaderboard.play import Episode
from experiments.leaderboard.suite import Task
from experiments.running.statistics import NONE, Estimate, improvement, interquartile

LEAST_LEAD = 1.0
"""Of return: about what the least image or answer is worth."""
MEANS = ("score", "lost", "energy_kwh", "thought_s", "thought_j")
ALL, BEST = "all", "best heuristic"
"""What sums up problems, scenarios or splits; and over all problems, of each its best heuristic."""
Outcomes = Mapping[Episode, Mapping[str, Any]]
Best = Mapping[str, str]
"""By problem, its best heuristic, or nothing."""


@dataclass(frozen=True)
class Row:
    """A policy in one scenario, or (`scenario` is ALL) in all those of a split, or of every split; or
    (`problem` is ALL) in everything that is played, which sums up those who play every problem, and BEST.

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
        if not self.plan.scaled(task.case.problem):
            return np.zeros(0)
        zero, top = self.of(task, ZERO), self.of(task, self.plan.asked.yardstick)
        kept = top - zero >= LEAST_LEAD
        return 100.0 * (self.of(task, policy)[kept] - zero[kept]) / (top[kept] - zero[kept])

    def comparable(self, task: Task, policy: str) -> NDArray[np.float64]:
        """What policies are compared by on one task: per cent, or where there is no scale, returns."""
        scaled = self.plan.scaled(task.case.problem)
        return self.percent(task, policy) if scaled else self.of(task, policy)


def rows_of(plan: Plan, outcomes: Outcomes) -> list[Row]:
    """Every row of the table: by problem, the scenarios and then what sums them up, the policies in each;
    at last what sums up all problems."""
    scores = Scores(plan, outcomes)
    best = {problem: best_heuristic(scores, _tasks(plan, problem)) or "" for problem in plan.policies}
    rows = [row for problem in plan.policies for row in _of_problem(scores, problem, best)]
    return rows + (list(_of_all(scores, best)) if len(plan.policies) > 1 else [])


def _tasks(plan: Plan, problem: str) -> list[Task]:
    return [task for task in plan.tasks if task.case.problem == problem]


def _of_problem(scores: Scores, problem: str, best: Best) -> Iterator[Row]:
    plan = scores.plan
    for group in _groups(_tasks(plan, problem)):
        for policy in plan.policies[problem]:
            yield _row(scores, group, policy, best)
        for policy in plan.absent[problem]:
            yield _nothing(group, policy)


def _of_all(scores: Scores, best: Best) -> Iterator[Row]:
    plan = scores.plan
    first, *others = plan.policies.values()
    for policy in first:
        if all(policy in names for names in others):
            yield _row(scores, plan.tasks, policy, best)
    if all(best.values()):
        yield _row(scores, plan.tasks, BEST, best)


def best_heuristic(scores: Scores, tasks: Sequence[Task]) -> str | None:
    """The one of the highest interquartile mean over the `tasks` of one problem; None if none plays."""
    names = scores.plan.heuristics(tasks[0].case.problem)
    means = {name: interquartile([scores.comparable(task, name) for task in tasks]).value for name in names}
    return max(names, key=lambda name: -math.inf if math.isnan(means[name]) else means[name], default=None)


def _groups(tasks: Sequence[Task]) -> list[list[Task]]:
    """Each task; then, where that are several, those of each split, and all."""
    splits = dict.fromkeys(task.case.split for task in tasks)
    sums = [[task for task in tasks if task.case.split == split] for split in splits]
    sums += [list(tasks)] if len(splits) > 1 else []
    return [[task] for task in tasks] + [group for group in sums if len(group) > 1]


def _row(scores: Scores, tasks: Sequence[Task], policy: str, best: Best) -> Row:
    plan, heading = scores.plan, _heading(tasks)
    rivals = [best[task.case.problem] for task in tasks]
    players = [(task, rival if policy == BEST else policy) for task, rival in zip(tasks, rivals, strict=True)]
    percent = [scores.percent(task, name) for task, name in players]
    against = (BEST if heading["problem"] == ALL else rivals[0]) if all(rivals) else ""
    better = NONE
    if against not in ("", policy):
        own = [scores.comparable(*player) for player in players]
        better = improvement(own, [scores.comparable(t, r) for t, r in zip(tasks, rivals, strict=True)])
    means: dict[str, Any] = {name: _mean([scores.of(*player, name) for player in players]) for name in MEANS}
    return Row(
        **heading,
        policy=policy,
        episodes=len(tasks) * len(plan.seeds),
        counted=sum(map(len, percent)),
        percent=interquartile(percent),
        against=against,
        better=better,
        command=plan.command(tasks, policy, against),
        **means,
    )


def _nothing(tasks: Sequence[Task], policy: str) -> Row:
    empty: dict[str, Any] = {"episodes": 0, "counted": 0, "percent": NONE, "better": NONE, "against": ""}
    empty |= dict.fromkeys(MEANS, math.nan)
    return Row(**_heading(tasks), policy=policy, command="", **empty)


def _heading(tasks: Sequence[Task]) -> dict[str, Any]:
    """What a row is about; a sum says the hours of all its scenarios, and their split if it is one."""
    splits, problems = {task.case.split for task in tasks}, {task.case.problem for task in tasks}
    return {
        "problem": problems.pop() if len(problems) == 1 else ALL,
        "scenario": tasks[0].case.scenario if len(tasks) == 1 else ALL,
        "hours": math.fsum(task.case.hours for task in tasks),
        "split": splits.pop() if len(splits) == 1 else ALL,
    }


def _mean(values: Sequence[NDArray]) -> float:
    """Of the numbers there are; NaN where there is none."""
    known = np.concatenate(values)
    known = known[~np.isnan(known)]
    return float(known.mean()) if len(known) else math.nan
