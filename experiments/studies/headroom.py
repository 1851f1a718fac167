"""How much is left to win, and what it costs not to look: heuristics, planner and bound, tier by tier.

    python -m experiments headroom                                            # all problems and tiers
    python -m experiments headroom --problem tasking_v0 --tier scarce --seeds 4
    python -m experiments headroom --problem operations_v0 --set orders.split=heldout

For each problem and tier (`experiments.tiers`) the same seeded episodes are played by chance, by every
heuristic, of which the best one counts, by the onboard planner, which searches as hard as the planner but
knows only what is known on board, and by the planner, which sees the truth; where there is a bound on what
anybody can earn (`planner_gap`), it stands beside them. Then the best heuristic plays again, each time
blind to one limit (`agents.blind`): the features that tell of it say that all is well. Of a limit that it
does not look at nothing is said.

A score is the team's return in percent of the planner's, where 0 is what `idle` gets in the same episodes:
the sum over the episodes divided by the planner's sum. Intervals are 95 %, with the episodes drawn anew.
A problem without a planner, operations_v0, is measured by who is told what orders in words mean, `oracle`,
under the same rules as `deaf`, who reads none, `keyword`, and `nano`, a language model whose reading is not
charged here.
The planners take nearly all of the time, some minutes an episode each. Leaves `headroom.json`,
`headroom.csv` and `headroom.png`.
"""

from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents import make_policy, policy_names
from agents.blind import LIMITS, Blind, hidden_features
from agents.policy import MINDS, YARDSTICKS
from envs.batch import BatchEnv
from envs.episodes import known_as, make_env
from envs.registry import find
from experiments.plotting import style
from experiments.running.cli import changes_in
from experiments.running.journal import Journal
from experiments.running.options import add, common, resumable
from experiments.running.progress import Line, bar, tracked
from experiments.running.rollout import Round, Watcher, play
from experiments.running.run_folder import keep_records, scenario_hash
from experiments.running.statistics import NONE, Estimate, per_unit, with_bounds
from experiments.studies.planner_gap import BOUNDS
from experiments.studies.study import Study
from experiments.tiers import PROBLEMS, TIERS, tier_hours, tier_scenario
from sandbox.errors import SandboxError, unknown_name
from sandbox.scenario import Scenario, load_scenario
from sandbox.terminal import say

ZERO, CHANCE, ONBOARD, YARDSTICK, BOUND = "idle", "random", "onboard", "planner", "bound"
READER = "oracle"
"""The yardstick of a problem without a planner: it is told what orders in words mean."""
NO_HEURISTICS = (ZERO, CHANCE, *YARDSTICKS, READER, *MINDS)
NOTHING: Mapping[str, Any] = MappingProxyType({})
Records = list[dict[str, Any]]


class _Returns(Watcher):
    """The team's return in every world."""

    def start(self, env: BatchEnv) -> None:
        self.sums = np.zeros(env.worlds)

    def after(self, env: BatchEnv, played: Round) -> None:
        self.sums += played.reward.sum(axis=-1)


