"""One decision round as the satellites live it: turn, shoot, transmit, charge, warm up, run dry."""

import math
from typing import Any, NamedTuple

import numpy as np

from sandbox.attitude import angle_between, meet, on_target, slew_progress, turn, turn_time
from sandbox.campaigns import hold_of, images_of
from sandbox.compiled import kernel
from sandbox.geometry import BEYOND_S, itrs_at, line_of_sight, round_path
from sandbox.ground import assign_antennas, can_transmit
from sandbox.images import can_keep, can_shoot, has_room, settle_captures, transmit
from sandbox.links import sin_elevation, slant_range
from sandbox.looks import plan_look
from sandbox.orbits.bodies import AU, LOWEST_M, SOLAR_CONSTANT
from sandbox.orbits.eclipse import illumination
from sandbox.orbits.ephemeris import earth_rotation, sun_position
from sandbox.orbits.propagation import hermite_at
from sandbox.power import battery_step, cycle_wear, faded_capacity, harvest_power, panel_incidence
from sandbox.radio import link_rate
from sandbox.safety import is_dark
from sandbox.sensing import CONE_MARGIN_S, update_requests
from sandbox.state import CHARGE, DOWNLINK, IDLE, LOST, NONE, OBSERVE
from sandbox.thermal import environment_heat, heat_step, power_share, throttle

GEOCENTRE = (0.0, 0.0, 0.0)


class Moment(NamedTuple):
    """What all satellites of a world share in a round; taken in its middle."""

    now: float  # s, its beginning
    seconds: float
    middle: float  # s offset
    rotation: Any  # GCRS -> ITRS then, nine numbers row by row
    sun: Any  # (3,) m, GCRS
    sunward: Any  # unit vector
    irradiance: float  # W/m2


class Leg(NamedTuple):
    """A stretch of a round under one order; offsets in s."""

    mode: int
    place: int
    begin: float
    end: float


class Turn(NamedTuple):
    """How the camera moves in a leg; offsets in s."""

    target: Any  # ITRS point that it follows, the geocentre for nadir
    start: Any  # unit vectors, GCRS
    aim: Any
    angle: float  # rad between the two
    begin: float
    there: float  # settled on the target
    held: float  # at rest from then on


@kernel
def fly(state, constants, scratch, b):
    """Carry out the tasks of world b for one round and move its clock to the end of it.

    A task that cannot be carried out becomes IDLE. Where a satellite thinks first, the standing order rules
    until then; the round has two legs.
    """
    satellites = state.body.shape[1]
    now, middle = state.clock[b].time, 0.5 * constants.round_s
    sun = sun_position(constants.ephemeris, now + middle)
    distance = math.sqrt(sun[0] ** 2 + sun[1] ** 2 + sun[2] ** 2)
    moment = Moment(
        now,
        constants.round_s,
        middle,
        earth_rotation(constants.ephemeris, now + middle),
        sun,
        (sun[0] / distance, sun[1] / distance, sun[2] / distance),
        SOLAR_CONSTANT * (AU / distance) ** 2,
    )
    shutter = scratch.shutter[b]
    for n in range(satellites):
        _begin(state.activity[b, n])
        shutter[n] = shutter[satellites + n] = -1.0
        if state.body[b, n].alive:
            _take_orders(state, constants, scratch.task[b, n], b, n)
    assign_antennas(
        state.activity[b], state.outlook[b], state.ground[b], scratch.reserved[b], scratch.asking[b]
    )
    for n in range(satellites):
        if state.body[b, n].alive:
            _live(state, constants, scratch, moment, b, n)
    settle_captures(state, constants, scratch, b)
    _turn_page(state.clock[b], state.orbit, constants.round_s, b)
    _burn_up(state.activity[b], state.body[b], state.orbit.position[b])
    update_requests(state.requests, b, state.clock[b].time)


@kernel
def _begin(did):
    """Clear the record of the last round."""
    did.mode = LOST
    did.request = NONE
    did.cloudy_request = NONE
    did.duplicate_request = NONE
    did.station = NONE
    did.late = 0
    did.captured = 0
    did.cloudy = 0
    did.duplicate = 0
    did.denied = 0
    did.delivered = 0
    did.value = 0.0
    did.latency = 0.0
    did.downlinked = 0.0
    did.consumed = 0.0
    did.harvested = 0.0
    did.died = False


