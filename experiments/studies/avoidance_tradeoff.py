"""What avoidance costs and saves: collisions and fuel over the threshold and the time of decision.

    python -m experiments avoidance_tradeoff                          # crossing_12, 32 seeds, 26 policies
    python -m experiments avoidance_tradeoff --seeds 8 --thresholds 1e-5 1e-4 1e-3 --leads 6 24
    python -m experiments avoidance_tradeoff --scenario debris_24 --importance --thresholds 1e-4 --leads 24

Every policy meets the same encounters: `never`, and `threshold` with each threshold on the probability of a
warning and each lead, the hours before an encounter within which it decides. `late_threshold` is the one of
1e-4 and 6 h. Rates are per satellite-year of life in the scenario. Where it stages encounters, table and
figure say so: these are far more frequent than real ones, so compare the rates and do not quote them. In
`debris_24` nothing is staged, and a collision comes once in hundreds of satellite-years: with `--importance`
one pass that each satellite has in an episode is drawn anew, near, and its hits are weighed
(`sandbox.near_passes`), so that such a rate has an interval. Of fuel and days out of the slot it then tells
too much: the pass drawn near gives warnings that would not be; take those from a run without. Leaves
`tradeoff.json`, `tradeoff.parquet` and `tradeoff.png`.
"""

from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from agents.avoidance import Never, Threshold
from agents.policy import Policy
from envs.batch import BatchEnv
from envs.episodes import make_env
from experiments.plotting import style
from experiments.running.journal import Journal
from experiments.running.options import add, common, resumable
from experiments.running.progress import tracked
from experiments.running.rollout import Round, Watcher, play
from experiments.running.run_folder import keep_records
from experiments.running.statistics import per_unit, with_bounds
from experiments.studies.study import Study
from sandbox.errors import SandboxError
from sandbox.near_passes import HIT_SHARE
from sandbox.scenario import load_scenario
from sandbox.terminal import say

THRESHOLDS = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
LEADS_H = (3.0, 6.0, 12.0, 24.0, 36.0)
YEAR_S = 365.25 * 86_400.0
NO_EVENT = 3.69
"""Events that a Poisson process may have meant when none was seen, with 97.5 % confidence: -ln 0.025."""
RATES = ("collisions", "fuel_m_s", "days_out_of_slot")
APART = 1.14
"""Factor between the lines of a panel along the thresholds."""
COLOURS = (style.VERMILLION, style.ORANGE, style.GREEN, style.SKY, style.BLUE, style.PURPLE, style.INK)


class _Counts(Watcher):
    """Sums for every world: what happened, and the satellite-years in which it could."""

    def start(self, env: BatchEnv) -> None:
        self._at = {name: env.terms.index(name) for name in ("collided", "burned_m_s", "out_of_slot")}
        self._years = env.world.scenario.round_s / YEAR_S
        self.years, self.sums = np.zeros(env.worlds), np.zeros((len(RATES), env.worlds))
        self._alive = env.world.state.body["alive"].copy()
        self._weighed = env.world.scenario.encounters.importance_sampling
        self._hits, self.direct = np.zeros(env.worlds), 1.0
        """What a direct hit stands for, in the mean."""
        if self._weighed:  # whoever is hit would have lived, all but surely
            self.years += env.world.satellites * env.world.horizon_s / YEAR_S
            rules, rows = env.world.scenario.encounters, env.world.encounters.state.encounter
            passes = np.isfinite(rows["tca"]).sum(axis=-1)
            near = (rules.hard_body_radius_m / (1e3 * rules.watch_km)) ** 2 / HIT_SHARE
            self.direct = near * float(passes.sum()) / max(1, np.count_nonzero(passes))

    def after(self, env: BatchEnv, played: Round) -> None:
        if not self._weighed:
            self.years += self._alive.sum(axis=-1) * self._years
        self._alive = env.world.state.body["alive"].copy()
        of_day = self._years * YEAR_S / 86_400.0
        for row, (name, scale) in enumerate(zip(self._at, (1.0, 1.0, of_day), strict=True)):
            self.sums[row] += scale * played.terms[..., self._at[name]].sum(axis=-1)
        if self._weighed:
            passing = env.world.encounters.state.passing
            self._hits += passing["weight"].sum(axis=-1)
            self.sums[0] = self._hits


