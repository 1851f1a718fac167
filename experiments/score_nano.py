"""What the nano is worth where it was never trained: `python -m experiments.score_nano`.

Plays it, and the policies that it is measured against, over the held-out constellations and seeds of
`experiments.splits`, the same episodes for all; its thought is not charged. Prints the interquartile mean of
the value delivered with its 95 % bootstrap interval, and of its ratio to that of `greedy`, by episode.
With `--json` it writes them, and what a short flight came to that the tests repeat.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from agents import Policy, make_policy
from agents.qwen.nano import FOLDER, NanoEngine
from agents.qwen.policy import QwenPolicy
from envs import tasking_v0
from envs.batch import BatchEnv
from experiments import results
from experiments.metrics import metrics_in, summarise
from experiments.rollout import play
from experiments.splits import HELD_OUT, held_out
from experiments.watchers import Tally
from sandbox.scenario import Scenario, load_scenario

RIVALS = {name: name for name in ("random", "greedy", "deadline_greedy")} | {
    "teacher": "experiments.nano_teacher:Teacher"
}
"""What it is measured against, its own teacher last: name, and where `make_policy` finds it."""
KEPT = ("value_delivered", "lost_satellites", "duplicate", "denied", "battery_lowest")
SEEDS, HOURS = 6, 6.0
QUICK_SEEDS = 2
Makers = Mapping[str, Callable[[BatchEnv], Policy]]


def quick_scenario() -> Scenario:
    """Six satellites of SCS-01 for four hours: the short flight that the tests repeat."""
    some = [f"SCS-01 {letter}" for letter in "ABDGKM"]
    return load_scenario("scs01", {"horizon_h": 4.0, "satellites": some})


def makers(model: Path | str, rivals: Sequence[str]) -> dict[str, Any]:
    """By name, what makes each policy for an environment: the rivals and the nano in folder `model`."""
    engine = NanoEngine(model)
    made: dict[str, Any] = {name: partial(make_policy, RIVALS[name]) for name in rivals}
    return made | {"nano": lambda env: QwenPolicy(env, engine)}


def episodes(
    scenario: Scenario, policies: Makers, seeds: int, seed: int = 0
) -> dict[str, list[dict[str, float]]]:
    """The metrics of `KEPT` for every policy and seed, over the same episodes."""
    played = {}
    with closing(tasking_v0.batch_env(scenario, seeds, autoreset=False)) as env:
        for name, make in policies.items():
            tally = Tally()
            play(env, make(env), seed, [tally])
            books = [metrics_in(env.world, tally.totals(b), b) for b in range(env.worlds)]
            played[name] = [{metric: metrics[metric] for metric in KEPT} for metrics in books]
    return played


def summary(played: Mapping[str, Sequence[Mapping[str, float]]]) -> dict[str, dict[str, Any]]:
    """By policy: the value delivered, and its ratio to that of `greedy`, each with its interval."""
    base = [run["value_delivered"] for run in played["greedy"]]
    told = {}
    for name, runs in played.items():
        values = [run["value_delivered"] for run in runs]
        ratios = [value / other for value, other in zip(values, base, strict=True)]
        told[name] = {
            "value_delivered": summarise(values)._asdict(),
            "over_greedy": summarise(ratios)._asdict(),
            "better_than_greedy": sum(ratio > 1.0 for ratio in ratios),
            "lost_satellites": sum(run["lost_satellites"] for run in runs),
        }
    return told


def quick_score(model: Path | str = FOLDER) -> dict[str, list[float]]:
    """Value delivered in each of the short flights, by `greedy` and by the nano."""
    played = episodes(quick_scenario(), makers(model, ("greedy",)), QUICK_SEEDS)
    return {name: [run["value_delivered"] for run in runs] for name, runs in played.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Play, print, write."""
    told = _parser().parse_args(arguments)
    found: dict[str, Any] = {}
    for name in told.scenarios:
        played = episodes(held_out(name, told.hours), makers(told.model, list(RIVALS)), told.seeds, told.seed)
        found[name] = {"summary": summary(played), "episodes": played}
        _print(name, found[name]["summary"])
    if told.json:
        asked = {"hours": told.hours, "seeds": list(range(told.seed, told.seed + told.seeds))}
        content = {"arguments": asked, "versions": results.versions(), "scenarios": found}
        results.write_json(told.json, content | {"quick": quick_score(told.model)})
    return 0


def _print(name: str, found: Mapping[str, Mapping[str, Any]]) -> None:
    print(name)
    for policy, row in found.items():
        value, ratio = row["value_delivered"], row["over_greedy"]
        print(
            f"  {policy:16} {value['iqm']:8.0f} [{value['low']:.0f}, {value['high']:.0f}]"
            f"   x greedy {ratio['iqm']:.3f} [{ratio['low']:.3f}, {ratio['high']:.3f}]"
            f"   better in {row['better_than_greedy']} of {value['runs']}, lost {row['lost_satellites']:.0f}",
            flush=True,
        )


def _parser() -> ArgumentParser:
    parser = ArgumentParser("python -m experiments.score_nano", description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=FOLDER, metavar="FOLDER", help="default: the shipped")
    parser.add_argument("--scenarios", nargs="+", choices=list(HELD_OUT), default=list(HELD_OUT))
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"episodes of each (default: {SEEDS})")
    parser.add_argument("--seed", type=int, default=0, help="the first (default: 0)")
    parser.add_argument("--hours", type=float, default=HOURS, help=f"of an episode (default: {HOURS:g})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers here")
    return parser


if __name__ == "__main__":
    sys.exit(main())
