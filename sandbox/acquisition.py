"""How long two laser terminals take to find each other.

After Gerard, Fraire and Cespedes (2025, arXiv 2511.16063), whose model reproduces the delays of TBIRD, LLCD
and DSOC: first the terminal turns from where it looked to its partner, then the field in which that may be
is searched, hexagon by hexagon of the beam's width, so that the time grows with the field's area. Where the
terminal looked, and how large the field is, depends on what came before. A new partner may be anywhere in the
whole field. One that was held before and left the sight is where it was to be, but for what the pointing has
drifted since: the field's radius grows with the time, and is the whole one after `MEMORY_S`.

So a neighbour in the same plane, which stands still over the horizon, is back in seconds after a short break;
one in another plane, behind which the terminal has to turn, and that was gone for a part of an orbit, or a
partner met for the first time, takes tens of seconds.
"""

import math

from sandbox.compiled import kernel
from sandbox.geometry import unit

MEMORY_S = 1_800.0
"""After which nothing is left of what a terminal knew of its partner's direction: assumed, a third of an
orbit, in which sunlight and shadow bend the bodies that carry both terminals."""
LEAST_SHARE = 1.0 / 61.0
"""Of the search, where the partner is known best: one hexagon of 61, the field of 1.5 degrees that a beam of
0.2 degrees searches in the authors' parameters for low orbit."""


@kernel
def search_share(gap):
    """Share of the whole search that a partner takes that was lost `gap` s ago; infinite: a new one."""
    radius = min(1.0, gap / MEMORY_S)
    return max(LEAST_SHARE, radius * radius)


@kernel
def local_direction(place, later, other):
    """Unit vector from `place` to `other` (m, one frame), by axes that go with the orbit: up, ahead, aside.

    `later` is where the satellite is a while afterwards, which says where ahead is.
    """
    up = unit(place[0], place[1], place[2])
    cx, cy, cz = _cross(up, (later[0] - place[0], later[1] - place[1], later[2] - place[2]))
    if cx * cx + cy * cy + cz * cz == 0.0:  # it stands still: any axis
        cx, cy, cz = _cross(up, (0.0, 0.0, 1.0) if abs(up[2]) < 0.9 else (1.0, 0.0, 0.0))
    aside = unit(cx, cy, cz)
    ahead = _cross(aside, up)
    d = unit(other[0] - place[0], other[1] - place[1], other[2] - place[2])
    return _dot(d, up), _dot(d, ahead), _dot(d, aside)


@kernel
def turn_angle(aim, direction):
    """Angle (rad) that a terminal turns from where it looked to a direction; 0 if it looked nowhere yet."""
    if aim[0] == 0.0 and aim[1] == 0.0 and aim[2] == 0.0:
        return 0.0
    return math.acos(min(1.0, max(-1.0, _dot(aim, direction))))


@kernel
def _dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@kernel
def _cross(a, b):
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]