class _Case:
    """A problem in a tier, and what was earned in its episodes."""

    def __init__(
        self,
        problem: str,
        tier: str,
        hours: float | None,
        journal: Journal | None,
        changes: Mapping[str, Any],
    ) -> None:
        self.problem, self.tier, self.journal = problem, tier, journal
        scenario: Scenario = tier_scenario(problem, tier)
        self.scenario = load_scenario(scenario, changes) if changes else scenario
        self.hours = tier_hours(problem, tier) if hours is None else hours
        self._line = Line()

    def returns(self, policy: str, seeds: Sequence[int], blind_to: str = "") -> NDArray[np.float64]:
        """What the team of `policy` earns in the episode of each seed."""
        # planners take minutes an episode: each is kept by itself, so that little of its work is lost
        groups = [[seed] for seed in seeds] if policy in (*YARDSTICKS, BOUND) else [list(seeds)]
        found: list[float] = []
        for group in tracked(groups, f"  {policy}"):
            part = [self.problem, self.tier, scenario_hash(self.scenario), self.hours]
            part += [policy, blind_to, group]
            play_it = partial(self._played, policy, group, blind_to)
            found += self.journal.once(part, play_it) if self.journal else play_it()
        self._line.more()
        return np.array(found)

    def _played(self, policy: str, seeds: Sequence[int], blind_to: str) -> list[float]:
        with closing(make_env(self.problem, self.scenario, self.hours, len(seeds))) as env:
            if policy == BOUND:
                env.reset(seeds[0])
                return [float(BOUNDS[self.problem](env, b)) for b in range(len(seeds))]
            decider = make_policy(policy, env)
            earned = _Returns()
            with closing(Blind(env, decider, blind_to) if blind_to else decider) as player:
                play(env, player, seeds[0], [earned])
        return [float(sum_) for sum_ in earned.sums]

    def limits(self) -> list[str]:
        """The limits that the problem has features of."""
        with closing(make_env(self.problem, self.scenario, self.hours)) as env:
            return [limit for limit in LIMITS if hidden_features(env.layout, limit)]

    def records(self, seeds: Sequence[int], limits: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Who earned what, a record each, as soon as it is known."""
        blind = [limit for limit in self.limits() if limit in limits]
        with bar(f"{self.problem} {self.tier}", self._policies() + len(blind)) as self._line:
            yield from self._records(seeds, [limit for limit in limits if limit in blind])

    def _policies(self) -> int:
        """How many play, seeing everything; with the bound."""
        own = find(self.problem).policies
        names = [name for name in policy_names(self.problem) if name in own or name not in MINDS]
        return len(names) + (self.problem in BOUNDS)

    def _records(self, seeds: Sequence[int], limits: Sequence[str]) -> Iterator[dict[str, Any]]:
        names = policy_names(self.problem)
        top = YARDSTICK if YARDSTICK in names else READER
        idle, planner = (self.returns(name, seeds) for name in (ZERO, top))
        heuristics = [name for name in names if name not in NO_HEURISTICS]
        readers = [name for name in find(self.problem).policies if top == READER and name != READER]
        earned = {name: self.returns(name, seeds) for name in dict.fromkeys((*heuristics, *readers))}
        best = max(heuristics, key=lambda name: float(earned[name].sum()))
        yield self._record(CHANCE, "", self.returns(CHANCE, seeds), idle, planner)
        for name in readers:
            if name != best:
                yield self._record(name, "", earned[name], idle, planner)
        yield self._record(best, "", earned[best], idle, planner)
        if ONBOARD in names:
            yield self._record(ONBOARD, "", self.returns(ONBOARD, seeds), idle, planner)
        yield self._record(top, "", planner, idle, planner)
        if self.problem in BOUNDS:
            yield self._record(BOUND, "", self.returns(BOUND, seeds), idle, planner)
        for limit in limits:
            blinded = self.returns(best, seeds, limit)
            if not np.array_equal(blinded, earned[best]):  # else it does not look there
                yield self._record(best, limit, blinded, idle, planner)

    def _record(
        self, policy: str, blind_to: str, earned: NDArray, idle: NDArray, planner: NDArray
    ) -> dict[str, Any]:
        score = percent(earned - idle, planner - idle)
        return {
            "problem": self.problem, "tier": self.tier, "scenario": self.scenario.name, "policy": policy,
            "blind_to": blind_to, "score": score.value, "low": score.low, "high": score.high,
            "hours": self.hours, "episodes": len(idle),
        }  # fmt: skip


def percent(earned: NDArray, planner: NDArray) -> Estimate:
    """The sum of `earned` (episodes,) in percent of the planner's; NONE where the planner earned nothing."""
    if planner.sum() <= 0.0:
        return NONE
    return Estimate(*(100.0 * bound for bound in per_unit(earned, planner)))


def headroom(
    problems: Sequence[str] = tuple(PROBLEMS),
    tiers: Sequence[str] = TIERS,
    limits: Sequence[str] = tuple(LIMITS),
    hours: float | None = None,
    seeds: int = 4,
    seed: int = 0,
    report: Callable[[dict[str, Any]], None] | None = None,
    journal: Journal | None = None,
    changes: Mapping[str, Any] = NOTHING,
) -> Records:
    """A record for each problem, tier, policy and limit that the best heuristic was blind to.

    Args:
        limits: of `agents.blind.LIMITS`; those that a problem has no features of are passed over.
        hours: of an episode; by default those of `tier_hours`.
        seeds: episodes, seeded seed, seed + 1, ...
        report: called with every record as soon as it is known.
        journal: what is in it is not played again.
        changes: fields of the scenarios that are replaced.

    A record holds problem, tier, scenario, policy, blind_to (empty for who sees everything), score (percent
    of the planner) with its bounds low and high, hours and episodes. Raises SandboxError for bad input.
    """
    if seeds < 1 or seed < 0:
        raise SandboxError(f"seeds = {seeds} from seed = {seed}; give at least 1 seed, from 0 on.")
    for limit in limits:
        if limit not in LIMITS:
            raise unknown_name("limit", limit, LIMITS)
    cases = [
        _Case(known_as(problem), tier, hours, journal, changes)
        for problem in dict.fromkeys(problems)
        for tier in dict.fromkeys(tiers)
    ]  # an unknown one is an error before anything is played
    records: Records = []
    for case in tracked(cases, "tiers"):
        for record in case.records(range(seed, seed + seeds), limits):
            records.append(record)
            if report:
                report(record)
    return records


def draw(records: Sequence[dict[str, Any]], path: Path | None = None) -> Any:
    """Percent of the planner with intervals, a panel a problem, its tiers in order. Returns the figure."""
    from matplotlib.figure import Figure

    problems = list(dict.fromkeys(record["problem"] for record in records))
    told = [r for r in records if r["policy"] not in (YARDSTICK, READER)]
    shown = {p: [r for r in told if r["problem"] == p] for p in problems}
    heights = [max(1, len(rows)) for rows in shown.values()]
    height = 1.6 + sum(0.27 * rows + 0.75 for rows in heights)
    with style.styled():
        figure = Figure((8.6, height), dpi=150)
        panels = figure.subplots(len(problems), 1, squeeze=False, height_ratios=heights)[:, 0]
        figure.subplots_adjust(
            0.3, 0.5 / height, 0.97, 1.0 - 1.3 / height, hspace=0.75 * len(heights) / sum(heights)
        )
        for axes, (problem, rows) in zip(panels, shown.items(), strict=True):
            _panel(axes, problem, rows)
        style.headline(
            figure, {"scenario": "Headroom"}, 0.3,
            "percent of the planner, 95 % interval; hollow: the best heuristic, blind to a limit",
        )  # fmt: skip
        return style.save(figure, path)


COLOURS = {"calm": style.BLUE, "tight": style.ORANGE, "scarce": style.VERMILLION}


def _panel(axes: Any, problem: str, rows: Sequence[dict[str, Any]]) -> None:
    for y, row in enumerate(rows):
        score, colour = row["score"], COLOURS[row["tier"]]
        axes.plot((row["low"], row["high"]), (y, y), color=colour, lw=1.6, alpha=0.6)
        axes.plot(score, y, "o", ms=5, color=colour, mfc="white" if row["blind_to"] else colour)
    names = [f"{row['tier']}   {_who(row)}" for row in rows]
    axes.set_yticks(range(len(rows)), names)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.axvline(100.0, color=style.GREY, lw=0.9, ls=(0, (4, 3)))
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:.0f} %")
    axes.grid(axis="x")
    style.caption(axes, problem)


