"""What a world is made of: validated models, named scenarios, YAML files.

    load_scenario("scs01")                        a named scenario
    load_scenario("mine.yaml")                    a file of your own
    load_scenario({...})                          the same as a dictionary
    load_scenario("active.tle")                   the objects of a catalogue file, in the place of scs01
    load_scenario("active.tle", {"catalogue.select": ["ISS (ZARYA)", 20580]})    two of them, or
    load_scenario("active.tle", {"catalogue.first": 40})                         the first 40 that fly
    load_scenario("scs01", {"horizon_h": 2.0, "requests.initial": 64})   with fields replaced

A file or dictionary may begin with `extends: NAME`, a named scenario or a file beside it: its fields are
laid over that scenario's, mapping by mapping; a list or a value replaces the other's whole.

A catalogue (TLE, 3LE, or OMM as JSON, CSV, XML or KVN) is known by its content, whatever the file is called.
An object of it that is damaged, has decayed or has elements too old for the epoch is left out with a warning.

Field names carry their units; `sandbox.bounds` says how large the numbers may be. From Python a field may be
an astropy Quantity, the epoch a Time. A field that is unknown,
missing or out of range is one `SandboxError` that names the file, the field, the value and what would be
right.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import hypot
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from sandbox.bounds import (
    EARLIEST_YEAR,
    FARTHEST_KM,
    FASTEST_KM_S,
    LATEST_YEAR,
    LEAST_NUMBER,
    MOST_BOARDS,
    MOST_DECIBELS,
    MOST_HOURS,
    MOST_ISP_S,
    MOST_LISTED,
    MOST_NAMED,
    MOST_NUMBER,
    MOST_SATELLITES,
    MOST_TOKENS,
    MOST_WAIT_H,
    MOST_WATTS,
    SHORTEST_SUBSTEP_S,
    WIDEST_WATCH_KM,
    Count,
    Decibels,
    HoursAhead,
    HoursOrNone,
    Index,
    Name,
    NotNegative,
    Positive,
    Seconds,
    SecondsOrNone,
    Text,
    Watts,
)
from sandbox.compute import board, check_fit, model
from sandbox.errors import SandboxError, printable, shortened, shown, unknown_name
from sandbox.orbits.catalogue import Catalogue, read_catalogue
from sandbox.orbits.catalogue_text import MOST_SETS
from sandbox.orbits.timescales import as_utc
from sandbox.plain_data import field_name, plain
from sandbox.units import HOUR, is_time, without_units
from sandbox.yaml_files import read_yaml

FOLDER = Path(__file__).parent / "scenarios"
CATALOGUES = (".tle", ".2le", ".3le", ".omm", ".kvn", ".txt", ".json", ".csv", ".xml")
"""Endings of what is taken for a catalogue file even if there is none."""

Share = Annotated[float, Field(ge=0, le=1)]
Efficiency = Annotated[float, Field(gt=0, le=1)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=360)]
Altitude = Annotated[float, Field(ge=160, le=40_000)]
Angle = Annotated[float, Field(ge=-360, le=720)]
Inclination = Annotated[float, Field(ge=0, le=180)]
Range = tuple[float, float]
MOST_STEPS = 20
"""Dots in the name of a field to replace."""
LONGEST_CHAIN = 100
"""Files of which each extends the next."""
LOWEST_KM = 6_499.0
"""Lowest perigee, km from the geocentre: the air ends an orbit at 120 km (`flight.LOWEST_M`)."""


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _without_units(cls, data: Any) -> Any:
        """A field may be an astropy Quantity; it becomes a number in the unit that the name says."""
        return without_units(data) if isinstance(data, Mapping) else data


def _ordered(pair: Range, low: float, high: float) -> Range:
    if not low <= pair[0] <= pair[1] <= high:
        raise ValueError(f"give two numbers with {low:g} <= first <= second <= {high:g}")
    return pair


def _within(low: float, high: float) -> AfterValidator:
    return AfterValidator(lambda pair: _ordered(pair, low, high))


Values = Annotated[Range, _within(0.0, 1e6)]
Lifetimes = Annotated[Range, _within(0.01, 1e4)]
Hours = Annotated[Range, _within(0.0, 1e4)]


class Body(Model):
    mass_kg: Positive
    drag_area_m2: Positive
    drag_coefficient: Positive = 2.2


class Power(Model):
    panel_area_m2: Positive
    panel_efficiency: Efficiency
    panel_mount: Literal["body", "tracking"] = "body"
    battery_wh: Positive
    initial_charge: Annotated[Range, _within(0.0, 1.0)] = (0.6, 0.9)
    charge_efficiency: Efficiency = 0.95
    discharge_efficiency: Efficiency = 0.95
    fade_per_cycle: Annotated[float, Field(ge=0, lt=1)] = 0.0
    bus_w: Watts
    compute_w: Watts = 0.0
    slew_w: Watts = 0.0
    camera_w: Watts
    transmitter_w: Watts
    heater_w: Watts = 0.0


class Thermal(Model):
    heat_capacity_j_k: Positive
    radiator_area_m2: Positive
    emissivity: Efficiency
    absorptivity: Share
    sun_area_m2: NotNegative
    earth_area_m2: NotNegative
    initial_c: Annotated[float, Field(ge=-100, le=150)] = 15.0
    heater_below_c: Annotated[float, Field(ge=-150, le=150)] = -10.0
    throttle_above_c: Annotated[float, Field(ge=-100, le=200)] = 45.0
    shutdown_above_c: Annotated[float, Field(ge=-100, le=200)] = 60.0

    @model_validator(mode="after")
    def _limits(self) -> Self:
        if self.shutdown_above_c <= self.throttle_above_c:
            raise ValueError("shutdown_above_c must be greater than throttle_above_c")
        return self


class Attitude(Model):
    slew_rate_deg_s: Positive
    slew_acceleration_deg_s2: Positive
    settle_s: SecondsOrNone = 0.0


class Camera(Model):
    max_off_nadir_deg: Annotated[float, Field(gt=0, le=65)]
    dwell_s: Seconds
    image_gbit: Annotated[float, Field(ge=1e-6, le=MOST_NUMBER)]
    min_sun_elevation_deg: Annotated[float, Field(ge=-90, le=89)] = -90.0


class Radio(Model):
    """Downlink: adaptive coding at `implementation_loss_db` from Shannon's limit, or a fixed rate."""

    eirp_dbw: Decibels
    frequency_ghz: Positive
    bandwidth_mhz: Positive
    implementation_loss_db: Annotated[float, Field(ge=0, le=MOST_DECIBELS)] = 3.0
    max_bit_s_hz: Positive = 4.4
    fixed_rate_mbit_s: Positive | None = None


