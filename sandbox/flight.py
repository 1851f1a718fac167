"""One decision round as the satellites live it: turn, shoot, transmit, charge, warm up, run dry."""

import math

from sandbox.attitude import angle_between, slew_progress, slew_time, turn
from sandbox.compiled import kernel
from sandbox.geometry import ground_gcrs, itrs_at, round_path, unit
from sandbox.links import link_rate, slant_range
from sandbox.orbits.bodies import AU, SOLAR_CONSTANT
from sandbox.orbits.eclipse import illumination
from sandbox.orbits.ephemeris import earth_rotation, sun_position
from sandbox.orbits.propagation import hermite_at
from sandbox.outlook import precedes
from sandbox.power import battery_step, faded_capacity, panel_incidence, solar_power
from sandbox.sensing import capture_request, decayed, find_cloud, update_requests
from sandbox.state import CHARGE, DELIVERED, DOWNLINK, IDLE, LOST, NONE, OBSERVE, OPEN
from sandbox.thermal import environment_heat, temperature_step, throttle


@kernel
def fly(state, constants, scratch, command, choice, b):
    """Carry out the orders of world b for one round and move its clock to the end of it.

    command (N,) is a mode, choice (N,) the place in the outlook of the request to observe. An order that
    cannot be carried out becomes IDLE.
    """
    satellites = state.health.alive.shape[1]
    now, middle = state.clock.time[b], 0.5 * constants.round_s
    rotation = earth_rotation(constants.ephemeris, now + middle)
    sun = sun_position(constants.ephemeris, now + middle)
    shutter = scratch.shutter[b]
    for n in range(satellites):
        _begin(state.activity, b, n)
        shutter[n] = -1.0
        if state.health.alive[b, n]:
            temperature = state.thermal.temperature[b, n]
            _take_order(
                state.activity, state.outlook, state.store, constants.craft[n], temperature, command[n], choice[n], b, n
            )
    assign_antennas(state.activity, state.outlook, constants.stations, scratch.asking[b], b)
    for n in range(satellites):
        if state.health.alive[b, n]:
            shutter[n] = _live(state, constants, choice[n], b, n, now, middle, rotation, sun)
    _settle_captures(
        state.activity, state.requests, state.store, constants.craft, constants.sky_s, shutter, scratch.first[b], b, now
    )
    _turn_page(state.clock, state.orbit, constants.round_s, b)
    update_requests(state.requests, b, state.clock.time[b])


@kernel
def _begin(did, b, n):
    """Clear the record of the last round."""
    did.mode[b, n] = LOST
    did.request[b, n] = NONE
    did.station[b, n] = NONE
    did.captured[b, n] = 0
    did.cloudy[b, n] = 0
    did.duplicate[b, n] = 0
    did.denied[b, n] = 0
    did.delivered[b, n] = 0
    did.value[b, n] = 0.0
    did.latency[b, n] = 0.0
    did.downlinked[b, n] = 0.0
    did.consumed[b, n] = 0.0
    did.harvested[b, n] = 0.0
    did.died[b, n] = False


@kernel
def _take_order(did, outlook, store, craft, temperature, command, choice, b, n):
    """Note the order of a living satellite, or IDLE where it cannot be carried out."""
    did.mode[b, n] = IDLE
    if command == CHARGE:
        did.mode[b, n] = CHARGE
    elif command == DOWNLINK and can_transmit(outlook, store, craft, temperature, b, n):
        did.mode[b, n] = DOWNLINK
        did.station[b, n] = outlook.station[b, n]
    elif command == OBSERVE and 0 <= choice < outlook.request.shape[2]:
        if outlook.request[b, n, choice] != NONE and can_shoot(store, craft, temperature, b, n):
            did.mode[b, n] = OBSERVE
            did.request[b, n] = outlook.request[b, n, choice]


@kernel
def can_shoot(store, craft, temperature, b, n):
    """Whether the living satellite n of world b is cool enough and has room for one more image."""
    return (
        temperature < craft.shutdown_above
        and store.used[b, n] + craft.image_bits <= craft.store_bits
        and store.count[b, n] < store.request.shape[2]
    )


@kernel
def can_transmit(outlook, store, craft, temperature, b, n):
    """Whether the living satellite n of world b is cool enough, sees a station and has something to send."""
    return outlook.station[b, n] != NONE and store.count[b, n] > 0 and temperature < craft.shutdown_above


@kernel
def assign_antennas(did, outlook, stations, asking, b):
    """Each station serves the satellites that it sees highest, as many as it has antennas; others are denied."""
    count = 0
    for n in range(did.station.shape[1]):
        if did.station[b, n] != NONE:
            asking[count] = n
            count += 1
    for i in range(count):
        n = asking[i]
        station, ahead = did.station[b, n], 0
        for k in range(count):
            other = asking[k]
            if other != n and outlook.station[b, other] == station:
                ahead += precedes(-outlook.elevation[b, other], other, -outlook.elevation[b, n], n)
        did.denied[b, n] = ahead >= stations[station].antennas
    for i in range(count):
        if did.denied[b, asking[i]]:
            did.station[b, asking[i]] = NONE


