"""The fields of what may go wrong: encounters, and what breaks."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from sandbox.bounds import (
    MOST_LISTED,
    MOST_WAIT_H,
    WIDEST_WATCH_KM,
    HoursAhead,
    HoursOrNone,
    Name,
    NotNegative,
    Positive,
    SecondsOrNone,
)
from sandbox.scenario.fields import Model, Share


class Encounters(Model):
    """What a satellite may run into, how well that is known, and what it has to get out of the way.

    `staged_per_day` encounters a satellite are drawn at their closest approach and flown back: a share
    `hit_share` of them would collide, the others miss by a normal number of `miss_m` in either axis of the
    encounter plane. `population` objects of low orbit, or those of a `catalogue` file flown by SGP4, join
    them with every pass within `watch_km` of the orbits of the scenario. Warnings come `warn_h` before, anew
    every `update_h`. Their errors have `sigma_m` (R, T, N) at the encounter; along track that grows with the
    time ahead by `growth_m_day15` for a day, to the power of 1.5. What is not known of the satellite's own
    orbit, `own_sigma_m` and `own_growth_m_day15`, comes on top; by default nothing.

    A burn is off by `burn_sigma_percent` of its size and by `burn_pointing_sigma_deg` in either direction
    across it (one deviation each), drawn anew for every burn; by default it is exact.

    With `importance_sampling` one pass of the population that each satellite has in an episode is drawn anew,
    near, and carries a weight: see `sandbox.near_passes`. It needs a population or catalogue, and nothing
    staged.
    """

    staged_per_day: Annotated[float, Field(ge=0, le=100)] = 1.0
    hit_share: Share = 0.2
    miss_m: Positive = 300.0
    hard_body_radius_m: Positive = 10.0
    population: Annotated[int, Field(ge=0, le=100_000)] = 0
    catalogue: Path | None = None
    watch_km: Annotated[float, Field(gt=0, le=WIDEST_WATCH_KM)] = 10.0
    warn_h: HoursAhead = 36.0
    update_h: Annotated[float, Field(ge=0.01, le=MOST_WAIT_H)] = 8.0
    sigma_m: tuple[Positive, Positive, Positive] = (15.0, 40.0, 15.0)
    growth_m_day15: NotNegative = 400.0
    own_sigma_m: tuple[NotNegative, NotNegative, NotNegative] = (0.0, 0.0, 0.0)
    own_growth_m_day15: NotNegative = 0.0
    burn_sigma_percent: Annotated[float, Field(ge=0, le=50)] = 0.0
    burn_pointing_sigma_deg: Annotated[float, Field(ge=0, le=45)] = 0.0
    importance_sampling: bool = False
    fuel_m_s: Annotated[float, Field(gt=0, le=1e5)] = 10.0
    small_m_s: Positive = 0.02
    large_m_s: Positive = 0.1
    slot_km: Positive = 10.0

    @model_validator(mode="after")
    def _sizes(self) -> Self:
        if not self.small_m_s < self.large_m_s <= self.fuel_m_s:
            raise ValueError("give small_m_s < large_m_s <= fuel_m_s")
        if self.population and self.catalogue:
            raise ValueError("give population or catalogue, not both")
        return self

    @model_validator(mode="after")
    def _weighted(self) -> Self:
        if self.importance_sampling and (self.staged_per_day or not (self.population or self.catalogue)):
            raise ValueError(
                "importance_sampling draws passes of a population anew: give population or catalogue, and "
                "staged_per_day: 0"
            )
        return self


class Outage(Model):
    """A station that is planned to be out of service; hours count from the start of the episode."""

    station: Name
    from_h: HoursOrNone
    to_h: HoursAhead

    @model_validator(mode="after")
    def _times(self) -> Self:
        if self.to_h <= self.from_h:
            raise ValueError("to_h must be later than from_h")
        return self


class SafeMode(Model):
    """What a satellite does by itself to survive (`sandbox.safety`), in every problem.

    When its battery falls below the share `below` it turns its panel to the Sun, sheds its payload and obeys
    nothing, for `least_min` at least and until the battery is above `above`. `below: 0` is never. (Assumed:
    15 % of the battery carry the bus of the shipped spacecraft through a whole shadow.)
    """

    below: Share = 0.15
    above: Share = 0.4
    least_min: Annotated[float, Field(ge=0, le=1e6)] = 10.0

    @model_validator(mode="after")
    def _charge(self) -> Self:
        if self.above < self.below:
            raise ValueError("above must not be less than below")
        return self


class Faults(Model):
    """What breaks. Every fault has its own switch, and all are off: what happens at random has a rate of 0.

    `upsets_per_orbit` reset the boards of a satellite, for `reboot_s`; over the South Atlantic anomaly (see
    `sandbox.faults`) the rate is `saa_factor` times that. Assumed: orders of magnitude for a scenario are
    0.0007 (near one reset a month) over 0.004 (5 to 7 a month) and 0.02 (25 to 35) to 0.1 (130 to 180): what
    these rates came to in 30 days flown at 53 to 97.5 degrees with the factor 50, which brings two thirds of
    all upsets into the anomaly. (Underwood 1990 found those of UoSAT-2 to
    be overwhelmingly concentrated there; proton beams have shown functional interrupts of Jetson Xavier and
    Orin modules, Tali et al. 2022, without a rate in orbit.)

    `weight_flips_per_board_hour`, with the same factor, are the bit flips in a model's weights that matter:
    of 4e-7 upsets a bit and day, measured in the commercial SRAM of Alsat-1 (Bentoutou), error correction
    and the many bits that do not matter leave few. Answers are then worth `corrupt_quality` of their value
    until the weights are loaded anew, from storage that reads `storage_mbyte_s` (assumed); a scrub every
    `scrub_h` finds them corrupted.

    A laser terminal fails `laser_outages_per_day` times, for `laser_outage_min` in the mean. (Starlink's
    links are published to be up for more than 99 % of the time: 1.4 outages a day of 10 minutes make 1 %.)
    A station fails `station_outages_per_day` times, for `station_outage_min` in the mean (assumed: 0.1 of
    3 hours for 99 %), and is closed in the `outages` that are planned.

    Of the battery's `strings`, `cell_losses_per_day` fail. Telemetry is off by normal numbers of
    `battery_sigma_percent` and `temperature_sigma_k`.

    Safe mode (`SafeMode`) is entered with the share `safe_share` of board resets too, and above the craft's
    shutdown temperature, if `safe_when_hot`; with either it lasts for `safe_s` at least. Where `safe_below`
    is above 0, it and `safe_above` stand in the place of the scenario's `safe_mode`.
    """

    upsets_per_orbit: Annotated[float, Field(ge=0, le=100)] = 0.0
    saa_factor: Annotated[float, Field(ge=1, le=10_000)] = 50.0
    reboot_s: SecondsOrNone = 90.0
    weight_flips_per_board_hour: Annotated[float, Field(ge=0, le=100)] = 0.0
    corrupt_quality: Share = 0.0
    scrub_h: HoursAhead = 3.0
    storage_mbyte_s: Positive = 500.0
    laser_outages_per_day: Annotated[float, Field(ge=0, le=1_000)] = 0.0
    laser_outage_min: Positive = 10.0
    station_outages_per_day: Annotated[float, Field(ge=0, le=1_000)] = 0.0
    station_outage_min: Positive = 180.0
    outages: Annotated[tuple[Outage, ...], Field(max_length=MOST_LISTED)] = ()
    cell_losses_per_day: Annotated[float, Field(ge=0, le=1_000)] = 0.0
    strings: Annotated[int, Field(ge=2, le=1_000)] = 8
    battery_sigma_percent: NotNegative = 0.0
    temperature_sigma_k: NotNegative = 0.0
    safe_below: Share = 0.0
    safe_above: Share = 0.5
    safe_when_hot: bool = False
    safe_share: Share = 0.0
    safe_s: SecondsOrNone = 3_600.0

    @model_validator(mode="after")
    def _charge(self) -> Self:
        if self.safe_above < self.safe_below:
            raise ValueError("safe_above must not be less than safe_below")
        return self
