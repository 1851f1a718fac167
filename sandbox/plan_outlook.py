"""What a satellite's planner reckons with (`sandbox.plan_search`): its track, its light, what it will pass.

All of it is known on board: the satellite's orbit and those of the others, the book of requests with the
forecast of clouds, the next contact, the battery as the sensor gives it. Shapes: U requests found, S segments
of the track.
"""

import math
from typing import NamedTuple

from sandbox.access import LOOK_AHEAD_S, ground_track
from sandbox.ahead import SEGMENT_S, Reach, advanced, search_track
from sandbox.attitude import slew_time
from sandbox.campaigns import hold_of, images_of, worth_of
from sandbox.cloud_field import cloud_chance
from sandbox.compiled import kernel
from sandbox.counted_random import noise
from sandbox.faults import BATTERY
from sandbox.geometry import rotate, unit
from sandbox.orbits.bodies import R_EARTH, SOLAR_CONSTANT
from sandbox.orbits.eclipse import illumination
from sandbox.orbits.ephemeris import earth_rotation, sun_position
from sandbox.power import BODY_PANEL, harvest_power
from sandbox.sensing import access_angle, cone_times, is_closed
from sandbox.state import NONE
from sandbox.structured import structured

MOST_SEGMENTS = 20
"""S."""


class Assumptions(NamedTuple):
    """What the search assumes, all ours, chosen on seeds of scs01_tight and scs01_scarce."""

    together: float = 120.0  # s between two images from which on the panel faces the Sun in between
    later: float = 0.4  # worth of an image that misses the next contact, of what it is worth in that
    begun: float = 0.5  # of an image, that a contact must hold so that it counts as sent
    spared: float = 0.72  # chance that a satellite that passes a request before leaves it
    left: float = 0.18  # chance of what is among the best of those, as many as they can all send
    contact: float = 0.5  # of the rate at the highest point, in the mean of a contact, antennas shared
    sending: float = 0.9  # of the harvest, lost while a satellite looks at a station
    margin: float = 0.05  # of the battery, above the share at which safe mode begins
    supply: float = 1.1  # of what the horizon holds, what is expected to come besides until a contact
    raw: float = 0.5  # how far a contact is priced by what is worth most if nobody takes it before: 0 to 1
    flat: float = 0.5  # of the price of a contact, with an empty store; more by what the store holds
    keep: float = 0.03  # of the battery, above safe mode, so that anything is done but to charge
    bar: float = 1.0  # of the prices, for which an image is taken that is not in the plan


ITEM = structured(
    [
        ("request", "i4"),
        ("earlier", "i4"),  # other satellites that pass it before
        ("enter", "f8"),  # s
        ("leave", "f8"),  # s, the latest end of the image
        ("hold", "f8"),  # s
        ("roll", "f8"),  # rad off nadir, positive to the left of the track
        ("angle", "f8"),  # rad to turn to it from where the panel faces the Sun
        ("shade", "f8"),  # share of the harvest that is lost while it is looked at
        ("bits", "f8"),
        ("soon", "f8"),  # worth if it is sent in the next contact
        ("left", "f8"),  # chance that those who pass it before leave it
        ("cost", "f8"),  # J, alone
    ]
)
TRACK = structured(
    [
        ("begins", "f8"),  # s
        ("ux", "f8"), ("uy", "f8"), ("uz", "f8"),  # unit vector in its middle, ITRS
        ("rx", "f8"), ("ry", "f8"), ("rz", "f8"),  # angular rate over the ground, rad/s
        ("cone", "f8"),  # rad, half of what the camera reaches
        ("height", "f8"),  # of the orbit, in radii of the Earth
        ("sx", "f8"), ("sy", "f8"), ("sz", "f8"),  # unit vector to the Sun, ITRS
        ("harvest", "f8"),  # W with the panel to the Sun
        ("need", "f8"),  # J that the battery must hold at its beginning to come to the end of the horizon
    ]
)  # fmt: skip

FLOWN = structured([("segments", "i4"), ("time", "f8"), ("position", "f8", 3), ("velocity", "f8", 3)])
"""What a track was reckoned from, and for how many segments."""