@kernel
def _aim(mode, target, path, rotation, middle, sun, tau):
    """Direction (GCRS unit vector) in which the order wants the camera at offset `tau`."""
    if mode == CHARGE:
        return -sun[0], -sun[1], -sun[2]
    x, y, z = hermite_at(path, tau)
    if mode == IDLE:
        return unit(-x, -y, -z)
    tx, ty, tz = ground_gcrs(rotation, middle, target[0], target[1], target[2], tau)
    return unit(tx - x, ty - y, tz - z)


@kernel
def _plan_turn(mode, target, pointing, path, rotation, middle, sun, craft, seconds):
    """(direction, angle, seconds) of the turn to where the order wants the camera when the turn is over."""
    px, py, pz = pointing
    aim, angle, needed = pointing, 0.0, 0.0
    for _ in range(2):
        aim = _aim(mode, target, path, rotation, middle, sun, min(needed, seconds))
        angle = angle_between(px, py, pz, aim[0], aim[1], aim[2])
        needed = slew_time(angle, craft.slew_rate, craft.slew_acceleration) + craft.settle
    return aim, angle, needed


@kernel
def _overlap(a, b, c, d):
    """Length of the part that the intervals [a, b] and [c, d] share."""
    return max(0.0, min(b, d) - max(a, c))


@kernel
def _live(state, constants, choice, b, n, now, middle, rotation, sun):
    """Take satellite n of world b through the round; the offset at which it took an image, or -1."""
    craft, seconds, orbit = constants.craft[n], constants.round_s, state.orbit
    did, power = state.activity, state.power
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
    mode, target = did.mode[b, n], (0.0, 0.0, 0.0)
    station = constants.stations[max(0, state.outlook.station[b, n])]
    if mode == OBSERVE:
        place = state.requests.position[b, did.request[b, n]]
        target = (place[0], place[1], place[2])
    elif mode == DOWNLINK:
        target = (station.x, station.y, station.z)
    arrow = state.attitude.pointing[b, n]
    pointing = (arrow[0], arrow[1], arrow[2])
    aim, angle, turned = _plan_turn(mode, target, pointing, path, rotation, middle, s, craft, seconds)
    shot = state.outlook.capture[b, n, choice] if mode == OBSERVE else -1.0
    held = shot + craft.dwell if mode == OBSERVE else seconds
    send_from, send_to = 0.0, 0.0
    if mode == DOWNLINK and did.station[b, n] != NONE:
        send_from = max(turned, state.outlook.visible_from[b, n])
        send_to = state.outlook.visible_to[b, n]
    taken = -1.0
    step = seconds / constants.substeps
    for i in range(constants.substeps):
        begin, end = i * step, (i + 1) * step
        tau = 0.5 * (begin + end)
        x, y, z = hermite_at(path, tau)
        lit = illumination(x, y, z, sun[0], sun[1], sun[2])
        p = _pointing_at(mode, target, pointing, aim, angle, turned, held, path, rotation, middle, s, craft, tau)
        incidence = panel_incidence(craft.panel_mount, p[0], p[1], p[2], s[0], s[1], s[2])
        harvest = solar_power(craft.panel_area, craft.panel_efficiency, irradiance, lit, incidence)
        temperature = state.thermal.temperature[b, n]
        share = throttle(temperature, craft.throttle_above, craft.shutdown_above)
        busy = max(0.0, min(end, send_to) - max(begin, send_from))
        load = craft.base_load + (
            craft.slew_load * _overlap(begin, end, 0.0, turned)
            + craft.camera_load * (_overlap(begin, end, shot, shot + craft.dwell) if mode == OBSERVE else 0.0)
            + craft.transmitter_load * share * busy
        ) / step
        if temperature < craft.heater_below:
            load += craft.heater_load
        dead = _charge(power, did, craft, b, n, harvest, load, step)
        heat = load + environment_heat(
            x, y, z, s, lit, irradiance, craft.sun_area, craft.earth_area, craft.absorptivity, craft.emissivity
        )
        state.thermal.temperature[b, n] = temperature_step(
            temperature, heat, craft.radiator_area, craft.emissivity, craft.heat_capacity, step
        )
        if dead:
            state.health.alive[b, n] = False
            did.died[b, n] = True
            did.mode[b, n] = LOST
            break
        if busy > 0.0 and share > 0.0:
            start = max(begin, send_from)
            x, y, z = itrs_at(path, rotation, middle, start + 0.5 * busy)
            rate = share * link_rate(slant_range(x, y, z, station), craft, station)
            _transmit(state.store, state.requests, did, b, n, now + start, busy, rate, constants.half_life)
        if mode == OBSERVE and begin < shot + craft.dwell <= end:
            taken = shot
    p = _pointing_at(mode, target, pointing, aim, angle, turned, held, path, rotation, middle, s, craft, seconds)
    arrow[0], arrow[1], arrow[2] = p
    return taken