def tradeoff(
    scenario: Any = "crossing_12",
    thresholds: Sequence[float] = THRESHOLDS,
    leads_h: Sequence[float] = LEADS_H,
    hours: float | None = None,
    seeds: int = 32,
    seed: int = 0,
    importance: bool = False,
    report: Callable[[dict[str, Any]], None] | None = None,
    journal: Journal | None = None,
) -> list[dict[str, Any]]:
    """A row for `never`, then one for each threshold and lead, over the same seeded episodes.

    A row holds policy, threshold, lead_h, satellite_years and, for every rate in `RATES`, NAME with bounds
    NAME_low and NAME_high; and staged, whether encounters are. With `importance` collisions are estimated by
    importance sampling; the scenario has to have a population and nothing staged. `report` is called with
    every row as soon as it is known; those that are in the `journal` are not played again. Raises
    SandboxError for thresholds that are no probabilities, leads that are not positive, and fewer than one
    seed.
    """
    if seeds < 1 or seed < 0:
        raise SandboxError(f"seeds = {seeds} from seed = {seed}; give at least 1 seed, from 0 on.")
    for name, values, top in (("thresholds", thresholds, 1.0), ("leads_h", leads_h, np.inf)):
        if not values or not all(0.0 < value < top for value in values):
            raise SandboxError(
                f"{name} = {list(values)}; give numbers above 0" + (" and below 1." if top == 1 else ".")
            )
    rows = []
    changes = {"encounters.importance_sampling": True} if importance else {}
    with closing(make_env("avoidance_v0", load_scenario(scenario, changes), hours, seeds)) as env:
        staged = {"staged": env.world.scenario.encounters.staged_per_day > 0.0}
        cases = list(_policies(env, thresholds, leads_h))
        for policy, known in tracked(cases, "policies"):
            play_it = partial(_measured, env, policy, seed)
            rows.append(known | staged | (journal.once(known, play_it) if journal else play_it()))
            if report:
                report(rows[-1])
    return rows


def _policies(env: BatchEnv, thresholds: Sequence[float], leads_h: Sequence[float]):
    yield Never(env), {"policy": "never", "threshold": None, "lead_h": None}
    for lead in leads_h:
        for threshold in thresholds:
            policy = Threshold(env, threshold=threshold, decide_h=lead)
            yield policy, {"policy": "threshold", "threshold": threshold, "lead_h": lead}


def _measured(env: BatchEnv, policy: Policy, seed: int) -> dict[str, float]:
    counts = _Counts()
    play(env, policy, seed, [counts])
    found: dict[str, float] = {"satellite_years": float(counts.years.sum())}
    for name, sums in zip(RATES, counts.sums, strict=True):
        rate = per_unit(sums, counts.years)
        if name == "collisions" and not sums.any():  # resampling no events gives none
            rate = rate._replace(high=NO_EVENT * counts.direct / float(counts.years.sum()))
        found |= {name: rate.value, f"{name}_low": rate.low, f"{name}_high": rate.high}
    return found


def draw(rows: Sequence[dict[str, Any]], title: str, path: Path | None = None) -> Any:
    """Collisions, fuel and days out of the slot over the threshold, a line a lead. Returns the figure."""
    from matplotlib.figure import Figure

    never, *others = rows
    leads = sorted({row["lead_h"] for row in others})
    thresholds = sorted({row["threshold"] for row in others})
    panels = (
        ("collisions", "Collisions", "per satellite-year"),
        ("fuel_m_s", "Fuel, m/s", "per satellite-year"),
        ("days_out_of_slot", "Days out of the slot", "per satellite-year"),
    )
    with style.styled():
        figure = Figure((8.0, 9.6), dpi=150)
        grid = figure.subplots(len(panels), 1, sharex=True)
        figure.subplots_adjust(0.1, 0.07, 0.97, 0.875, hspace=0.28)
        for axes, (name, label, remark) in zip(grid, panels, strict=True):
            for place, (colour, lead) in enumerate(zip(COLOURS, leads, strict=False)):
                mine = [row for row in others if row["lead_h"] == lead]
                _curve(axes, mine, name, APART ** (place - 0.5 * (len(leads) - 1)), colour, f"{lead:g} h")
            if name == "collisions":
                axes.axhline(never[name], color=style.GREY, lw=0.9, ls=(0, (4, 3)))
                axes.axhspan(never[f"{name}_low"], never[f"{name}_high"], color=style.PALE, alpha=0.35, lw=0)
                note: dict[str, Any] = {
                    "xycoords": ("axes fraction", "data"),
                    "xytext": (4, 4),
                    "textcoords": "offset points",
                    "color": style.GREY,
                    "size": 8,
                }
                axes.annotate("never burning", (0.0, never[name]), **note)
                axes.set_yscale("symlog", linthresh=1.0)
                style.plain_numbers(axes.yaxis)
            axes.set_ylim(bottom=0.0)
            axes.set_xscale("log")
            axes.set_xlim(0.5 * min(thresholds), 2.0 * max(thresholds))
            axes.set_xticks(thresholds)
            axes.minorticks_off()
            style.plain_numbers(axes.xaxis)
            axes.grid(axis="y")
            style.caption(axes, label, remark)
        grid[-1].set_xlabel("Probability above which it burns")
        beside = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0), "borderaxespad": 0.2}
        grid[0].legend(title="decides within", ncols=len(leads), **beside)
        years = never["satellite_years"]
        style.headline(figure, {"scenario": title}, 0.5, f"bars: 95 %, {years:.2g} satellite-years a policy")
        return style.save(figure, path)


