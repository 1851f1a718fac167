"""One decision round as the satellites live it: turn, shoot, transmit, charge, warm up, run dry."""

import math

from sandbox.attitude import angle_between, meet, on_target, slew_progress, turn, turn_time
from sandbox.compiled import kernel
from sandbox.geometry import BEYOND_S, itrs_at, line_of_sight, round_path
from sandbox.links import link_rate, slant_range
from sandbox.orbits.bodies import AU, LOWEST_M, SOLAR_CONSTANT
from sandbox.orbits.eclipse import illumination
from sandbox.orbits.ephemeris import earth_rotation, sun_position
from sandbox.orbits.propagation import hermite_at
from sandbox.outlook import precedes
from sandbox.power import battery_step, faded_capacity, panel_incidence, solar_power
from sandbox.sensing import (
    CONE_MARGIN_S,
    capture_request,
    decayed,
    find_cloud,
    plan_capture,
    update_requests,
)
from sandbox.state import CHARGE, DELIVERED, DOWNLINK, IDLE, LOST, NONE, OBSERVE, OPEN
from sandbox.thermal import environment_heat, temperature_step, throttle

GEOCENTRE = (0.0, 0.0, 0.0)


@kernel
def fly(state, constants, scratch, command, choice, thinking, b):
    """Carry out the orders of world b for one round and move its clock to the end of it.

    command (N,) is a mode, choice (N,) the place in the outlook of the request to observe. An order that
    cannot be carried out becomes IDLE. Where a satellite thinks first, thinking (N,) says until when the
    standing order rules; the round then has two legs.
    """
    satellites = state.body.shape[1]
    now, middle = state.clock[b].time, 0.5 * constants.round_s
    rotation = earth_rotation(constants.ephemeris, now + middle)
    sun = sun_position(constants.ephemeris, now + middle)
    shutter, aimed = scratch.shutter[b], scratch.aimed[b]
    for n in range(satellites):
        did = state.activity[b, n]
        _begin(did)
        shutter[n] = shutter[satellites + n] = -1.0
        if state.body[b, n].alive:
            _take_orders(state, constants, did, command[n], choice[n], thinking[n], b, n)
    assign_antennas(state.activity[b], state.outlook[b], state.ground[b], scratch.asking[b])
    for n in range(satellites):
        if state.body[b, n].alive:
            _live(
                state,
                constants,
                command[n],
                choice[n],
                thinking[n],
                b,
                n,
                now,
                middle,
                rotation,
                sun,
                shutter,
                aimed,
            )
    _settle_captures(
        state.activity[b],
        state.requests,
        state.store,
        constants.craft,
        constants.sky_s,
        shutter,
        aimed,
        scratch.first[b],
        b,
        now,
    )
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
def _take_orders(state, constants, did, command, choice, thinking, b, n):
    """Note what a living satellite does in the round: of two legs, the request and the mode of the last."""
    did.mode = _flown(state, constants, command, choice, b, n)
    first = did.mode
    if _has_two_legs(command, choice, thinking):
        first = _flown(state, constants, thinking.command, thinking.choice, b, n)
        if first == OBSERVE:
            did.request = state.opportunities[b, n, thinking.choice].request
    if did.mode == OBSERVE:
        did.request = state.opportunities[b, n, choice].request
    if did.mode == DOWNLINK or first == DOWNLINK:
        did.station = state.outlook[b, n].station


@kernel
def _flown(state, constants, command, choice, b, n):
    """The mode in which an order is flown: its own, or IDLE where it cannot be carried out."""
    craft, temperature = constants.craft[n], state.body[b, n].temperature
    if command == CHARGE:
        return CHARGE
    if command == DOWNLINK and can_transmit(state.outlook[b, n], state.store, craft, temperature, b, n):
        return DOWNLINK
    if (
        command == OBSERVE
        and 0 <= choice < state.opportunities.shape[2]
        and state.opportunities[b, n, choice].request != NONE
        and can_shoot(state.store, craft, temperature, b, n)
    ):
        return OBSERVE
    return IDLE


@kernel
def _has_two_legs(command, choice, thinking):
    """Whether the standing order rules for a while and differs from the new one."""
    same = command == thinking.command and (command != OBSERVE or choice == thinking.choice)
    return thinking.delay > 0.0 and not same


@kernel
def can_shoot(store, craft, temperature, b, n):
    """Whether the living satellite n of world b is cool enough and has room for one more image."""
    return temperature < craft.shutdown_above and _has_room(store, craft, 1, b, n)


