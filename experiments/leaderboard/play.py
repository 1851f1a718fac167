"""One episode of the benchmark, and what it came to."""

from contextlib import closing
from typing import Any, NamedTuple

from agents import policy_class
from agents.policy import understands
from envs.episodes import make_env
from experiments.leaderboard.suite import Task
from experiments.running.asked import Asked, mind_of
from experiments.running.callbacks import Tally
from experiments.running.llm_config import QWEN, Mind, knows
from experiments.running.metrics import Totals
from experiments.running.rollout import play

WATT_HOUR = 3600.0
_THOUGHT = ("thought_s", "thought_j")


class Episode(NamedTuple):
    """Who plays what, on which seed."""

    task: Task
    policy: str
    seed: int


def plays(policy: str, problem: str) -> bool:
    """Whether the policy, and of a mind the shipped nano, is made for the problem."""
    if policy == QWEN:
        return knows(problem)
    return understands(policy_class(policy, problem), problem)


def outcome_of(episode: Episode) -> dict[str, Any]:
    """Play it: the team's return, which is its score, what became of the fleet, and of a mind its price
    and how it decided.

    Thought is charged to policies that think, at the price of the boards and the model of the scenario.
    """
    (problem, _, hours, _), scenario = episode.task.case, episode.task.scenario
    mind, tally, asked = Mind(), Tally(), Asked()
    thinking = policy_class(episode.policy, problem).thinks
    with closing(make_env(problem, scenario, hours, thinking=thinking)) as env:
        with closing(mind.policy(episode.policy, env)) as decider:
            play(env, decider, episode.seed, [tally, asked])
            told = asked.told(mind_of(decider))
        return _measured(tally.totals()) | ({"minds": told} if told else {})


def _measured(totals: Totals) -> dict[str, Any]:
    terms = {name: float(values.sum()) for name, values in totals.terms.items()}
    found: dict[str, Any] = {
        "score": float(totals.reward.sum()),
        "rounds": totals.rounds,
        "satellites": len(totals.alive),
        "lost": int((~totals.alive).sum()),
        "energy_kwh": terms["energy_j"] / WATT_HOUR / 1e3 if "energy_j" in terms else None,
    }
    if totals.thoughts is not None:
        count = int(totals.thoughts.sum())
        found |= {"thoughts": count} | {name: terms[name] / count if count else None for name in _THOUGHT}
    return found
