"""What the nano learns from: dense prompts of rounds that were played, and what a teacher would do there."""

import re
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from agents import Policy
from agents.qwen.dense import ACTIONS, DenseRenderer
from envs.batch import BatchEnv
from envs.episodes import make_env
from envs.features import Layout
from experiments.running.progress import bar
from experiments.running.rollout import play
from experiments.tiers import CALM, tier_scenario
from experiments.training.splits import DRAWS, FIRST_TRAINING_SEED
from sandbox.scenario import Scenario, load_scenario

LONGEST = 192
"""Tokens of the longest prompt that is learned."""
SHOWN = {
    "tasking_v0": ("candidates", (4, 2, 6, 8), (0.85, 0.05, 0.05, 0.05)),
    "avoidance_v0": ("warned", (3, 1, 2, 4), (0.85, 0.05, 0.05, 0.05)),
    "autonomy_v0": ("candidates", (4, 2, 6), (0.9, 0.05, 0.05)),
}
"""By problem, the option that says how many things are shown, its values and their chances."""
TAUGHT = {
    "tasking_v0": (4.0, 16.0),
    "offloading_v0": (1.0, 4.0),
    "avoidance_v0": (24.0, 60.0),
    "autonomy_v0": (6.0, 12.0),
}
"""Hours of the episodes that a teacher plays."""
TRIED = {
    "tasking_v0": (4.0, 12.0),
    "offloading_v0": (0.5, 2.0),
    "avoidance_v0": (24.0, 48.0),
    "autonomy_v0": (3.0, 6.0),
}
"""Hours of those that somebody else plays, who may be slow: in one world. As long as a tier is judged, else
what an empty battery does is not seen."""
WORLDS = 4
NOISE = {"tasking_v0": 0.1, "offloading_v0": 0.1, "avoidance_v0": 0.01, "autonomy_v0": 0.01}
"""Share of the actions that are drawn at random in half of the episodes that a teacher plays."""
EPISODES = 24
"""Scenarios at least that lessons are spread over."""
AS_SHIPPED = 0.3
"""Share of the scenarios that are those of the tier but for their hours and seeds; the others are drawn."""
PLAIN_SHARE = 0.25
"""Share of the rounds without an event (see `EVENTFUL`) that is kept: most of them are alike."""

ACTING = {"avoidance_v0": 4.0}
"""By problem, how many times as many rounds are kept in which the teacher acts, where those are rare."""


class Teacher(Protocol):
    """Says for observations (B, N, F) and masks (B, N, A) with which probabilities (B, N, A) it would act."""

    def chances(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.float64]: ...


