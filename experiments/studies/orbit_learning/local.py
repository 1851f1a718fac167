"""Training on what satellites have kept: a few steps of clipped policy gradient, side by side.

Proximal policy optimisation (Schulman et al. 2017) on the satellite's own last rounds: what it did is weighed
by how much better it went than its critic expected (generalised advantages, Schulman et al. 2016), and the
ratio of chances lets rounds count that an older network flew. It is what improves `tasking_v0` soonest here:
from random decisions to those of the greedy heuristic within a day of 36 satellites, in seconds.

Every loss is a mean over a satellite's rounds, without anything that mixes them; so the mean of the
satellites' gradients, weighed by their rounds, is the gradient of all rounds pooled. That is why advantages
are divided by a number that travels with the weights (`square`) instead of by their own deviation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.studies.orbit_learning.experience import Rows
from experiments.studies.orbit_learning.networks import Scale, Shape

FORWARD, BACKWARD = 2.0, 4.0
"""Operations for each weight and round: a multiplication and an addition; twice that to go back."""


@dataclass(frozen=True)
class Recipe:
    """How a satellite trains, by stochastic gradient descent. `unit` is the value that returns are measured
    in."""

    epochs: int = 2
    minibatch: int = 32
    rate: float = 0.2
    gamma: float = 0.99
    lam: float = 0.95
    clip: float = 0.2
    entropy: float = 0.01
    critic: float = 0.5
    gradient: float = 1.0  # norm that gradients are clipped to; 0 for no end
    proximal: float = 0.0  # price of going from where it began (Li et al. 2020)
    unit: float = 5.0
    double: bool = False  # in double precision

    def steps(self, rounds: int) -> int:
        """Steps of the optimiser in a session over so many rounds."""
        return self.epochs * -(-rounds // self.minibatch)

    def operations(self, shape: Shape, rounds: int, steps: int) -> float:
        """Multiplications and additions of a session: the critic looks at every round, and each step goes
        forward and back through a minibatch."""
        looked = FORWARD * (shape.parameters - shape.acting) * (rounds + 1)
        return looked + (FORWARD + BACKWARD) * shape.parameters * steps * min(self.minibatch, rounds)


class Trained(NamedTuple):
    """What sessions of C satellites came to."""

    weights: NDArray  # (C, P)
    rounds: NDArray[np.float64]  # (C,) that counted
    square: NDArray[np.float64]  # (C,) mean square of their advantages


class Judged(NamedTuple):
    """Rounds (C, K, ...) as tensors, with what is to be made of them."""

    seen: Any
    mask: Any
    action: Any
    chance: Any
    advantage: Any
    target: Any
    counts: Any


def judge(shape: Shape, scale: Scale, recipe: Recipe, weights: Any, rows: Rows) -> Judged:
    """Advantages and targets of rounds by a critic with weights (C, P), or (1, P) for all."""
    import torch

    kind = torch.float64 if recipe.double else torch.float32
    seen = torch.from_numpy(scale.normal(rows.seen.astype(np.float32))).to(kind)
    with torch.no_grad():
        one = len(weights) == 1 and len(seen) > 1
        value = shape.values(weights, seen.reshape(1, -1, seen.shape[-1]) if one else seen)
        value = value.reshape(seen.shape[:2])
        reward = torch.from_numpy(rows.reward).to(kind) / recipe.unit
        goes_on = torch.from_numpy(~rows.lost).to(kind)
        advantage, after = torch.empty_like(reward), torch.zeros(len(seen), dtype=kind)
        for t in reversed(range(reward.shape[1])):
            surprise = reward[:, t] + recipe.gamma * goes_on[:, t] * value[:, t + 1] - value[:, t]
            advantage[:, t] = after = surprise + recipe.gamma * recipe.lam * goes_on[:, t] * after
    return Judged(
        seen[:, :-1],
        torch.from_numpy(rows.mask),
        torch.from_numpy(rows.action),
        torch.from_numpy(rows.chance).to(kind),
        advantage,
        advantage + value[:, :-1],
        torch.from_numpy(rows.counts & ~rows.lost),
    )


def pooled(judged: Judged) -> Judged:
    """All rounds as those of one satellite (1, C K, ...)."""
    return Judged(*(each.reshape(1, -1, *each.shape[2:]) for each in judged))


def losses(shape: Shape, recipe: Recipe, weights: Any, judged: Judged, deviation: Any) -> Any:
    """The loss of each satellite (C,): means over the rounds that count; advantages are divided by
    `deviation` (C, 1)."""
    import torch

    logits, value = shape.outputs(weights, judged.seen)
    chances = torch.log_softmax(logits.masked_fill(~judged.mask, -1e8), -1)
    counts = judged.counts.to(value.dtype)
    ratio = (chances.gather(-1, judged.action[..., None])[..., 0] - judged.chance).exp()
    advantage = judged.advantage / deviation
    bounded = ratio.clamp(1.0 - recipe.clip, 1.0 + recipe.clip)
    gain = torch.minimum(ratio * advantage, bounded * advantage)
    spread = -(chances.exp() * chances).sum(-1)
    wrong = 0.5 * (value - judged.target) ** 2
    each = recipe.critic * wrong - gain - recipe.entropy * spread
    return (each * counts).sum(-1) / counts.sum(-1).clamp(min=1.0)


def train(
    shape: Shape,
    scale: Scale,
    recipe: Recipe,
    weights: NDArray,
    rows: Rows,
    square: NDArray,
    seeds: Sequence[Sequence[int]],
    steps: NDArray | None = None,
    pool: bool = False,
) -> Trained:
    """Sessions of C satellites from weights (C, P), or of one that has all their rounds (`pool`, (1, P)).

    `square` (C,) is the mean square of advantages as it came with the weights; `seeds`, one for each session,
    order its rounds; `steps` (C,), by default all, is how many of the optimiser it comes to.
    """
    import torch

    kind = torch.float64 if recipe.double else torch.float32
    start = torch.from_numpy(np.array(weights)).to(kind)
    judged = judge(shape, scale, recipe, start, rows)
    minibatch = recipe.minibatch * (len(rows.seen) if pool else 1)
    judged = pooled(judged) if pool else judged
    trained = start.clone().requires_grad_(True)
    deviation = torch.from_numpy(np.maximum(square, 1e-12) ** 0.5).to(kind)[:, None]
    satellites, rounds = judged.counts.shape
    all_steps = recipe.epochs * -(-rounds // minibatch)
    allowed = torch.full((satellites,), all_steps) if steps is None else torch.from_numpy(np.array(steps))
    generators = [np.random.default_rng(list(seed)) for seed in seeds]
    done = 0
    for _ in range(recipe.epochs):
        order = torch.from_numpy(np.stack([rng.permutation(rounds) for rng in generators]))
        for first in range(0, rounds, minibatch):
            pick = order[:, first : first + minibatch]
            loss = losses(shape, recipe, trained, _picked(judged, pick), deviation)
            (slope,) = torch.autograd.grad(loss.sum(), trained)
            with torch.no_grad():
                slope = slope + recipe.proximal * (trained - start)
                goes_on = (done < allowed).to(kind)[:, None]
                trained -= recipe.rate * goes_on * _clipped(slope, recipe.gradient)
            done += 1
    counts = judged.counts.to(torch.float64)
    total = counts.sum(-1)
    squares = (judged.advantage.to(torch.float64) ** 2 * counts).sum(-1) / total.clamp(min=1.0)
    return Trained(trained.detach().numpy(), total.numpy(), squares.numpy())


def gradients(
    shape: Shape, scale: Scale, recipe: Recipe, weights: NDArray, rows: Rows
) -> tuple[NDArray, NDArray]:
    """The slopes (C, P) of satellites' losses at the same weights (P,), and how many rounds (C,) count."""
    import torch

    kind = torch.float64 if recipe.double else torch.float32
    same = torch.from_numpy(np.array(weights)[None]).to(kind)
    judged = judge(shape, scale, recipe, same, rows)
    each = same.expand(len(rows.seen), -1).clone().requires_grad_(True)
    (slope,) = torch.autograd.grad(losses(shape, recipe, each, judged, 1.0).sum(), each)
    return slope.numpy(), judged.counts.sum(-1).numpy()


def _clipped(slope: Any, longest: float) -> Any:
    """Slopes (C, P), none longer than `longest`; 0 for no end."""
    if not longest:
        return slope
    norm = slope.norm(dim=1, keepdim=True)
    return slope * (longest / (norm + 1e-12)).clamp(max=1.0)


def _picked(judged: Judged, pick: Any) -> Judged:
    """Rounds `pick` (C, b) of each satellite."""
    import torch

    rows = torch.arange(len(pick))[:, None]
    return Judged(*(each[rows, pick] for each in judged))
