"""What breaks: boards reset, weights corrupted, terminals and stations out, battery strings lost.

Every draw during an episode is a hash of the world's key, of what is drawn, of the round and of who it is
for: policies with the same seed meet the same faults whatever they do, and world b of a batch the same as it
would alone. Faults strike between two rounds; what strikes is at most one of a kind for each satellite (or
terminal, or station) and round.

On board no more is seen of them than there would be. A satellite knows that its boards are down and until
when, that it is in safe mode, and of corrupted weights what its last scrub found. A link that is out is
simply not there, for either end. A station that is out is still in the contact plan; who points at it is
denied. The battery's gauge goes by voltage, that is by the share of energy in what is left of the capacity:
a lost string, which takes its share of the energy with it, does not make it jump, it only moves faster after.

The part of a world needs no other: boards without jobs are reset and switched off, terminals fail where there
are lasers. Safe mode (`sandbox.safety`) is looked after here in worlds without it too.
"""

from math import exp, log, pi, radians
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.compiled import kernel
from sandbox.compute import model
from sandbox.counted_random import uniform
from sandbox.fleet import Fleet
from sandbox.job_boards import halt_boards
from sandbox.job_service import update_scratch
from sandbox.lasers import TERMINALS, cut_link
from sandbox.orbits.bodies import MU_EARTH
from sandbox.safety import guard, is_dark
from sandbox.scenario import Faults as Settings
from sandbox.scenario import Scenario
from sandbox.setting import Setting
from sandbox.state import wipe
from sandbox.structured import structured
from sandbox.units import DAY, HOUR, MEGA

SAA_LATITUDE, SAA_LONGITUDE = radians(-30.0), radians(-45.0)
SAA_HALF_LATITUDE, SAA_HALF_LONGITUDE = radians(25.0), radians(30.0)
"""The South Atlantic anomaly, an ellipse of sub-satellite points: centre and extent as the Chandra X-ray
Center gives them (Q&A, X-ray astronomy), which agree with 30 S 40 W at 700 to 800 km (Knoll et al. 1977)."""
RESET, SAFE, FLIP, LASER, LASER_REPAIR, STATION, STATION_REPAIR, CELL, BATTERY, TEMPERATURE = range(10)
"""What is drawn."""

FAULT = structured(
    [
        ("reset_until", "f8"),  # s, when the boards are back after a reset or safe mode
        ("lost_strings", "i4"),
        ("resets", "i4"),  # so far
        ("corrupt", "?"),  # the truth about the weights
        ("weights_fault", "?"),  # the last scrub found them corrupted
    ]
)


class Health(NamedTuple):
    """The faults of B worlds of N satellites and G stations: all that changes with time."""

    key: NDArray[np.uint64]  # (B,)
    body: np.ndarray  # (B, N) FAULT
    lasers: NDArray[np.float64]  # (B, N, 4) s, when each terminal is repaired
    ground: NDArray[np.float64]  # (B, G) s, when each station is


class FaultParams(NamedTuple):
    """Numbers of `scenario.Faults` that kernels read, in SI units; rates are per second."""

    upsets: NDArray[np.float64]  # (N,) outside the anomaly, 0 without boards
    flips: NDArray[np.float64]  # (N,) likewise
    saa_factor: float
    reboot: float  # s
    reload: NDArray[np.float64]  # (N,) s
    spoil: float  # share of its value that an answer from corrupted weights loses
    scrub: float  # s
    laser_rate: float
    laser_repair: float  # s
    station_rate: float
    station_repair: float  # s
    planned: NDArray[np.float64]  # (P, 3) station, from and to in s from the start of the episode
    silenced: NDArray[np.float64]  # (Q, 3) station, the event that silences it, and for how many s
    cell_rate: float
    strings: int
    battery_sigma: float  # share of the capacity
    temperature_sigma: float  # K
    safe_share: float


class Faults(NamedTuple):
    """The part of a world in which things break."""

    state: Health
    params: FaultParams


def make_part(setting: Setting) -> Faults:
    """The part, from the scenario's settings."""
    params = make_params(setting.scenario.faults, setting.scenario, setting.fleet)
    return Faults(make_health(*setting.team, len(setting.constants.stations)), params)


