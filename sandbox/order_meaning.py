"""What an order in words means, as numbers: for the world, which pays by it, never for who has to read it."""

import math

from sandbox.compiled import kernel
from sandbox.structured import structured

PRIORITY, EMBARGO, RESERVE, SERVICE, STATION, CANCELLATION = range(6)
ORDER_KINDS = ("priority", "embargo", "reserve", "service", "station", "cancellation")
UNCONDITIONAL, CLOUD_ABOVE, CLOUD_BELOW, BATTERY_BELOW, BATTERY_ABOVE = range(5)
CONDITIONS = ("", "cloud_above", "cloud_below", "battery_below", "battery_above")
EVERYWHERE, NOWHERE = -2.0, 2.0
"""Cosines of the radius of a circle that holds every point, and of one that holds none."""

DIRECTIVE = structured(
    [
        ("kind", "i4"),
        ("number", "i4"),  # from 1 on; 0 where there is none
        ("refers", "i4"),  # to the order that it corrects or cancels, by number, or 0
        ("revoked_by", "i4"),  # the order that corrected or cancelled it, or 0
        ("precedence", "i4"),  # its rank: of those that differ the highest holds; of equal ones, the latest
        ("steps", "i4"),  # of reasoning that reading it takes
        ("condition", "i4"),
        ("station", "i4"),  # that is given up, or -1
        ("at_shadow", "?"),  # a reserve is looked at whenever the satellite enters the shadow
        ("bytes", "i4"),  # of its text
        ("issued", "f8"),  # s
        ("ended", "f8"),  # s, when it was corrected or cancelled, inf before
        ("begins", "f8"),  # s; a reserve at an hour is looked at then
        ("ends", "f8"),  # s
        ("orbits_from", "f8"),  # revolutions of the satellite's own that are added to `begins`
        ("orbits_to", "f8"),  # and to `ends`
        ("until", "f8"),  # s, after which it holds in no case
        ("place", "f8", (3,)),  # zenith of the middle of a circle, ITRS
        ("reach", "f8"),  # cosine of its radius
        ("south", "f8"),  # sine of the least latitude
        ("north", "f8"),  # and of the greatest
        ("spared", "f8", (3,)),  # middle of a circle that is excepted
        ("spared_reach", "f8"),  # cosine of its radius
        ("spared_value", "f8"),  # requests worth as much are excepted, inf for none
        ("threshold", "f8"),  # of the condition, %
        ("factor", "f8"),  # by which a priority multiplies values
        ("charge", "f8"),  # share of the battery's capacity that a reserve wants
    ]
)


def blank_meaning(record) -> None:
    """An order without a place, a time or a condition."""
    record["station"], record["ended"], record["until"] = -1, math.inf, math.inf
    record["reach"], record["spared_reach"] = EVERYWHERE, NOWHERE
    record["south"], record["north"], record["spared_value"] = -1.0, 1.0, math.inf


@kernel
def begins_at(order, period):
    """When an order begins for a satellite with a revolution of `period` s."""
    return order.begins + order.orbits_from * period


@kernel
def ends_at(order, period):
    """When it ends for that satellite."""
    return min(order.ends + order.orbits_to * period, order.until, order.ended)


@kernel
def in_force(order, period, time):
    """Whether an order holds at `time` for a satellite with a revolution of `period` s."""
    return order.issued <= time and begins_at(order, period) <= time < ends_at(order, period)


@kernel
def speaks_of(order, up, value):
    """Whether an order speaks of a request with zenith `up` (3,) and this value, its exceptions left out."""
    near = order.place[0] * up[0] + order.place[1] * up[1] + order.place[2] * up[2] >= order.reach
    spared = order.spared[0] * up[0] + order.spared[1] * up[1] + order.spared[2] * up[2]
    within = near and order.south <= up[2] <= order.north
    return within and spared < order.spared_reach and value < order.spared_value


@kernel
def condition_holds(order, cloud, battery):
    """Whether the condition of an order holds under a forecast of `cloud` and with `battery`, both in %."""
    if order.condition == CLOUD_ABOVE:
        return cloud > order.threshold
    if order.condition == CLOUD_BELOW:
        return cloud < order.threshold
    if order.condition == BATTERY_BELOW:
        return battery < order.threshold
    if order.condition == BATTERY_ABOVE:
        return battery > order.threshold
    return True
