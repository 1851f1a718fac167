"""How unlike the experience of a fleet's planes is, and that of two seasons: of data, and of what it teaches.

Two numbers, each beside what chance gives for groups of the same sizes drawn at random from the same
satellites: the divergence of what is seen (Jensen and Shannon, in bits, mean over features), and the
dissimilarity B of the slopes at the same weights (Li et al. 2020, definition 3: the root of the mean square
of the groups' slopes over that of their mean; 1 where all groups would learn the same).
"""

from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.running.statistics import mean
from experiments.studies.orbit_learning.experience import Rows, Store, joined, record_bits
from experiments.studies.orbit_learning.local import Recipe, gradients
from experiments.studies.orbit_learning.networks import Shape, draw, scale_of
from experiments.studies.orbit_learning.planes import planes_of
from sandbox.errors import SandboxError
from sandbox.scenario import Scenario, load_scenario

BINS = 20
SHUFFLES = 20
"""Groupings at random that a number is set beside."""
HALF_YEAR_DAYS = 182


def flown(scenario: Scenario, seed: int, rounds: int) -> tuple[Rows, list[NDArray], Shape]:
    """What all satellites keep of so many rounds in which every legal action is as likely as any other, the
    planes of the fleet, and the sizes of networks for it."""
    import envs

    with closing(envs.make("tasking_v0", scenario, face="batch", autoreset=False)) as batch:
        rounds = min(rounds, batch.max_cycles - 1)
        shape = Shape(len(batch.layout), 32, len(batch.actions))
        bits = rounds * record_bits(shape.features, shape.actions)
        store = Store(batch.satellites, shape.features, shape.actions, bits)
        rng = np.random.default_rng([seed, 3])
        observation, info = batch.reset(seed)
        for _ in range(rounds):
            mask, before = info["action_mask"][0], info
            action, chance = draw(np.zeros(mask.shape, np.float32), mask, rng)
            store.look(observation[0])
            observation, reward, _, _, info = batch.step(action[None])
            lost = ~before["alive"][0] | info["lost"][0]
            store.keep(mask, action, chance, reward[0], before["decides"][0], lost)
            store.look(observation[0])
        return store.rows(np.arange(batch.satellites)), planes_of(scenario, batch.world.fleet), shape


def divergence(shares: NDArray, groups: Sequence[NDArray]) -> float:
    """Jensen-Shannon divergence, bits, of what groups of satellites see, of `shares` (C, F, BINS) of each;
    mean over features."""
    weight = np.array([len(group) for group in groups], float)
    weight /= weight.sum()
    counts = np.stack([shares[group].mean(0) for group in groups])  # (G, F, BINS)
    mixture = np.tensordot(weight, counts, 1)
    return float((_entropy(mixture) - np.tensordot(weight, _entropy(counts), 1)).mean())


def shares_of(seen: NDArray) -> NDArray:
    """For observations (C, K, F) within [-1, 1], the share (C, F, BINS) of each feature's values in each
    bin."""
    satellites, rounds, features = seen.shape
    place = np.clip(((seen + 1.0) * (0.5 * BINS)).astype(np.int64), 0, BINS - 1)
    place += BINS * np.arange(features)
    found = [np.bincount(own.ravel(), minlength=features * BINS) for own in place]
    return np.stack(found).reshape(satellites, features, BINS) / rounds


def _entropy(shares: NDArray) -> NDArray:
    return -np.where(shares > 0.0, shares * np.log2(np.where(shares > 0.0, shares, 1.0)), 0.0).sum(-1)


def dissimilarity(slopes: NDArray, counts: NDArray, groups: Sequence[NDArray]) -> float:
    """B of groups of satellites with these slopes (C, P) over so many rounds (C,)."""
    weight = np.array([counts[group].sum() for group in groups], float)
    means = np.stack([np.average(slopes[group], 0, counts[group]) for group in groups]).astype(np.float64)
    whole = np.average(means, 0, weight)
    square = np.average((means**2).sum(1), 0, weight)
    return float(np.sqrt(square / (whole**2).sum()))


def between(rows: Rows, groups: Sequence[NDArray], shape: Shape, seed: int) -> dict[str, float]:
    """Both numbers for groups of satellites, and the mean of each over groups of these sizes at random."""
    seen = rows.seen.astype(np.float32)
    scale = scale_of(seen.reshape(-1, seen.shape[-1]))
    slopes, counts = gradients(shape, scale, Recipe(), shape.first(seed), rows)
    rng, cuts = np.random.default_rng([seed, 4]), np.cumsum([len(group) for group in groups])[:-1]
    everyone = np.concatenate(list(groups))
    shares = shares_of(seen)
    found = {"divergence": divergence(shares, groups), "dissimilarity": dissimilarity(slopes, counts, groups)}
    chance = []
    for _ in range(SHUFFLES):
        drawn = np.split(rng.permutation(everyone), cuts)
        chance.append((divergence(shares, drawn), dissimilarity(slopes, counts, drawn)))
    by_chance = np.mean(chance, 0)
    return found | {"divergence_chance": float(by_chance[0]), "dissimilarity_chance": float(by_chance[1])}


def differences(scenario: Scenario, seed: int, rounds: int) -> list[dict[str, Any]]:
    """Rows for one seed: between the planes of a fleet, and, where all fly in patterns that are as well there
    then, between the same fleet now and half a year on.

    Raises SandboxError where all satellites fly in one plane and so nothing can be compared.
    """
    rows, planes, shape = flown(scenario, seed, rounds)
    if len(planes) < 2:
        raise SandboxError(f"{scenario.name} has one plane; there is nothing to compare.")
    found = [{"between": "planes", "seed": seed} | between(rows, planes, shape, seed)]
    if not all(group.walker or group.sun_synchronous for group in scenario.fleet):
        return found
    later = load_scenario(scenario, {"epoch": scenario.epoch + timedelta(days=HALF_YEAR_DAYS)})
    other, *_ = flown(later, seed, rounds)
    both = joined([rows, other])
    count = len(rows.seen)
    seasons = [np.arange(count), count + np.arange(count)]
    return [*found, {"between": "seasons", "seed": seed} | between(both, seasons, shape, seed)]


def summary(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Means over seeds, with 95 % intervals: of each number, and of how far it is above chance."""
    table = []
    for name in dict.fromkeys(row["between"] for row in rows):
        mine, told = [row for row in rows if row["between"] == name], {"between": name}
        for number in ("divergence", "dissimilarity"):
            value = mean([row[number] for row in mine])
            more = mean([row[number] - row[f"{number}_chance"] for row in mine])
            told |= {number: value.value, f"{number}_low": value.low, f"{number}_high": value.high}
            told |= {f"{number}_above_chance": more.value, f"{number}_above_chance_low": more.low}
            told |= {f"{number}_above_chance_high": more.high}
        table.append(told)
    return table