@kernel
def _pointing_at(mode, target, start, aim, angle, turned, held, path, rotation, middle, sun, craft, tau):
    """Boresight at offset `tau`: turning, then following the target until `held`, then at rest."""
    if tau < turned:
        done = slew_progress(tau, angle, craft.slew_rate, craft.slew_acceleration)
        return turn(start[0], start[1], start[2], aim[0], aim[1], aim[2], angle, done)
    return _aim(mode, target, path, rotation, middle, sun, max(turned, min(tau, held)))


@kernel
def _charge(power, did, craft, b, n, harvest, load, seconds):
    """One battery step with its entries in the ledger; whether the battery is now empty."""
    before = power.energy[b, n]
    energy, lost, curtailed, unmet = battery_step(
        before, power.capacity[b, n], harvest, load, seconds, craft.charge_efficiency, craft.discharge_efficiency
    )
    if energy < before and craft.fade_per_cycle > 0.0:
        capacity = faded_capacity(power.capacity[b, n], before - energy, craft.fade_per_cycle)
        power.capacity[b, n] = capacity
        lost += max(0.0, energy - capacity)
        energy = min(energy, capacity)
    power.energy[b, n] = energy
    power.harvested[b, n] += harvest * seconds
    power.consumed[b, n] += load * seconds
    power.lost[b, n] += lost
    power.curtailed[b, n] += curtailed
    power.unmet[b, n] += unmet
    did.harvested[b, n] += harvest * seconds
    did.consumed[b, n] += load * seconds
    return energy <= 0.0


@kernel
def _transmit(store, requests, did, b, n, clock, seconds, rate, half_life):
    """Send from the store at `rate` (bit/s) for `seconds` from time `clock`; whole images pay their value."""
    end = clock + seconds
    while store.count[b, n] > 0 and clock < end:
        place = store.head[b, n]
        needed = store.remaining[b, n, place] / rate
        if clock + needed > end:
            sent = (end - clock) * rate
            store.remaining[b, n, place] -= sent
            store.used[b, n] -= sent
            did.downlinked[b, n] += sent
            return
        clock += needed
        did.downlinked[b, n] += store.remaining[b, n, place]
        j = _take_oldest(store, b, n)
        age = clock - requests.captured_at[b, j]
        requests.status[b, j] = DELIVERED
        requests.delivered_at[b, j] = clock
        did.delivered[b, n] += 1
        did.latency[b, n] += age
        did.value[b, n] += decayed(requests.value[b, j], age, half_life)


@kernel
def _take_oldest(store, b, n):
    """Drop the oldest image from the store and give its request."""
    place = store.head[b, n]
    store.used[b, n] = max(0.0, store.used[b, n] - store.remaining[b, n, place])
    store.remaining[b, n, place] = 0.0
    store.head[b, n] = (place + 1) % store.request.shape[2]
    store.count[b, n] -= 1
    if store.count[b, n] == 0:
        store.used[b, n] = 0.0
    return store.request[b, n, place]


@kernel
def _settle_captures(did, requests, store, craft, sky_s, shutter, first, b, now):
    """Judge the images of the round in the order in which they were taken: cloudy, too late, or kept."""
    satellites = shutter.shape[0]
    for n in range(satellites):
        if shutter[n] >= 0.0:
            first[did.request[b, n]] = NONE
    for n in range(satellites):
        if shutter[n] < 0.0:
            continue
        j = did.request[b, n]
        best = first[j]
        if best == NONE or precedes(shutter[n], n, shutter[best], best):
            first[j] = n
    for n in range(satellites):
        if shutter[n] < 0.0:
            continue
        j = did.request[b, n]
        time = now + shutter[n] + craft[n].dwell
        if find_cloud(requests, b, j, now, sky_s):
            did.cloudy[b, n] = 1
        elif first[j] == n and requests.status[b, j] == OPEN:
            did.captured[b, n] = 1
            capture_request(requests, b, j, n, time)
            _store_image(store, craft[n].image_bits, b, n, j)
        else:
            did.duplicate[b, n] = 1


@kernel
def _store_image(store, bits, b, n, j):
    place = (store.head[b, n] + store.count[b, n]) % store.request.shape[2]
    store.request[b, n, place] = j
    store.remaining[b, n, place] = bits
    store.count[b, n] += 1
    store.used[b, n] += bits


@kernel
def _turn_page(clock, orbit, seconds, b):
    """Move the clock and the orbits to the end of the round; what lies beyond is still to be propagated."""
    clock.time[b] += seconds
    clock.round[b] += 1
    for n in range(orbit.position.shape[1]):
        for i in range(3):
            orbit.position[b, n, i] = orbit.next_position[b, n, i]
            orbit.velocity[b, n, i] = orbit.next_velocity[b, n, i]
