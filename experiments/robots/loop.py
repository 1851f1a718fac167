"""The loop closed: robots ask, a world goes round by round, answers come when they come.

rows = fly(RobotSetting("walker_24"), "greedy", seeds=[0, 1])
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from agents import make_policy
from agents.robots import make_mind
from envs import offloading_v0
from envs.batch import BatchEnv
from envs.robots.asking import SPREAD_M, Placed, kind_of
from envs.robots.mission import Mission
from envs.robots.site import SIDE, draw_site
from experiments.robots.places import Afar, AtOnce, BentPipe, InOrbit, OnBoard
from experiments.running.progress import tracked
from experiments.running.rollout import Round, advance, decide
from experiments.studies.two_minutes import fleet
from sandbox.errors import SandboxError, unknown_name
from sandbox.geography import sample_cities
from sandbox.scenario import Scenario, load_scenario

WARM_UP_S, MOST_S = 60.0, 330.0
"""Until the robots come in, so that others' questions are on the boards; longer than any battery lasts."""
ORBIT = ("local", "least_loaded", "greedy", "trained")
GROUND = ("bent_pipe", "bent_pipe_lasers")
ALONE = ("on_robot", "at_once")
PLACES = (*ORBIT, *GROUND, *ALONE)
ROBOT_BOARD = "orin_nx"


@dataclass(frozen=True)
class RobotSetting:
    """What robots meet: a constellation by name, the model that answers, others' questions an hour the world
    over, robots beside each other, tokens of a report and of an answer, the mind."""

    fleet: str = "walker_24"
    model: str = "Qwen3-8B"
    load_per_hour: float = 3000.0
    robots: int = 2
    prompt_tokens: int = 500
    output_tokens: int = 60
    mind: str = "trained"
    round_s: float = 1.0
    robot_board: str = ROBOT_BOARD


def scenario_of(told: RobotSetting) -> Scenario:
    """The constellation, with the questions of robots and of others. Raises SandboxError for bad input."""
    robot = kind_of(told.prompt_tokens, told.output_tokens)
    customer = {
        "name": "customer", "source": "cities", "per_hour": told.load_per_hour, "raw_mbit": 1.0,
        "answer_kbit": 40, "prompt_tokens": 800, "output_tokens": 600, "value": (2, 6), "deadline_s": 300,
        "half_life_s": 120, "quality": (0.9, 0.9, 0.0),
    }  # fmt: skip
    base = fleet(told.fleet)
    changes = {
        "jobs.kinds": [robot, customer], "jobs.small_model": told.model, "jobs.large_model": told.model,
        "round_s": told.round_s, "substep_s": told.round_s, "start_within_h": 24.0,
        "horizon_h": (WARM_UP_S + MOST_S) / 3600.0 + 0.01, "requests.initial": 0, "requests.per_hour": 0.0,
        "requests.sites": (), "requests.kinds": None, "events": (),
    }  # fmt: skip
    return load_scenario(base, changes)


def fly(told: RobotSetting, place: str, seeds: Sequence[int]) -> list[dict[str, Any]]:
    """A row for each robot of each seed: what became of its mission. Raises SandboxError for bad input."""
    if place not in PLACES:
        raise unknown_name("place of a mind", place, PLACES)
    if told.robots < 1 or not len(seeds):
        raise SandboxError("Give at least one robot and one seed.")
    return [placed.mission.row() | _where(placed) for placed in flown(told, place, seeds)]


class Onlooker:
    """Looks on while robots and a world go their ways; override what is of interest."""

    def start(self, env: BatchEnv, missions: Sequence[Placed]) -> None:
        """The episode has begun."""

    def before(self, env: BatchEnv, missions: Sequence[Placed]) -> None:
        """What was asked by now has been asked; a round is about to be played."""

    def after(self, env: BatchEnv, played: Round) -> None:
        """It was played, and answers have been brought."""


def flown(
    told: RobotSetting, place: str, seeds: Sequence[int], onlooker: Onlooker | None = None
) -> list[Placed]:
    """The missions themselves; an `onlooker` sees those that need a world."""
    if place in ALONE:
        placed = _missions(told, seeds, None, _alone(told, place).extra_w)
        for each in placed:
            _alone(told, place).play(each.mission)
        return placed
    made = scenario_of(told)
    rounds = round((WARM_UP_S + MOST_S) / told.round_s)
    questions = 120 * told.robots
    env = offloading_v0.batch_env(made, len(seeds), max_cycles=rounds, questions=questions, autoreset=False)
    with closing(env):
        policy = _policy("local" if place in GROUND else place, env)
        return _closed(told, env, policy, _afar(told, place), seeds, onlooker or Onlooker())


def _closed(
    told: RobotSetting, env: BatchEnv, policy: Any, place: Afar, seeds: Sequence[int], onlooker: Onlooker
) -> list[Placed]:
    """Play all worlds until every mission is over."""
    observation, info = env.reset(list(seeds))
    policy.reset(int(seeds[0]))
    begin = env.world.state.clock["time"] + WARM_UP_S
    placed = _missions(told, seeds, begin, place.extra_w)
    onlooker.start(env, placed)
    for _ in tracked(range(env.max_cycles), "  rounds"):
        if place.look(env.world, [p for p in placed if not p.mission.over]):
            observation, info = env.present()
        onlooker.before(env, placed)
        played, observation, info, _ = advance(env, policy, decide(policy, observation, info))
        place.settle(env.world, placed)
        onlooker.after(env, played)
        if all(p.mission.over for p in placed):
            break
    return placed


def _missions(told: RobotSetting, seeds: Sequence[int], begin: Any, extra_w: float) -> list[Placed]:
    """Of every seed a disaster somewhere near a city, and robots in sites of it; the same for every place."""
    placed, mind = [], make_mind(told.mind)
    for b, seed in enumerate(seeds):
        rng = np.random.default_rng([0xD15A, int(seed)])
        latitude, longitude = sample_cities(rng, 1, SPREAD_M)
        for r in range(told.robots):
            site = draw_site(1_000_000 + 100 * int(seed) + r)
            start = 0.0 if begin is None else float(begin[b])
            away = rng.uniform(-1.0, 1.0, 2) * SIDE * 50.0 / 6.4e6
            mission = Mission(site, mind, start, extra_w)
            placed.append(Placed(mission, float(latitude[0] + away[0]), float(longitude[0] + away[1]), b))
    return placed


def _where(placed: Placed) -> dict[str, Any]:
    degrees = np.degrees([placed.latitude, placed.longitude]).round(3).tolist()
    return {
        "world": placed.b,
        "site": placed.mission.robot.site.seed,
        "latitude": degrees[0],
        "longitude": degrees[1],
    }


def _policy(place: str, env: BatchEnv) -> Any:
    return make_policy(place, env)


def _alone(told: RobotSetting, place: str) -> OnBoard | AtOnce:
    if place == "at_once":
        return AtOnce()
    return OnBoard(told.robot_board, told.model, "int4", told.prompt_tokens, told.output_tokens)


def _afar(told: RobotSetting, place: str) -> Afar:
    if place in GROUND:
        lasers = place == "bent_pipe_lasers"
        return BentPipe(told.model, "int4", told.prompt_tokens, told.output_tokens, lasers)
    return InOrbit()
