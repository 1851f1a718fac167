"""The fields of what is asked for: observation requests and jobs."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sandbox.bounds import (
    MOST_AHEAD,
    MOST_AHEAD_MIN,
    MOST_LISTED,
    MOST_NAMED,
    MOST_TIERS,
    MOST_TOKENS,
    MOST_WAIT_H,
    HoursAhead,
    HoursOrNone,
    Name,
    NotNegative,
    Positive,
    Seconds,
    SecondsOrNone,
)
from sandbox.scenario.fields import Latitude, Lifetimes, Longitude, Model, Range, Share, Tail, Values
from sandbox.scenario.kinds import Clouds, Kinds


class ServiceTier(Model):
    """Customers who pay alike: a `share` of all, at random, whose requests or jobs are worth `value_factor`
    times what is drawn and can wait `time_factor` times as long."""

    name: Name
    share: Share
    value_factor: Annotated[float, Field(ge=0, le=1e4)] = 1.0
    time_factor: Annotated[float, Field(ge=0.01, le=100)] = 1.0


class Customers(Model):
    """How values are distributed, and the service tiers of those who ask.

    With `value_tail` the values have a heavy tail: they follow a bounded Pareto distribution with that index
    on the range of `value`, which then has to begin above 0. About 1.16 gives a fifth of all four fifths of
    the value, a larger index less. Who is of none of the `tiers` gets what is drawn.
    """

    value_tail: Tail = None
    tiers: Annotated[tuple[ServiceTier, ...], Field(max_length=MOST_TIERS)] = ()

    @model_validator(mode="after")
    def _of_customers(self) -> Self:
        value: Range = getattr(self, "value", (1.0, 1.0))
        if self.value_tail is not None and value[0] <= 0.0:
            raise ValueError("value must begin above 0 where value_tail is given")
        if sum(tier.share for tier in self.tiers) > 1.0 + 1e-9:
            raise ValueError("the shares of tiers must not add up to more than 1")
        names = [tier.name for tier in self.tiers]
        if len(set(names)) < len(names):
            raise ValueError("every name in tiers must occur once")
        return self

    @property
    def value_factor(self) -> float:
        """The largest ratio that a tier makes of a value."""
        return max([1.0, *(tier.value_factor for tier in self.tiers)])

    @property
    def time_factor(self) -> float:
        """The largest ratio that a tier makes of a time."""
        return max([1.0, *(tier.time_factor for tier in self.tiers)])


class Site(Model):
    """A request at a place of its own; its hours count from the start of the episode."""

    name: Name = ""
    latitude_deg: Latitude
    longitude_deg: Longitude
    value: NotNegative
    release_h: HoursOrNone = 0.0
    deadline_h: HoursAhead
    cloud: Share = 0.0

    @model_validator(mode="after")
    def _times(self) -> Self:
        if self.deadline_h <= self.release_h:
            raise ValueError("deadline_h must be later than release_h")
        return self


class Requests(Customers):
    """Observation requests: a stock at the start, a Poisson stream, and sites named one by one.

    `value` and `lifetime_h` are drawn uniformly from their ranges (but see `Customers`), the forecast cloud
    probability from a beta distribution with mean `cloud_mean` and concentration `cloud_spread`; the sky is
    drawn anew every `sky_h` hours, over each request by itself or, with `clouds`, for all of them together.
    Those of the stock and of the stream may be of several `kinds`; sites and what events open are single.

    Beside the requests in reach a satellite is told of the `ahead` best of those that it will reach within
    `ahead_min` minutes; none by default.
    """

    initial: Annotated[int, Field(ge=0, le=100_000)] = 256
    per_hour: Annotated[float, Field(ge=0, le=100_000)] = 36.0
    where: Literal["land", "globe", "cities"] = "land"
    value: Values = (1.0, 10.0)
    lifetime_h: Lifetimes = (2.0, 12.0)
    cloud_mean: Share = 0.5
    cloud_spread: Annotated[float, Field(ge=1e-3, le=1e6)] = 2.0
    sky_h: Annotated[float, Field(ge=0.1, le=MOST_WAIT_H)] = 3.0
    half_life_h: HoursAhead = 3.0
    ahead: Annotated[int, Field(ge=0, le=MOST_AHEAD)] = 0
    ahead_min: Annotated[float, Field(ge=1, le=MOST_AHEAD_MIN)] = 15.0
    sites: Annotated[tuple[Site, ...], Field(max_length=MOST_NAMED)] = ()
    kinds: Kinds | None = None
    clouds: Clouds | None = None

    @property
    def has_kinds(self) -> bool:
        """Whether any request is of another kind than a single image."""
        return self.kinds is not None and bool(self.kinds.named)


class Questions(Customers):
    """Jobs that are alike.

    `raw_mbit` is what is to be understood (a question with its pictures, or an image), `quality` the share of
    the value that an answer is worth: of the small model, of the large one, and from the ground.
    """

    per_hour: Annotated[float, Field(ge=0, le=1_000_000)]
    raw_mbit: Positive
    answer_kbit: Positive
    prompt_tokens: Annotated[int, Field(ge=1, le=MOST_TOKENS)]
    output_tokens: Annotated[int, Field(ge=1, le=MOST_TOKENS)]
    value: Values
    deadline_s: Seconds
    half_life_s: Seconds
    quality: tuple[Share, Share, Share]


class JobKind(Questions):
    """Jobs of one kind. Those of the cities come from all over the Earth at `per_hour`, those of the camera
    from each satellite."""

    name: Name
    source: Literal["cities", "camera"]


class Jobs(Model):
    """Questions to be answered in orbit, and what they meet there. All numbers are assumed, for a scenario
    to set.

    Every board runs the small and the large model; `large_on_board` says whether the large one is there from
    the start or is sent up first, over the stations' uplinks and the mesh. A board takes up to `batch` like
    jobs at once; a satellite keeps `places` jobs that it has not decided on.

    A user's terminal receives `user_mbit_s` and sends `user_uplink_mbit_s` where the satellite is overhead at
    550 km; farther away its signal takes a slower code of DVB-S2. A station's uplink follows its own budget
    (`spacecraft.radio`, `stations`), up to `uplink_mbit_s`.

    An answer pays the satellite that decided who gives it. Of that, `relay_share` goes in equal parts to
    those who handed the question over to a neighbour before, the first four of them; none by default.
    """

    small_model: Name = "Qwen3-1.7B"
    large_model: Name = "Qwen3-8B"
    precision: Literal["bf16", "int8", "int4"] = "int4"
    large_on_board: bool = True
    batch: Annotated[int, Field(ge=1, le=1_024)] = 8
    places: Annotated[int, Field(ge=1, le=10_000)] = 32
    user_min_elevation_deg: Annotated[float, Field(ge=0, lt=90)] = 10.0
    user_mbit_s: Positive = 20.0
    user_uplink_mbit_s: Positive = 10.0
    uplink_mbit_s: Positive = 10.0
    ground_s: SecondsOrNone = 2.0
    relay_share: Share = 0.0
    kinds: Annotated[tuple[JobKind, ...], Field(max_length=MOST_LISTED)] = (
        JobKind(
            name="robot", source="cities", per_hour=120, raw_mbit=0.2, answer_kbit=10, prompt_tokens=300,
            output_tokens=60, value=(2, 6), deadline_s=120, half_life_s=60, quality=(0.6, 0.9, 0.95),
        ),
        JobKind(
            name="rescue", source="cities", per_hour=120, raw_mbit=20, answer_kbit=40, prompt_tokens=800,
            output_tokens=1_200, value=(4, 10), deadline_s=900, half_life_s=300, quality=(0.5, 0.9, 0.95),
        ),
        JobKind(
            name="image", source="camera", per_hour=10, raw_mbit=4_000, answer_kbit=20, prompt_tokens=1_500,
            output_tokens=200, value=(1, 4), deadline_s=10_800, half_life_s=3_600, quality=(0.7, 0.9, 0.95),
        ),
    )  # fmt: skip
