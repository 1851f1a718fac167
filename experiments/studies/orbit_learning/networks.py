"""Actor and critic of a satellite as one row of numbers, so that many satellites train side by side.

The actor and the critic have two layers of tanh each and share nothing. C satellites' networks are an array
(C, P): what is done to it in one go is what each satellite would do by itself.
"""

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.network import CLIP

LEAST = 0.01
"""Least deviation that an observation is divided by."""


class Scale(NamedTuple):
    """What observations are normalised by: known at the launch, the same on every satellite."""

    mean: NDArray[np.float32]  # (F,)
    factor: NDArray[np.float32]  # (F,)

    def normal(self, seen: NDArray) -> NDArray[np.float32]:
        """Observations (..., F) less their mean, in deviations, clipped."""
        return np.clip((seen - self.mean) * self.factor, -CLIP, CLIP).astype(np.float32)


def scale_of(seen: NDArray) -> Scale:
    """The scale of observations (K, F)."""
    deviation = np.maximum(seen.std(0, dtype=np.float64), LEAST)
    return Scale(seen.mean(0, dtype=np.float64).astype("f4"), (1.0 / deviation).astype("f4"))


class Shape:
    """The sizes of actor and critic: F features, H hidden units in each layer, A actions."""

    def __init__(self, features: int, hidden: int, actions: int) -> None:
        self.features, self.hidden, self.actions = features, hidden, actions

    @cached_property
    def layers(self) -> tuple[tuple[int, int], ...]:
        """(outputs, inputs) of each layer, the actor's three and then the critic's."""
        f, h, a = self.features, self.hidden, self.actions
        return (h, f), (h, h), (a, h), (h, f), (h, h), (1, h)

    @cached_property
    def parameters(self) -> int:
        """P: weights and biases."""
        return sum(out * (size + 1) for out, size in self.layers)

    @cached_property
    def acting(self) -> int:
        """Those of the actor, which stand first."""
        return sum(out * (size + 1) for out, size in self.layers[:3])

    def first(self, seed: int) -> NDArray[np.float32]:
        """Weights (P,) before any training: orthogonal, biases 0; the actor's last layer nearly 0, so that
        every legal action is as likely as any other."""
        rng, found = np.random.default_rng(seed), []
        for (out, size), gain in zip(self.layers, (1.5, 1.5, 0.01, 1.5, 1.5, 1.0), strict=True):
            found += [gain * _orthogonal(rng, out, size).ravel(), np.zeros(out)]
        return np.concatenate(found).astype(np.float32)

    def split(self, weights: Any) -> list[tuple[Any, Any]]:
        """(matrix (..., out, in), bias (..., out)) of each layer, as views of weights (..., P)."""
        found, at, lead = [], 0, weights.shape[:-1]
        for out, size in self.layers:
            matrix = weights[..., at : at + out * size].reshape(*lead, out, size)
            at += out * size
            found.append((matrix, weights[..., at : at + out]))
            at += out
        return found

    def logits(self, weights: NDArray, seen: NDArray) -> NDArray[np.float32]:
        """What the actor with weights (P,) says of normalised observations (R, F): logits (R, A)."""
        x = seen
        for i, (matrix, bias) in enumerate(self.split(weights)[:3]):
            x = x @ matrix.T + bias
            x = np.tanh(x) if i < 2 else x
        return x

    def outputs(self, weights: Any, seen: Any) -> tuple[Any, Any]:
        """As tensors, of weights (C, P) and observations (C, K, F): logits (C, K, A) and values (C, K)."""
        layers = self.split(weights)
        return _chain(layers[:3], seen), _chain(layers[3:], seen)[..., 0]

    def values(self, weights: Any, seen: Any) -> Any:
        """The critic alone: values (C, K)."""
        return _chain(self.split(weights)[3:], seen)[..., 0]


def _chain(layers: list[tuple[Any, Any]], x: Any) -> Any:
    import torch

    for i, (matrix, bias) in enumerate(layers):
        x = torch.baddbmm(bias[:, None, :], x, matrix.transpose(1, 2))
        x = torch.tanh(x) if i < len(layers) - 1 else x
    return x


def _orthogonal(rng: np.random.Generator, out: int, size: int) -> NDArray:
    """A random matrix with orthonormal rows or columns (Saxe et al. 2014)."""
    tall = rng.normal(size=(max(out, size), min(out, size)))
    q, r = np.linalg.qr(tall)
    q = q * np.sign(np.diag(r))
    return q if out >= size else q.T


def draw(logits: NDArray, mask: NDArray, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
    """Actions (R,) drawn from logits (R, A) among the legal ones, and the logarithms of their chances."""
    masked = np.where(mask == 1, logits, -np.inf)
    masked = masked - masked.max(-1, keepdims=True)
    action = (masked + rng.gumbel(size=masked.shape)).argmax(-1)
    total = np.log(np.exp(masked).sum(-1))
    return action, (masked[np.arange(len(action)), action] - total).astype(np.float32)
