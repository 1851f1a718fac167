"""What one benchmark run plays, from what the command line says, and the command that plays a part of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from shlex import join

from agents import policy_class, policy_names
from agents.policy import TOLD, YARDSTICKS
from agents.trained import NAME as TRAINED
from agents.trained import folder_of, tier_of
from agents.trained import shipped as shipped_networks
from envs.episodes import known_as
from envs.registry import find
from experiments.leaderboard.play import Episode, plays
from experiments.leaderboard.suite import FIRST_SEED, LAST_SEED, OWN, SUITES, Case, Task, case_of, make_task
from experiments.running.llm_config import QWEN
from experiments.tiers import PROBLEMS
from sandbox.errors import SandboxError, unknown_name

ZERO, YARDSTICK = "idle", "planner"
"""Policies that score 0 % and 100 % by definition."""
COMMAND = ("python", "-m", "experiments", "benchmark")


@dataclass(frozen=True)
class Asked:
    """What the command line says; empty or None for what it leaves to the suite.

    `problems` are names, or `module:Class`; one that the suite does not play is played in its own scenario.
    `policies` play beside every shipped one; with `only` those alone, beside the two that set the scale and
    the `against`, heuristics to be better than: for each problem the first that is made for it.
    """

    suite: str = "small"
    problems: Sequence[str] = ()
    scenarios: Sequence[str] = ()
    split: str | None = None
    hours: float | None = None
    seeds: int | None = None
    seed: int = FIRST_SEED
    policies: Sequence[str] = ()
    only: bool = False
    against: Sequence[str] = ()
    yardstick: str = YARDSTICK

    def __post_init__(self) -> None:
        if self.suite not in SUITES:
            raise unknown_name("suite", self.suite, SUITES)
        object.__setattr__(self, "problems", tuple(dict.fromkeys(map(known_as, self.problems))))
        count = self.count
        if count < 1 or self.seed < 0:
            raise SandboxError(f"seeds = {count} from seed = {self.seed}; give at least 1 seed, from 0 on.")
        if self.seed + count - 1 > LAST_SEED:
            raise SandboxError(
                f"seeds = {count} from seed = {self.seed} reach into those of training; end by {LAST_SEED}."
            )

    @property
    def count(self) -> int:
        """How many seeds."""
        return SUITES[self.suite].seeds if self.seeds is None else self.seeds


@dataclass(frozen=True)
class Plan:
    """Tasks, seeds and, by problem, who plays; `absent` are those that are not made for a problem."""

    asked: Asked
    tasks: tuple[Task, ...]
    seeds: tuple[int, ...]
    policies: Mapping[str, tuple[str, ...]]
    absent: Mapping[str, tuple[str, ...]]

    def episodes(self) -> Iterator[Episode]:
        """Every episode, task by task."""
        for task in self.tasks:
            for policy in self.policies[task.case.problem]:
                for seed in self.seeds:
                    yield Episode(task, policy, seed)

    def scaled(self, problem: str) -> bool:
        """Whether there is a policy that sets the scale of a problem."""
        return self.asked.yardstick in self.policies[problem]

    def lacking(self) -> list[str]:
        """What problems lack, a sentence each."""
        found, suite = [], SUITES[self.asked.suite]
        for problem in self.policies:
            if not self.scaled(problem):
                found.append(
                    f"{problem} has no {self.asked.yardstick}, so that its scores have no scale, and only "
                    "returns are told; --yardstick names another policy."
                )
            if not any(case.problem == problem for case in suite.cases):
                found.append(f"Suite {self.asked.suite} does not play {problem}; its scenarios are no split.")
            if not self.heuristics(problem):
                found.append(f"{problem} has no heuristic to be better than; --against names one.")
        return found

    def heuristics(self, problem: str) -> list[str]:
        """Of those who play, the ones that may be the best heuristic: the `against`, or else any shipped."""
        playing = self.policies[problem]
        named = [name for name in self.asked.against if name in playing][:1]
        other = {ZERO, *YARDSTICKS, *TOLD, self.asked.yardstick, "random"}
        shipped = [name for name in policy_names(problem) if name not in other and name in playing]
        return named or [name for name in shipped if not policy_class(name, problem).thinks]

    def command(self, tasks: Sequence[Task], policy: str, against: str) -> str:
        """What plays `tasks` again under `policy`; those of several problems with all who play."""
        asked, several = self.asked, len({task.case.problem for task in tasks}) > 1
        words = [*COMMAND, *self._chosen(tasks), "--seeds", str(len(self.seeds)), "--seed", str(asked.seed)]
        policies = asked.policies if several else (policy,)
        rivals = asked.against if several else [against] * bool(against)
        words += ["--policy", *policies] if policies else []
        words += ["--only"] if asked.only or not several else []
        words += ["--against", *rivals] if rivals else []
        return join(words + ([] if asked.yardstick == YARDSTICK else ["--yardstick", asked.yardstick]))

    def _chosen(self, tasks: Sequence[Task]) -> list[str]:
        """The words that choose `tasks`: one by its name, several as they were asked for."""
        asked, case = self.asked, tasks[0].case
        if len(tasks) == 1:
            return ["--problem", case.problem, "--scenario", case.scenario, "--hours", f"{case.hours:.10g}"]
        problems = {task.case.problem for task in tasks}
        named = problems if len(problems) == 1 else asked.problems
        words = ["--problem", *named] if named else []
        words += ["--suite", asked.suite]
        words += ["--scenario", *asked.scenarios] if asked.scenarios else []
        splits = {task.case.split for task in tasks}
        words += ["--split", *splits] if len(splits) == 1 else []
        return words + ([] if asked.hours is None else ["--hours", f"{asked.hours:.10g}"])


def make_plan(asked: Asked) -> Plan:
    """The plan. Raises SandboxError for what there is not, and where nothing would be played."""
    tasks = tuple(make_task(case, asked.hours) for case in _cases(asked))
    if not tasks:
        raise SandboxError(
            f"Suite {asked.suite!r} has nothing for {_told(asked)}; name problems and scenarios that it has, "
            "or a --problem with a --scenario of your own."
        )
    problems = dict.fromkeys(task.case.problem for task in tasks)
    playing = {
        problem: _playing(asked, problem, [task for task in tasks if task.case.problem == problem])
        for problem in problems
    }
    absent = {problem: _absent(asked, problem) for problem in problems}
    return Plan(asked, tasks, tuple(range(asked.seed, asked.seed + asked.count)), playing, absent)


def _cases(asked: Asked) -> list[Case]:
    cases = [
        case for case in SUITES[asked.suite].cases if not asked.problems or case.problem in asked.problems
    ]
    if not asked.scenarios:  # those in no suite are played where they are at home
        played = {case.problem for case in SUITES[asked.suite].cases}
        cases += [case_of(name, find(name).scenario) for name in asked.problems if name not in played]
    else:
        known = {(case.problem, case.scenario): case for case in cases}
        problems = asked.problems or dict.fromkeys(case.problem for case in cases)
        wanted = [(problem, scenario) for problem in problems for scenario in asked.scenarios]
        cases = [known[pair] for pair in wanted if pair in known]
        for problem, scenario in wanted:
            if asked.problems and (problem, scenario) not in known:
                cases.append(case_of(problem, scenario))
            elif not any(scenario == case.scenario for case in cases):
                raise SandboxError(
                    f"Suite {asked.suite!r} does not play {scenario!r}; name its --problem to play it."
                )
    return [case for case in dict.fromkeys(cases) if asked.split in (None, case.split)]


def _told(asked: Asked) -> str:
    """The choice among a suite's cases, in words."""
    words = (*asked.problems, *asked.scenarios, *([asked.split] if asked.split else []))
    return ", ".join(words) or "any problem"


