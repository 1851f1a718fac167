"""The laser mesh: who can see whom, which terminals point at whom, and since when.

Each satellite has up to four terminals. In a Walker pattern they hold the neighbours ahead, behind, and in
the planes on either side (+Grid), for as long as these can be seen; terminals that no pattern takes look for
the nearest satellite that has one free as well. A link is a pair of terminals; it carries data once it has
been visible without a break for as long as the two take to find each other (`sandbox.acquisition`).

Shapes: B worlds, N satellites. SI units, any one inertial frame.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.acquisition import local_direction, search_share, turn_angle
from sandbox.compiled import kernel
from sandbox.errors import SandboxError, unknown_name
from sandbox.fleet import Fleet
from sandbox.geometry import unit
from sandbox.orbits.bodies import R_EARTH, SPEED_OF_LIGHT
from sandbox.scenario import Group, Scenario
from sandbox.setting import Setting
from sandbox.state import NONE, wipe
from sandbox.structured import structured

KILO, GIGA = 1e3, 1e9

TERMINALS = 4
GRAZING_M = 80e3
"""Lowest height of a beam: refraction and absorption end a link below (Handley 2018, also used by
Hypatia)."""
CO_MOVING = math.radians(150.0)
"""Planes whose nodes are further apart pass each other rather than fly side by side."""
SEARCH_S = 300.0
"""Free terminals look for a partner so often."""
PATTERNS = ("grid", "honeycomb", "nearest")
AHEAD, BEHIND, RIGHT, LEFT = range(TERMINALS)
CARGO = ("images", "questions", "answers", "messages")
"""What goes over a link: questions of cameras, which are image data, and of users; answers; all else."""
IMAGES, QUESTIONS, ANSWERS, MESSAGES = range(len(CARGO))

LASER = structured(
    [
        ("terminals", "i4"),
        ("pattern_group", "i4"),  # satellites of one group hold a pattern; free terminals look beyond it
        ("range", "f8"),  # m
        ("acquisition", "f8"),  # s that the search for a new partner takes
        ("slew", "f8"),  # rad/s
        ("rate", "f8"),  # bit/s
        ("regard", "f8"),  # sine of the angle to the plane across the camera's boresight that they reach
        ("transmit_w", "f8"),  # W of one that sends
    ]
)
"""The terminals of a satellite."""
LINK = structured(
    [
        ("peer", "i4"),  # satellite at the other end, or -1
        ("back", "i4"),  # its terminal
        ("fixed", "?"),  # held for the pattern's sake even while out of sight
        ("since", "f8"),  # s, visible without a break since then; inf while it is not
        ("wait", "f8"),  # s from then on until it carries
        ("distance", "f8"),  # m
        ("out", "?"),  # this end's terminal is out of order
        (
            "aim",
            "f8",
            (3,),
        ),  # where this end looks, or last did, see `acquisition.local_direction`
        ("held", "i4"),  # 1 + the satellite that it last acquired, 0 for none
        ("left", "f8"),  # s, when that was last seen
    ]
)
"""A terminal and what it points at; both ends of a link say the same, but for `out` and what follows it."""


class Links(NamedTuple):
    """What of the mesh changes with time."""

    links: np.ndarray  # (B, N, 4) LINK
    free: NDArray[np.float64]  # (B, N, 4) s, when each terminal has sent what it has to
    sent: NDArray[np.float64]  # (B, N, 4, 4) bit given to each terminal in the round, by `CARGO`


class Optics(NamedTuple):
    """What of the mesh does not change."""

    terminals: np.ndarray  # (N,) LASER
    pattern: np.ndarray  # (N, 4) LINK at the beginning of an episode
    gimballed: bool  # whether the attitude of a satellite limits where its terminals look
    seeks: bool  # whether any terminal is free to seek a partner


class Lasers(NamedTuple):
    """The part of a world that links its satellites."""

    state: Links
    params: Optics


def make_part(setting: Setting) -> Lasers:
    """Terminals and pattern of the scenario. Raises SandboxError where a pattern needs more terminals."""
    terminals, pattern = laser_records(setting.scenario, setting.fleet)
    held = (pattern["peer"] != NONE).sum(axis=1)
    ends = (*setting.team, TERMINALS)
    return Lasers(
        Links(np.zeros(ends, LINK), np.zeros(ends), np.zeros((*ends, len(CARGO)))),
        Optics(
            terminals,
            pattern,
            gimballed=bool((terminals["regard"] < 1.0).any()),
            seeks=bool(np.any(held < terminals["terminals"])),
        ),
    )


def begin(lasers: Lasers, b: int) -> None:
    """Begin an episode in world `b`: the pattern is held, and nothing is in sight yet."""
    for array in lasers.state:
        wipe(array, b)
    lasers.state.links[b] = lasers.params.pattern


def laser_records(scenario: Scenario, fleet: Fleet) -> tuple[np.ndarray, np.ndarray]:
    """Terminals (N,) of dtype LASER, and the pattern (N, 4) of dtype LINK that they hold for good."""
    records, kinds = np.zeros(len(fleet), LASER), np.array(fleet.kinds)
    for name, craft in scenario.spacecraft.items():
        mine = kinds == name
        records["terminals"][mine] = craft.lasers.terminals
        records["range"][mine] = craft.lasers.range_km * KILO
        records["regard"][mine] = np.sin(np.radians(craft.lasers.regard_deg))
        records["acquisition"][mine] = craft.lasers.acquisition_s
        records["slew"][mine] = np.radians(craft.lasers.slew_deg_s)
        records["rate"][mine] = craft.lasers.rate_gbit_s * GIGA
        records["transmit_w"][mine] = craft.lasers.transmit_w
    records["pattern_group"] = NONE
    for number, (group, _) in enumerate(_patterned(scenario, fleet)):
        records["pattern_group"][np.array(fleet.groups) == group.name] = number
    return records, _pattern_links(scenario, fleet)


def make_lasers(
    satellites: int,
    *,
    terminals: int,
    range_m: float,
    acquisition_s: float,
    rate_bit_s: float,
    slew_deg_s: float = 2.0,
) -> np.ndarray:
    """Records (N,) of dtype LASER for satellites that are alike, each free to link to any other."""
    if not 0 <= terminals <= TERMINALS:
        raise SandboxError(f"terminals = {terminals}; give a whole number from 0 to {TERMINALS}.")
    slew = np.radians(slew_deg_s)
    record = np.array([(terminals, NONE, range_m, acquisition_s, slew, rate_bit_s, 1.0, 0.0)], LASER)
    return np.repeat(record, satellites)


def _patterned(scenario: Scenario, fleet: Fleet) -> list[tuple[Group, int]]:
    """(group, planes) of the groups that fly whole in a pattern whose mesh is not "nearest"."""
    found = []
    for group in scenario.fleet:
        pattern = group.walker or group.sun_synchronous
        if pattern is None or group.mesh == "nearest" or fleet.groups.count(group.name) != pattern.total:
            continue
        planes = group.walker.planes if group.walker else len(pattern.local_time_h)  # type: ignore[union-attr]
        found.append((group, planes))
    return found


def _pattern_links(scenario: Scenario, fleet: Fleet) -> np.ndarray:
    """Terminals (N, 4) that hold the patterns of the scenario's groups, none of them in sight yet."""
    links = no_links(len(fleet))
    for group, planes in _patterned(scenario, fleet):
        first = fleet.groups.index(group.name)
        mine = slice(first, first + fleet.groups.count(group.name))
        hold_pattern(links, first, fleet.position[mine], fleet.velocity[mine], planes, group.mesh)
    spare = np.array([scenario.spacecraft[kind].lasers.terminals for kind in fleet.kinds])
    if np.any((links["peer"] != NONE).sum(axis=1) > spare):
        raise SandboxError(
            f"{scenario.name}: a mesh pattern needs more laser terminals than a satellite of it has; "
            "give it more lasers.terminals, or its group mesh: nearest."
        )
    return links


