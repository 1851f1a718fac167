"""One decision round as the satellites live it: turn, shoot, transmit, charge, warm up, run dry."""

import math

from sandbox.attitude import angle_between, meet, on_target, slew_progress, turn, turn_time
from sandbox.compiled import kernel
from sandbox.geometry import BEYOND_S, itrs_at, line_of_sight, round_path
from sandbox.links import link_rate, slant_range
from sandbox.orbits.bodies import AU, R_EARTH, SOLAR_CONSTANT
from sandbox.orbits.eclipse import illumination
from sandbox.orbits.ephemeris import earth_rotation, sun_position
from sandbox.orbits.propagation import hermite_at
from sandbox.outlook import precedes
from sandbox.power import battery_step, faded_capacity, panel_incidence, solar_power
from sandbox.sensing import capture_request, decayed, find_cloud, update_requests
from sandbox.state import CHARGE, DELIVERED, DOWNLINK, IDLE, LOST, NONE, OBSERVE, OPEN
from sandbox.thermal import environment_heat, temperature_step, throttle

LOWEST_M = R_EARTH + 120e3
"""Distance from the geocentre at which the air ends an orbit: entry interface."""
GEOCENTRE = (0.0, 0.0, 0.0)


@kernel
def fly(state, constants, scratch, command, choice, b):
    """Carry out the orders of world b for one round and move its clock to the end of it.

    command (N,) is a mode, choice (N,) the place in the outlook of the request to observe. An order that
    cannot be carried out becomes IDLE.
    """
    satellites = state.body.shape[1]
    now, middle = state.clock[b].time, 0.5 * constants.round_s
    rotation = earth_rotation(constants.ephemeris, now + middle)
    sun = sun_position(constants.ephemeris, now + middle)
    shutter = scratch.shutter[b]
    for n in range(satellites):
        did, body = state.activity[b, n], state.body[b, n]
        _begin(did)
        shutter[n] = -1.0
        if body.alive:
            ready = can_shoot(state.store, constants.craft[n], body.temperature, b, n)
            able = can_transmit(state.outlook[b, n], state.store, constants.craft[n], body.temperature, b, n)
            _take_order(
                did, state.outlook[b, n], state.opportunities[b, n], ready, able, command[n], choice[n]
            )
    assign_antennas(state.activity[b], state.outlook[b], constants.stations, scratch.asking[b])
    for n in range(satellites):
        if state.body[b, n].alive:
            shutter[n] = _live(state, constants, choice[n], b, n, now, middle, rotation, sun)
    _settle_captures(
        state.activity[b],
        state.requests,
        state.store,
        constants.craft,
        constants.sky_s,
        shutter,
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
    did.station = NONE
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
def _take_order(did, outlook, opportunities, can_observe, can_send, command, choice):
    """Note the order of a living satellite, or IDLE where it cannot be carried out."""
    did.mode = IDLE
    if command == CHARGE:
        did.mode = CHARGE
    elif command == DOWNLINK and can_send:
        did.mode = DOWNLINK
        did.station = outlook.station
    elif (
        command == OBSERVE
        and can_observe
        and 0 <= choice < opportunities.shape[0]
        and opportunities[choice].request != NONE
    ):
        did.mode = OBSERVE
        did.request = opportunities[choice].request


@kernel
def can_shoot(store, craft, temperature, b, n):
    """Whether the living satellite n of world b is cool enough and has room for one more image."""
    level = store.level[b, n]
    return (
        temperature < craft.shutdown_above
        and level.used + craft.image_bits <= craft.store_bits
        and level.count < store.request.shape[2]
    )


@kernel
def can_transmit(outlook, store, craft, temperature, b, n):
    """Whether the living satellite n of world b is cool enough, sees a station and has something to send."""
    return outlook.station != NONE and store.level[b, n].count > 0 and temperature < craft.shutdown_above


@kernel
def assign_antennas(did, outlook, stations, asking):
    """Each station serves the satellites (N,) that it sees highest, one an antenna; the others are denied.

    `asking` (N,) is working memory.
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
        did[n].denied = ahead >= stations[did[n].station].antennas
    for i in range(count):
        if did[asking[i]].denied:
            did[asking[i]].station = NONE


@kernel
def _plan_turn(mode, target, pointing, path, rotation, middle, sun, craft, earliest, seconds):
    """(direction, seconds, offset): how the camera turns to what the order wants, and when it can be there.

    From that offset on, which is not before `earliest`, it follows `target` (ITRS). To charge, it rests.
    """
    if mode == CHARGE:
        aim = (-sun[0], -sun[1], -sun[2])
        return aim, 0.0 if on_target(pointing, aim) else turn_time(pointing, aim, craft), math.inf
    aim = line_of_sight(path, rotation, middle, target, 0.0)
    if on_target(pointing, aim):
        return aim, 0.0, 0.0
    there, turned = meet(path, rotation, middle, pointing, target, craft, earliest, math.inf, seconds)
    there = max(there, turned)
    return line_of_sight(path, rotation, middle, target, min(there, seconds + BEYOND_S)), turned, there


@kernel
def _overlap(a, b, c, d):
    """Length of the part that the intervals [a, b] and [c, d] share."""
    return max(0.0, min(b, d) - max(a, c))


@kernel
def _live(state, constants, choice, b, n, now, middle, rotation, sun):
    """Take satellite n of world b through the round; the offset at which it took an image, or -1."""
    craft, seconds, orbit = constants.craft[n], constants.round_s, state.orbit
    did, body, outlook = state.activity[b, n], state.body[b, n], state.outlook[b, n]
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
    mode, target = did.mode, GEOCENTRE
    station = constants.stations[max(0, outlook.station)]
    if mode == OBSERVE:
        place = state.requests.book[b, did.request].position
        target = (place[0], place[1], place[2])
    elif mode == DOWNLINK:
        target = (station.x, station.y, station.z)
    arrow = state.pointing[b, n]
    pointing = (arrow[0], arrow[1], arrow[2])
    shot = state.opportunities[b, n, choice].capture if mode == OBSERVE else seconds
    shoots = mode == OBSERVE and shot + craft.dwell <= seconds
    held = shot + craft.dwell if shoots else seconds
    earliest = min(shot, seconds) if mode == OBSERVE else 0.0
    aim, turned, there = _plan_turn(
        mode, target, pointing, path, rotation, middle, s, craft, earliest, seconds
    )
    angle = angle_between(pointing[0], pointing[1], pointing[2], aim[0], aim[1], aim[2])
    send_from, send_to = 0.0, 0.0
    if mode == DOWNLINK and did.station != NONE:
        send_from = max(there, outlook.visible_from)
        send_to = outlook.visible_to
    taken = -1.0
    step = seconds / constants.substeps
    for i in range(constants.substeps):
        begin, end = i * step, (i + 1) * step
        tau = 0.5 * (begin + end)
        x, y, z = hermite_at(path, tau)
        lit = illumination(x, y, z, sun[0], sun[1], sun[2])
        p = _pointing_at(target, pointing, aim, angle, there, held, path, rotation, middle, craft, tau)
        incidence = panel_incidence(craft.panel_mount, p[0], p[1], p[2], s[0], s[1], s[2])
        harvest = solar_power(craft.panel_area, craft.panel_efficiency, irradiance, lit, incidence)
        temperature = body.temperature
        share = throttle(temperature, craft.throttle_above, craft.shutdown_above)
        busy = max(0.0, min(end, send_to) - max(begin, send_from))
        load = (
            craft.base_load
            + (
                craft.slew_load * _overlap(begin, end, 0.0, turned)
                + craft.camera_load * (_overlap(begin, end, shot, held) if shoots else 0.0)
                + craft.transmitter_load * share * busy
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
            start = max(begin, send_from)
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
        if shoots and held <= end + 1e-9:
            taken = shot
    p = _pointing_at(target, pointing, aim, angle, there, held, path, rotation, middle, craft, seconds)
    arrow[0], arrow[1], arrow[2] = p
    return taken


@kernel
def _pointing_at(target, start, aim, angle, there, held, path, rotation, middle, craft, tau):
    """Boresight at offset `tau`: turning and settled, from `there` to `held` on the target, then at rest."""
    if tau < there:
        done = slew_progress(tau, angle, craft.slew_rate, craft.slew_acceleration)
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
def _settle_captures(did, requests, store, craft, sky_s, shutter, first, b, now):
    """Judge the images of the round: discarded for cloud, late, or kept, one of each request."""
    satellites = shutter.shape[0]
    for n in range(satellites):
        if shutter[n] >= 0.0:
            first[did[n].request] = NONE
    for n in range(satellites):
        if shutter[n] < 0.0:
            continue
        j = did[n].request
        best = first[j]
        if find_cloud(requests, b, j, now + shutter[n], sky_s):
            did[n].cloudy = 1
        elif best == NONE or precedes(shutter[n], n, shutter[best], best):
            first[j] = n
    for n in range(satellites):
        if shutter[n] < 0.0 or did[n].cloudy:
            continue
        j = did[n].request
        if first[j] == n and requests.book[b, j].status == OPEN:
            did[n].captured = 1
            capture_request(requests, b, j, n, now + shutter[n] + craft[n].dwell)
            _store_image(store, craft[n].image_bits, b, n, j)
        else:
            did[n].duplicate = 1


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