@kernel
def _take_orders(state, constants, task, b, n):
    """Note what a living satellite does in the round: of two legs, the request and the mode of the last."""
    did = state.activity[b, n]
    did.mode = _flown(state, constants, task.mode, task.place, b, n)
    first = did.mode
    if _has_two_legs(task):
        first = _flown(state, constants, task.first_mode, task.first_place, b, n)
        if first == OBSERVE:
            did.request = state.opportunities[b, n, task.first_place].request
    if did.mode == OBSERVE:
        did.request = state.opportunities[b, n, task.place].request
    if did.mode == DOWNLINK or first == DOWNLINK:
        did.station = state.outlook[b, n].station


@kernel
def _flown(state, constants, mode, place, b, n):
    """The mode in which an order is flown: its own, or IDLE where it cannot be carried out."""
    craft, body = constants.craft[n], state.body[b, n]
    if mode == CHARGE:
        return CHARGE
    if mode == DOWNLINK and can_transmit(state.outlook[b, n], state.store, craft, body, b, n):
        return DOWNLINK
    if (
        mode == OBSERVE
        and 0 <= place < state.opportunities.shape[2]
        and state.opportunities[b, n, place].request != NONE
        and can_shoot(state.store, craft, body, b, n)
        and can_keep(state, craft, state.opportunities[b, n, place].request, b, n)
    ):
        return OBSERVE
    return IDLE


@kernel
def _has_two_legs(task):
    """Whether the standing order rules for a while and differs from the new one."""
    same = task.mode == task.first_mode and (task.mode != OBSERVE or task.place == task.first_place)
    return task.delay > 0.0 and not same


@kernel
def _live(state, constants, scratch, moment, b, n):
    """Take satellite n of world b through the round; what it imaged goes to shutter and aimed (2 N,)."""
    craft, orbit, task = constants.craft[n], state.orbit, scratch.task[b, n]
    shutter, aimed = scratch.shutter[b], scratch.aimed[b]
    path = round_path(
        orbit.position[b, n],
        orbit.velocity[b, n],
        orbit.next_position[b, n],
        orbit.next_velocity[b, n],
        constants.forces,
        craft.ballistic,
        moment.seconds,
    )
    last, begin, entry = state.activity[b, n].mode, 0.0, n
    legs = 1 + _has_two_legs(task)
    first = last if legs == 1 else _flown(state, constants, task.first_mode, task.first_place, b, n)
    for leg in range(legs):
        if leg == legs - 1:
            mode, place, end = last, task.place, moment.seconds
            if mode == OBSERVE and shutter[n] >= 0.0 and not _keeps_both(state, craft, aimed[n], place, b, n):
                mode = IDLE
        else:
            mode, place, end = first, task.first_place, min(task.delay, moment.seconds)
        if end <= begin:
            continue
        airtime = scratch.airtime[b, n]
        shot = _fly_leg(state, constants, airtime, moment, path, Leg(mode, place, begin, end), b, n)
        if shot >= 0.0:
            shutter[entry] = shot
            aimed[entry] = state.opportunities[b, n, place].request
        if not state.body[b, n].alive:
            return
        begin, entry = end, entry + shutter.shape[0] // 2


@kernel
def _keeps_both(state, craft, taken, place, b, n):
    """Whether there is room for the image of request `taken` and for that of an opportunity."""
    second = state.opportunities[b, n, place].request
    size = images_of(state.requests, b, taken) + images_of(state.requests, b, second)
    return has_room(state.store, craft, 2, size, b, n)