def no_links(satellites: int) -> np.ndarray:
    """Terminals (N, 4) of dtype LINK that point at nothing."""
    links = np.zeros((satellites, TERMINALS), LINK)
    links["peer"] = links["back"] = NONE
    links["since"] = np.inf
    return links


def hold_pattern(
    links: np.ndarray, first: int, position: NDArray, velocity: NDArray, planes: int, pattern: str
) -> None:
    """Point the terminals of a Walker pattern at their neighbours, for good.

    The pattern's satellites have the numbers from `first` on, plane by plane, evenly spaced in each;
    position and velocity (n, 3) are theirs. `pattern` is "grid": four neighbours; "honeycomb": ahead,
    behind, and by turns one side or the other, which leaves a terminal free; "nearest": none. Planes next to
    each other in node are joined, each satellite with the one nearest in argument of latitude, unless they
    move against each other.
    """
    if pattern not in PATTERNS:
        raise unknown_name("mesh pattern", pattern, PATTERNS)
    if pattern == "nearest":
        return
    per_plane = len(position) // planes
    numbers = first + np.arange(len(position)).reshape(planes, per_plane)
    for plane in numbers:
        for s in range(per_plane if per_plane > 2 else per_plane - 1):
            _join(links, plane[s], AHEAD, plane[(s + 1) % per_plane], BEHIND)
    node, latitude = _angles(position.reshape(planes, per_plane, 3), velocity.reshape(planes, per_plane, 3))
    order = np.argsort(node, kind="stable")
    parity = 0
    for p, q in zip(order, np.roll(order, -1), strict=True):
        gap = (node[q] - node[p]) % (2.0 * np.pi)
        shift = round(float(latitude[p] - latitude[q]) / (2.0 * np.pi / per_plane))
        if p != q and gap < CO_MOVING:
            for s in range(per_plane):
                if pattern == "grid" or (s + parity) % 2 == 0:
                    _join(links, numbers[p, s], RIGHT, numbers[q, (s + shift) % per_plane], LEFT)
        parity += shift + 1