class Compute(Model):
    """The accelerator boards, and the language model that thinks on one of them.

    `boards` like ones share the standing load `power.compute_w`. A thought takes one of them for itself, at
    the board's active power; the customers' work on it waits.
    """

    board: Name
    boards: Annotated[int, Field(ge=1, le=MOST_BOARDS)] = 1
    model: Name = "Qwen3-8B"
    precision: Literal["bf16", "int8", "int4"] = "int4"

    @model_validator(mode="after")
    def _fits(self) -> Self:
        thinks = model(self.model)
        check_fit(board(self.board), thinks, self.precision, 1, thinks.weight_bytes(self.precision))
        return self


class Lasers(Model):
    """Terminals that link a satellite to others. The defaults: 100 Gbit/s and 15 s to set a link up are
    published for the first computing satellites; four terminals (+Grid), 5,000 km (as far as two satellites
    at 550 km see each other above 80 km) and the power are assumed.

    A terminal looks up to `regard_deg` away from the plane across the camera's boresight: 90 is everywhere;
    with less, a satellite that turns far to image or to charge takes its links with it.
    """

    terminals: Annotated[int, Field(ge=0, le=4)] = 4
    range_km: Positive = 5_000.0
    acquisition_s: SecondsOrNone = 15.0
    rate_gbit_s: Positive = 100.0
    regard_deg: Annotated[float, Field(gt=0, le=90)] = 90.0
    transmit_w: Watts = 80.0


class Propulsion(Model):
    """A Hall thruster and its propellant, which is part of `body.mass_kg`: see `sandbox.propulsion`.

    The defaults are those of the BHT-200, which flew on TacSat-2 in 2006: 43 % of 200 W at 1,375 s on xenon,
    or 13 mN (Busek, announcement of 6 March 2007). `least_charge`, the share of the battery below which it
    stays off, is assumed.
    """

    thruster_w: Annotated[float, Field(ge=LEAST_NUMBER, le=MOST_WATTS)] = 200.0
    efficiency: Efficiency = 0.43
    isp_s: Annotated[float, Field(ge=1, le=MOST_ISP_S)] = 1_375.0
    propellant_kg: Positive
    least_charge: Share = 0.3


