"""The order of things: in a round, and at the beginning of an episode. No other file knows it.

A round of a world:

1. what breaks, and what is mended; safe mode, and payloads off for heat;
2. commands and standing orders become tasks;
3. burns at the beginning of the round; weights are loaded anew;
4. thrusters fire, messages and orders in words leave, jobs are served, antennas are shared out; the energy
   of all that is summed up;
5. the satellites fly, and the round is over; it is judged by the orders in words;
6. orbits are propagated one round ahead, by SGP4 where the scenario says so;
7. what lies ahead of who has thrust is predicted anew; the sky over the stations changes; what the next
   round offers is looked up, and what comes after it; stations send orders in words up;
8. encounters pass; burns at the end of the round;
9. links are followed, jobs expire, come up and are taken up;
10. orders that cannot be carried out lapse; warnings are written; beacons are heard.
"""

import numpy as np

from sandbox import (
    ahead,
    consulting,
    directives,
    encounters,
    faults,
    jobs,
    lasers,
    messages,
    orders,
    propulsion,
    weather,
)
from sandbox.access import look
from sandbox.activities import LOWEST_M, first_fault, fly
from sandbox.ahead import look_ahead
from sandbox.campaigns import count_losses
from sandbox.commands import assign_tasks
from sandbox.compiled import kernel
from sandbox.encounter_warnings import warn_all
from sandbox.encounters import pass_all, predict_all
from sandbox.events import draw_times
from sandbox.faults import reload_all, strike
from sandbox.fleet import sgp4_states
from sandbox.ground import reserve_antennas
from sandbox.job_arrivals import draw_jobs
from sandbox.job_service import clear_servers, serve, update_scratch, welcome
from sandbox.lasers import clear_sent, update_links
from sandbox.links import restart_search
from sandbox.maneuvers import burn
from sandbox.messages import exchange, send_messages
from sandbox.orbits.propagation import MAX_STEP_S, advance
from sandbox.order_delivery import open_tally, pass_on, send_up
from sandbox.order_following import judge
from sandbox.orders import lapse
from sandbox.parts import Sim
from sandbox.propulsion import fire, foresee
from sandbox.requests import draw_book_with_extras, write_book
from sandbox.sensing import update_requests
from sandbox.setting import HOUR, Setting
from sandbox.state import NONE, arrays, wipe
from sandbox.weather import update_skies

FIRST, SECOND = 1, 2
"""The halves of a round or of a beginning, before and after the orbits are propagated."""


def begin_episode(setting: Setting, sim: Sim, b: int, rng: np.random.Generator) -> None:
    """Draw all that is random in an episode of world b, in this order, and empty the rest."""
    scenario, state, craft = setting.scenario, sim.state, setting.fleet.craft
    for array in arrays(state):
        wipe(array, b)
    start, times = _draw_start(setting, rng), draw_times(rng, scenario.events)
    state.events[b] = start + times
    state.clock[b] = (start, start, 0)
    _place(setting, sim, b, start)
    distance = np.linalg.norm(state.orbit.position[b], axis=-1, keepdims=True)
    state.pointing[b] = -state.orbit.position[b] / distance
    charge = rng.uniform(craft["charge_low"], craft["charge_high"])
    for name in ("request", "cloudy_request", "duplicate_request", "station"):
        state.activity[name][b] = NONE
    state.ground["antennas"][b] = setting.constants.stations["antennas"]
    state.minds["pending"][b] = NONE
    state.power["capacity"][b] = craft["health"] * craft["battery"]
    state.power["energy"][b] = charge * state.power["capacity"][b]
    state.body["temperature"][b] = state.body["board"][b] = craft["initial_temperature"]
    state.body["alive"][b] = True
    book, extras = draw_book_with_extras(rng, scenario.requests, setting.horizon_s, scenario.events, times)
    write_book(state.requests, b, book, start, extras)
    if sim.lasers is not None:
        lasers.begin(sim.lasers, b)
    if sim.jobs is not None:
        room, disasters = sim.jobs.state.book.shape[1], (scenario.events, state.events[b] - start)
        drawn = draw_jobs(rng, scenario.jobs, len(setting.fleet), setting.horizon_s, room, *disasters)
        jobs.begin(sim.jobs, b, drawn, start, scenario.jobs.large_on_board)
    if sim.encounters is not None:
        encounters.begin(sim.encounters, setting, state, b, rng)
    if sim.faults is not None:
        faults.begin(sim.faults, b, rng)
    if sim.propulsion is not None:
        propulsion.begin(sim.propulsion, b)
    if sim.weather is not None:
        weather.begin(sim.weather, b, rng)
    if sim.ahead is not None:
        ahead.begin(sim.ahead, b)
    if sim.orders is not None:
        orders.begin(sim.orders, b)
    if sim.messages is not None:
        messages.begin(sim.messages, b)
    if sim.directives is not None:
        directives.begin(sim.directives, setting, state, b, rng)
    if sim.consulting is not None:
        consulting.begin(sim.consulting, b)


