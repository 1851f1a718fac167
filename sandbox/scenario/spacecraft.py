"""The fields of a kind of satellite: body, power, heat, pointing, instruments, boards, lasers, thruster."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sandbox.bounds import (
    LEAST_NUMBER,
    MOST_BOARDS,
    MOST_DECIBELS,
    MOST_ISP_S,
    MOST_NUMBER,
    MOST_WATTS,
    Decibels,
    Name,
    NotNegative,
    Positive,
    Seconds,
    SecondsOrNone,
    Watts,
)
from sandbox.compute import board, check_fit, model
from sandbox.scenario.fields import Efficiency, Model, Range, Share, within


class Body(Model):
    """Mass, and what the air sees; the usual coefficient of compact satellites (Vallado 2013, 8.6.2)."""

    mass_kg: Positive
    drag_area_m2: Positive
    drag_coefficient: Positive = 2.2


class Power(Model):
    """Panels, battery and loads.

    `panel_efficiency` is that of a new bare cell at 28 degC. Of the area `panel_packing` is covered with
    cells (assumed: 85 to 90 % of a panel are), `panel_harness` of their power arrives (assumed: 0.97 for the
    harness and 0.96 for the tracker of the maximum power point), and `panel_fade_per_year` has been lost in
    each of `panel_age_years` (Wertz, SMAD: 2.75 % for gallium arsenide in low orbit, less for several
    junctions). Warm cells lose `cell_loss_per_k` (assumed: 0.2 to 0.3 % for three junctions); they are at
    `cell_cold_c` in shadow and at `cell_hot_c` facing the Sun (assumed: 20 to 60 K above 28 degC is usual),
    and in between by the balance of radiation (`sandbox.power.cell_temperature`).

    A battery is down to 80 % of its capacity after `cycle_life` cycles from full to the depth `cycle_depth`,
    other depths by Woehler's law with `cycle_exponent`. JAXA's tests of large lithium-ion cells went beyond
    30,000 cycles of a simulated low orbit (Wang et al. 2006); depth and exponent are assumed. 0 cycles: none
    is counted. `fade_per_cycle` is a linear fade besides, per equivalent full cycle; `battery_health` is the
    share of the nominal capacity at the start.
    """

    panel_area_m2: Positive
    panel_efficiency: Efficiency
    panel_mount: Literal["body", "tracking"] = "body"
    panel_packing: Efficiency = 0.88
    panel_harness: Efficiency = 0.93
    panel_fade_per_year: Annotated[float, Field(ge=0, lt=1)] = 0.02
    panel_age_years: Annotated[float, Field(ge=0, le=100)] = 0.0
    cell_loss_per_k: Annotated[float, Field(ge=0, le=0.01)] = 0.0024
    cell_cold_c: Annotated[float, Field(ge=-200, le=150)] = -75.0
    cell_hot_c: Annotated[float, Field(ge=-200, le=150)] = 65.0
    battery_wh: Positive
    initial_charge: Annotated[Range, within(0.0, 1.0)] = (0.6, 0.9)
    charge_efficiency: Efficiency = 0.95
    discharge_efficiency: Efficiency = 0.95
    fade_per_cycle: Annotated[float, Field(ge=0, lt=1)] = 0.0
    battery_health: Efficiency = 1.0
    cycle_life: Annotated[float, Field(ge=0, le=1e9)] = 30_000.0
    cycle_depth: Efficiency = 0.3
    cycle_exponent: Annotated[float, Field(ge=1, le=5)] = 1.5
    bus_w: Watts
    compute_w: Watts = 0.0
    slew_w: Watts = 0.0
    camera_w: Watts
    transmitter_w: Watts
    heater_w: Watts = 0.0

    @model_validator(mode="after")
    def _cells(self) -> Self:
        if self.cell_hot_c < self.cell_cold_c:
            raise ValueError("cell_hot_c must not be less than cell_cold_c")
        return self

    @property
    def delivered_efficiency(self) -> float:
        """Of sunlight on the whole panel, with cells at 28 degC: what arrives at the bus."""
        aged = (1.0 - self.panel_fade_per_year) ** self.panel_age_years
        return self.panel_efficiency * self.panel_packing * self.panel_harness * aged

    @property
    def cycle_fade(self) -> float:
        """Share of its capacity that a battery loses in a cycle of full depth."""
        if self.cycle_life == 0.0:
            return 0.0
        return END_OF_LIFE_LOSS / self.cycle_life / self.cycle_depth**self.cycle_exponent


END_OF_LIFE_LOSS = 0.2
"""Of its capacity, when a battery's cycle life is over: the usual definition."""