def _join(links: np.ndarray, a: int, terminal: int, b: int, back: int) -> None:
    for n, k, peer, theirs in ((a, terminal, b, back), (b, back, a, terminal)):
        links[n, k] = no_links(1)[0, 0]
        for name, value in (("peer", peer), ("back", theirs), ("fixed", True)):
            links[name][n, k] = value


def _angles(position: NDArray, velocity: NDArray) -> tuple[NDArray, NDArray]:
    """Node (planes,) of each plane, and argument of latitude (planes,) of its first satellite, rad."""
    normal = np.cross(position[:, 0], velocity[:, 0])
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    node = np.arctan2(normal[:, 0], -normal[:, 1])
    along = np.stack((np.cos(node), np.sin(node), np.zeros_like(node)), axis=-1)
    across = np.cross(normal, along)
    place = position[:, 0]
    return node, np.arctan2((place * across).sum(-1), (place * along).sum(-1))


@kernel
def beam(ax, ay, az, bx, by, bz, reach):
    """Length (m) of the straight line between two satellites, or -1 if it is too long or too low."""
    dx, dy, dz = bx - ax, by - ay, bz - az
    square = dx * dx + dy * dy + dz * dz
    if square > reach * reach or square == 0.0:
        return -1.0
    nearest = min(1.0, max(0.0, -(ax * dx + ay * dy + az * dz) / square))
    cx, cy, cz = ax + nearest * dx, ay + nearest * dy, az + nearest * dz
    if cx * cx + cy * cy + cz * cz < (R_EARTH + GRAZING_M) ** 2:
        return -1.0
    return math.sqrt(square)


@kernel
def beam_between(position, a, b, reach):
    """`beam` between satellites a and b of `position` (N, 3)."""
    p, q = position[a], position[b]
    return beam(p[0], p[1], p[2], q[0], q[1], q[2], reach)


@kernel
def light_time(distance):
    """Seconds that light takes over `distance` metres."""
    return distance / SPEED_OF_LIGHT


@kernel
def link_bit_rate(lasers, a, b):
    """Rate between satellites a and b, bit/s: that of the slower terminal."""
    return min(lasers[a].rate, lasers[b].rate)