class Certain:
    """A policy as a teacher: its action has probability one."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def chances(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.float64]:
        return np.eye(mask.shape[-1])[self._policy.decide(observation, mask)]


@dataclass(frozen=True)
class Lessons:
    """Prompts (R, L) padded on the left, their lengths (R,), masks and the teacher's chances (R, A).

    A counts the actions of all problems, `agents.qwen.dense.ACTIONS`; those of others are masked.
    """

    ids: NDArray[np.int16]
    lengths: NDArray[np.int16]
    mask: NDArray[np.int8]
    chances: NDArray[np.float16]

    def __len__(self) -> int:
        return len(self.lengths)

    def __add__(self, other: "Lessons") -> "Lessons":
        return Lessons.joined([self, other])

    @staticmethod
    def joined(several: Sequence["Lessons"]) -> "Lessons":
        parts = zip(*(lessons._parts() for lessons in several), strict=True)
        return Lessons(*map(np.concatenate, parts))

    def take(self, rows: NDArray) -> "Lessons":
        return Lessons(*(part[rows] for part in self._parts()))

    def _parts(self) -> tuple[NDArray, ...]:
        return self.ids, self.lengths, self.mask, self.chances


def collect(
    problem: str,
    wanted: int,
    rng: np.random.Generator,
    teacher_of: Callable[[BatchEnv], Teacher],
    player_of: Callable[[BatchEnv, np.random.Generator], Policy | None],
    episodes: int | None = None,
    tier: str = CALM,
) -> Lessons:
    """At least `wanted` lessons from whole episodes of training scenarios of a tier, drawn from `rng`.

    They are spread over so many `episodes`, by default EPISODES, at least.

    The player of `player_of` plays the rounds in which something is on, or where that is None the teacher,
    who in half of the episodes is disturbed: a share of the actions is drawn at random, so that it has
    something to recover from.
    """
    kept: list[Lessons] = []
    count, alone = 0, player_of is nobody
    worlds = WORLDS if alone else 1
    with bar(f"  {problem}", wanted) as line:
        while count < wanted:
            scenario = lesson_scenario(problem, rng, (TAUGHT if alone else TRIED)[problem], tier)
            seed = FIRST_TRAINING_SEED + int(rng.integers(2**30))
            with closing(make_env(problem, scenario, None, worlds, **_options(problem, rng))) as env:
                decisions = env.max_cycles * env.satellites * worlds * (episodes or EPISODES)
                share = min(1.0, 3.0 * wanted / decisions)
                kept += _play(env, seed, teacher_of(env), player_of(env, rng), share, rng)
            count = sum(map(len, kept))
            line.to(count)
    return Lessons.joined(kept)


def lesson_scenario(
    problem: str, rng: np.random.Generator, hours: tuple[float, float], tier: str
) -> Scenario:
    """A scenario of a length between `hours` to give lessons in: that of the tier, or one drawn of it."""
    if rng.random() >= AS_SHIPPED:
        return DRAWS[problem](rng, hours, tier)
    base = tier_scenario(problem, tier)
    length = round(float(rng.uniform(*hours)), 1)
    return load_scenario(base, {"name": f"training_{base.name}", "horizon_h": length})


def nobody(env: BatchEnv, rng: np.random.Generator) -> None:
    """No player: the teacher plays."""


def _options(problem: str, rng: np.random.Generator) -> dict[str, Any]:
    if problem not in SHOWN:
        return {}
    name, values, chances = SHOWN[problem]
    return {name: int(rng.choice(values, p=chances))}


def _play(
    env: BatchEnv,
    seed: int,
    teacher: Teacher,
    player: Policy | None,
    share: float,
    rng: np.random.Generator,
) -> list[Lessons]:
    """The lessons of one episode, a `share` of its decisions."""
    noise = NOISE[env.problem.name] if player is None and rng.random() < 0.5 else 0.0
    pupil = _Pupil(env, teacher, player, share, noise, rng)
    play(env, pupil, seed)
    return pupil.kept


class _Pupil(Policy):
    """Keeps a `share` of the decisions as lessons, and plays on; `noise` of the actions are drawn."""

    def __init__(
        self,
        env: BatchEnv,
        teacher: Teacher,
        player: Policy | None,
        share: float,
        noise: float,
        rng: np.random.Generator,
    ) -> None:
        super().__init__(env)
        self.kept: list[Lessons] = []
        self._scribe, self._teacher, self._player = Scribe(env), teacher, player
        self._share, self._noise, self._draws = share, noise, rng

    def reset(self, seed: int | None = None) -> None:
        """Nothing: the teacher forgets nothing, and all that is drawn is drawn from `rng`."""

    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        scribe, rng = self._scribe, self._draws
        chances, eventful = self._teacher.chances(observation, mask), scribe.eventful(observation, mask)
        self.kept.append(scribe.lessons(observation, mask, chances, eventful, self._share, rng))
        actions = chances.argmax(axis=-1)
        if self._player is not None:
            asked = np.where(eventful[..., None], mask, np.eye(1, mask.shape[-1], dtype=np.int8))
            actions = np.where(eventful, self._player.decide(observation, asked), actions)
        if self._noise:
            other = np.argmax(rng.random(mask.shape) * mask, axis=-1)
            actions = np.where(rng.random(actions.shape) < self._noise, other, actions)
        return actions


class Scribe:
    """Writes the decisions of an environment down as lessons."""

    def __init__(self, env: BatchEnv) -> None:
        self._renderer = DenseRenderer(env.layout, env.actions)
        self._eventful = EVENTFUL[env.problem.name]
        self._acting = ACTING.get(env.problem.name, 1.0)
        self._columns = np.array([ACTIONS.index(name) for name in env.actions])

    def eventful(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.bool_]:
        """Whether something is on (B, N), for observations (B, N, F) and masks (B, N, A)."""
        return self._eventful(self._renderer.layout, observation, mask)

    def lessons(
        self,
        observation: NDArray[np.float32],
        mask: NDArray[np.int8],
        chances: NDArray[np.float64],
        eventful: NDArray[np.bool_],
        share: float,
        rng: np.random.Generator,
    ) -> Lessons:
        """A `share` of the decisions (B, N) with a choice, of the plain ones less."""
        acting = np.where(chances[..., 0] < 0.5, self._acting, 1.0)
        kept = rng.random(eventful.shape) < share * acting * np.where(eventful, 1.0, PLAIN_SHARE)
        keep = (mask.sum(axis=-1) > 1) & kept
        ids, lengths = self._renderer.ids(observation[keep], mask[keep])
        rows = len(lengths)
        page = np.zeros((rows, LONGEST), np.int16)
        page[:, LONGEST - ids.shape[1] :] = ids
        allowed, wanted = np.zeros((rows, len(ACTIONS)), np.int8), np.zeros((rows, len(ACTIONS)), np.float16)
        allowed[:, self._columns], wanted[:, self._columns] = mask[keep], chances[keep]
        return Lessons(page, lengths.astype(np.int16), allowed, wanted)


def _something_to_do(layout: Layout, observation: NDArray, mask: NDArray) -> NDArray[np.bool_]:
    """Something can be imaged or sent."""
    return mask[..., 2:].max(axis=-1) > 0


def _a_job(layout: Layout, observation: NDArray, mask: NDArray) -> NDArray[np.bool_]:
    return mask[..., 1:].max(axis=-1) > 0


def _something_on(layout: Layout, observation: NDArray, mask: NDArray) -> NDArray[np.bool_]:
    """A job, a station, a request in reach, danger or drift, weights to mend, or no need to charge on."""
    seen = layout.physical(observation)
    flags = seen[..., [layout.index(name) for name in ("job_present", "request_1_present", "weights_fault")]]
    station = (seen[..., layout.index("station_seconds")] > 0.0) & (mask[..., 3] == 1)
    full = (seen[..., layout.index("order_charge")] > 0.5) & (seen[..., layout.index("battery")] > 97.0)
    return (flags > 0.5).any(axis=-1) | station | full | _danger_or_drift(layout, observation, mask)


def _danger_or_drift(layout: Layout, observation: NDArray, mask: NDArray) -> NDArray[np.bool_]:
    """A warning above one in a million within half a day, or out of the slot."""
    seen = layout.physical(observation)
    risk = np.array([layout.index(name) for name in layout.names if name.endswith("_risk")])
    time = np.array([layout.index(name) for name in layout.names if re.match(r"warning_\d+_time", name)])
    grave = ((seen[..., risk] > -6.0) & (seen[..., time] < 12.0)).any(axis=-1)
    return (
        grave
        | (np.abs(seen[..., layout.index("offset")]) > 0.1)
        | (np.abs(seen[..., layout.index("drift")]) > 1e-3)
    )


EVENTFUL: dict[str, Callable[[Layout, NDArray, NDArray], NDArray[np.bool_]]] = {
    "tasking_v0": _something_to_do,
    "offloading_v0": _a_job,
    "avoidance_v0": _danger_or_drift,
    "autonomy_v0": _something_on,
}
"""By problem, which observations (B, N, F) with masks (B, N, A) are of rounds in which something is on."""
