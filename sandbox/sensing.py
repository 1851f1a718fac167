"""Observation requests: their book, the access cone of the camera, the moment of capture."""

import math

from sandbox.attitude import angle_between, meet
from sandbox.bits import add_member, drop_member, is_member
from sandbox.campaigns import count_capture, count_failure, is_locked
from sandbox.compiled import kernel
from sandbox.geometry import BEYOND_S, ground_gcrs, unit
from sandbox.orbits.bodies import R_EARTH
from sandbox.orbits.propagation import hermite_at
from sandbox.state import CAPTURED, EXPIRED, OPEN, PENDING

KEY = 2**32
"""An open request's key is its rank times this plus its number: the lower the key, the better the request."""
CONE_MARGIN_S = 1.0
"""Kept from the edges of the access cone: the closed form below is for a sphere, the Earth is not one."""


@kernel
def access_angle(radius, off_nadir):
    """Central angle (rad) from the sub-satellite point to what is seen at `off_nadir` from `radius` (m).

    asin(r / R sin(eta)) - eta, or the horizon where the line of sight misses the Earth (Wertz 2011, ch. 10).
    """
    sine = radius / R_EARTH * math.sin(off_nadir)
    if sine >= 1.0:
        return math.acos(R_EARTH / radius)
    return math.asin(sine) - off_nadir


@kernel
def off_nadir_angle(x, y, z, tx, ty, tz):
    """Angle at satellite x, y, z between the geocentre and target tx, ty, tz, rad; any one frame."""
    ux, uy, uz = unit(x, y, z)
    lx, ly, lz = unit(tx - x, ty - y, tz - z)
    return angle_between(-ux, -uy, -uz, lx, ly, lz)


@kernel
def ground_sample_distance(distance, pixel_angle, elevation):
    """Size on the ground (m) of a pixel of `pixel_angle` (rad) at slant range `distance` (m).

    Across the line of sight the pixel is distance x angle; along it, longer by 1 / sin(elevation).
    """
    return distance * pixel_angle / math.sin(elevation)


@kernel
def cone_times(ux, uy, uz, rx, ry, rz, tx, ty, tz, angle):
    """(enter, leave) s at which a target passes through a satellite's access cone; (1, 0) if it never does.

    u is the satellite's unit vector, r its angular rate (rad/s) over the turning ground as a vector, t the
    target's unit vector. The ground track is taken as a great circle, the cone as a cap of `angle`.
    """
    rate = max(math.sqrt(rx * rx + ry * ry + rz * rz), 1e-12)
    across = (rx * tx + ry * ty + rz * tz) / rate
    ahead = ((ry * uz - rz * uy) * tx + (rz * ux - rx * uz) * ty + (rx * uy - ry * ux) * tz) / rate
    under = ux * tx + uy * ty + uz * tz
    width = math.sqrt(max(1.0 - across * across, 1e-18))
    ratio = math.cos(angle) / width
    if ratio >= 1.0:
        return 1.0, 0.0
    half = math.acos(ratio)
    along = math.atan2(ahead, under)
    return (along - half) / rate, (along + half) / rate


@kernel
def plan_capture(path, rotation, middle, start, target, craft, enter, leave, seconds, begin, hold=-1.0):
    """(capture, slew, off-nadir) of the earliest capture of a target; capture = -1 if there is none.

    `target` (3,) is in ITRS; `enter` and `leave` are the offsets of `cone_times`. The camera turns from
    `start` at offset `begin`, settles, waits for the cone, and holds still for the dwell, or for `hold` s,
    which must end within the cone and may lie beyond the round of `seconds`. The off-nadir angle is checked
    as far ahead as the path holds.
    """
    stays = hold if hold >= 0.0 else craft.dwell
    earliest, latest = max(begin, enter + CONE_MARGIN_S), leave - CONE_MARGIN_S - stays
    if earliest > latest:
        return -1.0, 0.0, 0.0
    capture, slew = meet(path, rotation, middle, start, target, craft, earliest, latest, seconds, begin)
    if begin + slew > capture:
        return -1.0, slew, 0.0
    horizon, done = seconds + BEYOND_S, capture + stays
    off_nadir = _off_nadir_at(path, rotation, middle, target, min(capture, horizon))
    if done <= horizon and (
        off_nadir > craft.max_off_nadir
        or _off_nadir_at(path, rotation, middle, target, done) > craft.max_off_nadir
    ):
        return -1.0, slew, 0.0
    return capture, slew, off_nadir