class Spacecraft(Model):
    """A kind of satellite. Without `compute` it has no board: it runs no jobs, and thoughts cost it nothing.

    A satellite with the `role` training takes over jobs that others hand to it (`envs.offloading_v0`).
    """

    body: Body
    power: Power
    compute: Compute | None = None
    lasers: Lasers = Lasers()
    propulsion: Propulsion | None = None
    role: Literal["inference", "training"] = "inference"
    thermal: Thermal
    attitude: Attitude
    camera: Camera
    radio: Radio
    store_gbit: Positive

    @model_validator(mode="after")
    def _room(self) -> Self:
        if self.store_gbit < self.camera.image_gbit:
            raise ValueError("store_gbit must hold at least one image (camera.image_gbit)")
        return self

    @model_validator(mode="after")
    def _dry(self) -> Self:
        if self.propulsion is not None and self.propulsion.propellant_kg >= self.body.mass_kg:
            raise ValueError(
                f"propulsion.propellant_kg = {self.propulsion.propellant_kg:g} is part of body.mass_kg = "
                f"{self.body.mass_kg:g}; give less"
            )
        return self

    @model_validator(mode="after")
    def _draw(self) -> Self:
        if self.compute is not None:
            standing, most = self.power.compute_w / self.compute.boards, board(self.compute.board).active_w
            if standing > most:
                raise ValueError(
                    f"power.compute_w = {self.power.compute_w:g} is more than {self.compute.boards} boards "
                    f"{self.compute.board} draw ({most:g} W each); lower it or give more compute.boards"
                )
        return self


class Walker(Model):
    """Circular orbits i:T/P/F (Walker 1984), their nodes over 360 degrees (delta) or 180 (star)."""

    pattern: Literal["delta", "star"] = "delta"
    total: Count
    planes: Count
    phasing: Index = 0
    altitude_km: Altitude
    inclination_deg: Inclination
    raan_deg: Angle = 0.0


class SunSynchronous(Model):
    """Planes in sun-synchronous orbit with ascending nodes at these local times, hours."""

    total: Count
    altitude_km: Annotated[float, Field(ge=200, le=5_900)]
    local_time_h: tuple[Annotated[float, Field(ge=0, lt=24)], ...] = Field(
        min_length=1, max_length=MOST_NAMED
    )
    phasing: Index = 0


class Catalogued(Model):
    """A catalogue file (TLE, 3LE, OMM as JSON, CSV, XML or KVN) and, if not all of it, what to take.

    `select` lists names and catalogue numbers; of those, or of all, the `first` that fly at the epoch are
    taken. What cannot be used is left out with a warning, or refused if `strict`.
    """

    file: Path
    select: tuple[Name, ...] | None = Field(None, max_length=MOST_NAMED)
    first: Count | None = None
    strict: bool = False

    @field_validator("select", mode="before")
    @classmethod
    def _names(cls, names: Any) -> Any:
        """One name stands for a list of one, a number for its digits."""
        listed = [names] if isinstance(names, (str, int)) else names
        if not isinstance(listed, (list, tuple)):
            return listed
        return [str(each) if type(each) is int and abs(each) < 10**9 else each for each in listed]

    def read(self) -> Catalogue:
        """The catalogue, or what `select` takes of it. Raises SandboxError."""
        catalogue = read_catalogue(self.file, self.strict)
        return catalogue.select(self.select) if self.select else catalogue


class MeanElements(Model):
    """SGP4 mean elements of one object, as a line of a catalogue states them (TEME)."""

    name: Name
    norad_id: Annotated[int, Field(ge=0, le=999_999_999)] = 0
    cospar_id: Name = ""
    epoch: Name
    inclination_deg: Inclination
    raan_deg: Angle
    eccentricity: Annotated[float, Field(ge=0, lt=1)]
    argp_deg: Angle
    mean_anomaly_deg: Angle
    mean_motion_rev_day: Annotated[float, Field(gt=0, le=18)]
    ndot_rev_day2: Annotated[float, Field(ge=-1e3, le=1e3)] = 0.0
    bstar: Annotated[float, Field(ge=-1e3, le=1e3)] = 0.0


