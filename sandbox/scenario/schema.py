"""A whole scenario: its parts, and what has to fit between them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, field_validator, model_validator

from sandbox.bounds import (
    EARLIEST_YEAR,
    LATEST_YEAR,
    MOST_HOURS,
    MOST_LISTED,
    MOST_NAMED,
    MOST_SATELLITES,
    SHORTEST_SUBSTEP_S,
    Count,
    Decibels,
    Name,
    Positive,
    Text,
)
from sandbox.errors import printable, unknown_name
from sandbox.orbits.timescales import as_utc
from sandbox.scenario.demand import Jobs, Questions, Requests
from sandbox.scenario.events import Event
from sandbox.scenario.fields import Latitude, Longitude, Model
from sandbox.scenario.fleet import Group
from sandbox.scenario.hazards import Encounters, Faults, SafeMode
from sandbox.scenario.orders import Orders
from sandbox.scenario.renamed import with_new_names
from sandbox.scenario.spacecraft import Spacecraft
from sandbox.scenario.weather import Weather
from sandbox.units import HOUR, is_time


class Gravity(Model):
    """The Earth's field to a degree and order: see `sandbox.orbits.gravity`."""

    degree: Annotated[int, Field(ge=2, le=20)]
    order: Annotated[int, Field(ge=0, le=20)]

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.order > self.degree:
            raise ValueError("order must not be more than degree")
        return self


class Forces(Model):
    """What acts on satellites that SGP4 does not fly.

    `gravity` is EGM2008 about the Earth's true pole, in the place of j2, j3 and j4, which turn about GCRS z:
    in low orbit those are 1.5 to 7.8 km off after a day, degree and order 20 within 2 cm of an independent
    code. A step of the propagator then takes 44 times as long, 12 times with degree and order 8, 6 times with
    4. Debris of `encounters.population` flies under J2 whatever is set here.

    `drag: catalogue` gives each satellite of a catalogue or of `elements` the Cd A / m with which it loses
    height as fast as its elements say (`sandbox.orbits.catalogue_drag`); others keep what their spacecraft
    has. `density_factor` then scales the air as it was when the elements were made.
    """

    j2: bool = True
    j3: bool = False
    j4: bool = False
    gravity: Gravity | None = None
    drag: bool | Literal["catalogue"] = False
    density_factor: Annotated[float, Field(gt=0, le=1e3)] = 1.0
    sun: bool = False
    moon: bool = False

    @field_validator("drag", mode="wrap")
    @classmethod
    def _one_of(cls, given: Any, read: ValidatorFunctionWrapHandler) -> Any:
        try:
            return read(given)
        except ValidationError:
            raise ValueError("it must be true, false or catalogue") from None


class Station(Model):
    """A ground station. The uplink's `eirp_dbw` is assumed, as of 2 W into a dish of 3.7 m in S band.

    `noise_k` is the receiver's noise temperature under a clear sky, that of `gain_to_noise_db_k`: rain adds
    to it. `rain_mm_h` (exceeded for 0.01 % of the time) and `rain_percent` (share of the time in which it
    rains) are by default those of the place (`sandbox.sky.climate_at`).
    """

    name: Name
    latitude_deg: Latitude
    longitude_deg: Longitude
    altitude_m: Annotated[float, Field(ge=-500, le=9_000)] = 0.0
    min_elevation_deg: Annotated[float, Field(ge=0, lt=90)] = 5.0
    antennas: Count = 1
    gain_to_noise_db_k: Decibels = 30.0
    noise_k: Positive = 200.0
    eirp_dbw: Decibels = 40.0
    rain_mm_h: Annotated[float, Field(ge=0, le=1_000)] | None = None
    rain_percent: Annotated[float, Field(ge=0, le=50)] | None = None