@kernel
def _fly_leg(state, constants, airtime, moment, path, leg, b, n):
    """Fly one order over a leg; the offset at which the satellite took an image, or -1.

    Of a contact with the ground, jobs have already taken `airtime` seconds.
    """
    craft, begin, end = constants.craft[n], leg.begin, leg.end
    did, body, outlook, load = state.activity[b, n], state.body[b, n], state.outlook[b, n], state.load[b, n]
    power = state.power[b, n]
    mode, target = leg.mode, GEOCENTRE
    station = constants.stations[max(0, outlook.station)]
    arrow = state.pointing[b, n]
    pointing = (arrow[0], arrow[1], arrow[2])
    shot, hold = end, craft.dwell
    if mode == OBSERVE:
        opportunity = state.opportunities[b, n, leg.place]
        request = state.requests.book[b, opportunity.request]
        hold = hold_of(state.requests, craft, b, opportunity.request)
        target = (request.position[0], request.position[1], request.position[2])
        shot = opportunity.capture
        if begin > 0.0:
            shot = _later_capture(state.requests, opportunity, pointing, path, moment, craft, begin, b)
            if shot < 0.0:
                did.late += 1
                mode, target, shot = IDLE, GEOCENTRE, end
    elif mode == DOWNLINK:
        target = (station.x, station.y, station.z)
        if begin > 0.0 and begin >= outlook.visible_to:
            did.late += 1
    shoots = mode == OBSERVE and shot + hold <= end
    held = shot + hold if shoots else end
    earliest = min(shot, end) if mode == OBSERVE else begin
    aim, turned, there = _plan_turn(mode, target, pointing, path, moment, craft, earliest, begin)
    angle = angle_between(pointing[0], pointing[1], pointing[2], aim[0], aim[1], aim[2])
    turning = Turn(target, pointing, aim, angle, begin, there, held)
    send_from, send_to = 0.0, 0.0
    if mode == DOWNLINK and did.station != NONE:
        send_from = max(there, min(outlook.visible_to, outlook.visible_from + airtime))
        send_to = min(outlook.visible_to, end)
    taken = -1.0
    compute = _standing_compute(state, constants, moment.seconds, b, n)
    steps = _substeps(begin, end, moment.seconds, constants.substeps)
    step = (end - begin) / steps
    sun, s = moment.sun, moment.sunward
    for i in range(steps):
        since, until = begin + i * step, begin + (i + 1) * step
        tau = 0.5 * (since + until)
        x, y, z = hermite_at(path, tau)
        lit = illumination(x, y, z, sun[0], sun[1], sun[2])
        p = _pointing_at(turning, path, moment, craft, tau)
        incidence = panel_incidence(craft.panel_mount, p[0], p[1], p[2], s[0], s[1], s[2])
        harvest = harvest_power(craft, moment.irradiance, lit, incidence)
        temperature = body.temperature
        share = throttle(temperature, craft.throttle_above, craft.shutdown_above)
        drawn = _overlap(since, until, 0.0, load.until) / step
        boards = compute + load.board_power * drawn
        busy = max(0.0, min(until, send_to) - max(since, send_from))
        watts = (craft.base_load - craft.compute_load + compute + load.power * drawn) + (
            craft.slew_load * _overlap(since, until, begin, begin + turned)
            + craft.camera_load * (_overlap(since, until, shot, held) if shoots else 0.0)
            + craft.transmitter_load * share * busy
        ) / step
        if temperature < craft.heater_below:
            watts += craft.heater_load
        before = power.energy
        dead, wasted = _charge(power, did, craft, harvest, watts, step)
        if power.energy < before:
            power.full = max(before, power.full)
        elif power.full > 0.0:
            _wear(power, craft, before)
        heat = (
            watts
            - boards
            + wasted
            + environment_heat(
                x,
                y,
                z,
                s,
                lit,
                moment.irradiance,
                craft.sun_area,
                craft.earth_area,
                craft.absorptivity,
                craft.emissivity,
            )
        )
        body.board, body.temperature = heat_step(body.board, temperature, boards, heat, craft, step)
        if dead:
            body.alive = False
            did.died = True
            did.mode = LOST
            break
        if busy > 0.0 and share > 0.0:
            start = max(since, send_from)
            x, y, z = itrs_at(path, moment.rotation, moment.middle, start + 0.5 * busy)
            distance, sine = slant_range(x, y, z, station), sin_elevation(x, y, z, station)
            over = state.ground[b, outlook.station].sky
            rate = share * link_rate(
                constants.radios.down, craft.radio, outlook.station, over, distance, sine
            )
            transmit(state, did, craft.image_bits, constants.half_life, moment.now + start, busy, rate, b, n)
        if shoots and held <= until + 1e-9:
            taken = shot
    arrow[0], arrow[1], arrow[2] = _pointing_at(turning, path, moment, craft, end)
    return taken


@kernel
def _standing_compute(state, constants, seconds, b, n):
    """W that the boards of satellite n draw in this round under their standing load: none with the payload
    off, less of it where they throttle."""
    craft = constants.craft[n]
    if craft.compute_load == 0.0 or is_dark(state, constants, b, n):
        return 0.0
    share = power_share(state.body[b, n], craft, seconds)
    return craft.idle_load + share * (craft.compute_load - craft.idle_load)


@kernel
def _plan_turn(mode, target, pointing, path, moment, craft, earliest, begin):
    """(direction, seconds, offset): how the camera turns to what the order wants, and when it can be there.

    It starts to turn at offset `begin`. From that later offset on, which is not before `earliest`, it follows
    `target` (ITRS). To charge, it rests.
    """
    rotation, middle, seconds, sun = moment.rotation, moment.middle, moment.seconds, moment.sunward
    if mode == CHARGE:
        aim = (-sun[0], -sun[1], -sun[2])
        return aim, 0.0 if on_target(pointing, aim) else turn_time(pointing, aim, craft), math.inf
    aim = line_of_sight(path, rotation, middle, target, begin)
    if on_target(pointing, aim):
        return aim, 0.0, begin
    there, turned = meet(path, rotation, middle, pointing, target, craft, earliest, math.inf, seconds, begin)
    there = max(there, begin + turned)
    return line_of_sight(path, rotation, middle, target, min(there, seconds + BEYOND_S)), turned, there


