"""The options of `train`, what they may be, and which of them a training may not change as it goes on."""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from typing import Any

from agents.network import MODES
from experiments.running.options import add, differences, flag, json_path, resumable
from experiments.tiers import CALM, TIERS
from experiments.training.recipes import ANY, BETTER, SEQUENCE, recipe
from sandbox.errors import SandboxError, unknown_name

ALGORITHMS = ("ppo", "ippo", "mappo")
HORIZONS = ("infinite", "finite")
MOST_ROUNDS = 10_000
"""Of a rollout."""
DEFAULT_STEPS = 2_000_000
_APART = frozenset(
    ("command", "interrupted", "steps", "minutes", "seeds", "seed", "out", "fresh", "planner", "track",
     "quiet", "json")
)  # fmt: skip
_BEFORE: dict[str, Any] = {
    "lam": 0.95,
    "target_kl": 0.01,
    "warm": 4,
    "anchor": 0.0,
    "halving": 0.0,
    "difference": False,
    "curriculum": None,
    "tier": CALM,
    "option": [],
    "practice": [],
    "practice_option": [],
    "mode": BETTER,
    "horizon": "infinite",
    "rollout": 128,
    "twins": 1,
}
"""What trainings did of which older ones say nothing."""


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    _what(parser.add_argument_group("what is trained on"))
    _how(parser.add_argument_group("how"))
    _seen(parser.add_argument_group("what is seen of it"))
    resumable(parser)


def _default(group: Any, name: str, text: str, **how: Any) -> None:
    """An option that the table of defaults knows."""
    usual = ANY[name.strip("-").replace("-", "_")]
    told = "" if usual in (None, ()) else f"{usual}; "
    group.add_argument(name, default=None, help=f"{text} (default: {told}in a tier, the recipe's)", **how)


def _what(group: Any) -> None:
    add(group, "--problem", "tasking_v0", "decision problem, by name or module:Class", metavar="NAME")
    add(group, "--scenario", None, "scenarios, by name or YAML file; it is judged on the first", nargs="+",
        action="store", metavar="NAME")  # fmt: skip
    add(group, "--tier", None, f"{', '.join(TIERS)}: its scenario and recipe, where no scenario is named, "
        "and what is drawn", metavar="TIER")  # fmt: skip
    add(group, "--curriculum", None, "tiers to be trained on one after the other, for as many steps each: "
        "calm,tight,scarce; it is judged on the last", metavar="TIERS")  # fmt: skip
    _default(group, "--draws", "further scenarios, drawn at random for training", type=int, metavar="N")
    _default(group, "--hours", "simulated hours of an episode", type=float, metavar="H")
    group.add_argument("--set", nargs="+", action="extend", default=[], metavar="FIELD=VALUE",
                       help="replace fields of the scenarios")  # fmt: skip
    group.add_argument("--option", nargs="+", action="extend", default=[], metavar="NAME=VALUE",
                       help="options of the problem, e.g. consult=true")  # fmt: skip
    _default(group, "--practice", "replace fields of the scenarios where it learns, not where it is judged",
             nargs="+", action="extend", metavar="FIELD=VALUE")  # fmt: skip
    _default(group, "--practice-option", "the same for options of the problem", nargs="+", action="extend",
             metavar="NAME=VALUE")  # fmt: skip
    _default(group, "--worlds", "worlds of each scenario", type=int, metavar="N")


