"""What a decision problem is: the part of an environment that its own file states."""

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.features import Layout
from sandbox.world import World


class Deliberated(NamedTuple):
    """How thinking delays the actions of a round: see `envs.deliberation`."""

    first: NDArray[np.int32]
    """(B, N) actions in force until the new ones take effect."""
    timing: NDArray[np.void]
    """(B, N) records of dtype `sandbox.state.THINKING`, without the orders."""


class Problem(ABC):
    """Features, actions, mask and reward over a world. Every face (dictionary, batch, vector) reads this.

    Shapes: B worlds, N satellites, F features, A actions, I terms. Action 0 is the no-op and always legal.
    """

    name: ClassVar[str]
    terms: ClassVar[tuple[str, ...]]
    """Names of the numbers reported each round; those that begin with `reward_` add up to the reward."""

    orders_stand: ClassVar[bool] = False
    """Whether what was ordered stands by itself, so that the no-op is all there is to do while thinking."""

    world: World
    layout: Layout
    actions: tuple[str, ...]
    phrases: tuple[str, ...]
    """What each action does, in words."""
    briefing: str
    """What the problem is about, in words, for one satellite: the same in every round."""

    @abstractmethod
    def advance(
        self, actions: NDArray[np.int32], mask: NDArray[np.int8], thinking: Deliberated | None = None
    ) -> None:
        """Play one round of `actions` (B, N) within the space.

        `mask` is what `report` wrote last; an action that it forbids is played as the no-op and counted.
        With `thinking` an action takes effect only when it was thought out.
        """

    @abstractmethod
    def identities(self) -> NDArray[np.int64]:
        """What each action refers to now (B, N, A): a number of at least 0 that stays when places change.

        0 is the no-op's; -1 stands where there is nothing to refer to.
        """

    @abstractmethod
    def report(
        self,
        observation: NDArray[np.float32],
        mask: NDArray[np.int8],
        reward: NDArray[np.float32],
        terms: NDArray[np.float32],
    ) -> None:
        """Write observations (B, N, F) in [-1, 1], masks (B, N, A), rewards (B, N) and terms (B, N, I)."""

    def interrupted(self) -> NDArray[np.bool_] | None:
        """Whose thought under way was lost (B, N) in the last round; None where nothing interrupts."""
        return None

    def boards_down(self) -> NDArray[np.bool_] | None:
        """Whose boards are down (B, N), so that there nothing can be thought; None where they never are."""
        return None

    def babble(self, mask: NDArray[np.int8]) -> NDArray[np.int64] | None:
        """What minds on corrupted weights come up with: legal actions (B, N), -1 for others; or None."""
        return None

    @abstractmethod
    def global_state(self, b: int) -> NDArray[np.float32]:
        """True state of world b, flat and compact, for a centralised critic."""

    @property
    @abstractmethod
    def state_size(self) -> int:
        """Length of `global_state`."""