@kernel
def carries(links, lasers, n, k, time):
    """Whether terminal k of satellite n can send at `time`: the other end has been acquired by then."""
    link = links[n, k]
    return link.peer != NONE and link.since + link.wait <= time


@kernel
def follow_links(links, lasers, alive, position, later, now):
    """Look along every link of a world: at `now`, and `later` at the end of the step, where it must still
    hold.

    links (N, 4), lasers (N,), alive (N,) records with the field `alive`, positions (N, 3). A link that is
    out of sight, or has an end that is out of order, starts its acquisition anew when it comes back; one that
    belongs to no pattern is let go.
    """
    for n in range(links.shape[0]):
        for k in range(links.shape[1]):
            peer = links[n, k].peer
            if peer <= n:  # the end with the lower number speaks for both; NONE is below all
                continue
            mine, theirs = links[n, k], links[peer, links[n, k].back]
            reach = min(lasers[n].range, lasers[peer].range)
            distance, fit = -1.0, alive[n].alive and alive[peer].alive and not (mine.out or theirs.out)
            if fit and beam_between(later, n, peer, reach) > 0.0:
                distance = beam_between(position, n, peer, reach)
            if distance > 0.0:
                mine.distance = theirs.distance = distance
                if mine.since == math.inf:
                    _seek_out(links, lasers, position, later, now, n, k)
                else:
                    _look_at(mine, position, later, now, n, peer)
                    _look_at(theirs, position, later, now, peer, n)
            else:
                cut_link(links, n, k)


@kernel
def _seek_out(links, lasers, position, later, now, n, k):
    """The ends of the link of terminal k of satellite n, just come into sight, begin to seek each other."""
    mine = links[n, k]
    peer = mine.peer
    theirs = links[peer, mine.back]
    wait = max(
        _acquisition_time(mine, lasers[n], position, later, now, n, peer),
        _acquisition_time(theirs, lasers[peer], position, later, now, peer, n),
    )
    mine.wait = theirs.wait = wait
    mine.since = theirs.since = now
    _look_at(mine, position, later, now, n, peer)
    _look_at(theirs, position, later, now, peer, n)


@kernel
def _acquisition_time(link, laser, position, later, now, n, peer):
    """Seconds in which an end on satellite n has found `peer`: turn, then search."""
    direction = local_direction(position[n], later[n], position[peer])
    gap = now - link.left if link.held == peer + 1 else math.inf
    return turn_angle(link.aim, direction) / laser.slew + laser.acquisition * search_share(gap)


@kernel
def _look_at(link, position, later, now, n, peer):
    """Note where an end on satellite n looks while it sees `peer`, whom it knows once the link carries."""
    link.aim[0], link.aim[1], link.aim[2] = local_direction(position[n], later[n], position[peer])
    if link.since + link.wait <= now:
        link.held, link.left = peer + 1, now


@kernel
def turn_links(links, lasers, position, pointing):
    """Cut the links of a world that a terminal at either end cannot look along, as the satellites (N,) stand.

    The terminals sit around the body, across the boresight of the camera, pointing (N, 3): at nadir they look
    along the horizon, and a satellite that has turned far takes them with it.
    """
    for n in range(links.shape[0]):
        for k in range(links.shape[1]):
            peer = links[n, k].peer
            if peer > n and links[n, k].since != math.inf:
                p, q = position[n], position[peer]
                d = unit(q[0] - p[0], q[1] - p[1], q[2] - p[2])
                if (
                    _aside(pointing[n], d) > lasers[n].regard
                    or _aside(pointing[peer], d) > lasers[peer].regard
                ):
                    cut_link(links, n, k)


@kernel
def _aside(boresight, direction):
    """Sine of the angle between a direction and the plane across a boresight."""
    x, y, z = direction
    return abs(boresight[0] * x + boresight[1] * y + boresight[2] * z)


@kernel
def cut_link(links, n, k):
    """End what terminal k of satellite n carries, at both ends; a link that belongs to no pattern is let
    go."""
    mine = links[n, k]
    if mine.peer == NONE:
        return
    theirs = links[mine.peer, mine.back]
    mine.since = theirs.since = math.inf
    mine.distance = theirs.distance = 0.0
    if not mine.fixed:
        mine.peer = theirs.peer = NONE
        mine.back = theirs.back = NONE