def _how(group: Any) -> None:
    add(group, "--algorithm", "ppo", "ppo, ippo: the critic sees what satellites see; mappo: also the state",
        choices=ALGORITHMS)  # fmt: skip
    add(group, "--steps", None, f"agent-steps for each seed (default: {DEFAULT_STEPS:,})", type=count,
        metavar="N")  # fmt: skip
    add(group, "--minutes", None, "minutes of processor time for each seed", type=float, metavar="M")
    add(group, "--seeds", 1, "trainings, seeded SEED, SEED+1, ...", type=int, metavar="N")
    add(group, "--seed", 0, "of the first training", type=int, metavar="K")
    _default(group, "--clone", "begin as a copy of a heuristic, the planner, or a trained policy's folder; "
             "best: of the best heuristic; none: of nobody", metavar="NAME")  # fmt: skip
    _default(group, "--clone-steps", "agent-steps to copy from", type=count, metavar="N")
    _default(group, "--warm", "iterations after it in which the critic alone learns", type=int, metavar="N")
    add(group, "--memory", 0, "size of a recurrent layer (GRU); 0 for none", type=int, metavar="N")
    add(group, "--critic", "separate", "layers of its own, or a second head on the actor's",
        choices=("separate", "shared"))  # fmt: skip
    add(group, "--hidden", 64, "width of a layer", type=int, metavar="N")
    _default(group, "--rate", "learning rate at first", type=float, metavar="R")
    _default(group, "--halving", "agent-steps after which the highest rate is a half, after twice as many a "
             "third ...; 0 for never", type=float, metavar="N")  # fmt: skip
    _default(group, "--target-kl", "divergence of an update that the rate is adapted to", type=float,
             metavar="K")  # fmt: skip
    _default(group, "--epochs", "times that what was played is learned from", type=int, metavar="N")
    _default(group, "--share", "of what was played, learned from", type=float, metavar="S")
    _default(group, "--rollout", "rounds that are played between two updates", type=int, metavar="N")
    _default(group, "--twins", "worlds of each scenario that meet the same luck (seeds) and are held against "
             "each other", type=int, metavar="N")  # fmt: skip
    _default(group, "--horizon", "infinite: where time is up, the critic's estimate of what would have come "
             "counts; finite: nothing comes", choices=HORIZONS)  # fmt: skip
    _default(group, "--gamma", "discount of a round", type=float, metavar="G")
    _default(group, "--lam", "mixing of returns (lambda) at a decision, for the actor", type=float,
             metavar="L")  # fmt: skip
    _default(group, "--entropy", "price of certainty", type=float, metavar="E")
    _default(group, "--team-share", "of the reward that is the fleet's mean", type=float, metavar="S")
    _default(group, "--anchor", "price of going from what was cloned", type=float, metavar="P")
    _default(group, "--mode", "what the kept policy plays: argmax (the likeliest action), sample (one drawn) "
             "or better (whichever earns more when it is judged)", choices=(BETTER, *MODES))  # fmt: skip
    group.add_argument("--difference", action="store_true",
                       help="pay what the fleet would lose without each: 1 + N times the worlds")  # fmt: skip
    group.add_argument("--no-normalise", action="store_true",
                       help="leave observations and rewards as they are")  # fmt: skip
    group.add_argument("--no-semi-markov", action="store_true",
                       help="count rounds without a choice as decisions")  # fmt: skip
    add(group, "--device", "cpu", "cpu, or cuda:0", metavar="NAME")
    add(group, "--threads", 1, "threads of torch", type=int, metavar="N")


def _seen(group: Any) -> None:
    add(group, "--out", None, "folder (default: results/train-PROBLEM-SCENARIO-ALGORITHM)", metavar="DIR")
    group.add_argument("--fresh", action="store_true", help="forget a training that the folder holds")
    _default(group, "--evaluate", "agent-steps between two evaluations", type=count, metavar="N")
    _default(group, "--evaluate-worlds", "held-out seeds of an evaluation", type=int, metavar="N")
    group.add_argument("--planner", action="store_true", help="the planner beside it, which costs minutes")
    add(group, "--track", None, "logs, repeated for several; W&B is offline without WANDB_MODE, MLflow in "
        "the folder without MLFLOW_TRACKING_URI (default: tensorboard, where it is installed)",
        action="append", choices=("tensorboard", "wandb", "mlflow", "none"))  # fmt: skip
    group.add_argument("--quiet", action="store_true", help="print nothing but errors")
    group.add_argument("--json", type=json_path, metavar="FILE", help="also write the evaluations here")


