"""Observation requests: their book, the access cone of the camera, the moment of capture."""

import math

from sandbox.attitude import angle_between, slew_time
from sandbox.compiled import kernel
from sandbox.geometry import ground_gcrs, unit
from sandbox.orbits.bodies import R_EARTH
from sandbox.orbits.propagation import hermite_at
from sandbox.state import CAPTURED, EXPIRED, OPEN, PENDING

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
    rate = math.sqrt(rx * rx + ry * ry + rz * rz)
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
def plan_capture(path, rotation, middle, px, py, pz, target, craft, enter, leave, seconds):
    """(start, slew, off-nadir) of the earliest capture of a target, or start = -1 if there is none.

    `target` (3,) is in ITRS; `enter` and `leave` are the offsets of `cone_times`. The camera turns from p,
    settles, waits for the cone, and holds still for the dwell, which must end within the cone. A capture that
    ends within the round of `seconds` is checked against the true off-nadir angle; for a later one the start
    is an estimate, and the round is spent turning towards the target.
    """
    earliest = max(0.0, enter + CONE_MARGIN_S)
    latest = leave - CONE_MARGIN_S - craft.dwell
    start, slew, off_nadir = earliest, 0.0, 0.0
    for _ in range(2):
        if start > latest:
            return -1.0, slew, 0.0
        tau = min(start, seconds)
        x, y, z = hermite_at(path, tau)
        tx, ty, tz = ground_gcrs(rotation, middle, target[0], target[1], target[2], tau)
        lx, ly, lz = unit(tx - x, ty - y, tz - z)
        slew = slew_time(angle_between(px, py, pz, lx, ly, lz), craft.slew_rate, craft.slew_acceleration)
        slew += craft.settle
        start = max(earliest, slew)
    if start > latest:
        return -1.0, slew, 0.0
    if start + craft.dwell <= seconds and not within_cone(
        path, rotation, middle, target, craft, start + craft.dwell
    ):
        return -1.0, slew, 0.0
    tau = min(start, seconds)
    x, y, z = hermite_at(path, tau)
    tx, ty, tz = ground_gcrs(rotation, middle, target[0], target[1], target[2], tau)
    off_nadir = off_nadir_angle(x, y, z, tx, ty, tz)
    if start + craft.dwell <= seconds and off_nadir > craft.max_off_nadir:
        return -1.0, slew, 0.0
    return start, slew, off_nadir


@kernel
def within_cone(path, rotation, middle, target, craft, tau):
    """Whether the off-nadir angle of `target` is within the camera's limit at offset `tau`."""
    x, y, z = hermite_at(path, tau)
    tx, ty, tz = ground_gcrs(rotation, middle, target[0], target[1], target[2], tau)
    return off_nadir_angle(x, y, z, tx, ty, tz) <= craft.max_off_nadir


@kernel
def sky_interval(requests, b, j, time, sky_seconds):
    """Number of the interval of request j's sky at `time`; a sky is drawn anew every `sky_seconds`."""
    interval = int((time - requests.book[b, j].release) / sky_seconds)
    return max(0, min(interval, requests.sky.shape[2] - 1))


@kernel
def find_cloud(requests, b, j, time, sky_seconds):
    """Whether the sky over request j is closed at `time`; if so, nobody needs to try until it changes."""
    interval = sky_interval(requests, b, j, time, sky_seconds)
    cloudy = requests.sky[b, j, interval] < requests.book[b, j].cloud
    if cloudy:
        requests.book[b, j].closed_until = requests.book[b, j].release + (interval + 1) * sky_seconds
    return cloudy


@kernel
def decayed(value, age, half_life):
    """Value of an image `age` seconds after its capture: halved every `half_life` seconds."""
    return value * 2.0 ** (-age / half_life)


@kernel
def open_request(requests, b, j):
    """Put request j of world b on the list of open ones."""
    slot = requests.open_count[b]
    requests.book[b, j].status = OPEN
    requests.open_ids[b, slot] = j
    requests.open_slot[b, j] = slot
    for i in range(3):
        requests.open_up[b, i, slot] = requests.book[b, j].up[i]
    requests.open_count[b] = slot + 1


@kernel
def close_request(requests, b, j, status):
    """Take request j of world b off the list of open ones; the last of the list moves into its place."""
    slot, last = requests.open_slot[b, j], requests.open_count[b] - 1
    moved = requests.open_ids[b, last]
    requests.open_ids[b, slot] = moved
    requests.open_slot[b, moved] = slot
    for i in range(3):
        requests.open_up[b, i, slot] = requests.open_up[b, i, last]
    requests.open_count[b] = last
    requests.book[b, j].status = status


@kernel
def capture_request(requests, b, j, satellite, time):
    """Satellite takes the image of request j at `time`."""
    close_request(requests, b, j, CAPTURED)
    requests.book[b, j].captured_at = time
    requests.book[b, j].captured_by = satellite


@kernel
def update_requests(requests, b, now):
    """Expire the open requests of world b whose deadline has passed and open those released by `now`."""
    for slot in range(requests.open_count[b] - 1, -1, -1):
        j = requests.open_ids[b, slot]
        if requests.book[b, j].deadline <= now:
            close_request(requests, b, j, EXPIRED)
    book = requests.book.shape[1]
    j = requests.released[b]
    while j < book and requests.book[b, j].release <= now:
        if requests.book[b, j].status == PENDING:
            open_request(requests, b, j)
        j += 1
    requests.released[b] = j
