"""The fields of orders in words, which ground control writes to the satellites."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sandbox.bounds import NotNegative
from sandbox.scenario.fields import Model, Share, within

MOST_ORDERS = 512
"""In an episode: each is looked at for every image taken."""
Weight = Annotated[float, Field(ge=0, le=1e6)]


class OrderKinds(Model):
    """How often each kind is drawn, in proportion: see `sandbox.directives`."""

    priority: Weight = 3.0
    embargo: Weight = 3.0
    reserve: Weight = 1.0
    service: Weight = 1.0
    station: Weight = 1.0

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not any(getattr(self, name) for name in type(self).model_fields):
            raise ValueError("give at least one kind a weight above 0")
        return self


class Orders(Model):
    """Orders in words (`sandbox.order_grammar`): `initial` at the start, then `per_hour`; by default none.

    `split` says whose wordings and kinds of reference they use: those of `train` and of `heldout` never mix.
    A share `conditions` of them has a condition, `exceptions` an exception, `reasoning` a reference that
    takes a step of thought (a time zone, orbits, a point off a place, the nearer of two stations); a share
    `revisions` corrects or cancels an earlier one, and `conflicts` speaks of a place that an earlier one
    speaks of, mostly with a word on which goes before.

    They begin `lead_min` after they are issued, last `lasting_min`, and stand for `keep_min` in what a
    satellite is told. A priority multiplies the value of images by one of `factors`; circles have one of the
    radii from `radius_km[0]` to `radius_km[1]`; batteries are to hold one of `charge_percent[0]` to [1].

    What a breach costs: an image under embargo `embargo_cost` times its value, one that comes down through a
    station that is given up `station_cost` times what it pays, a battery below a reserve `reserve_cost`, and
    a minute in which own boards serve although the queue is left to others `service_cost`. All assumed.
    """

    initial: Annotated[int, Field(ge=0, le=MOST_ORDERS)] = 0
    per_hour: Annotated[float, Field(ge=0, le=MOST_ORDERS)] = 0.0
    split: Literal["train", "heldout"] = "train"
    languages: Annotated[tuple[Literal["en", "zh"], ...], Field(min_length=1, max_length=2)] = ("en", "zh")
    kinds: OrderKinds = OrderKinds()
    conditions: Share = 0.25
    exceptions: Share = 0.2
    reasoning: Share = 0.35
    revisions: Share = 0.2
    conflicts: Share = 0.15
    lead_min: Annotated[tuple[float, float], within(0.0, 240.0)] = (10.0, 40.0)
    lasting_min: Annotated[tuple[float, float], within(5.0, 360.0)] = (40.0, 120.0)
    keep_min: Annotated[float, Field(gt=0, le=3_000)] = 200.0
    factors: Annotated[tuple[Literal[2, 3, 4, 5, 6, 8], ...], Field(min_length=1, max_length=6)] = (3, 4, 5)
    radius_km: Annotated[tuple[float, float], within(200.0, 4_000.0)] = (1_000.0, 2_500.0)
    charge_percent: Annotated[tuple[float, float], within(5.0, 95.0)] = (50.0, 75.0)
    embargo_cost: NotNegative = 3.0
    station_cost: NotNegative = 2.0
    reserve_cost: NotNegative = 10.0
    service_cost: NotNegative = 0.5

    @model_validator(mode="after")
    def _times(self) -> Self:
        longest = self.lead_min[1] + self.lasting_min[1]
        if longest > self.keep_min:
            raise ValueError(
                f"keep_min is {self.keep_min:g}; it must be at least the longest lead and duration together, "
                f"{longest:g}"
            )
        for name, steps in (("radius_km", 100.0), ("charge_percent", 5.0)):
            low, high = getattr(self, name)
            if -(-low // steps) * steps > high:
                raise ValueError(f"{name} holds no multiple of {steps:g}; give a wider range")
        return self

    def count(self, horizon_h: float) -> int:
        """Orders in an episode of so many hours."""
        return self.initial + round(self.per_hour * horizon_h)