@kernel
def _has_room(store, craft, images, b, n):
    """Whether the store of satellite n of world b takes so many images more."""
    level = store.level[b, n]
    room = level.used + images * craft.image_bits <= craft.store_bits
    return room and level.count + images <= store.request.shape[2]


@kernel
def can_transmit(outlook, store, craft, temperature, b, n):
    """Whether the living satellite n of world b is cool enough, sees a station and has something to send."""
    return outlook.station != NONE and store.level[b, n].count > 0 and temperature < craft.shutdown_above


@kernel
def assign_antennas(did, outlook, ground, asking):
    """Each station serves the satellites (N,) that it sees highest, one an antenna; the others are denied.

    `ground` (G,) says how many antennas are in service, `asking` (N,) is working memory.
    """
    count = 0
    for n in range(did.shape[0]):
        if did[n].station != NONE:
            asking[count] = n
            count += 1
    for i in range(count):
        n = asking[i]
        ahead = 0
        for k in range(count):
            other = asking[k]
            if other != n and outlook[other].station == outlook[n].station:
                ahead += precedes(-outlook[other].elevation, other, -outlook[n].elevation, n)
        did[n].denied = ahead >= ground[did[n].station].antennas
    for i in range(count):
        if did[asking[i]].denied:
            did[asking[i]].station = NONE


@kernel
def _plan_turn(mode, target, pointing, path, rotation, middle, sun, craft, earliest, begin, seconds):
    """(direction, seconds, offset): how the camera turns to what the order wants, and when it can be there.

    It starts to turn at offset `begin`. From that later offset on, which is not before `earliest`, it follows
    `target` (ITRS). To charge, it rests.
    """
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
def _overlap(a, b, c, d):
    """Length of the part that the intervals [a, b] and [c, d] share."""
    return max(0.0, min(b, d) - max(a, c))


@kernel
def _live(state, constants, command, choice, thinking, b, n, now, middle, rotation, sun, shutter, aimed):
    """Take satellite n of world b through the round, and note in shutter and aimed (2 N,) what it imaged."""
    craft, seconds, orbit = constants.craft[n], constants.round_s, state.orbit
    path = round_path(
        orbit.position[b, n],
        orbit.velocity[b, n],
        orbit.next_position[b, n],
        orbit.next_velocity[b, n],
        constants.forces,
        craft.ballistic,
        seconds,
    )
    distance = math.sqrt(sun[0] ** 2 + sun[1] ** 2 + sun[2] ** 2)
    s = (sun[0] / distance, sun[1] / distance, sun[2] / distance)
    irradiance = SOLAR_CONSTANT * (AU / distance) ** 2
    last, begin, entry = state.activity[b, n].mode, 0.0, n
    legs = 1 + _has_two_legs(command, choice, thinking)
    first = last if legs == 1 else _flown(state, constants, thinking.command, thinking.choice, b, n)
    for leg in range(legs):
        final = leg == legs - 1
        if final:
            mode, place, end = last, choice, seconds
            if mode == OBSERVE and shutter[n] >= 0.0 and not _has_room(state.store, craft, 2, b, n):
                mode = IDLE
        else:
            mode, place, end = first, thinking.choice, min(thinking.delay, seconds)
        if end <= begin:
            continue
        shot = _fly_leg(
            state,
            constants,
            thinking,
            mode,
            place,
            b,
            n,
            now,
            begin,
            end,
            path,
            middle,
            rotation,
            sun,
            s,
            irradiance,
        )
        if shot >= 0.0:
            shutter[entry] = shot
            aimed[entry] = state.opportunities[b, n, place].request
        if not state.body[b, n].alive:
            return
        begin, entry = end, entry + shutter.shape[0] // 2