def _check_perigee(a_km: float, ecc: float) -> None:
    perigee = a_km * (1.0 - ecc)
    if perigee < LOWEST_KM:
        raise ValueError(
            f"the perigee lies at {perigee:.0f} km from the geocentre; {LOWEST_KM:.0f} is the least"
        )


class Keplerian(Model):
    """Mean (J2-averaged) classical elements of one satellite at the scenario's epoch."""

    name: Name
    semi_major_axis_km: Annotated[float, Field(ge=6_538, le=50_000)]
    eccentricity: Annotated[float, Field(ge=0, lt=0.9)] = 0.0
    inclination_deg: Inclination
    raan_deg: Angle = 0.0
    argp_deg: Angle = 0.0
    mean_anomaly_deg: Angle = 0.0

    @model_validator(mode="after")
    def _above_ground(self) -> Self:
        _check_perigee(self.semi_major_axis_km, self.eccentricity)
        return self


class Classical(Model):
    """Osculating classical elements of one satellite at the scenario's epoch, in GCRS about the Earth.

    Named as those of the poliastro family's `Orbit.from_classical`, whose state (`coe2rv` of boinor) the
    satellite has; `nu` is the true anomaly. Elements that J2 is averaged out of are `keplerian`.
    """

    name: str
    a_km: Annotated[float, Field(ge=6_538, le=50_000)]
    ecc: Annotated[float, Field(ge=0, lt=0.9)] = 0.0
    inc_deg: Inclination
    raan_deg: Angle = 0.0
    argp_deg: Angle = 0.0
    nu_deg: Angle = 0.0

    @model_validator(mode="after")
    def _above_ground(self) -> Self:
        _check_perigee(self.a_km, self.ecc)
        return self


class StateVector(Model):
    """GCRS state of one satellite at the scenario's epoch."""

    name: Name
    position_km: tuple[float, float, float]
    velocity_km_s: tuple[float, float, float]

    @field_validator("position_km")
    @classmethod
    def _above_ground(cls, position: tuple[float, float, float]) -> tuple[float, float, float]:
        if hypot(*position) < LOWEST_KM:
            raise ValueError(f"it must lie at least {LOWEST_KM:.0f} km from the geocentre")
        if hypot(*position) > FARTHEST_KM:
            raise ValueError(f"it must lie within {FARTHEST_KM:.0f} km of the geocentre")
        return position

    @field_validator("velocity_km_s")
    @classmethod
    def _no_faster(cls, velocity: tuple[float, float, float]) -> tuple[float, float, float]:
        if hypot(*velocity) > FASTEST_KM_S:
            raise ValueError(f"it must be no faster than {FASTEST_KM_S:g} km/s")
        return velocity

    @model_validator(mode="after")
    def _around(self) -> Self:
        (x, y, z), (u, v, w) = self.position_km, self.velocity_km_s
        if hypot(y * w - z * v, z * u - x * w, x * v - y * u) < 1.0:
            raise ValueError("velocity_km_s must not point straight up or down: that is no orbit")
        return self


SOURCES = ("walker", "sun_synchronous", "catalogue", "elements", "keplerian", "classical", "states")


class Group(Model):
    """Satellites of one kind; exactly one of the fields in `SOURCES` says where they fly.

    `mesh` is the pattern of the laser links of a Walker or sun-synchronous group (see `sandbox.lasers`); all
    others link to the nearest.
    """

    name: Name
    spacecraft: Name
    propagator: Literal["cowell", "sgp4"] = "cowell"
    mesh: Literal["grid", "honeycomb", "nearest"] = "grid"
    walker: Walker | None = None
    sun_synchronous: SunSynchronous | None = None
    catalogue: Catalogued | None = None
    elements: tuple[MeanElements, ...] | None = Field(None, min_length=1, max_length=MOST_NAMED)
    keplerian: tuple[Keplerian, ...] | None = Field(None, min_length=1, max_length=MOST_NAMED)
    classical: tuple[Classical, ...] | None = Field(None, min_length=1, max_length=MOST_NAMED)
    states: tuple[StateVector, ...] | None = Field(None, min_length=1, max_length=MOST_NAMED)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [name for name in SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(SOURCES)} (now: {', '.join(given) or 'none'})")
        if self.propagator == "sgp4" and given[0] not in ("catalogue", "elements"):
            raise ValueError(f"propagator sgp4 needs catalogue or elements, not {given[0]}")
        return self

    @property
    def size(self) -> int:
        """Satellites of the group; 0 for a catalogue, which has still to be read."""
        pattern = self.walker or self.sun_synchronous
        return pattern.total if pattern else len(self.elements or self.keplerian or self.states or ())