def _draw_start(setting: Setting, rng: np.random.Generator) -> float:
    round_s = setting.constants.round_s
    rounds = int(setting.scenario.start_within_h * HOUR / round_s)
    return float(rng.integers(rounds + 1)) * round_s if rounds else 0.0


def _place(setting: Setting, sim: Sim, b: int, start: float) -> None:
    """Put the satellites of world b where they are `start` seconds after the epoch."""
    position, velocity, c = sim.state.orbit.position[b], sim.state.orbit.velocity[b], setting.constants
    position[...], velocity[...] = setting.fleet.position, setting.fleet.velocity
    if start:
        advance(
            position[None], velocity[None], np.zeros(1), start, MAX_STEP_S, c.forces, c.ballistic, c.ephemeris
        )
    if setting.fleet.sgp4:
        sgp4_states(setting.fleet, setting.scenario.epoch, start, position, velocity)


@kernel
def run(sim, which, commands, begins, halves):
    """Take the worlds listed in `which` through a round or, if it `begins`, into the first of an episode.

    Returns the number of the first subsystem at fault, or 0. One kernel for both, because whatever calls the
    parts compiles them anew. Between the halves SGP4 may have to say where some satellites will be.
    """
    state, constants = sim.state, sim.constants
    for b in which:
        if halves & FIRST:
            if begins:
                _open(state, b)
            else:
                _act(sim, commands, b)
                fly(state, constants, sim.scratch, b)
                judge(state, constants, sim.orders, sim.directives, b)
            _propagate(state.orbit, constants, state.clock[b : b + 1]["time"], b)
        if halves & SECOND:
            fault = first_fault(state, b)
            if fault:
                return fault
            foresee(state, constants, sim.propulsion, sim.encounters, begins, b)
            _update_skies(state, sim.weather, b)
            look(state, constants, sim.scratch, b)
            send_up(state, sim.directives, b)
            look_ahead(state, constants, sim.scratch, sim.ahead, b)
            _meet(state, constants, sim.scratch, sim.encounters, begins, b)
            _update_links(state, constants, sim.lasers, b)
            _welcome(state, constants, sim.jobs, sim.lasers, b)
            if not begins:
                lapse(state, sim.jobs, sim.orders, b)
            _warn(state, sim.encounters, b)
            count_losses(state, b)
            exchange(state, sim.jobs, sim.lasers, sim.messages, b)
    return 0


@kernel
def recall(sim, which):
    """Write anew, in the worlds listed in `which`, what follows from a state and is not part of it."""
    for b in which:
        _sketch(sim.state, sim.constants, sim.jobs, sim.lasers, b)
        _forget_warnings(sim.encounters, b)
        _warn(sim.state, sim.encounters, b)


@kernel
def _open(state, b):
    """Open the first requests of world b, and look for contacts with the ground from where it stands."""
    now = state.clock[b].time
    update_requests(state.requests, b, now)
    for n in range(state.body.shape[1]):
        restart_search(state.contacts, b, n, now, state.orbit.position[b, n], state.orbit.velocity[b, n])


