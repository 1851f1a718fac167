"""Standing orders: what a satellite points at and how it serves its jobs, until it is told otherwise.

An order to observe stands until its image is taken or its request is no longer among those shown, one to send
until there is no station in view or nothing to send; then the panel is turned to the Sun.
"""

import numpy as np

from sandbox.compiled import kernel
from sandbox.jobs import ANSWERS, DEFER, RAW
from sandbox.state import CHARGE, DOWNLINK, IDLE, NONE, OBSERVE
from sandbox.structured import structured

ORDER = structured(
    [
        ("command", "i4"),  # IDLE, CHARGE, OBSERVE or DOWNLINK
        ("request", "i4"),  # to observe, else -1
        ("queue", "i4"),  # what becomes of each job in the inbox, by number in `jobs.DECISIONS`
    ]
)


def begin(orders: np.ndarray, b: int) -> None:
    """At the start of an episode the panels face the Sun and jobs wait."""
    orders["command"][b], orders["request"][b], orders["queue"][b] = CHARGE, NONE, DEFER


@kernel
def lapse(state, jobs, orders, b):
    """End the orders of world b that can no longer be carried out."""
    if orders is None:
        return
    for n in range(orders.shape[1]):
        order = orders[b, n]
        if order.command == OBSERVE and place_of(state.opportunities[b, n], order.request) == NONE:
            turn_to_sun(order)
        if order.command == DOWNLINK and not can_send(state, jobs, b, n):
            turn_to_sun(order)


@kernel
def turn_to_sun(order):
    """The order that stands where there is no other."""
    order.command, order.request = CHARGE, NONE


@kernel
def place_of(opportunities, request):
    """Place of `request` among the opportunities (K,) of a satellite, or NONE."""
    for k in range(opportunities.shape[0]):
        if opportunities[k].request == request:
            return k
    return NONE


@kernel
def can_send(state, jobs, b, n):
    """Whether satellite n sees a station and has images, answers or raw questions to send there."""
    if state.outlook[b, n].station == NONE:
        return False
    return state.store.level[b, n].count > 0 or _has_job_data(jobs, b, n)


@kernel
def _has_job_data(jobs, b, n):
    """Whether satellite n has raw questions, or answers for the ground."""
    if jobs is None:
        return False
    work = jobs.state
    j = work.queues[b, n, ANSWERS].head
    while j != NONE and work.book[b, j].source == NONE:
        j = work.book[b, j].next
    return j != NONE or work.queues[b, n, RAW].count > 0


@kernel
def flown(opportunities, order, burns, safe):
    """(mode, place in the outlook) that a satellite flies under a standing order.

    To burn, the thrusters are held along the velocity, which the camera at nadir allows and nothing else
    does. In safe mode the panel faces the Sun.
    """
    if safe:
        return CHARGE, 0
    if burns:
        return IDLE, 0
    if order.command == OBSERVE:
        place = place_of(opportunities, order.request)
        return (OBSERVE, place) if place != NONE else (CHARGE, 0)
    return order.command, 0