class Forces(Model):
    j2: bool = True
    j3: bool = False
    j4: bool = False
    drag: bool = False
    density_factor: Annotated[float, Field(gt=0, le=1e3)] = 1.0
    sun: bool = False
    moon: bool = False


class Station(Model):
    name: Name
    latitude_deg: Latitude
    longitude_deg: Longitude
    altitude_m: Annotated[float, Field(ge=-500, le=9_000)] = 0.0
    min_elevation_deg: Annotated[float, Field(ge=0, lt=90)] = 5.0
    antennas: Count = 1
    gain_to_noise_db_k: Decibels = 30.0


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


class Requests(Model):
    """Observation requests: a stock at the start, a Poisson stream, and sites named one by one.

    `value` and `lifetime_h` are drawn uniformly from their ranges, the forecast cloud probability from a
    beta distribution with mean `cloud_mean` and concentration `cloud_spread`; the sky is drawn anew every
    `sky_h` hours.
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
    sites: Annotated[tuple[Site, ...], Field(max_length=MOST_NAMED)] = ()


class Questions(Model):
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
    """

    small_model: Name = "Qwen3-1.7B"
    large_model: Name = "Qwen3-8B"
    precision: Literal["bf16", "int8", "int4"] = "int4"
    large_on_board: bool = True
    batch: Annotated[int, Field(ge=1, le=1_024)] = 8
    places: Annotated[int, Field(ge=1, le=10_000)] = 32
    user_min_elevation_deg: Annotated[float, Field(ge=0, lt=90)] = 10.0
    user_mbit_s: Positive = 20.0
    uplink_mbit_s: Positive = 10.0
    ground_s: SecondsOrNone = 2.0
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


class Threats(Model):
    """What a satellite may run into, how well that is known, and what it has to get out of the way.

    `staged_per_day` encounters a satellite are drawn at their closest approach and flown back: a share
    `hit_share` of them would collide, the others miss by a normal number of `miss_m` in either axis of the
    encounter plane. `population` objects of low orbit, or those of a `catalogue` file flown by SGP4, join
    them with every pass within `watch_km` of the orbits of the scenario. Warnings come `warn_h` before, anew
    every `update_h`. Their errors have `sigma_m` (R, T, N) at the encounter; along track that grows with the
    time ahead by `growth_m_day15` for a day, to the power of 1.5.
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

    Safe mode is entered when the battery falls below the share `safe_below`; above the craft's shutdown
    temperature, if `safe_when_hot`; and with the share `safe_share` of board resets. It lasts for `safe_s` at
    least, and until the battery is above `safe_above`.
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


class UrgentRequests(Model):
    """Requests that an event opens at once: their number, values, lifetimes and mean forecast of cloud."""

    count: Annotated[int, Field(ge=1, le=100_000)]
    value: Values
    lifetime_h: Lifetimes
    cloud_mean: Share = 0.5


class RescueQuestions(Questions):
    """Questions that rescue teams ask at `per_hour` for `duration_h` from the event on."""

    duration_h: HoursAhead


class Event(Model):
    """A disaster that strikes `radius_km` around a place, at a time of the episode drawn from `at_h`.

    From then on there are its requests and its questions, all from within the radius, and the stations of
    `stations_lost` are silent for `stations_lost_h`. An event later than the horizon does not happen.
    """

    name: Name
    kind: Literal["earthquake", "flood"]
    latitude_deg: Latitude
    longitude_deg: Longitude
    radius_km: Annotated[float, Field(gt=0, le=20_000)]
    at_h: Hours
    requests: UrgentRequests | None = None
    questions: RescueQuestions | None = None
    stations_lost: Annotated[tuple[Name, ...], Field(max_length=MOST_LISTED)] = ()
    stations_lost_h: HoursAhead = 24.0


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
    requests: Requests = Requests()
    jobs: Jobs = Jobs()
    threats: Threats = Threats()
    faults: Faults = Faults()
    events: Annotated[tuple[Event, ...], Field(max_length=MOST_LISTED)] = ()

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


def scenario_names() -> list[str]:
    """The named scenarios that come with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load_scenario(
    source: str | Path | Mapping[str, Any] | Scenario, replace: Mapping[str, Any] | None = None
) -> Scenario:
    """The scenario called `source`, or in that file or dictionary, with the fields in `replace` set.

    `replace` maps dotted names to values: `{"horizon_h": 2, "stations.0.antennas": 3}`. In dictionaries
    NumPy's numbers, arrays and dates, tuples and pydantic models stand for Python's numbers, lists and
    dictionaries.
    Raises SandboxError for an unknown name, an unreadable file or a field that is not right.
    """
    data, where = _read(source)
    if replace is not None and not isinstance(replace, Mapping):
        raise SandboxError(f"replace = {shown(replace)}; give a dictionary of dotted names and values.")
    for name, value in (replace or {}).items():
        _set(data, _full_name(name, data), plain(value, f"{where}: {printable(name)}"))
    try:
        scenario = Scenario.model_validate(data)
    except ValidationError as error:
        raise _explain(error, where) from None
    if _is_catalogue(source) and "epoch" not in (replace or {}):
        return _from_newest_epoch(scenario)
    return scenario