@kernel
def _later_capture(requests, opportunity, pointing, path, moment, craft, begin, b):
    """Offset at which the shutter can open if the camera turns from offset `begin` on only, or -1."""
    j = opportunity.request
    last = min(opportunity.window, requests.book[b, j].deadline - moment.now + CONE_MARGIN_S)
    enter = opportunity.capture - CONE_MARGIN_S
    capture, _, _ = plan_look(
        requests, b, j, path, moment.rotation, moment.middle, pointing, craft, enter, last, moment.seconds,
        begin,
    )  # fmt: skip
    return capture


@kernel
def _pointing_at(turning, path, moment, craft, tau):
    """Boresight at offset `tau`: turning and settled, from `there` to `held` on the target, then at rest."""
    if tau < turning.there:
        a, c, angle = turning.start, turning.aim, turning.angle
        done = slew_progress(tau - turning.begin, angle, craft.slew_rate, craft.slew_acceleration)
        return turn(a[0], a[1], a[2], c[0], c[1], c[2], angle, done)
    return line_of_sight(path, moment.rotation, moment.middle, turning.target, min(tau, turning.held))


@kernel
def _overlap(a, b, c, d):
    """Length of the part that the intervals [a, b] and [c, d] share."""
    return max(0.0, min(b, d) - max(a, c))


@kernel
def _substeps(begin, end, seconds, whole):
    """Into how many steps a leg of a round of `whole` substeps is cut: none longer than those."""
    if begin == 0.0 and end == seconds:
        return whole
    return max(1, math.ceil((end - begin) / seconds * whole - 1e-9))


@kernel
def _charge(power, did, craft, harvest, load, seconds):
    """One battery step with its entries in the ledger: (whether the battery is now empty, W lost as heat)."""
    energy, lost, curtailed, unmet = battery_step(
        power.energy,
        power.capacity,
        harvest,
        load,
        seconds,
        craft.charge_efficiency,
        craft.discharge_efficiency,
    )
    power.energy = energy
    power.harvested += harvest * seconds
    power.consumed += load * seconds
    power.lost += lost
    power.curtailed += curtailed
    power.unmet += unmet
    did.harvested += harvest * seconds
    did.consumed += load * seconds
    return energy <= 0.0, lost / seconds


@kernel
def _wear(power, craft, empty):
    """Take from the battery the capacity that the discharge costs that ended at `empty` J.

    All of it at its end: the law is one of depths, and in every step it would cost a power."""
    wear = cycle_wear(power.full, empty, power.capacity, craft.cycle_fade, craft.cycle_exponent)
    capacity = faded_capacity(power.capacity, power.full - empty, craft.fade_per_cycle)
    power.capacity, power.full = max(0.0, capacity - wear * craft.battery), 0.0
    power.lost += max(0.0, power.energy - power.capacity)
    power.energy = min(power.energy, power.capacity)


@kernel
def _turn_page(clock, orbit, seconds, b):
    """Move the clock and the orbits to the end of the round; what lies beyond is still to be propagated."""
    clock.time += seconds
    clock.round += 1
    for n in range(orbit.position.shape[1]):
        for i in range(3):
            orbit.position[b, n, i] = orbit.next_position[b, n, i]
            orbit.velocity[b, n, i] = orbit.next_velocity[b, n, i]


@kernel
def _burn_up(did, body, position):
    """End the satellites (N,) that have come down into the air."""
    for n in range(position.shape[0]):
        x, y, z = position[n, 0], position[n, 1], position[n, 2]
        if body[n].alive and x * x + y * y + z * z < LOWEST_M**2:
            body[n].alive = False
            did[n].died = True
            did[n].mode = LOST


@kernel
def first_fault(state, b):
    """Number, from 1, of the first of `world.SUBSYSTEMS` of world b that is not finite; else 0."""
    for n in range(state.body.shape[1]):
        p, a = state.orbit.next_position[b, n], state.pointing[b, n]
        if not np.isfinite(p[0] + p[1] + p[2]):
            return 1
        if not np.isfinite(a[0] + a[1] + a[2]):
            return 2
        if not np.isfinite(state.power[b, n].energy):
            return 3
        if not np.isfinite(state.body[b, n].temperature + state.body[b, n].board):
            return 4
    return 0