@kernel
def _off_nadir_at(path, rotation, middle, target, tau):
    x, y, z = hermite_at(path, tau)
    tx, ty, tz = ground_gcrs(rotation, middle, target[0], target[1], target[2], tau)
    return off_nadir_angle(x, y, z, tx, ty, tz)


@kernel
def sky_interval(requests, b, j, time, sky_seconds):
    """Number of the interval of request j's sky at `time`; a sky is drawn anew every `sky_seconds`."""
    interval = int((time - requests.book[b, j].release) / sky_seconds)
    return max(0, min(interval, requests.sky.shape[2] - 1))


@kernel
def is_closed(requests, b, j, time, sky_seconds):
    """Whether the sky over request j is truly closed at `time`; nobody learns of it."""
    interval = sky_interval(requests, b, j, time, sky_seconds)
    return requests.sky[b, j, interval] < requests.book[b, j].cloud


@kernel
def find_cloud(requests, b, j, time, sky_seconds):
    """Whether the sky over request j is closed at `time`; if so, nobody needs to try until it changes."""
    cloudy = is_closed(requests, b, j, time, sky_seconds)
    if cloudy:
        interval = sky_interval(requests, b, j, time, sky_seconds)
        until = requests.book[b, j].release + (interval + 1) * sky_seconds
        requests.book[b, j].closed_until = max(requests.book[b, j].closed_until, until)
    return cloudy


@kernel
def decayed(value, age, half_life):
    """Value of an image `age` seconds after its capture: halved every `half_life` seconds."""
    return value * 2.0 ** (-age / half_life)


@kernel
def open_request(requests, b, j):
    """Put request j of world b among the open ones."""
    request = requests.book[b, j]
    request.status = OPEN
    add_member(requests.open, b, request.slot)
    requests.open_count[b] += 1


@kernel
def close_request(requests, b, j, status):
    """Take request j of world b off the open ones."""
    _close_at(requests, b, j, requests.book[b, j].slot, status)


@kernel
def _close_at(requests, b, j, slot, status):
    """The same, where its place in the index is known, and its row far off in memory."""
    requests.book[b, j].status = status
    drop_member(requests.open, b, slot)
    requests.open_count[b] -= 1


@kernel
def capture_request(requests, b, j, satellite, time):
    """Satellite takes the image of request j at `time`."""
    close_request(requests, b, j, CAPTURED)
    requests.book[b, j].captured_at = time
    requests.book[b, j].captured_by = satellite
    count_capture(requests, b, j, time)


@kernel
def update_requests(requests, b, now):
    """Expire the open requests of world b whose deadline has passed and open those released by `now`.

    A request that came and went between two rounds is open for one round all the same; none can take it.
    Each request is looked at when it is released and when its deadline has passed, and not in between; one
    that is locked when it is released opens later, with the image of another one.
    """
    for j in range(requests.brief[b], requests.released[b]):
        if requests.book[b, j].status == OPEN and requests.book[b, j].deadline <= now:
            _expire(requests, b, j, requests.book[b, j].slot)
    book, place = requests.book.shape[1], requests.expired[b]
    while place < book and requests.by_deadline[b, place].time <= now:
        due = requests.by_deadline[b, place]
        if is_member(requests.open, b, due.slot):
            _expire(requests, b, due.request, due.slot)
        place += 1
    requests.expired[b] = place
    j, brief = requests.released[b], book
    while j < book and requests.book[b, j].release <= now:
        if requests.book[b, j].status == PENDING and not is_locked(requests, b, j):
            open_request(requests, b, j)
            if requests.book[b, j].deadline <= now:
                brief = min(brief, j)
        j += 1
    requests.released[b], requests.brief[b] = j, min(brief, j)
    _open_waiting(requests, b, now)


@kernel
def _expire(requests, b, j, slot):
    _close_at(requests, b, j, slot, EXPIRED)
    count_failure(requests, b, j)


@kernel
def _open_waiting(requests, b, now):
    """Open the requests of world b whose lock is off and whose time has come; one that is over fails."""
    place = 0
    while place < requests.waits[b]:
        j = requests.waiting[b, place]
        if requests.part[b, j].opens_at > now:
            place += 1
            continue
        requests.waits[b] -= 1
        requests.waiting[b, place] = requests.waiting[b, requests.waits[b]]
        if requests.book[b, j].deadline > now:
            open_request(requests, b, j)
        else:
            count_failure(requests, b, j)
