"""Blocks: the pieces that a decision problem is made of, each declared once, in numbers and in words.

A block says what a satellite sees (features), what it may do (actions, and when they are legal), what an
action orders, or what a round is worth (terms). What it does for every satellite in every round is a kernel:

    observe(sim, own, moment, row, b, n)     writes its features into the record `row`
    allow(sim, own, moment, legal, b, n)     writes 1 into legal (a,) where one of its actions is legal
    apply(control, own, action, b, n)        writes its action, numbered from 0, into the world's commands
    score(sim, own, moment, row, b, n)       writes its terms of the last round into the record `row`

`sim` is the world as kernels see it (`sandbox.parts.Sim`), `control` its commands and orders
(`envs.driver.Control`), `own` what the block itself asked for (`Own`),
`moment` the time, b and n the world and the satellite. Features are written in their units: the driver
(`envs.driver`) scales and clips them. A record is all zeros before anything is written.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.features import Feature
from envs.prospects import Prices, Prospect
from sandbox.errors import unknown_name
from sandbox.scenario import Scenario

__all__ = ["Action", "Block", "Moment", "Own", "Text"]


@dataclass(frozen=True)
class Action:
    """A label of the action space, and what it does, in words."""

    name: str
    phrase: str
    legal: str = ""
    """When it may be chosen, for the problem's page."""


class Own(NamedTuple):
    """What the kernels of a block see that is its own."""

    items: Any
    """(B, K) records of its features, where they are told of each of K things; else None."""
    more: Any
    """(B, K, M) float32: its `more` features of each thing; else None."""
    params: Any
    """What `Block.params` gave."""


class Text(NamedTuple):
    """What a report says of several features together."""

    topic: str
    features: tuple[str, ...]
    """Their names, in the order in which `say` takes their values."""
    say: Callable[[Sequence[float]], str]
    """The sentence, by their values in their units; empty where there is nothing to say."""
    longest: int
    """No such sentence has more characters."""


class Moment(NamedTuple):
    """Between two rounds of a world."""

    now: float  # s since the scenario's epoch
    start: float  # s, when the episode began
    horizon: float  # s, its length
    round_s: float  # s
    sun: tuple[float, float, float]  # unit vector to the Sun, GCRS


class Block:
    """A piece of a decision problem; see the module. Subclasses override what they have to say.

    `omit` leaves out features by name: they are computed and not shown. `topic` is where a report tells of
    its features, if not where each says itself.
    """

    parts: ClassVar[tuple[str, ...]] = ()
    """Parts of the world that it reads."""
    features: ClassVar[tuple[Feature, ...]] = ()
    each: ClassVar[str] = ""
    """What each of several things is called, of which the features are told: `request` gives
    `request_1_value`; empty where there is only one."""
    terms: ClassVar[tuple[str, ...]] = ()
    """Names of the numbers that it reports each round; `reward_...` add up to the reward."""
    group: ClassVar[str] = ""
    """Which order its actions change, for problems that change several at once (`envs.joint`)."""
    stands: ClassVar[bool] = True
    """Whether what its actions order goes on until something else is ordered; an impulse does not."""
    observe: ClassVar[Any] = None
    allow: ClassVar[Any] = None
    apply: ClassVar[Any] = None
    score: ClassVar[Any] = None

    def __init__(self, omit: Sequence[str] = (), topic: str | None = None) -> None:
        names = [feature.name for feature in self.features]
        for name in omit:
            if name not in names:
                raise unknown_name(f"feature of {type(self).__name__}", name, names)
        self.omit, self.topic = frozenset(omit), topic

    def count(self, world: Any) -> int:
        """Of how many things it tells, where it tells of several."""
        return 1

    def tops(self, scenario: Scenario) -> dict[str, float]:
        """Upper ends of the ranges of features that depend on the scenario, by name, in the unit of each."""
        return {}

    def more(self, world: Any) -> tuple[Feature, ...]:
        """Further features of each thing, as many as an option says."""
        return ()

    def actions(self, world: Any) -> tuple[Action, ...]:
        """Its part of the action space."""
        return ()

    def texts(self, world: Any) -> tuple[Text, ...]:
        """What a report says of several of its features together: a line each, below the warnings."""
        return ()

    def identities(self, world: Any) -> NDArray[np.int64] | None:
        """What its actions refer to now (B, N, a): a number that stays when places change, -1 for nothing.

        None where an action always means the same.
        """
        return None

    def families(self, world: Any) -> tuple[tuple[tuple[str, ...], str], ...]:
        """Actions that a glossary explains together: their names, and what they do."""
        return ()

    def pays(self, world: Any) -> str:
        """What its terms are worth, in words with numbers, for a mind; empty where it pays nothing."""
        return ""

    def prospects(self, world: Any, prices: Prices) -> tuple[Prospect, ...]:
        """The reward expected of each of its actions (`envs.prospects`); empty where nobody can say."""
        return ()

    def params(self, world: Any) -> Any:
        """Numbers and arrays that its kernels need beside the world, a tuple or a named tuple."""
        return ()

    def fitted(self, scenario: Scenario) -> tuple[Feature, ...]:
        """Its features with the ranges that the scenario needs."""
        tops = self.tops(scenario)
        return tuple(
            replace(f, high=tops.get(f.name, f.high), topic=self.topic or f.topic) for f in self.features
        )

    def told(self, world: Any) -> list[Feature]:
        """What stands in the observation, in order, of each thing."""
        features = [f for f in self.fitted(world.scenario) if f.name not in self.omit]
        if not self.each:
            return features
        all_features = [*features, *self.more(world)]
        topic = self.each.replace("_", " ").capitalize()
        return [
            replace(feature, name=f"{self.each}_{k}_{feature.name}", topic=f"{topic} {k}")
            for k in range(1, self.count(world) + 1)
            for feature in all_features
        ]