@kernel
def _fly_leg(
    state,
    constants,
    thinking,
    mode,
    place,
    b,
    n,
    now,
    begin,
    end,
    path,
    middle,
    rotation,
    sun,
    s,
    irradiance,
):
    """Fly one order from offset `begin` to `end`; the offset at which the satellite took an image, or -1."""
    craft, seconds = constants.craft[n], constants.round_s
    did, body, outlook = state.activity[b, n], state.body[b, n], state.outlook[b, n]
    target = GEOCENTRE
    station = constants.stations[max(0, outlook.station)]
    arrow = state.pointing[b, n]
    pointing = (arrow[0], arrow[1], arrow[2])
    shot = end
    if mode == OBSERVE:
        opportunity = state.opportunities[b, n, place]
        request = state.requests.book[b, opportunity.request]
        target = (request.position[0], request.position[1], request.position[2])
        shot = opportunity.capture
        if begin > 0.0:
            shot = _later_capture(
                opportunity, request, pointing, path, rotation, middle, craft, now, begin, seconds
            )
            if shot < 0.0:
                did.late += 1
                mode, target, shot = IDLE, GEOCENTRE, end
    elif mode == DOWNLINK:
        target = (station.x, station.y, station.z)
        if begin > 0.0 and begin >= outlook.visible_to:
            did.late += 1
    shoots = mode == OBSERVE and shot + craft.dwell <= end
    held = shot + craft.dwell if shoots else end
    earliest = min(shot, end) if mode == OBSERVE else begin
    aim, turned, there = _plan_turn(
        mode, target, pointing, path, rotation, middle, s, craft, earliest, begin, seconds
    )
    angle = angle_between(pointing[0], pointing[1], pointing[2], aim[0], aim[1], aim[2])
    send_from, send_to = 0.0, 0.0
    if mode == DOWNLINK and did.station != NONE:
        send_from = max(there, outlook.visible_from)
        send_to = min(outlook.visible_to, end)
    taken = -1.0
    steps = _substeps(begin, end, seconds, constants.substeps)
    step = (end - begin) / steps
    for i in range(steps):
        since, until = begin + i * step, begin + (i + 1) * step
        tau = 0.5 * (since + until)
        x, y, z = hermite_at(path, tau)
        lit = illumination(x, y, z, sun[0], sun[1], sun[2])
        p = _pointing_at(target, pointing, aim, angle, begin, there, held, path, rotation, middle, craft, tau)
        incidence = panel_incidence(craft.panel_mount, p[0], p[1], p[2], s[0], s[1], s[2])
        harvest = solar_power(craft.panel_area, craft.panel_efficiency, irradiance, lit, incidence)
        temperature = body.temperature
        share = throttle(temperature, craft.throttle_above, craft.shutdown_above)
        busy = max(0.0, min(until, send_to) - max(since, send_from))
        load = (
            craft.base_load
            + (
                craft.slew_load * _overlap(since, until, begin, begin + turned)
                + craft.camera_load * (_overlap(since, until, shot, held) if shoots else 0.0)
                + craft.transmitter_load * share * busy
                + thinking.power * _overlap(since, until, 0.0, thinking.busy)
            )
            / step
        )
        if temperature < craft.heater_below:
            load += craft.heater_load
        dead, wasted = _charge(state.power[b, n], did, craft, harvest, load, step)
        heat = (
            load
            + wasted
            + environment_heat(
                x,
                y,
                z,
                s,
                lit,
                irradiance,
                craft.sun_area,
                craft.earth_area,
                craft.absorptivity,
                craft.emissivity,
            )
        )
        body.temperature = temperature_step(
            temperature, heat, craft.radiator_area, craft.emissivity, craft.heat_capacity, step
        )
        if dead:
            body.alive = False
            did.died = True
            did.mode = LOST
            break
        if busy > 0.0 and share > 0.0:
            start = max(since, send_from)
            x, y, z = itrs_at(path, rotation, middle, start + 0.5 * busy)
            rate = share * link_rate(slant_range(x, y, z, station), craft, station)
            _transmit(
                state.store,
                state.requests,
                did,
                craft.image_bits,
                b,
                n,
                now + start,
                busy,
                rate,
                constants.half_life,
            )
        if shoots and held <= until + 1e-9:
            taken = shot
    p = _pointing_at(target, pointing, aim, angle, begin, there, held, path, rotation, middle, craft, end)
    arrow[0], arrow[1], arrow[2] = p
    return taken


@kernel
def _later_capture(opportunity, request, pointing, path, rotation, middle, craft, now, begin, seconds):
    """Offset at which the shutter can open if the camera turns from offset `begin` on only, or -1."""
    last = min(opportunity.window, request.deadline - now + CONE_MARGIN_S)
    enter = opportunity.capture - CONE_MARGIN_S
    capture, _, _ = plan_capture(
        path, rotation, middle, pointing, request.position, craft, enter, last, seconds, begin
    )
    return capture