def _playing(asked: Asked, problem: str, tasks: Sequence[Task]) -> tuple[str, ...]:
    """Who plays, in the order of the table: the scale, the shipped, then those that were named."""
    unscaled = asked.yardstick == YARDSTICK and not plays(YARDSTICK, problem)
    always = [ZERO] if unscaled else [ZERO, asked.yardstick]
    for name in always:
        if not plays(name, problem):
            raise SandboxError(f"Policy {name!r} is not made for {problem}, whose scale it is to set.")
    # another yardstick would double the time: it plays where it is named
    spared = [name for name in YARDSTICKS if name != YARDSTICK]
    shipped = [] if asked.only else [name for name in policy_names(problem) if name not in spared]
    if not asked.only and all(map(_is_trained_for, tasks)):
        shipped.append(TRAINED)
    first = [name for name in asked.against if plays(name, problem)][:1]
    names = dict.fromkeys((*shipped, *always, *first, *asked.policies))
    return tuple(name for name in names if plays(name, problem))


def _is_trained_for(task: Task) -> bool:
    """Whether a network is shipped for the tier of a scenario of ours; what a user brings may show more."""
    problem, scenario = task.case.problem, task.scenario.name
    ours = task.case.split != OWN or scenario in PROBLEMS.get(problem, {}).values()
    return ours and folder_of(problem, tier_of(scenario)).name in shipped_networks()


def _absent(asked: Asked, problem: str) -> tuple[str, ...]:
    """Who was named, or is a shipped mind, but is not made for the problem: the table says so."""
    names = dict.fromkeys((*([] if asked.only else [QWEN]), *asked.policies))
    return tuple(name for name in names if not plays(name, problem))
