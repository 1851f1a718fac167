"""What a fleet believes of its world: the copies in which the onboard planner tries its plans.

`BeliefSimulator` copies what is known on board, and puts a belief in the place of everything else:

- skies over requests: open, and a request is worth its value times the chance of a clear sky that is
  forecast for now (certainty equivalence); that a sky was found closed is known until it changes;
- cues: that none finds anything; what opens later with another image of its pair is known;
- requests and jobs that have not been released, and users who wait for a satellite to see them: drawn anew
  from the demand that the mission states, so that plans reckon with its mean rate and spread but with none
  of those that will come; disasters are not expected, but one that has struck is known: its questions go on,
  and the stations that it silenced stay silent;
- rain over the stations: what is forecast, as the mean that the forecast leaves;
- stations that are silent, now or later: not known, but for planned outages; terminals that are out: mended
  after the mean time;
- what will break: drawn anew by the rates of the scenario; corrupted weights: as the last scrub found them;
- encounters: none, since what is imaged and answered meets nobody; who has to burn decides by its warnings.

Assumed to be shared by the fleet, over its crosslinks and from the ground: everybody's telemetry (orbit,
battery, heat, store, queues, links), the requests that are released, what was imaged by whom and where the
sky was closed, the forecast for every station, and the plan, which all of them compute or are sent.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.planner.believed_jobs import believe_jobs
from agents.planner.simulator import Simulator
from sandbox.bits import write_set
from sandbox.cloud_field import cloud_chances
from sandbox.encounters import EncounterState
from sandbox.faults import Health
from sandbox.fleet import zenith
from sandbox.jobs import Work
from sandbox.lasers import Links
from sandbox.orbits.frames import geodetic_to_itrs
from sandbox.request_kinds import plain_parts
from sandbox.requests import draw_book, index_book
from sandbox.state import CUE, NONE, OPEN, PENDING, State
from sandbox.weather import STEP_S, Drift

NEVER = -30.0
"""Deviations below which a normal number never is."""
SEED = 20_260_421
"""Of what is drawn in the place of the truth; the round is the rest of it."""


class BeliefSimulator(Simulator):
    """Copies of a world as it is believed to be; every load of one round has the same belief."""

    def alter(self, b: int, state: State, more: Mapping[str, tuple[NDArray, ...]]) -> None:
        rng = np.random.default_rng((SEED, int(state.clock["round"][0])))
        world = self.world
        state.events[state.events > state.clock["time"][:, None]] = np.inf
        state.ground["antennas"] = world.constants.stations["antennas"]
        _believe_requests(world, state, rng)
        if "jobs" in more:
            believe_jobs(world, state, Work(*more["jobs"]), rng)
        if "faults" in more:
            spoilt = Work(*more["jobs"]).servers["spoil"] if "jobs" in more else np.zeros(0)
            links = Links(*more["lasers"]) if "lasers" in more else None
            _believe_health(world, state, Health(*more["faults"]), links, spoilt, rng)
        if "weather" in more:
            _believe_sky(world, state, Drift(*more["weather"]))
        if "encounters" in more:
            records = EncounterState(*more["encounters"])
            records.encounter["tca"] = np.inf
            records.warned_until[...] = -np.inf


def _believe_requests(world: Any, state: State, rng: np.random.Generator) -> None:
    """Skies that are open, values by the forecast, and a future drawn anew."""
    requests, clock = state.requests, state.clock[0]
    rows, released, now = requests.book[0], int(requests.released[0]), float(clock["time"])
    asked = np.isin(rows["status"], (OPEN, PENDING))
    clear = 1.0 - cloud_chances(requests, world.constants, 0, now)
    rows["value"] = np.where(asked, rows["value"] * clear, rows["value"])
    rows["cloud"] = np.where(asked, 0.0, rows["cloud"])
    requests.sky[...] = 1.0
    requests.truth[...] = requests.error[...] = 0.0
    requests.edge[...] = NEVER
    if requests.part.shape[1]:
        _believe_parts(requests.part[0], released)
    drawn = draw_book(rng, world.scenario.requests, world.horizon_s)
    start = float(clock["start"])
    come = np.flatnonzero(start + drawn.release > now)[: len(rows) - released]
    new = rows[released : released + len(come)]
    new["position"] = geodetic_to_itrs(drawn.latitude[come], drawn.longitude[come], np.zeros(len(come)))
    new["up"] = zenith(drawn.latitude[come], drawn.longitude[come])
    new["value"] = (drawn.value * (1.0 - drawn.cloud))[come]
    new["release"], new["deadline"] = start + drawn.release[come], start + drawn.deadline[come]
    new["status"], new["cloud"], new["closed_until"], new["captured_by"] = PENDING, 0.0, -np.inf, NONE
    new["captured_at"] = new["delivered_at"] = np.nan
    none = rows[released + len(come) :]
    none["release"] = none["deadline"] = np.inf
    none["value"] = none["cloud"] = 0.0
    index_book(requests, 0, released + len(come))
    _open_again(requests, released, now)


def _believe_parts(part: NDArray, released: int) -> None:
    """No cue is known to find anything, and what is to come are single images."""
    part["opens"][(part["kind"] == CUE) | (part["opens"] >= released)] = NONE
    part[released:] = plain_parts(len(part) - released)


def _open_again(requests: Any, released: int, now: float) -> None:
    """Enter those that are open into the index of the book, which holds none."""
    rows = requests.book[0]
    there = rows["slot"][rows["status"] == OPEN]
    write_set(requests.open[0], there)
    requests.released[0] = requests.brief[0] = released
    requests.expired[0] = int((rows["deadline"] <= now).sum())
    requests.open_count[0] = len(there)


def _believe_health(
    world: Any, state: State, health: Health, links: Links | None, spoilt: NDArray, rng: np.random.Generator
) -> None:
    """Other faults to come; stations that work, terminals that will, weights as they were found."""
    health.key[...] = rng.integers(0, 2**64, dtype=np.uint64)
    health.ground[...] = 0.0
    health.body["corrupt"] = health.body["weights_fault"]
    if spoilt.size:
        spoilt[~health.body["weights_fault"]] = 0.0
    if links is not None:
        mended = state.clock["time"][0] + world.faults.params.laser_repair
        health.lasers[...] = np.where(links.links["out"] & (health.lasers > 0.0), mended, 0.0)


def _believe_sky(world: Any, state: State, drift: Drift) -> None:
    """The mean of the number that makes rain, as its forecast leaves it; what is past and now is seen."""
    clock, skill_s = state.clock[0], world.weather.params.skill_s
    ahead = np.arange(drift.truth.shape[2]) * STEP_S - (float(clock["time"]) - float(clock["start"]))
    skill = np.exp(-np.maximum(0.0, ahead) / skill_s)
    # a forecast says no more than a few digits
    told = np.round(skill * drift.truth + np.sqrt(1.0 - skill**2) * drift.error, 3)
    drift.truth[...] = np.where(ahead > 0.0, skill * told, drift.truth)
    drift.error[...] = np.where(ahead > 0.0, drift.truth, drift.error)
