"""What the nano learns from: dense prompts of rounds that were played, and what a teacher would do there."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agents import Policy
from agents.qwen.dense import DenseRenderer
from envs import tasking_v0
from envs.batch import BatchEnv
from experiments.splits import FIRST_TRAINING_SEED, draw_scenario

LONGEST, MOST_SHOWN = 112, 8
WIDTH = 3 + MOST_SHOWN
"""Actions of a lesson: idle, charge, downlink, and one for each request shown."""
CANDIDATES, CANDIDATES_P = (4, 2, 6, 8), (0.85, 0.05, 0.05, 0.05)
EPISODES = 20
"""Scenarios at least that lessons are spread over."""
PLAIN_SHARE = 0.25
"""Share of the rounds without anything to image or send that is kept: most of them are alike."""


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
    """Prompts (R, L) padded on the left, their lengths (R,), masks and the teacher's chances (R, WIDTH)."""

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
    wanted: int,
    rng: np.random.Generator,
    teacher_of: Callable[[BatchEnv], Teacher],
    player_of: Callable[[BatchEnv, np.random.Generator], Policy | None],
    hours: tuple[float, float] = (4.0, 16.0),
    worlds: int = 6,
) -> Lessons:
    """At least `wanted` lessons from whole episodes of training scenarios drawn from `rng`.

    The player of `player_of` plays, or where that is None the teacher, who in half of the episodes is
    disturbed: a tenth of the actions are drawn at random, so that it has something to recover from.
    """
    kept: list[Lessons] = []
    count = 0
    while count < wanted:
        candidates = int(rng.choice(CANDIDATES, p=CANDIDATES_P))
        scenario, seed = draw_scenario(rng, hours), FIRST_TRAINING_SEED + int(rng.integers(2**30))
        with closing(tasking_v0.batch_env(scenario, worlds, candidates=candidates, autoreset=False)) as env:
            share = min(1.0, 3.0 * wanted / EPISODES / (env.max_cycles * env.satellites * worlds))
            for lessons in _play(env, seed, teacher_of(env), player_of(env, rng), share, rng):
                kept.append(lessons)
                count += len(lessons)
    return Lessons.joined(kept)


def _play(
    env: BatchEnv,
    seed: int,
    teacher: Teacher,
    player: Policy | None,
    share: float,
    rng: np.random.Generator,
) -> Iterator[Lessons]:
    """The lessons of one episode, a `share` of its decisions."""
    renderer = DenseRenderer(env.layout, env.actions)
    noise = 0.1 if player is None and rng.random() < 0.5 else 0.0
    observation, info = env.reset(seed)
    for _ in range(env.max_cycles):
        mask = info["action_mask"]
        chances = teacher.chances(observation, mask)
        yield _lessons(renderer, _rows(observation), _rows(mask), _rows(chances), share, rng)
        actions = chances.argmax(axis=-1) if player is None else player.decide(observation, mask)
        if noise:
            other = np.argmax(rng.random(mask.shape) * mask, axis=-1)
            actions = np.where(rng.random(actions.shape) < noise, other, actions)
        observation, _, _, _, info = env.step(actions)


def _rows(table: NDArray) -> NDArray:
    return table.reshape(-1, table.shape[-1])


def _lessons(
    renderer: DenseRenderer,
    observation: NDArray[np.float32],
    mask: NDArray[np.int8],
    chances: NDArray[np.float64],
    share: float,
    rng: np.random.Generator,
) -> Lessons:
    choice, plain = mask[:, 1:].any(axis=1), ~mask[:, 2:].any(axis=1)
    keep = choice & (rng.random(len(mask)) < share * np.where(plain, PLAIN_SHARE, 1.0))
    ids, lengths = renderer.ids(observation[keep], mask[keep])
    rows = len(lengths)
    page = np.zeros((rows, LONGEST), np.int16)
    page[:, LONGEST - ids.shape[1] :] = ids
    allowed, wanted = np.zeros((rows, WIDTH), np.int8), np.zeros((rows, WIDTH), np.float16)
    allowed[:, : mask.shape[1]], wanted[:, : mask.shape[1]] = mask[keep], chances[keep]
    return Lessons(page, lengths.astype(np.int16), allowed, wanted)