def make_params(settings: Settings, scenario: Scenario, fleet: Fleet) -> FaultParams:
    """The numbers of `settings` for the kernels, for the orbits and boards of `fleet`."""
    crafts = [scenario.spacecraft[kind].compute for kind in fleet.kinds]
    boards = np.array([craft.boards if craft else 0 for craft in crafts], np.float64)
    models = [model(name) for name in (scenario.jobs.small_model, scenario.jobs.large_model)]
    weights = sum(each.weight_bytes(scenario.jobs.precision) for each in models)
    names = [station.name for station in scenario.stations]
    planned = [(names.index(each.station), each.from_h * HOUR, each.to_h * HOUR) for each in settings.outages]
    silenced = [
        (names.index(name), number, event.stations_lost_h * HOUR)
        for number, event in enumerate(scenario.events)
        for name in event.stations_lost
    ]
    return FaultParams(
        upsets=np.where(boards > 0.0, settings.upsets_per_orbit / _periods(fleet), 0.0),
        flips=settings.weight_flips_per_board_hour / HOUR * boards,
        saa_factor=settings.saa_factor,
        reboot=settings.reboot_s,
        reload=np.where(boards > 0.0, weights / (settings.storage_mbyte_s * MEGA), 0.0),
        spoil=1.0 - settings.corrupt_quality,
        scrub=settings.scrub_h * HOUR,
        laser_rate=settings.laser_outages_per_day / DAY,
        laser_repair=settings.laser_outage_min * 60.0,
        station_rate=settings.station_outages_per_day / DAY,
        station_repair=settings.station_outage_min * 60.0,
        planned=np.array(planned, np.float64).reshape(-1, 3),
        silenced=np.array(silenced, np.float64).reshape(-1, 3),
        cell_rate=settings.cell_losses_per_day / DAY,
        strings=settings.strings,
        battery_sigma=settings.battery_sigma_percent / 100.0,
        temperature_sigma=settings.temperature_sigma_k,
        safe_share=settings.safe_share,
    )


def anything_breaks(scenario: Scenario) -> bool:
    """Whether a rate, a plan, an event or safe mode can change anything in a world."""
    return strikes(scenario) or bool(scenario.faults.safe_below) or scenario.faults.safe_when_hot


def strikes(scenario: Scenario) -> bool:
    """Whether a rate, a plan or an event of the scenario breaks or silences anything."""
    settings = scenario.faults
    happens = (
        settings.upsets_per_orbit,
        settings.weight_flips_per_board_hour,
        settings.laser_outages_per_day,
        settings.station_outages_per_day,
        settings.cell_losses_per_day,
    )
    planned = settings.outages or any(event.stations_lost for event in scenario.events)
    return any(happens) or bool(planned)


def _periods(fleet: Fleet) -> NDArray[np.float64]:
    """Orbital periods (N,) at the epoch, s; infinite where an orbit is not closed."""
    radius, square = np.linalg.norm(fleet.position, axis=-1), (fleet.velocity**2).sum(axis=-1)
    inverse = np.maximum(2.0 / radius - square / MU_EARTH, 0.0)
    with np.errstate(divide="ignore"):
        return 2.0 * pi / np.sqrt(inverse**3 * MU_EARTH)


def make_health(worlds: int, satellites: int, stations: int) -> Health:
    """Zeroed arrays."""
    return Health(
        key=np.zeros(worlds, np.uint64),
        body=np.zeros((worlds, satellites), FAULT),
        lasers=np.zeros((worlds, satellites, TERMINALS)),
        ground=np.zeros((worlds, stations)),
    )


def begin(faults: Faults, b: int, rng: np.random.Generator) -> None:
    """Begin an episode in world b, in which nothing is broken yet: one key is drawn from `rng`."""
    for array in faults.state:
        wipe(array, b)
    faults.state.key[b] = rng.integers(0, 2**64, dtype=np.uint64)


@kernel
def in_anomaly(latitude, longitude):
    """Whether a sub-satellite point (rad) lies in the South Atlantic anomaly."""
    east = (longitude - SAA_LONGITUDE + pi) % (2.0 * pi) - pi
    x, y = east / SAA_HALF_LONGITUDE, (latitude - SAA_LATITUDE) / SAA_HALF_LATITUDE
    return x * x + y * y <= 1.0


@kernel
def _strikes(key, what, round_, n, k, rate, seconds):
    """Whether what happens `rate` times a second happens within `seconds`."""
    if rate == 0.0:
        return False
    drawn, mean = uniform(key, what, round_, n, k), rate * seconds
    return drawn < mean and drawn < 1.0 - exp(-mean)  # the second is below the first, and costs more