class Scenario(Model):
    """A world. `satellites`, if given, names those of the fleet that fly; the others are left out."""

    name: Name
    description: Text = ""
    epoch: datetime
    start_within_h: Annotated[float, Field(ge=0, le=MOST_HOURS)] = 0.0
    horizon_h: Annotated[float, Field(gt=0, le=24 * 366)] = 24.0
    round_s: Annotated[float, Field(ge=1, le=300)] = 30.0
    substep_s: Annotated[float, Field(ge=SHORTEST_SUBSTEP_S, le=300)] = 10.0
    forces: Forces = Forces()
    spacecraft: dict[Name, Spacecraft] = Field(min_length=1, max_length=MOST_LISTED)
    fleet: tuple[Group, ...] = Field(min_length=1, max_length=MOST_LISTED)
    satellites: tuple[Name, ...] | None = Field(None, min_length=1, max_length=MOST_NAMED)
    stations: tuple[Station, ...] = Field(min_length=1, max_length=MOST_LISTED)
    weather: Weather = Weather()
    requests: Requests = Requests()
    jobs: Jobs = Jobs()
    encounters: Encounters = Encounters()
    faults: Faults = Faults()
    safe_mode: SafeMode = SafeMode()
    orders: Orders = Orders()
    events: Annotated[tuple[Event, ...], Field(max_length=MOST_LISTED)] = ()

    @model_validator(mode="before")
    @classmethod
    def _of_old_names(cls, data: Any) -> Any:
        return with_new_names(dict(data), "scenario") if isinstance(data, Mapping) else data

    @field_validator("epoch", mode="before")
    @classmethod
    def _of_astropy(cls, epoch: Any) -> Any:
        return as_utc(epoch) if is_time(epoch) else epoch

    @field_validator("epoch")
    @classmethod
    def _utc(cls, epoch: datetime) -> datetime:
        if not EARLIEST_YEAR <= epoch.year <= LATEST_YEAR:
            raise ValueError(f"give a date of the years {EARLIEST_YEAR} to {LATEST_YEAR}")
        return epoch.replace(tzinfo=UTC) if epoch.tzinfo is None else epoch.astimezone(UTC)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.substep_s > self.round_s:
            raise ValueError("substep_s must not exceed round_s")
        kinds = self.requests.kinds
        if kinds is not None and kinds.dwell is not None and kinds.dwell.dwell_s > self.round_s:
            raise ValueError(
                f"requests.kinds.dwell.dwell_s is {kinds.dwell.dwell_s:g}; it must not exceed round_s, "
                f"{self.round_s:g}"
            )
        self._check_videos()
        size = sum(group.size for group in self.fleet)
        if size > MOST_SATELLITES:
            raise ValueError(f"the groups of fleet have {size:,} satellites, {MOST_SATELLITES:,} is the most")
        for group in self.fleet:
            if group.spacecraft not in self.spacecraft:
                raise ValueError(str(unknown_name("spacecraft", group.spacecraft, self.spacecraft)))
            if group.propagator == "sgp4" and self.spacecraft[group.spacecraft].propulsion is not None:
                raise ValueError(
                    f"SGP4, which flies {printable(group.name, 60)}, knows no thrust; set propagator: "
                    f"cowell, or leave out the propulsion of {printable(group.spacecraft, 60)}"
                )
        named = (("fleet", self.fleet), ("stations", self.stations), ("events", self.events))
        for what, items in named:
            seen = [item.name for item in items]
            if len(set(seen)) < len(seen):
                raise ValueError(f"every name in {what} must occur once")
        stations = [station.name for station in self.stations]
        lost = [name for event in self.events for name in event.stations_lost]
        for name in (*lost, *(outage.station for outage in self.faults.outages)):
            if name not in stations:
                raise ValueError(str(unknown_name("station", name, stations)))
        return self

    def _check_videos(self) -> None:
        """Raises ValueError for videos that no satellite has room for."""
        kinds, crafts = self.requests.kinds, self.spacecraft.values()
        if kinds is None or kinds.dwell is None:
            return
        most = max(craft.store_gbit / craft.camera.image_gbit for craft in crafts)
        if kinds.dwell.images > most:
            raise ValueError(
                f"requests.kinds.dwell.images is {kinds.dwell.images:g}; the largest store, "
                f"spacecraft.*.store_gbit, holds {most:g}"
            )

    def with_orbits(
        self,
        orbits: Iterable[Any],
        *,
        names: Sequence[str] | None = None,
        spacecraft: str | None = None,
        group: str = "Orbit",
    ) -> "Scenario":
        """This scenario with the satellites of these orbits in the place of its fleet.

        orbits: of `boinor.twobody.Orbit` about the Earth; one of another epoch is flown to the scenario's,
            under the scenario's forces (see `orbits.poliastro.from_orbits`).
        names: of the satellites; by default "Orbit 1" and so on, after `group`.
        spacecraft: their kind; by default that of the first group of the fleet.

        Raises SandboxError for what is no orbit about the Earth, lies too low, or has an epoch more than 30
        days off, for an unknown kind of spacecraft, and for names that do not fit.
        """
        from sandbox.fleet import fleet_of_orbits
        from sandbox.orbits.poliastro import listed
        from sandbox.scenario.loading import load_scenario

        fleet = fleet_of_orbits(self, listed(orbits), names, spacecraft or self.fleet[0].spacecraft, group)
        return load_scenario(self, {"fleet": [fleet], "satellites": None})

    @property
    def job_kinds(self) -> tuple[Questions, ...]:
        """What jobs are of, by their number: the kinds of `jobs`, then the questions of the events."""
        return (*self.jobs.kinds, *(event.questions for event in self.events if event.questions))

    @property
    def rounds(self) -> int:
        """Decision rounds in the horizon."""
        return max(1, round(self.horizon_h * HOUR / self.round_s))
