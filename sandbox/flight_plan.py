"""Where the satellites of a scenario are, step by step, and who sees whom: for experiments that need no
decisions.

    for moment in FlightPlan("scs01", step_s=30.0).moments(hours=24.0):
        moment.time, moment.itrs, moment.links
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandbox.fleet import force_model, make_fleet, zenith
from sandbox.jobs import make_job_params
from sandbox.lasers import SEARCH_S, carries, follow_links, laser_records, seek_links
from sandbox.orbits.ephemeris import earth_rotation, make_ephemeris
from sandbox.orbits.frames import geodetic_to_itrs
from sandbox.orbits.propagation import MAX_STEP_S, advance
from sandbox.scenario import load_scenario
from sandbox.state import BODY, NONE


@dataclass(frozen=True)
class Moment:
    """A moment of a flight: seconds since the epoch, ITRS positions (N, 3), m, and laser links (N, 4)."""

    number: int
    time: float
    itrs: NDArray[np.float64]
    links: np.ndarray


class Places:
    """Points on the ground (P,) with the least elevation at which they see a satellite."""

    def __init__(self, latitude: NDArray, longitude: NDArray, min_elevation: NDArray | float) -> None:
        self.position = geodetic_to_itrs(latitude, longitude, np.zeros(len(latitude)))
        self.up = zenith(latitude, longitude)
        self.min_sine = np.broadcast_to(np.sin(min_elevation), len(latitude))

    def sines(self, itrs: NDArray) -> tuple[NDArray, NDArray]:
        """Sines of the elevation (P, N) of satellites at `itrs` (N, 3), and their distances (P, N), m."""
        line = itrs[None, :, :] - self.position[:, None, :]
        distance = np.linalg.norm(line, axis=-1)
        return np.einsum("pnk,pk->pn", line, self.up) / distance, distance


class FlightPlan:
    """The flight of a scenario's fleet under its own forces, with the mesh that its lasers make."""

    def __init__(self, scenario: Any, step_s: float = 30.0) -> None:
        self.scenario, self.step_s = load_scenario(scenario), float(step_s)
        self.fleet = make_fleet(self.scenario)
        self.terms = make_job_params(self.scenario, self.fleet)
        self.lasers, self._pattern = laser_records(self.scenario, self.fleet)
        self._seeks = bool(((self._pattern["peer"] != NONE).sum(axis=1) < self.lasers["terminals"]).any())

    def stations(self) -> Places:
        """The ground stations of the scenario."""
        where = self.scenario.stations
        return Places(
            np.radians([station.latitude_deg for station in where]),
            np.radians([station.longitude_deg for station in where]),
            np.radians([station.min_elevation_deg for station in where]),
        )

    def steps(self, hours: float) -> int:
        """How many moments so many hours have."""
        return round(hours * 3600.0 / self.step_s)

    def moments(self, hours: float, mesh: bool = True) -> Iterator[Moment]:
        """Every step of `hours` from the epoch on. The arrays of a moment are valid until the next."""
        count = self.steps(hours)
        ephemeris = make_ephemeris(self.scenario.epoch, (count + 2) * self.step_s)
        forces, ballistic = force_model(self.scenario), np.ascontiguousarray(self.fleet.craft["ballistic"])
        position, velocity = self.fleet.position[None].copy(), self.fleet.velocity[None].copy()
        links, body = self._pattern.copy(), np.ones(len(self.fleet), BODY)
        every = max(1, round(SEARCH_S / self.step_s))
        for number in range(count):
            now, place = number * self.step_s, position[0].copy()
            advance(
                position, velocity, np.array([now]), self.step_s, MAX_STEP_S, forces, ballistic, ephemeris
            )
            if mesh:
                follow_links(links, self.lasers, body, place, position[0], now)
                if self._seeks and number % every == 0:
                    seek_links(links, self.lasers, body, place, position[0], now)
            rotation = np.array(earth_rotation(ephemeris, now)).reshape(3, 3)
            yield Moment(number, now, place @ rotation.T, links)


def components(links: np.ndarray, lasers: np.ndarray, time: float) -> NDArray[np.int64]:
    """Numbers (N,) of the parts of the mesh that are connected at `time`."""
    label = np.full(len(links), NONE)
    for first in range(len(links)):
        if label[first] != NONE:
            continue
        label[first], waiting = first, [first]
        while waiting:
            n = waiting.pop()
            for k in range(links.shape[1]):
                peer = links["peer"][n, k]
                if carries(links, lasers, n, k, time) and label[peer] == NONE:
                    label[peer] = first
                    waiting.append(int(peer))
    return label