@kernel
def _repair_time(key, what, round_, n, k, mean):
    return -mean * log(1.0 - uniform(key, what, round_, n, k))


@kernel
def strike(state, constants, jobs, lasers, faults, b):
    """What breaks, and what is mended, between two rounds of world b: once, before all else of a round.

    Safe mode, and heat that switches payloads off, are looked at in every world.
    """
    changed = False
    for n in range(state.body.shape[1]):
        state.safety[b, n].interrupted = False
        if state.body[b, n].alive:
            changed = _strike_satellite(state, constants, jobs, lasers, faults, b, n) or changed
    _strike_stations(state, constants, faults, b)
    if changed:
        _survey(state, constants, jobs, lasers, b)


@kernel
def _survey(state, constants, jobs, lasers, b):
    if jobs is None:
        return
    update_scratch(state, constants, jobs, lasers, b)


@kernel
def _strike_satellite(state, constants, jobs, lasers, faults, b, n):
    """All that can break on the living satellite n; whether boards or links have changed."""
    _strike_cells(state, constants, faults, b, n)
    reset, lot, flipped = _struck(state, constants, faults, b, n)
    until = guard(state, constants, reset, lot, b, n)
    changed = until >= 0.0
    if changed:
        _stop(state, jobs, faults, until, reset, b, n)
    _strike_weights(state, constants, jobs, faults, flipped, b, n)
    return _strike_lasers(state, constants, lasers, faults, b, n) or changed


@kernel
def _strike_cells(state, constants, faults, b, n):
    """A string of cells may be lost."""
    if faults is None:
        return
    health, params = faults.state, faults.params
    if _strikes(health.key[b], CELL, state.clock[b].round, n, 0, params.cell_rate, constants.round_s):
        _lose_string(state.power[b, n], health.body[b, n], params.strings)


@kernel
def _struck(state, constants, faults, b, n):
    """Whether the boards of satellite n are reset, whether that leads to safe mode, and whether bits of its
    weights are flipped."""
    if faults is None:
        return False, False, False
    health, params = faults.state, faults.params
    key, round_, seconds = health.key[b], state.clock[b].round, constants.round_s
    outlook, exposure = state.outlook[b, n], 1.0
    if params.upsets[n] + params.flips[n] > 0.0 and in_anomaly(outlook.latitude, outlook.longitude):
        exposure = params.saa_factor
    reset = _strikes(key, RESET, round_, n, 0, exposure * params.upsets[n], seconds)
    lot = reset and uniform(key, SAFE, round_, n, 0) < params.safe_share
    return reset, lot, _strikes(key, FLIP, round_, n, 0, exposure * params.flips[n], seconds)


@kernel
def _strike_weights(state, constants, jobs, faults, flipped, b, n):
    """Scrub the weights of satellite n, and corrupt them where bits are `flipped` and its boards are on."""
    if faults is None:
        return
    health, params = faults.state, faults.params
    fault = health.body[b, n]
    _scrub(state.clock[b], fault, params.scrub, constants.round_s)
    if flipped and not state.safety[b, n].safe:
        fault.corrupt = True
        _spoil(jobs, params.spoil, b, n)


@kernel
def _lose_string(power, fault, strings):
    """One string of cells of those left is gone, and the energy in it; the last one stays."""
    left = strings - fault.lost_strings
    if left <= 1:
        return
    fault.lost_strings += 1
    share = 1.0 / left
    taken = power.energy * share
    power.capacity -= power.capacity * share
    power.full -= power.full * share
    power.energy -= taken
    power.lost += taken


@kernel
def _stop(state, jobs, faults, until, reset, b, n):
    """The boards of satellite n are down from now `until` then, when they load intact weights."""
    _mend(faults, until, reset and state.safety[b, n].interrupted, b, n)
    _stop_jobs(jobs, until, state.safety[b, n].safe, state.clock[b].time, b, n)


@kernel
def _stop_jobs(jobs, until, off, now, b, n):
    if jobs is None:
        return
    server = jobs.state.servers[b, n]
    halt_boards(jobs.state, jobs.params, now, b, n)
    server.down, server.spoil, server.off = until, 0.0, off


@kernel
def _mend(faults, until, reset, b, n):
    """Note in what is broken that the boards were stopped."""
    if faults is None:
        return
    fault = faults.state.body[b, n]
    fault.resets += reset
    fault.reset_until = until
    fault.corrupt = fault.weights_fault = False


