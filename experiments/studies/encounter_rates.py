"""How often a satellite is warned, beside what operators publish: no policy, no burns.

    python -m experiments encounter_rates                             # debris_24, 10 days, a day ahead
    python -m experiments encounter_rates --days 2 --lead 36 --draws 200

Every pass of the scenario's population within `watch_km` of its orbits gets warnings with many draws of their
errors. Counted are those above each probability at the update that applies so many hours ahead: what an
operator acts on who burns above that probability. The rates are per satellite-year, with the interval that
resampling the passes gives. Published, as far as their satellites and rules go (`PUBLISHED`): within a factor
of three.
"""

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.running.options import add, common
from experiments.running.progress import bar, tracked
from experiments.running.run_folder import keep_records
from experiments.studies.avoidance_tradeoff import YEAR_S
from sandbox.compiled import kernel
from sandbox.encounter_warnings import warn
from sandbox.encounters import ENCOUNTER, WARNING, make_params, own_unknown, population_passes
from sandbox.errors import SandboxError
from sandbox.maneuvers import write_axes
from sandbox.scenario import load_scenario
from sandbox.setting import make_setting
from sandbox.terminal import say
from sandbox.units import DAY, HOUR

THRESHOLDS = (3e-7, 1e-6, 1e-5, 1e-4)
RESAMPLES = 2_000


class Published(NamedTuple):
    """Manoeuvres per satellite-year of an operator who acts above a probability."""

    threshold: float
    low: float
    high: float
    who: str


PUBLISHED = (
    Published(1e-4, 3.0, 4.0, "ESA, missions in low orbit, 2021"),
    Published(1e-5, 12.0, 13.0, "Starlink, December 2022 to May 2023: 25,299 of about 4,000 satellites"),
    Published(1e-6, 16.0, 18.0, "Starlink, December 2023 to May 2024: about 50,000 of 5,100 to 6,200"),
    Published(3e-7, 30.0, 36.0, "Starlink, June to November 2025: 148,696 of about 9,000"),
)


def encounter_rates(
    scenario: Any = "debris_24",
    thresholds: Sequence[float] = THRESHOLDS,
    days: float = 10.0,
    lead_h: float = 24.0,
    draws: int = 50,
    seed: int = 0,
) -> list[dict[str, float]]:
    """A row for each threshold: threshold, rate per satellite-year, low, high, passes, satellite_years.

    Raises SandboxError for a scenario without a population or catalogue, and numbers that are not positive.
    """
    scenario = load_scenario(scenario)
    settings = scenario.encounters
    if not (settings.population or settings.catalogue):
        raise SandboxError(f"{scenario.name} has no encounters.population or catalogue; choose debris_24.")
    if not (days > 0.0 and 0.0 < lead_h <= settings.warn_h and draws >= 1):
        raise SandboxError(
            f"days = {days:g}, lead_h = {lead_h:g}, draws = {draws}; give numbers above 0, and a lead of at "
            f"most encounters.warn_h = {settings.warn_h:g}."
        )
    setting = make_setting(scenario, 1, days * DAY)
    with bar("screening", 1.0) as line:
        passes = population_passes(setting, line.to)
    params = make_params(settings)
    updates = int(lead_h / settings.update_h) + 1
    rng, own = np.random.default_rng(seed), updates if own_unknown(settings) else 0
    above = np.zeros((len(passes), len(thresholds)))
    limits = np.array(thresholds, float)
    for i, found in enumerate(tracked(passes, "drawing errors")):
        error, mine = rng.standard_normal((draws, updates, 3)), rng.standard_normal((draws, own, 3))
        count_above(as_encounter(found, settings.hard_body_radius_m), error, mine, lead_h * HOUR, params,
        limits,
                    np.zeros(1, WARNING), above[i])  # fmt: skip
    years = len(setting.fleet) * days * DAY / YEAR_S
    return [
        {"threshold": float(limit), "passes": float(len(passes)), "satellite_years": years}
        | dict(zip(("rate", "low", "high"), _rate(column / draws, years), strict=True))
        for limit, column in zip(thresholds, above.T, strict=True)
    ]


def as_encounter(found: np.void, radius_m: float) -> np.ndarray:
    """A pass that screening found, as an encounter (1,) of the unburned orbit."""
    rows = np.zeros(1, ENCOUNTER)
    row, own, other = rows[0], found["state1"], found["state2"]
    row["tca"] = row["passing"] = found["tca"]
    row["state"], row["relative"], row["radius"] = other, other - own, radius_m
    write_axes(other, row["axes"])
    write_axes(own, row["own_axes"])
    return rows


@kernel
def count_above(rows, error, own_error, lead, params, limits, warnings, above):
    """Add to above (L,) how many draws of the errors warn of more than each of the limits (L,)."""
    for i in range(error.shape[0]):
        warn(rows[0], error[i], own_error[i], rows[0].tca - lead - 1.0, params, warnings[0])
        for j in range(limits.shape[0]):
            above[j] += warnings[0].probability > limits[j]


def _rate(shares: NDArray[np.float64], years: float) -> tuple[float, float, float]:
    """The rate and its interval: passes come as a Poisson process does, each with its share of the draws."""
    weights = np.random.default_rng(0).poisson(1.0, (RESAMPLES, len(shares)))
    low, high = np.percentile(weights @ shares / years, [2.5, 97.5])
    return float(shares.sum() / years), float(low), float(high)


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    add(parser, "--scenario", "debris_24", "scenario or YAML file", metavar="NAME")
    add(parser, "--days", 10.0, "screened", type=float, metavar="D")
    add(parser, "--lead", 24.0, "hours before an encounter", type=float, metavar="H")
    add(parser, "--draws", 50, "of the errors of each pass", type=int, metavar="N")
    common(parser, seed=0)


def run(told: Any) -> None:
    """Measure and print."""
    rows = encounter_rates(told.scenario, THRESHOLDS, told.days, told.lead, told.draws, told.seed)
    say(f"Warnings per satellite-year [95 %], {told.lead:g} h ahead, {rows[0]['satellite_years']:.2g} years")
    for row in rows:
        beside = [each for each in PUBLISHED if each.threshold == row["threshold"]]
        theirs = "; ".join(f"{each.low:g} to {each.high:g} ({each.who})" for each in beside)
        interval = f"[{row['low']:.3g}, {row['high']:.3g}]"
        say(f"  above {row['threshold']:.0e}: {row['rate']:.3g} {interval}   {theirs}")
    if told.json:
        keep_records(told.json, "encounter_rates", rows)
