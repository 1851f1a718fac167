"""Several policies over the same seeded episodes, in parallel worlds."""

import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from agents import Policy
from agents.usual import usual_policies
from envs.batch import BatchEnv
from envs.episodes import HOUR, checked_options, known_as, left_out, make_env, scenario_of
from experiments.running import run_folder
from experiments.running.asked import Asked, line, mind_of
from experiments.running.callbacks import Tally
from experiments.running.llm_config import Mind
from experiments.running.metrics import DIRECTIVE_METRICS, ORDER_METRICS, ROBOT_METRICS, metrics_in
from experiments.running.progress import tracked
from experiments.running.rollout import play
from experiments.running.statistics import Summary, summarise
from sandbox.errors import SandboxError
from sandbox.terminal import say

SHOWN = (
    "value_delivered",
    "captures",
    "images_delivered",
    "downlinked_gbit",
    "latency_median_min",
    "latency_p90_min",
    "cloudy",
    "duplicate",
    "denied",
    *ORDER_METRICS,
    *DIRECTIVE_METRICS,
    "value_answered",
    "jobs",
    "answers",
    "latency_median_s",
    "latency_p90_s",
    "handed",
    "dropped",
    "expired",
    *ROBOT_METRICS,
    "collisions",
    "burned_m_s",
    "share_out_of_slot",
    "closest_m",
    "service",
    "battery_lowest",
    "lost_satellites",
)
SHOWN_OF_MINDS = (
    "decisions", "thought_s", "thought_j", "thought_share", "late_share", "fallbacks",
    "thoughts_asked", "thought_changed", "asked_thought_s", "asked_thought_j",
    "consultations", "consult_s", "consult_j", "plan_changed",
)  # fmt: skip


class Comparison(dict[str, list[dict[str, float]]]):
    """The metrics of every episode by policy; `minds` says of those with a mind how it decided
    (`experiments.running.asked`)."""

    def __init__(self, episodes: Mapping[str, list[dict[str, float]]], minds: Mapping[str, dict]) -> None:
        super().__init__(episodes)
        self.minds = dict(minds)


def compare(
    policies: Sequence[str] | None = None,
    scenario: Any = None,
    env: str = "tasking_v0",
    hours: float | None = None,
    seeds: int = 5,
    seed: int = 0,
    out: Path | str | None = None,
    progress: bool = True,
    *,
    changes: Mapping[str, Any] | None = None,
    candidates: int = 4,
    threads: int = 1,
    mind: Mind | None = None,
    options: Mapping[str, Any] | None = None,
) -> Comparison:
    """Play `seeds` episodes, seeded `seed`, `seed` + 1 and so on, under each of `policies`.

    `scenario` and `policies` are by default the problem's own and `agents.usual.usual_policies`; `options`
    are those of the problem.
    Every policy meets the same episodes, one a world; `mind` says how those think that have one. Prints a
    table with `progress`, writes a record of every episode to `out`, as JSON. Returns the metrics of every
    episode by policy. Raises SandboxError for bad input.
    """
    if seeds < 1 or seed < 0:
        raise SandboxError(f"seeds = {seeds} from seed = {seed}; give at least 1 seed, from 0 on.")
    env = known_as(env)
    policies = usual_policies(env) if policies is None else policies
    if len(set(policies)) < len(policies):
        raise SandboxError(f"policies {' '.join(policies)}: name each once.")
    run_folder.check_json(out)
    scenario = scenario_of(env, scenario, changes)
    if progress:
        import rich  # noqa: F401  if it is missing, better to know now than when the episodes are over
    mind = mind or Mind()
    thinking = any(mind.thinks(policy, env) for policy in policies)
    how: dict[str, Any] = {"candidates": candidates, "threads": threads, "thinking": thinking}
    with (
        closing(make_env(env, scenario, hours, seeds, **how, **checked_options(env, options))) as batch,
        ExitStack() as minds,
    ):
        if progress and (told_of := left_out(batch)):
            say(told_of)
        deciders = {
            name: minds.enter_context(closing(mind.policy(name, batch, strict=False))) for name in policies
        }
        asked = {name: Asked() for name in deciders}
        episodes = {
            name: _episodes(batch, deciders[name], seed, asked[name])
            for name in tracked(policies, "playing", shown=progress)
        }
        told = {name: asked[name].told(mind_of(policy)) for name, policy in deciders.items()}
        decided = {name: content for name, content in told.items() if content}
    played = batch.max_cycles * scenario.round_s / HOUR
    if out:
        shared = {"env": env, "scenario": scenario.name, "changes": dict(changes or {}), "hours": played}
        shared |= {"candidates": candidates, "versions": run_folder.versions()}
        shared |= {"options": dict(options)} if options else {}
        records = (
            {"policy": name, "seed": seed + b} | run
            for name, runs in episodes.items()
            for b, run in enumerate(runs)
        )
        run_folder.keep_records(
            out, "comparison", records, **shared, **({"minds": decided} if decided else {})
        )
    if progress:
        from experiments.running.console_tables import print_comparison

        title = f"{env}  {scenario.name}  {played:g} h  seeds {seed} to {seed + seeds - 1}"
        print_comparison(title + "\ninterquartile mean [95 % interval]", list(policies), table(episodes))
        for content in decided.values():
            say(line(content))
    return Comparison(episodes, decided)


def _episodes(env: BatchEnv, policy: Policy, seed: int, asked: Asked) -> list[dict[str, float]]:
    """The metrics of every world, after an episode in each."""
    tally = Tally()
    play(env, policy, seed, [tally, asked])
    return [metrics_in(env.world, tally.totals(b), b) for b in range(env.worlds)]


def table(episodes: Mapping[str, Sequence[Mapping[str, float]]]) -> dict[str, list[Summary]]:
    """The metrics of `SHOWN` that there are, each summarised over the episodes of every policy."""
    known = set().union(*(runs[0] for runs in episodes.values()))
    names = [name for name in (*SHOWN, *SHOWN_OF_MINDS) if name in known]
    return {name: [_summary(runs, name) for runs in episodes.values()] for name in names}


def _summary(runs: Sequence[Mapping[str, float]], name: str) -> Summary:
    return summarise(run.get(name, math.nan) for run in runs)