def count(text: str) -> int:
    """A whole number, also as 2_000_000, 2e6 or 2M."""
    units = {"k": 1e3, "M": 1e6}
    value = float(text[:-1]) * units[text[-1]] if text[-1:] in units else float(text.replace("_", ""))
    return int(value)


def fill(told: Namespace, problem: str) -> None:
    """Put the defaults in the place of what was left out; a scenario that is named is of no tier.

    Raises SandboxError for a tier that is unknown, and an anchor without anything cloned.
    """
    if told.tier not in (None, *TIERS):
        raise unknown_name("tier", told.tier, TIERS)
    team_share, anchor = told.team_share, told.anchor
    usual = recipe(problem, None if told.scenario else told.tier)
    if told.algorithm == "mappo" and usual["draws"] and told.draws is None:  # a state is that of one fleet
        usual |= {"draws": 0, "worlds": usual["worlds"] * (1 + usual["draws"])}
    for name, value in usual.items():
        if getattr(told, name) is None:
            setattr(told, name, list(value) if isinstance(value, tuple) else value)
    for name in ("practice", "practice_option"):
        if getattr(told, name) == ["none"]:
            setattr(told, name, [])
    if told.difference and not team_share:
        told.team_share = 0.0
    if told.clone == "none":
        told.clone = None
    if anchor and told.clone is None:
        raise SandboxError(
            f"--anchor {anchor:g} holds a policy near what it was cloned from, and nothing is cloned; name a "
            "policy with --clone, or leave --anchor out."
        )


def check(told: Namespace) -> None:
    """Raises SandboxError for numbers that no training can have."""
    least = {"worlds": 1, "seeds": 1, "seed": 0, "draws": 0, "memory": 0, "hidden": 1, "threads": 1,
             "epochs": 1, "evaluate": 1, "evaluate_worlds": 1, "clone_steps": 1, "warm": 0,
             "halving": 0, "rollout": 1, "twins": 1}  # fmt: skip
    least |= {"steps": 0} if told.steps is not None else {}
    for name, bound in least.items():
        if getattr(told, name) < bound:
            raise SandboxError(f"{flag(name)} {getattr(told, name)}: give at least {bound}.")
    bounds = dict.fromkeys(("gamma", "lam", "team_share", "rate", "entropy", "anchor"), (0.0, 1.0))
    bounds |= dict.fromkeys(("share", "target_kl"), (1e-3, 1.0))
    for name, (low, high) in bounds.items():
        if not low <= getattr(told, name) <= high:
            raise SandboxError(f"{flag(name)} {getattr(told, name)}: give {low:g} to {high:g}.")
    if told.minutes is not None and not told.minutes >= 0.0:
        raise SandboxError(f"--minutes {told.minutes}: give at least 0.")
    if told.worlds % told.twins:
        raise SandboxError(
            f"--twins {told.twins} does not divide the {told.worlds} worlds of a scenario; give another "
            "--worlds, or --twins 1."
        )
    if told.rollout > MOST_ROUNDS:
        raise SandboxError(f"--rollout {told.rollout}: give at most {MOST_ROUNDS}.")
    if told.memory and told.rollout < SEQUENCE:
        raise SandboxError(
            f"--memory is learned through {SEQUENCE} rounds, and --rollout is {told.rollout}; give as many."
        )
    if told.difference and told.team_share:
        raise SandboxError("--difference and --team-share exclude each other; choose one.")
    if told.critic == "shared" and (told.memory or told.algorithm == "mappo"):
        raise SandboxError(
            "--critic shared is for ppo without --memory: there the critic sees what the actor sees."
        )


def arguments(told: Namespace) -> dict[str, Any]:
    """All that the curve depends on, but for the seed and how long it gets."""
    found = {name: value for name, value in vars(told).items() if name not in _APART and not callable(value)}
    found["tier"] = found["tier"] or CALM
    return {name: value for name, value in found.items() if name not in _BEFORE or value != _BEFORE[name]}


def changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What was said otherwise when a training began, by option, with both values."""
    return differences(old, new, _BEFORE)
