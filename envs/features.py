"""Features: each declared once, with its name, unit, range and phrase, so that numbers and words agree."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandbox.errors import unknown_name

__all__ = ["Feature", "Layout"]


@dataclass(frozen=True)
class Feature:
    """One number that a satellite sees.

    The world gives it in `unit`; the observation holds it mapped from [low, high] to [-1, 1] and clipped
    there: linearly or, with `root`, by the square root of its share of the range, for what is mostly near
    `low` and decides by small differences there (a count of rivals, the seconds that a link takes).
    `phrase` says it in words, with `{}` where the number stands, in the `topic` of a report. There is nothing
    to say at `silent_at`; below `warn_below` or above `warn_above` it is a warning as well. A `gate` that is
    0 says that its topic is empty, and has no phrase of its own.

    `envs.wording` tells how phrases say numbers. Of the words alone: `negative` is the phrase for numbers
    below 0, said without their sign; `at_zero` stands in for the phrase where the number that is shown is 0,
    empty for nothing; `column` is the heading where several things are told as a table, by default made from
    the phrase. Where the range has an `open_end` a number at its upper end (of either sign, with `negative`)
    is told as "at least".
    """

    name: str
    unit: str
    low: float
    high: float
    phrase: str
    topic: str = "State"
    silent_at: float | None = None
    warn_below: float | None = None
    warn_above: float | None = None
    gate: bool = False
    negative: str = ""
    at_zero: str | None = None
    column: str = ""
    open_end: bool = False
    root: bool = False


class Layout:
    """The features of an observation, in order, and the way between scaled and physical numbers."""

    def __init__(self, features: Sequence[Feature]) -> None:
        self.features = tuple(features)
        self.names = tuple(feature.name for feature in self.features)
        self._index = {name: i for i, name in enumerate(self.names)}
        self.low = np.array([feature.low for feature in self.features])
        self.high = np.array([feature.high for feature in self.features])
        self.root = np.array([feature.root for feature in self.features], np.bool_)

    def __len__(self) -> int:
        return len(self.features)

    def index(self, name: str) -> int:
        """Place of the feature called `name`. Raises SandboxError for an unknown name."""
        if name not in self._index:
            raise unknown_name("feature", name, self.names)
        return self._index[name]

    def physical(self, observation: NDArray, name: str | None = None) -> NDArray:
        """Observations (..., F) in their units: all of them, or (...) for the feature called `name`."""
        share = self.share(observation)
        if name is None:
            return self.low + share * (self.high - self.low)
        i = self.index(name)
        return self.low[i] + share[..., i] * (self.high[i] - self.low[i])

    def share(self, observation: NDArray) -> NDArray:
        """Where observations (..., F) lie in their ranges, from 0 to 1."""
        share = 0.5 * (np.asarray(observation) + 1.0)
        share[..., self.root] **= 2
        return share

    def scaled(self, values: NDArray) -> NDArray[np.float32]:
        """Physical values (..., F), each in the unit of its feature, as an observation in [-1, 1]."""
        share = np.clip((np.asarray(values) - self.low) / (self.high - self.low), 0.0, 1.0)
        share[..., self.root] **= 0.5
        return (2.0 * share - 1.0).astype(np.float32)

    def table(self) -> str:
        """The features as a Markdown table."""
        rows = (
            f"| {i} | {f.name} | {f.unit} | {f.low:g} | {f.high:g} | {'root' if f.root else 'linear'} |"
            for i, f in enumerate(self.features)
        )
        return "\n".join(
            ["| index | feature | unit | low | high | map |", "| --- | --- | --- | --- | --- | --- |", *rows]
        )
