"""Policies that were trained here and are shipped: `trained`, one for each tier of each problem.

A folder `PROBLEM_TIER` holds `policy.npz` and its card, as `python -m experiments train_table` leaves them in
`trained/`.
"""

from pathlib import Path
from typing import Any

from agents.network import FILE, Network, network_in
from agents.policy import Policy
from sandbox.errors import SandboxError

NAME, TIERS = "trained", ("tight", "scarce")
"""The name; tiers as they end the names of scenarios, those without such an ending are calm."""
ROOT = Path(__file__).parent
NOT_TRAINED = ("operations_v0",)
"""Problems without a shipped network: their orders in words want one that reads."""


def folder_of(problem: str, tier: str) -> Path:
    """Where the policy of a tier of a problem is shipped."""
    return ROOT / f"{problem}_{tier}"


def shipped() -> list[str]:
    """The names of the folders that hold a policy."""
    return sorted(folder.name for folder in ROOT.iterdir() if (folder / FILE).is_file())


def tier_of(scenario: str) -> str:
    """The tier that the name of a scenario speaks of."""
    return next((tier for tier in TIERS if scenario.endswith(f"_{tier}")), "calm")


class Trained(Policy):
    """What was trained for the problem and the tier of an environment, under the name `trained`."""

    def __new__(cls, env: Any) -> Network:  # type: ignore[misc]
        problem, scenario = env.problem.name, env.problem.mission.name
        tier = tier_of(scenario)
        folder = folder_of(problem, tier)
        if not (folder / FILE).is_file():
            there = ", ".join(shipped()) or "none yet"
            raise SandboxError(
                f"Policy 'trained': none is shipped for {problem} in {scenario} ({folder.name}; there are: "
                f"{there}); train one with: python -m experiments train --problem {problem} --tier {tier}"
            )
        return network_in(folder)(env)


def fitting(env: Any) -> Network | None:
    """What is shipped for the problem and the tier of `env`; None where there is none, or it was made to see
    or to do something else."""
    folder = folder_of(env.problem.name, tier_of(env.problem.mission.name))
    if not (folder / FILE).is_file():
        return None
    kind = network_in(folder)
    return kind(env) if kind.fits(env) else None