def _full_name(name: str, data: dict[str, Any]) -> str:
    """The dotted name of a field; `catalogue.` is that of the one group of the fleet that has a catalogue."""
    if not name.startswith("catalogue."):
        return name
    groups = data.get("fleet")
    listed = groups if isinstance(groups, list) else []
    found = [i for i, group in enumerate(listed) if isinstance(group, dict) and group.get("catalogue")]
    if len(found) != 1:
        raise SandboxError(
            f"{name}: {len(found) or 'no'} groups of the fleet have a catalogue; "
            f"name the field of one, as in fleet.0.{name}."
        )
    return f"fleet.{found[0]}.{name}"


def _is_catalogue(source: Any) -> bool:
    """Whether `source` is a file that is neither a named scenario nor YAML."""
    if not isinstance(source, (str, Path)) or str(source) in scenario_names():
        return False
    ending = Path(source).suffix.lower()
    if ending in (".yaml", ".yml"):
        return False
    return ending in CATALOGUES or (os.path.exists(source) and not os.path.isdir(source))


def _from_newest_epoch(scenario: Scenario) -> Scenario:
    """A catalogue's scenario from the minute after the newest epoch on of what was chosen."""
    chosen = scenario.fleet[0].catalogue
    if chosen is None:
        return scenario
    newest = chosen.read().first(chosen.first or MOST_SETS).newest_epoch()
    epoch = newest.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return scenario.model_copy(update={"epoch": epoch})


def _read(source: Any) -> tuple[dict[str, Any], str]:
    """The fields of `source`, those that it extends among them, and what an error should call it."""
    if isinstance(source, Scenario):
        return plain(source, "scenario"), f"scenario {printable(getattr(source, 'name', ''))}".rstrip()
    if isinstance(source, Mapping):
        return _extended(plain(source, "scenario"), "scenario", None, ())
    if _is_catalogue(source):
        return _of_catalogue(Path(source))
    path = _find(source, None)
    return _extended(_parse(path), printable(path.name), path.parent, (path.resolve(),))


def _of_catalogue(path: Path) -> tuple[dict[str, Any], str]:
    """`scs01` with the objects of a catalogue file in its place, flown by SGP4."""
    fleet = {
        "name": path.stem,
        "spacecraft": "computing_satellite",
        "propagator": "sgp4",
        "catalogue": {"file": path.resolve()},
    }
    text = f"The objects of {path.name} as computing satellites."
    data = {"extends": "scs01", "name": path.stem, "description": text, "fleet": [fleet]}
    return _extended(data, path.name, None, ())


def _extended(
    data: dict[str, Any], where: str, folder: Path | None, chain: tuple[Path, ...]
) -> tuple[dict[str, Any], str]:
    """`data` laid over the scenario it extends, if any; `chain` holds the files that led here."""
    if "extends" not in data:
        return data, where
    base = data.pop("extends")
    try:
        path = _find(base, folder)
    except SandboxError as error:
        raise SandboxError(f"{where}: extends = {shown(base)}: {error}") from None
    if path.resolve() in chain:
        raise SandboxError(
            f"{where}: extends = {shown(base)} leads back to where it began; break the circle."
        )
    if len(chain) >= LONGEST_CHAIN:
        raise SandboxError(f"{where}: more than {LONGEST_CHAIN} files extend one another; join some of them.")
    below, below_where = _extended(_parse(path), printable(path.name), path.parent, (*chain, path.resolve()))
    return _merged(below, data), shortened(f"{where} (extends {below_where})", 160)


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(below.get(key), dict)
        merged[key] = _merged(below[key], value) if both else value
    return merged