class Known(NamedTuple):
    """What a search starts from; SI units."""

    now: float
    starts: float  # when the plan can begin
    end: float  # of the episode
    energy: float  # as measured
    capacity: float
    floor: float  # J that are kept
    load: float  # W, standing
    price: float  # of a joule left at the horizon
    bit_price: float  # of a bit of the next contact that is left then
    opens: float  # the next contact; inf without one
    closes: float
    holds: float  # bits that it takes
    each: float  # images that it takes of a satellite, at least one


@kernel
def measured_energy(sim, b, n):
    """What the sensor of satellite n says of its battery, J."""
    power = sim.state.power[b, n]
    return (
        min(1.0, max(0.0, power.energy / power.capacity + _blur(sim.faults, sim.state, b, n)))
        * power.capacity
    )


@kernel
def _blur(faults, state, b, n):
    if faults is None:
        return 0.0
    sigma = faults.params.battery_sigma
    if sigma <= 0.0:
        return 0.0
    return sigma * noise(faults.state.key[b], BATTERY, state.clock[b].round, n)


@kernel
def foresee(sim, track, segments, b, n):
    """The track of satellite n, its light, and what the panel brings."""
    orbit, constants = sim.state.orbit, sim.constants
    craft, ephemeris = constants.craft[n], constants.ephemeris
    p, v = orbit.position[b, n], orbit.velocity[b, n]
    at, t = (p[0], p[1], p[2], v[0], v[1], v[2]), sim.state.clock[b].time
    for s in range(segments):
        start, begins, leg = at, t, track[s]
        at = advanced(start, begins, constants.forces, craft.ballistic, ephemeris)
        t = begins + SEGMENT_S
        _lay(leg, start, at, begins, craft, ephemeris)
        sun = sun_position(ephemeris, begins + 0.5 * SEGMENT_S)
        x, y, z = 0.5 * (start[0] + at[0]), 0.5 * (start[1] + at[1]), 0.5 * (start[2] + at[2])
        lit = illumination(start[0], start[1], start[2], sun[0], sun[1], sun[2])
        lit += 2.0 * illumination(x, y, z, sun[0], sun[1], sun[2])
        lit += illumination(at[0], at[1], at[2], sun[0], sun[1], sun[2])
        leg.harvest = harvest_power(craft, SOLAR_CONSTANT, 0.25 * lit, 1.0)


@kernel
def _lay(leg, start, at, begins, craft, ephemeris):
    """The great circle of a segment, and the Sun over it."""
    x, y, z = rotate(earth_rotation(ephemeris, begins), start[0], start[1], start[2])
    radius = math.sqrt(x * x + y * y + z * z)
    last = unit(*rotate(earth_rotation(ephemeris, begins + SEGMENT_S), at[0], at[1], at[2]))
    middle, rate = ground_track((x / radius, y / radius, z / radius), last, SEGMENT_S)
    leg.begins = begins
    leg.ux, leg.uy, leg.uz = middle
    leg.rx, leg.ry, leg.rz = rate
    leg.cone, leg.height = access_angle(radius, craft.max_off_nadir), radius / R_EARTH - 1.0
    half = begins + 0.5 * SEGMENT_S
    sun = sun_position(ephemeris, half)
    leg.sx, leg.sy, leg.sz = rotate(earth_rotation(ephemeris, half), *unit(sun[0], sun[1], sun[2]))


@kernel
def gather(sim, memory, effort, truth, b, n):
    """The requests in reach and those that the satellite will pass, by time; how many there are."""
    state, constants = sim.state, sim.constants
    now, items, count = state.clock[b].time, memory.items[b], 0
    opportunities = state.opportunities[b, n]
    for k in range(opportunities.shape[0]):
        found = opportunities[k]
        if found.request != NONE and count < effort.found:
            enter, leave = now + found.capture, now + found.window
            count = _enter(sim, items, count, found.request, enter, leave, truth, b, n)
    upcoming = memory.upcoming[b, : effort.found]
    horizon = now + constants.round_s + LOOK_AHEAD_S
    reach = Reach(effort.segments * SEGMENT_S, effort.segments, 0.0)
    search_track(state, constants, sim.scratch, upcoming, reach, horizon, b, n)
    for u in range(upcoming.shape[0]):
        found = upcoming[u]
        if found.request != NONE and count < effort.found:
            count = _enter(sim, items, count, found.request, found.enter, found.leave, truth, b, n)
    _sort(items, count)
    _look_at(memory.track[b], items, effort.segments, count, sim.state.requests, b)
    return count