@kernel
def _scrub(clock, fault, every, seconds):
    """A scrub, if one was due in the last round, finds corrupted weights."""
    since = clock.time - clock.start
    if fault.corrupt and int(since / every) > int((since - seconds) / every):
        fault.weights_fault = True


@kernel
def _spoil(jobs, share, b, n):
    """Answers of satellite n lose that share of their value from now on."""
    if jobs is None:
        return
    jobs.state.servers[b, n].spoil = share


@kernel
def _strike_lasers(state, constants, lasers, faults, b, n):
    """What becomes of the terminals of satellite n; whether that has cut a link."""
    if lasers is None:
        return False
    cut = False
    for k in range(TERMINALS):
        cut = _strike_laser(state, constants, lasers, faults, b, n, k) or cut
    return cut


@kernel
def _strike_laser(state, constants, lasers, faults, b, n, k):
    """Terminal k of satellite n fails, is repaired, or is off with the payload; whether that has cut a
    link."""
    link = lasers.state.links[b, n, k]
    if k >= lasers.params.terminals[n].terminals and not link.fixed:
        return False
    was = link.out
    link.out = _laser_fails(state.clock[b], faults, constants.round_s, b, n, k) or is_dark(
        state, constants, b, n
    )
    if not link.out or was:
        return False
    cut_link(lasers.state.links[b], n, k)
    return True


@kernel
def _laser_fails(clock, faults, seconds, b, n, k):
    """Whether terminal k of satellite n is out of order."""
    if faults is None:
        return False
    health, params = faults.state, faults.params
    key, round_, repaired = health.key[b], clock.round, health.lasers[b, n]
    if repaired[k] > clock.time:
        return True
    if not _strikes(key, LASER, round_, n, k, params.laser_rate, seconds):
        return False
    repaired[k] = clock.time + _repair_time(key, LASER_REPAIR, round_, n, k, params.laser_repair)
    return True


@kernel
def _strike_stations(state, constants, faults, b):
    """Put into service the antennas of the stations that work; a plan or an event may have closed some."""
    if faults is None:
        return
    health, params = faults.state, faults.params
    now, round_, key = state.clock[b].time, state.clock[b].round, health.key[b]
    since = now - state.clock[b].start
    for g in range(constants.stations.shape[0]):
        out = health.ground[b, g] > now
        if not out and _strikes(key, STATION, round_, g, 0, params.station_rate, constants.round_s):
            repair = _repair_time(key, STATION_REPAIR, round_, g, 0, params.station_repair)
            health.ground[b, g] = now + repair
            out = True
        for p in range(params.planned.shape[0]):
            planned = params.planned[p]
            out = out or (planned[0] == g and planned[1] < since + constants.round_s and planned[2] > since)
        for q in range(params.silenced.shape[0]):
            station, event, seconds = params.silenced[q]
            at = state.events[b, int(event)]
            out = out or (station == g and at < now + constants.round_s and at + seconds > now)
        state.ground[b, g].antennas = 0 if out else constants.stations[g].antennas


@kernel
def can_reload(state, faults, b, n):
    """Whether satellite n of world b has boards that are up and can load their weights anew."""
    up = faults.state.body[b, n].reset_until <= state.clock[b].time
    return up and state.body[b, n].alive and faults.params.reload[n] > 0.0


@kernel
def reload_all(state, constants, jobs, lasers, faults, wanted, b):
    """Load the weights anew where `wanted` (N,) says so and it can be done, once the boards are free."""
    if faults is None:
        return
    changed = False
    for n in range(wanted.shape[0]):
        if wanted[n] and can_reload(state, faults, b, n):
            fault = faults.state.body[b, n]
            begin = _boards_free(jobs, state.clock[b].time, b, n)
            fault.reset_until = begin + faults.params.reload[n]
            fault.corrupt = fault.weights_fault = False
            _reload_jobs(jobs, fault.reset_until, b, n)
            changed = True
    if changed:
        _survey(state, constants, jobs, lasers, b)


@kernel
def _boards_free(jobs, now, b, n):
    """Time at which all boards of satellite n have finished what they run."""
    if jobs is None:
        return now
    for c in range(jobs.params.hosts[n].boards):
        now = max(now, jobs.state.free[b, n, c])
    return now


@kernel
def _reload_jobs(jobs, until, b, n):
    if jobs is None:
        return
    jobs.state.servers[b, n].down, jobs.state.servers[b, n].spoil = until, 0.0
