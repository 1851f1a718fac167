"""The fields of the kinds of observation requests, and of the clouds over them."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from sandbox.bounds import HoursAhead, HoursOrNone, Seconds, SecondsOrNone
from sandbox.scenario.fields import Model, Range, Share, within

MOST_ACROSS, MOST_LOOKS = 32, 1_000
"""Scenes along a side of an area, and looks of a series: a customer who wants more orders twice."""
Scenes = Annotated[tuple[int, int], within(1, MOST_ACROSS)]
Looks = Annotated[tuple[int, int], within(2, MOST_LOOKS)]
Factors = Annotated[Range, within(0.0, 1e4)]
Azimuths = Annotated[Range, within(0.0, 360.0)]
Every = Annotated[Range, within(0.1, 1e4)]


class Kind(Model):
    """Customers who ask for one kind of image: a `share` of all, at random, whose images are worth
    `value_factor` times what is drawn."""

    share: Share
    value_factor: Annotated[float, Field(ge=0, le=1e4)] = 1.0

    @property
    def most_rows(self) -> int:
        """Most requests of a customer."""
        return 1

    @property
    def completion(self) -> float:
        """What completing an order pays at most, as a share of the value that is drawn."""
        return 0.0


class Campaign(Kind):
    """Several requests of a customer, a campaign, which is worth most when it is complete.

    Each image pays `part_share` of its value when it arrives. The rest of the value of all of them is paid
    when the last one arrives, if that is no later than `arrival_h` after the last deadline for a capture: by
    default about a revolution, in which what was taken last can be sent. Both assumed.
    """

    part_share: Share = 0.5
    arrival_h: HoursOrNone = 1.6

    @property
    def completion(self) -> float:
        return self.value_factor * self.most_rows * (1.0 - self.part_share)


class AreaKind(Campaign):
    """A strip or an area: `across` x `along` scenes side by side, their middles `spacing_km` apart.

    Both numbers and the azimuth of the longer side, `azimuth_deg`, are drawn uniformly. The spacing is by
    default a swath of 11.6 km (as of Jilin-1 and in the middle of what very high resolution satellites have,
    5 to 20 km) less an overlap of 10 %, assumed.
    """

    across: Scenes = (1, 2)
    along: Scenes = (2, 4)
    spacing_km: Annotated[float, Field(ge=0.1, le=500)] = 10.4
    azimuth_deg: Azimuths = (0.0, 360.0)

    @property
    def most_rows(self) -> int:
        return self.across[1] * self.along[1]


class StereoKind(Campaign):
    """Two looks at a place, from directions at least `convergence_deg` apart as seen from there.

    The second look opens with the first image. 28 degrees are a base of half the height (2 atan(B / 2 H)),
    the least that Hasegawa et al. (2000, IAPRS 33 B4) found reasonable for elevation models (0.5 to 1.0, that
    is 28 to 53 degrees). One look alone shows no heights, so that a fifth is paid for it: assumed.
    """

    part_share: Share = 0.2
    convergence_deg: Annotated[float, Field(ge=1, le=120)] = 28.0

    @property
    def most_rows(self) -> int:
        return 2


class PeriodicKind(Campaign):
    """A series of `looks`, one every `every_h` hours, each of which may be taken within `window_h`.

    The numbers are drawn uniformly; all assumed. `lifetime_h` and the times of service tiers do not apply to
    a series, nor to tips. One that the end of the episode cuts off cannot be completed.
    """

    looks: Looks = (2, 4)
    every_h: Every = (3.0, 6.0)
    window_h: HoursAhead = 2.0

    @model_validator(mode="after")
    def _one_by_one(self) -> Self:
        if self.window_h > self.every_h[0]:
            raise ValueError(
                f"window_h is {self.window_h:g}; it must not exceed the least of every_h, "
                f"{self.every_h[0]:g}: looks follow one another"
            )
        return self

    @property
    def most_rows(self) -> int:
        return self.looks[1]


class DwellKind(Kind):
    """A video: the camera stays on the place for `dwell_s` and takes what has the size of `images` images.

    Both are assumed, the size for a compressed stream: real videos last up to minutes, but a dwell has to fit
    into a round.
    """

    dwell_s: Seconds = 20.0
    images: Annotated[float, Field(ge=1, le=1e6)] = 5.0


class CueKind(Kind):
    """A cue: with `probability` its image finds something, which opens an urgent request, the tip.

    What there is to find is drawn at the reset and known to nobody: a place within `distance_km`, worth
    `tip_value` times as much, there until `tip_lifetime_h` after the cue was released. The image is searched
    on board in `processing_s` and the fleet is told at once. All assumed.
    """

    probability: Share = 0.3
    tip_value: Factors = (3.0, 6.0)
    tip_lifetime_h: Annotated[Range, within(0.01, 1e4)] = (3.0, 12.0)
    distance_km: Annotated[float, Field(ge=0, le=2_000)] = 50.0
    processing_s: SecondsOrNone = 60.0

    @property
    def most_rows(self) -> int:
        return 1 + (self.probability > 0.0)


class Kinds(Model):
    """Kinds of requests beside the single image, which who is of no kind asks for."""

    area: AreaKind | None = None
    stereo: StereoKind | None = None
    periodic: PeriodicKind | None = None
    dwell: DwellKind | None = None
    cue: CueKind | None = None

    @model_validator(mode="after")
    def _shares(self) -> Self:
        if sum(kind.share for kind in self.named.values()) > 1.0 + 1e-9:
            total = sum(kind.share for kind in self.named.values())
            raise ValueError(f"the shares of kinds add up to {total:g}; 1 is the most")
        return self

    @property
    def named(self) -> dict[str, Kind]:
        """The kinds that there are, by name."""
        found = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: kind for name, kind in found.items() if kind is not None and kind.share > 0.0}

    @property
    def value_factor(self) -> float:
        """The largest ratio of what an image pays to the value that is drawn."""
        factors = [1.0, *(kind.value_factor for kind in self.named.values())]
        if "cue" in self.named and self.cue is not None:
            factors.append(self.cue.value_factor * self.cue.tip_value[1])
        return max(factors)

    @property
    def completion(self) -> float:
        """The most that completing a campaign pays, as a share of the value that is drawn."""
        return max((kind.completion for kind in self.named.values()), default=0.0)


class Clouds(Model):
    """Clouds that belong together, and a forecast of them that sharpens.

    Whether the sky over a request is closed follows from a normally distributed number that places and times
    near one another share: its correlation is exp(-d^2 / 2 `correlation_km`^2) over a distance d (in a
    straight line) and exp(-t / `persistence_h`) over a time t. Synoptic clouds are some hundred kilometres
    wide and last for hours to a day: the defaults are assumed. How often the sky is closed stays what
    `cloud_mean` says.

    What is seen on board is the probability of cloud by a forecast whose correlation with the truth is
    `nowcast_skill` for the moment itself and falls by e in `forecast_h`: of the times it says 30 %, the sky
    is closed in 30 %. Both assumed. The order in which requests are shown stays that by
    the probability that each request came with.
    """

    correlation_km: Annotated[float, Field(ge=1, le=20_000)] = 300.0
    persistence_h: HoursAhead = 6.0
    forecast_h: HoursAhead = 6.0
    nowcast_skill: Share = 0.9


__all__ = ["AreaKind", "Clouds", "CueKind", "DwellKind", "Kind", "Kinds", "PeriodicKind", "StereoKind"]