@kernel
def _act(sim, commands, b):
    """All of a round that comes before its flight."""
    state, constants, scratch = sim.state, sim.constants, sim.scratch
    open_tally(sim.directives, b)
    strike(state, constants, sim.jobs, sim.lasers, sim.faults, b)
    assign_tasks(state, scratch, sim.orders, commands, b)
    _burn_early(state, constants, scratch, sim.encounters, b)
    reload_all(state, constants, sim.jobs, sim.lasers, sim.faults, commands.reload[b], b)
    for n in range(state.body.shape[1]):
        load = state.load[b, n]
        load.joules, load.carried, scratch.airtime[b, n] = load.carried, 0.0, 0.0
        load.board_joules = 0.0
    task = scratch.task[b]
    fire(state, constants, sim.propulsion, sim.encounters, task, commands.thrust[b], b)
    content, length = commands.content[b], commands.length[b]
    _open_desks(sim.jobs, b)
    clear_sent(sim.lasers, b)
    send_messages(state, sim.lasers, sim.messages, task, content, length, b)
    pass_on(state, sim.lasers, sim.directives, task, b)
    _serve(state, constants, scratch, sim.jobs, sim.lasers, b)
    reserve_antennas(state, constants, scratch, sim.jobs, b)
    _sum_loads(state, constants.round_s, task, sim.lasers, sim.propulsion, b)


@kernel
def _burn_early(state, constants, scratch, encounters, b):
    if encounters is None:
        return
    for n in range(state.body.shape[1]):
        encounters.state.passing[b, n].burned = 0.0
        burn(state, constants, encounters, scratch.task[b, n].early, b, n)


@kernel
def _open_desks(jobs, b):
    if jobs is None:
        return
    clear_servers(jobs.state.servers[b])


@kernel
def _serve(state, constants, scratch, jobs, lasers, b):
    if jobs is None:
        return
    serve(state, constants, scratch, jobs, lasers, b)


@kernel
def _sum_loads(state, seconds, task, lasers, propulsion, b):
    """Power beyond the standing load of the satellites of world b in the coming round.

    What is timed in closed form, before the flight, is spread evenly over the round; where there is nothing
    of that kind, a thought draws its power while it lasts.
    """
    for n in range(state.load.shape[1]):
        load = state.load[b, n]
        if lasers is None and propulsion is None:
            load.power, load.until = task[n].power, task[n].busy
            load.board_power = load.power
        else:
            thought = task[n].power * task[n].busy
            load.power, load.until = (load.joules + thought) / seconds, seconds
            load.board_power = (load.board_joules + thought) / seconds


@kernel
def _meet(state, constants, scratch, encounters, begins, b):
    """Encounters of the round pass, and late burns follow; those of an episode that begins are predicted."""
    if encounters is None:
        return
    if begins:
        predict_all(state, constants, encounters, b)
        return
    pass_all(state, constants, encounters, b)
    for n in range(state.body.shape[1]):
        burn(state, constants, encounters, scratch.task[b, n].late, b, n)


@kernel
def _update_skies(state, weather, b):
    if weather is None:
        return
    update_skies(state, weather, b)


@kernel
def _update_links(state, constants, lasers, b):
    if lasers is None:
        return
    update_links(state, constants, lasers, b)


@kernel
def _welcome(state, constants, jobs, lasers, b):
    if jobs is None:
        return
    welcome(state, constants, jobs, lasers, b)


@kernel
def _sketch(state, constants, jobs, lasers, b):
    if jobs is None:
        return
    update_scratch(state, constants, jobs, lasers, b)


@kernel
def _warn(state, encounters, b):
    if encounters is None:
        return
    warn_all(state, encounters, b)


@kernel
def _forget_warnings(encounters, b):
    if encounters is None:
        return
    for n in range(encounters.state.warned_until.shape[1]):
        encounters.state.warned_until[b, n] = -np.inf


@kernel
def _propagate(orbit, constants, time, b):
    """Carry the orbits of world b one round beyond its clock; `time` (1,)."""
    for n in range(orbit.position.shape[1]):
        for i in range(3):
            orbit.next_position[b, n, i] = orbit.position[b, n, i]
            orbit.next_velocity[b, n, i] = orbit.velocity[b, n, i]
    advance(
        orbit.next_position[b : b + 1],
        orbit.next_velocity[b : b + 1],
        time,
        constants.round_s,
        MAX_STEP_S,
        constants.forces,
        constants.ballistic,
        constants.ephemeris,
    )
    for n in range(orbit.position.shape[1]):
        x, y, z = orbit.position[b, n, 0], orbit.position[b, n, 1], orbit.position[b, n, 2]
        if x * x + y * y + z * z < LOWEST_M**2:  # burnt up: it rests where it ended
            for i in range(3):
                orbit.next_position[b, n, i] = orbit.position[b, n, i]
                orbit.next_velocity[b, n, i] = orbit.velocity[b, n, i]