@kernel
def _enter(sim, items, count, j, enter, leave, truth, b, n):
    """Enter request j among the items, if there is any hope of it; how many there are then."""
    requests, craft, constants = sim.state.requests, sim.constants.craft[n], sim.constants
    for i in range(count):
        if items[i].request == j:
            return count
    now, request, item = sim.state.clock[b].time, requests.book[b, j], items[count]
    item.request, item.earlier = j, 0
    item.hold = hold_of(requests, craft, b, j)
    item.enter, item.leave = max(enter, request.closed_until), min(leave, request.deadline)
    if item.enter + item.hold > item.leave:
        return count
    if truth:
        chance = 1.0 if is_closed(requests, b, j, item.enter, constants.sky_s) else 0.0
    else:
        chance = cloud_chance(requests, constants, b, j, now, item.enter)
    item.soon = worth_of(requests, b, j) * (1.0 - chance)
    item.bits = images_of(requests, b, j) * craft.image_bits
    return count + 1


@kernel
def _sort(items, count):
    """By the middle of their windows."""
    for i in range(1, count):
        place = i
        while place > 0 and _middle(items[place - 1]) > _middle(items[place]):
            _swap(items[place - 1], items[place])
            place -= 1


@kernel
def _middle(item):
    return 0.5 * (item.enter + item.leave)


@kernel
def _swap(one, other):
    request, enter, leave, hold, soon, bits = one.request, one.enter, one.leave, one.hold, one.soon, one.bits
    one.request, one.enter, one.leave = other.request, other.enter, other.leave
    one.hold, one.soon, one.bits = other.hold, other.soon, other.bits
    other.request, other.enter, other.leave = request, enter, leave
    other.hold, other.soon, other.bits = hold, soon, bits


@kernel
def segment_at(track, segments, time):
    return max(0, min(segments - 1, int((time - track[0].begins) / SEGMENT_S)))


@kernel
def _look_at(track, items, segments, count, requests, b):
    """How far the camera turns to each item, and what the panel loses."""
    for i in range(count):
        item = items[i]
        leg, request = track[segment_at(track, segments, _middle(item))], requests.book[b, item.request]
        tx, ty, tz = unit(request.position[0], request.position[1], request.position[2])
        rate = max(1e-12, math.sqrt(leg.rx**2 + leg.ry**2 + leg.rz**2))
        across = (leg.rx * tx + leg.ry * ty + leg.rz * tz) / rate
        item.roll = math.atan2(across, leg.height)
        # the camera looks down, the panel up: what the Sun's height over the ground leaves of the harvest
        height = leg.sx * request.up[0] + leg.sy * request.up[1] + leg.sz * request.up[2]
        item.shade = 1.0 - max(0.0, height)
        item.angle = math.acos(max(-1.0, min(1.0, height)))


@kernel
def count_earlier(sim, memory, effort, count, b, n):
    """How many of the others pass each item before the satellite does."""
    items = memory.items[b]
    for m in range(sim.state.orbit.position.shape[1]):
        if m == n or not sim.state.body[b, m].alive:
            continue
        legs = memory.others[b, m]
        _fly_other(sim, legs, memory.flown[b, m], effort.segments, b, m)
        for s in range(effort.segments):
            _pass_items(sim.state.requests, legs[s], items, count, b)


@kernel
def _fly_other(sim, legs, flown, segments, b, m):
    """The track of satellite m, unless a search of another one has just reckoned it."""
    p, v, t = sim.state.orbit.position[b, m], sim.state.orbit.velocity[b, m], sim.state.clock[b].time
    same = flown.segments >= segments and flown.time == t
    for axis in range(3):
        same = same and flown.position[axis] == p[axis] and flown.velocity[axis] == v[axis]
    if same:
        return
    flown.segments, flown.time = segments, t
    for axis in range(3):
        flown.position[axis], flown.velocity[axis] = p[axis], v[axis]
    constants, craft = sim.constants, sim.constants.craft[m]
    at = (p[0], p[1], p[2], v[0], v[1], v[2])
    for s in range(segments):
        start = at
        at = advanced(start, t, constants.forces, craft.ballistic, constants.ephemeris)
        _lay(legs[s], start, at, t, craft, constants.ephemeris)
        t += SEGMENT_S