def _who(record: dict[str, Any]) -> str:
    return f"blind to {record['blind_to']}" if record["blind_to"] else record["policy"]


def run(told: Any) -> None:
    import pandas

    options = {"problems": told.problem, "tiers": told.tier, "limits": told.limits, "hours": told.hours}
    options |= {"seeds": told.seeds, "seed": told.seed, "changes": changes_in(told.set)}
    study = Study.of(told, "headroom", ".csv", options)
    told.interrupted = journal = Journal(told.out, "headroom", {})
    say(f"{'problem':14}{'tier':8}{'policy':20}{'% of the planner':>26}{'costs':>9}")
    sighted: dict[tuple[str, str], float] = {}
    records = headroom(**options, report=lambda record: say(_line(record, sighted)), journal=journal)
    if told.json:
        keep_records(told.json, "headroom", records)
    study.keep({"records": records}, pandas.DataFrame(records), lambda path: draw(records, path))
    journal.done()
    say(f"Results in {told.out}/")


def _line(record: dict[str, Any], sighted: dict[tuple[str, str], float]) -> str:
    """A record in words; `sighted` keeps what the heuristics earned that see everything."""
    case, costs = (record["problem"], record["tier"]), ""
    if record["blind_to"]:
        costs = f"{100.0 * (1.0 - record['score'] / sighted[case]):.1f} %"
    elif record["policy"] not in (CHANCE, READER, *YARDSTICKS, BOUND):
        sighted[case] = record["score"]
    score = with_bounds("{:.1f}".format, record["score"], record["low"], record["high"])
    return f"{case[0]:14}{case[1]:8}{_who(record):20}{score:>26}{costs:>9}"


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    add(parser, "--problem", list(PROBLEMS), "decision problems", nargs="+", metavar="NAME")
    add(parser, "--tier", list(TIERS), "how scarce things are", nargs="+", metavar="TIER")
    add(parser, "--limits", list(LIMITS), "that the heuristic is blind to", nargs="+", metavar="LIMIT")
    hours = "simulated (default: 12, 1, 48, 4 and 4 in the order of the problems)"
    add(parser, "--hours", None, hours, type=float, metavar="H")
    parser.add_argument("--set", nargs="+", default=[], metavar="FIELD=VALUE",
                        help="replace fields of the scenarios, e.g. orders.split=heldout")  # fmt: skip
    common(parser, out="results/headroom", seeds=4, seed=0)
    resumable(parser)