def _curve(
    axes: Any, rows: Sequence[dict[str, Any]], name: str, shift: float, colour: str, label: str
) -> None:
    """A line with its intervals, moved sideways by the factor `shift`, so that none hides another."""
    rate, low, high = (np.array([row[name + end] for row in rows]) for end in ("", "_low", "_high"))
    x = np.array([row["threshold"] for row in rows]) * shift
    how: dict[str, Any] = {
        "ms": 3.5,
        "lw": 1.3,
        "elinewidth": 0.9,
        "capsize": 1.5,
        "color": colour,
        "label": label,
    }
    axes.errorbar(x, rate, (rate - low, high - rate), fmt="o-", **how)


def run(told: Any) -> None:
    import pandas

    scenario = load_scenario(told.scenario)
    options = {"thresholds": told.thresholds, "leads_h": told.leads, "hours": told.hours}
    options |= {"seeds": told.seeds, "seed": told.seed, "importance": told.importance}
    study = Study.of(told, "tradeoff", ".parquet", options | {"scenario": scenario.name})
    told.interrupted = journal = Journal(
        told.out, "avoidance_tradeoff", options | {"scenario": scenario.model_dump(mode="json")}
    )
    say(_HEAD)
    rows = tradeoff(scenario, **options, report=lambda row: say(_line(row)), journal=journal)
    hours = told.hours or scenario.horizon_h
    remark = _remark(rows[0]["staged"], told.importance)
    title = f"The price of avoidance: {scenario.name}, {hours:g} h{remark}"
    if told.json:
        keep_records(told.json, "avoidance_tradeoff", rows, scenario=scenario.name, hours=hours)
    study.keep({"rows": rows}, pandas.DataFrame(rows), lambda path: draw(rows, title, path))
    journal.done()
    say(f"Rates per satellite-year [95 % interval]{remark}. Results in {told.out}/")


def _remark(staged: bool, importance: bool) -> str:
    """What has to be known of how often encounters come."""
    return "; encounters are staged" if staged else "; importance sampling" if importance else ""


_HEAD = f"{'threshold':>10}{'lead, h':>9}{'collisions':>28}{'fuel, m/s':>26}{'days out of slot':>26}"


def _line(row: dict[str, Any]) -> str:
    who = ("never", "-") if row["threshold"] is None else (f"{row['threshold']:.0e}", f"{row['lead_h']:g}")
    cells = [
        with_bounds("{:.3g}".format, *(row[f"{name}{end}"] for end in ("", "_low", "_high")))
        for name in RATES
    ]
    return f"{who[0]:>10}{who[1]:>9}{cells[0]:>28}{cells[1]:>26}{cells[2]:>26}"


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    add(parser, "--scenario", "crossing_12", "scenario or YAML file", metavar="NAME")
    add(parser, "--thresholds", list(THRESHOLDS), "on the probability", nargs="+", type=float, metavar="P")
    add(parser, "--leads", list(LEADS_H), "hours before an encounter", nargs="+", type=float, metavar="H")
    add(parser, "--hours", None, "simulated (default: the scenario's)", type=float, metavar="H")
    parser.add_argument("--importance", action="store_true", help="importance sampling of collisions")
    common(parser, out="results/avoidance_tradeoff", seeds=32, seed=0)
    resumable(parser)