@kernel
def _pass_items(requests, leg, items, count, b):
    """Count the segment of another satellite for the items that it passes before they are passed."""
    middle = leg.begins + 0.5 * SEGMENT_S
    for i in range(count):
        item = items[i]
        if item.leave < leg.begins:
            continue
        position = requests.book[b, item.request].position
        tx, ty, tz = unit(position[0], position[1], position[2])
        if leg.ux * tx + leg.uy * ty + leg.uz * tz < 0.94:  # farther than a segment and a swath
            continue
        enter, leave = cone_times(leg.ux, leg.uy, leg.uz, leg.rx, leg.ry, leg.rz, tx, ty, tz, leg.cone)
        if enter <= leave and abs(enter + leave) <= SEGMENT_S and middle + enter < item.enter:
            item.earlier += 1


@kernel
def known_on_board(sim, track, segments, starts, end, b, n):
    """What the search starts from; the track learns what the battery needs (`need`)."""
    state, constants, craft = sim.state, sim.constants, sim.constants.craft[n]
    assumptions = sim.consulting.params.assumptions
    power, contact = state.power[b, n], state.contacts.plan[b, n]
    load = craft.base_load + (state.load[b, n].power if sim.jobs is not None else 0.0)
    opens = closes = math.inf
    holds = 0.0
    if contact.station != NONE:
        opens, closes = max(contact.start, state.clock[b].time), contact.end
        holds = assumptions.contact * max(0.0, contact.rate) * max(0.0, closes - opens)
    need = 0.0
    for back in range(segments):
        leg = track[segments - 1 - back]
        sends = max(0.0, min(closes, leg.begins + SEGMENT_S) - max(opens, leg.begins)) / SEGMENT_S
        leg.harvest -= sends * (craft.transmitter_load + _lost(craft, leg.harvest, assumptions.sending))
        need = max(0.0, need - net_power(craft, leg.harvest - load) * SEGMENT_S)
        leg.need = need
    floor = (constants.safety.below + assumptions.margin) * power.capacity
    energy = measured_energy(sim, b, n)
    return Known(
        state.clock[b].time, starts, end, energy, power.capacity, floor, load, 0.0, 0.0, opens, closes, holds,
        max(1.0, holds / craft.image_bits),
    )  # fmt: skip


@kernel
def net_power(craft, watts):
    """W into the battery where so many are left over, or missing."""
    return watts * craft.charge_efficiency if watts > 0.0 else watts / craft.discharge_efficiency


@kernel
def weigh(sim, items, track, segments, count, known, n):
    """What each item is worth if it is sent in the next contact, and what it costs alone."""
    half_life, craft = sim.constants.half_life, sim.constants.craft[n]
    assumptions = sim.consulting.params.assumptions
    for i in range(count):
        item, better = items[i], 0
        for other in range(count):
            better += items[other].soon > item.soon
        item.left = (
            assumptions.spared**item.earlier if better >= item.earlier * known.each else assumptions.left
        )
    for i in range(count):
        item = items[i]
        sent = known.opens if math.isfinite(known.opens) else item.enter + half_life
        item.soon *= item.left * 2.0 ** (-max(0.0, sent - item.enter) / half_life)
        if item.enter > known.end or (known.opens > known.end and math.isfinite(known.opens)):
            item.soon = 0.0
        turn, harvest = (
            turn_seconds(craft, item.angle),
            track[segment_at(track, segments, item.enter)].harvest,
        )
        away = turn + item.hold + sim.constants.round_s
        item.cost = spent(craft, item, harvest, away, 2.0 * turn)


@kernel
def _lost(craft, harvest, shade):
    """W of the harvest that are lost while the camera is turned away; none of a panel that tracks the Sun."""
    return harvest * shade if craft.panel_mount == BODY_PANEL else 0.0


@kernel
def turn_seconds(craft, angle):
    return slew_time(abs(angle), craft.slew_rate, craft.slew_acceleration) + craft.settle


@kernel
def spent(craft, item, harvest, seconds, turned):
    """J that an image takes: `seconds` away from the Sun, of them `turned` turning."""
    lost = _lost(craft, max(0.0, harvest), item.shade) * seconds
    drawn = craft.slew_load * turned + craft.camera_load * item.hold
    return lost * craft.charge_efficiency + drawn / craft.discharge_efficiency