@kernel
def seek_links(links, lasers, alive, position, later, now):
    """Give each free terminal the nearest satellite in sight that has one too.

    In as many turns as there are terminals, the satellites choose one each, in their order. Those that hold
    a pattern look only beyond their group. Arguments as `follow_links`.
    """
    for _ in range(links.shape[1]):
        found = False
        for n in range(links.shape[0]):
            k = _free_terminal(links, lasers, alive, n)
            if k == NONE:
                continue
            peer, distance = _nearest_free(links, lasers, alive, position, later, n)
            if peer == NONE:
                continue
            back = _free_terminal(links, lasers, alive, peer)
            _point(links[n, k], peer, back, distance)
            _point(links[peer, back], n, k, distance)
            _seek_out(links, lasers, position, later, now, n, k)
            found = True
        if not found:
            return


@kernel
def _point(link, peer, back, distance):
    link.peer = peer
    link.back = back
    link.fixed = False
    link.distance = distance


@kernel
def _free_terminal(links, lasers, alive, n):
    """The first terminal of satellite n that is fit and points at nothing, or NONE if there is none."""
    if not alive[n].alive:
        return NONE
    used, free = 0, NONE
    for k in range(links.shape[1]):
        if links[n, k].peer == NONE and not links[n, k].out:
            free = k if free == NONE else free
        else:
            used += 1
    return free if used < lasers[n].terminals else NONE


@kernel
def _nearest_free(links, lasers, alive, position, later, n):
    """(satellite, distance) of the nearest in sight of satellite n with a free terminal and no link to n
    yet."""
    best, nearest, pattern_group = NONE, lasers[n].range, lasers[n].pattern_group
    x, y, z = position[n, 0], position[n, 1], position[n, 2]
    for m in range(links.shape[0]):
        dx, dy, dz = position[m, 0] - x, position[m, 1] - y, position[m, 2] - z
        if dx * dx + dy * dy + dz * dz >= nearest * nearest:
            continue
        if m == n or (pattern_group != NONE and lasers[m].pattern_group == pattern_group):
            continue
        if _free_terminal(links, lasers, alive, m) == NONE or _linked(links, n, m):
            continue
        distance = beam_between(position, n, m, min(nearest, lasers[m].range))
        if distance > 0.0 and beam_between(later, n, m, min(lasers[n].range, lasers[m].range)) > 0.0:
            best, nearest = m, distance
    return best, nearest


@kernel
def _linked(links, n, m):
    linked = False
    for k in range(links.shape[1]):
        linked = linked or links[n, k].peer == m
    return linked


@kernel
def update_links(state, constants, lasers, b):
    """Follow, cut and seek the links of world b between two rounds."""
    links, terminals, now = lasers.state.links[b], lasers.params.terminals, state.clock[b].time
    body, position, later = state.body[b], state.orbit.position[b], state.orbit.next_position[b]
    follow_links(links, terminals, body, position, later, now)
    if lasers.params.gimballed:
        turn_links(links, terminals, position, state.pointing[b])
    if lasers.params.seeks and state.clock[b].round % max(1, round(SEARCH_S / constants.round_s)) == 0:
        seek_links(links, terminals, body, position, later, now)


@kernel
def clear_sent(lasers, b):
    """Nothing has been sent yet in the round of world b."""
    if lasers is not None:
        lasers.state.sent[b] = 0.0


@kernel
def send_over(lasers, load, bits, time, b, n, k, cargo=MESSAGES):
    """When a message of `bits` has crossed terminal k of satellite n, which first sends what came before.

    `load` (B, N), records of dtype LOAD, takes the energy.
    """
    link, free, terminals = lasers.state.links[b, n, k], lasers.state.free[b, n], lasers.params.terminals
    seconds = bits / link_bit_rate(terminals, n, link.peer)
    free[k] = max(time, free[k]) + seconds
    lasers.state.sent[b, n, k, cargo] += bits
    load[b, n].joules += terminals[n].transmit_w * seconds
    return free[k] + light_time(link.distance)