@kernel
def _substeps(begin, end, seconds, whole):
    """Into how many steps a leg of a round of `whole` substeps is cut: none longer than those."""
    if begin == 0.0 and end == seconds:
        return whole
    return max(1, math.ceil((end - begin) / seconds * whole - 1e-9))


@kernel
def _pointing_at(target, start, aim, angle, begin, there, held, path, rotation, middle, craft, tau):
    """Boresight at offset `tau`: turning and settled, from `there` to `held` on the target, then at rest."""
    if tau < there:
        done = slew_progress(tau - begin, angle, craft.slew_rate, craft.slew_acceleration)
        return turn(start[0], start[1], start[2], aim[0], aim[1], aim[2], angle, done)
    return line_of_sight(path, rotation, middle, target, min(tau, held))


@kernel
def _charge(power, did, craft, harvest, load, seconds):
    """One battery step with its entries in the ledger: (whether the battery is now empty, W lost as heat)."""
    before = power.energy
    energy, lost, curtailed, unmet = battery_step(
        before, power.capacity, harvest, load, seconds, craft.charge_efficiency, craft.discharge_efficiency
    )
    if energy < before and craft.fade_per_cycle > 0.0:
        capacity = faded_capacity(power.capacity, before - energy, craft.fade_per_cycle)
        power.capacity = capacity
        lost += max(0.0, energy - capacity)
        energy = min(energy, capacity)
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
def _transmit(store, requests, did, bits, b, n, clock, seconds, rate, half_life):
    """Send from the store at `rate` (bit/s) for `seconds` from time `clock`; whole images pay their value."""
    level, end = store.level[b, n], clock + seconds
    while level.count > 0 and clock < end:
        place = level.head
        left = store.remaining[b, n, place]
        needed = left / rate
        if clock + needed > end:
            sent = min(left, (end - clock) * rate)
            store.remaining[b, n, place] = left - sent
            did.downlinked += sent
            break
        clock += needed
        did.downlinked += left
        j = _take_oldest(store, b, n)
        request = requests.book[b, j]
        age = clock - request.captured_at
        request.status = DELIVERED
        request.delivered_at = clock
        did.delivered += 1
        did.latency += age
        did.value += decayed(request.value, age, half_life)
    _weigh(store, bits, b, n)


@kernel
def _weigh(store, bits, b, n):
    """Add up the store: of its images, each of `bits`, only the oldest may be partly sent."""
    level = store.level[b, n]
    level.used = store.remaining[b, n, level.head] + (level.count - 1) * bits if level.count > 0 else 0.0


@kernel
def _take_oldest(store, b, n):
    """Drop the oldest image from the store and give its request."""
    level = store.level[b, n]
    place = level.head
    store.remaining[b, n, place] = 0.0
    level.head = (place + 1) % store.request.shape[2]
    level.count -= 1
    return store.request[b, n, place]


@kernel
def _settle_captures(did, requests, store, craft, sky_s, shutter, aimed, first, b, now):
    """Judge the images of the round: discarded for cloud, late, or kept, one of each request.

    shutter and aimed (2 N,): when each was taken (-1: none) and of which request; entry e is of satellite
    e modulo N, in its first or second leg.
    """
    satellites = did.shape[0]
    for e in range(shutter.shape[0]):
        if shutter[e] >= 0.0:
            first[aimed[e]] = NONE
    for e in range(shutter.shape[0]):
        if shutter[e] < 0.0:
            continue
        j, n = aimed[e], e % satellites
        best = first[j]
        if find_cloud(requests, b, j, now + shutter[e], sky_s):
            did[n].cloudy += 1
            did[n].cloudy_request = j
            shutter[e] = -1.0
        elif best == NONE or precedes(shutter[e], n, shutter[best], best % satellites):
            first[j] = e
    for e in range(shutter.shape[0]):
        if shutter[e] < 0.0:
            continue
        j, n = aimed[e], e % satellites
        if first[j] == e and requests.book[b, j].status == OPEN:
            did[n].captured += 1
            capture_request(requests, b, j, n, now + shutter[e] + craft[n].dwell)
            _store_image(store, craft[n].image_bits, b, n, j)
        else:
            did[n].duplicate += 1
            did[n].duplicate_request = j


@kernel
def _store_image(store, bits, b, n, j):
    level = store.level[b, n]
    place = (level.head + level.count) % store.request.shape[2]
    store.request[b, n, place] = j
    store.remaining[b, n, place] = bits
    level.count += 1
    _weigh(store, bits, b, n)


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
