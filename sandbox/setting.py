"""What of a world does not change: the scenario, its fleet, and the constants that kernels read."""

from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

import numpy as np

from sandbox.cells import Grid
from sandbox.fleet import Fleet, force_model, make_fleet, station_records
from sandbox.links import SEARCH_HORIZON_S
from sandbox.orbits.ephemeris import Ephemeris, make_ephemeris
from sandbox.orbits.propagation import Forces
from sandbox.radio import Radios, make_radios
from sandbox.requests import book_size, make_grid
from sandbox.safety import SafeRules, safe_rules
from sandbox.scenario import Clouds, Scenario

HOUR = 3600.0


class Constants(NamedTuple):
    """What a kernel needs to know of a scenario and does not change during an episode."""

    craft: np.ndarray  # (N,) records of dtype fleet.CRAFT
    stations: np.ndarray  # (G,) records of dtype fleet.STATION
    radios: Radios
    ballistic: np.ndarray  # (N,) m2/kg
    ephemeris: Ephemeris
    forces: Forces
    round_s: float
    substeps: int
    half_life: float
    sky_s: float
    safety: SafeRules
    forecast_s: float  # in which a forecast of clouds loses its skill, by e
    nowcast_skill: float  # of a forecast for the moment itself
    grid: Grid  # by which requests are found


@dataclass(frozen=True)
class Setting:
    """What the parts of a world are made from."""

    scenario: Scenario
    fleet: Fleet
    constants: Constants
    worlds: int
    horizon_s: float

    @property
    def reach_s(self) -> float:
        """Seconds after the epoch until which anything is looked ahead."""
        return self.scenario.start_within_h * HOUR + self.horizon_s + SEARCH_HORIZON_S

    @property
    def team(self) -> tuple[int, int]:
        """(worlds, satellites)."""
        return self.worlds, len(self.fleet)


def make_setting(scenario: Scenario, worlds: int, horizon_s: float | None) -> Setting:
    """The setting of `worlds` copies of `scenario`; an episode lasts `horizon_s`, or as the scenario says."""
    fleet, requests = make_fleet(scenario), scenario.requests
    horizon = scenario.horizon_h * HOUR if horizon_s is None else float(horizon_s)
    reach = scenario.start_within_h * HOUR + horizon + SEARCH_HORIZON_S
    constants = Constants(
        craft=fleet.craft,
        stations=station_records(scenario.stations),
        radios=make_radios(scenario, fleet.flown_kinds),
        ballistic=np.ascontiguousarray(fleet.craft["ballistic"]),
        ephemeris=make_ephemeris(scenario.epoch, reach),
        forces=force_model(scenario),
        round_s=scenario.round_s,
        substeps=ceil(scenario.round_s / scenario.substep_s),
        half_life=requests.half_life_h * HOUR,
        sky_s=requests.sky_h * HOUR,
        safety=safe_rules(scenario),
        forecast_s=(requests.clouds or Clouds()).forecast_h * HOUR,
        nowcast_skill=(requests.clouds or Clouds()).nowcast_skill,
        grid=make_grid(book_size(requests, horizon, scenario.events)),
    )
    return Setting(scenario, fleet, constants, worlds, horizon)
