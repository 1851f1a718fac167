"""How orders in words reach the satellites: up from a station, on over lasers, and what of them is told."""

from math import inf

from sandbox.compiled import kernel
from sandbox.lasers import carries, send_over
from sandbox.state import NONE

HEADER_BITS = 256.0
"""Of an order beside its text: packet header, frame and coding; assumed, as of a message."""


@kernel
def open_tally(directives, b):
    """Forget the sums of the round before."""
    if directives is None:
        return
    own = directives.state
    for n in range(own.tally.shape[1]):
        tally = own.tally[b, n]
        tally.bonus, tally.fine, tally.bits, tally.heard = 0.0, 0.0, 0.0, 0
        for c in range(own.kept.shape[2]):
            own.kept[b, n, c] = own.broken[b, n, c] = 0


@kernel
def bits_of(order):
    """Bits of an order on a link."""
    return HEADER_BITS + 8.0 * order.bytes


@kernel
def pass_on(state, lasers, directives, task, b):
    """Every satellite that has an order sends it to the neighbours that have not, behind what they send."""
    if directives is None or lasers is None:
        return
    own, links, now = directives.state, lasers.state.links, state.clock[b].time
    for d in range(own.book.shape[1]):
        order = own.book[b, d]
        if order.issued > now:
            break
        for n in range(state.body.shape[1]):
            if own.heard[b, n, d] > now or task[n].silent or not state.body[b, n].alive:
                continue
            for k in range(links.shape[2]):
                peer = links[b, n, k].peer
                if peer == NONE or own.heard[b, peer, d] != inf:
                    continue
                if carries(links[b], lasers.params.terminals, n, k, now) and state.body[b, peer].alive:
                    own.heard[b, peer, d] = send_over(lasers, state.load, bits_of(order), now, b, n, k)
                    own.tally[b, n].bits += bits_of(order)
                    own.tally[b, peer].bits += bits_of(order)
                    own.tally[b, peer].heard += 1


@kernel
def send_up(state, directives, b):
    """The station that a satellite has in view in the coming round sends it the orders that it lacks, as many
    as the uplink carries; one that has begun goes on in another round from its beginning."""
    if directives is None:
        return
    own, now = directives.state, state.clock[b].time
    for n in range(state.body.shape[1]):
        outlook = state.outlook[b, n]
        if outlook.station == NONE or outlook.uplink <= 0.0 or not state.body[b, n].alive:
            continue
        at, until = now + outlook.visible_from, now + outlook.visible_to
        for d in range(own.book.shape[1]):
            order = own.book[b, d]
            if order.issued > now:
                break
            if own.heard[b, n, d] == inf:
                at += bits_of(order) / outlook.uplink
                if at > until:
                    break
                own.heard[b, n, d] = at
                own.tally[b, n].bits += bits_of(order)
                own.tally[b, n].heard += 1


@kernel
def told_orders(directives, now, b, n, places):
    """The orders that satellite n is told at `now`, the latest first: their places into `places` (K,), NONE
    behind the last. Those that it has heard and that were issued within `keep`: what they mean plays no part.
    """
    own, found = directives.state, 0
    for i in range(places.shape[0]):
        places[i] = NONE
    for back in range(own.book.shape[1]):
        d = own.book.shape[1] - 1 - back
        if found == places.shape[0]:
            return
        age = now - own.book[b, d].issued
        if 0.0 <= age <= directives.params.keep and own.heard[b, n, d] <= now:
            places[found] = d
            found += 1