def _find(source: Any, folder: Path | None) -> Path:
    """The file of the scenario called `source`; a path is taken relative to `folder`, if given."""
    if not isinstance(source, (str, Path)):
        raise SandboxError(
            f"A scenario is a name, a YAML file, a dictionary or a Scenario, not {shown(source)}."
        )
    if str(source) in scenario_names():
        return FOLDER / f"{source}.yaml"
    path = Path(source)
    if path.suffix.lower() not in (".yaml", ".yml"):
        raise unknown_name("scenario", source, scenario_names())
    path = path if folder is None else folder / path
    if not _is_file(path):
        raise SandboxError(f"Scenario file {shown(str(path), 120)} does not exist; check the path.")
    return path


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is too long, or has a zero in it
        return False


def _parse(path: Path) -> dict[str, Any]:
    data = plain(read_yaml(path), printable(path.name))
    if not isinstance(data, dict):
        kind = "empty" if data is None else type(data).__name__
        raise SandboxError(
            f"{printable(path.name)}: a scenario file is a mapping of fields, this one is {kind}."
        )
    _place_catalogues(data, path.parent)
    return data


def _place_catalogues(data: dict[str, Any], folder: Path) -> None:
    """Catalogue files are named relative to the scenario file that names them."""
    groups = data.get("fleet")
    for group in groups if isinstance(groups, list) else ():
        catalogue = group.get("catalogue") if isinstance(group, dict) else None
        if isinstance(catalogue, dict) and isinstance(catalogue.get("file"), str):
            catalogue["file"] = str(folder / catalogue["file"])


def _set(data: dict[str, Any], name: Any, value: Any) -> None:
    if not isinstance(name, str) or name.count(".") > MOST_STEPS:
        raise SandboxError(f"No field {shown(name)} in the scenario to set; give a dotted name.")
    if name == "extends":
        raise SandboxError("extends cannot be replaced; load that scenario, and replace fields of it.")
    *parents, last = name.split(".")
    here: Any = data
    try:
        for step in parents:
            here = here.setdefault(step, {}) if isinstance(here, dict) else here[int(step)]
        if isinstance(here, dict):
            here[last] = value
        else:
            here[int(last)] = value
    except (ValueError, IndexError, TypeError):
        raise SandboxError(
            f"No field {shown(name, 160)} in the scenario to set to {shown(value)}; check the dotted name."
        ) from None


def _explain(error: ValidationError, where: str) -> SandboxError:
    first, *others = error.errors(include_url=False, include_context=False)
    field = field_name(first["loc"]) or "scenario"
    more = f" ({len(others)} more like it)" if others else ""
    message = first["msg"].removeprefix("Value error, ")
    if first["type"].startswith("datetime"):
        message += "; write it as 2026-06-27T00:00:00Z"
    if first["type"] == "missing":
        text = f"field {field} is missing; add it"
    elif first["type"] == "extra_forbidden":
        *parents, name = first["loc"]
        prefix = f"{field_name(tuple(parents))}." if parents else ""
        text = str(unknown_name("field", str(name), _fields_at(first["loc"][:-1]), prefix))
    elif isinstance(first["input"], BaseModel) or first["loc"] == () or _says_itself(first):
        text = f"{field}: {message}"
    else:
        text = f"{field} = {shown(first['input'])}: {message[0].lower()}{message[1:]}"
    text = text.removesuffix(".") + more
    return SandboxError(f"{where}: {text}" if text.endswith("?") else f"{where}: {text}.")


def _says_itself(fault: Any) -> bool:
    """Whether a check of ours on several fields failed: the message then names those that matter."""
    return isinstance(fault["input"], dict) and fault["type"] == "value_error"


def _fields_at(location: tuple[str | int, ...]) -> list[str]:
    """Names of the fields of what stands at `location`."""
    kind: type[BaseModel] | None = Scenario
    for step in location:
        if kind is not None and step in kind.model_fields:
            kind = _model_in(kind.model_fields[str(step)].annotation)
    return [*kind.model_fields, *(["extends"] if kind is Scenario else [])] if kind else []


def _model_in(kind: Any) -> type[BaseModel] | None:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    return next(filter(None, map(_model_in, get_args(kind))), None)