class Thermal(Model):
    """The body as one node, and the boards on it: see `sandbox.thermal`.

    At full power the boards stand `board_rise_k` above the body, and go there with a time constant of
    `board_minutes`. The defaults are those of the computer of a 12U satellite in orbit (BUPT-1, MobiCom 2024
    data, full mode: two time constants of 5.4 and 42 minutes fit it, the faster of 21 K).
    """

    heat_capacity_j_k: Positive
    board_rise_k: Annotated[float, Field(ge=0.1, le=200)] = 21.0
    board_minutes: Annotated[float, Field(ge=0.1, le=1e4)] = 5.4
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
    """How fast the body turns from rest to rest, and how long it then settles: see `sandbox.attitude`."""

    slew_rate_deg_s: Positive
    slew_acceleration_deg_s2: Positive
    settle_s: SecondsOrNone = 0.0


class Camera(Model):
    """How far from nadir it looks, how long it dwells, how large an image is, how high the Sun must stand."""

    max_off_nadir_deg: Annotated[float, Field(gt=0, le=65)]
    dwell_s: Seconds
    image_gbit: Annotated[float, Field(ge=1e-6, le=MOST_NUMBER)]
    min_sun_elevation_deg: Annotated[float, Field(ge=-90, le=89)] = -90.0


class Radio(Model):
    """Downlink, and the receiver of the uplink.

    `rate_model` says what a signal carries that is `implementation_loss_db` worse than by the budget: the
    best modulation and coding of DVB-S2 or DVB-S2X whose threshold it meets, or Shannon's limit
    (`sandbox.modcods`). Either is capped at `max_bit_s_hz`, of a symbol or of a hertz. Symbols come at
    bandwidth / (1 + `roll_off`); Shannon's limit takes the whole bandwidth. A fixed rate needs no budget.

    The uplink has the same model, coding and losses in its own band. Its defaults are assumed: S band, 5 MHz
    (a channel there has 6 at most), an omnidirectional antenna of -4 dBi with its losses before 1,000 K.
    """

    eirp_dbw: Decibels
    frequency_ghz: Positive
    bandwidth_mhz: Positive
    rate_model: Literal["dvb-s2", "dvb-s2x", "shannon"] = "dvb-s2"
    roll_off: Annotated[float, Field(ge=0, le=1)] = 0.2
    implementation_loss_db: Annotated[float, Field(ge=0, le=MOST_DECIBELS)] = 3.0
    max_bit_s_hz: Positive = 4.4
    fixed_rate_mbit_s: Positive | None = None
    uplink_frequency_ghz: Positive = 2.07
    uplink_bandwidth_mhz: Positive = 5.0
    uplink_gain_to_noise_db_k: Decibels = -34.0


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

    Setting a link up takes the turn to the partner at `slew_deg_s` (2 deg/s: the published model of Gerard,
    Fraire and Cespedes 2025, arXiv 2511.16063) and then the search of the area in which it may be,
    `acquisition_s` for a new partner. One that the terminal held before is known better, the better the more
    recently: see `sandbox.acquisition`.
    """

    terminals: Annotated[int, Field(ge=0, le=4)] = 4
    range_km: Positive = 5_000.0
    acquisition_s: SecondsOrNone = 15.0
    slew_deg_s: Positive = 2.0
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
