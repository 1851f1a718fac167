"""Images on board: room for them, their judgement at the end of a round, their way down."""

from sandbox.access import precedes
from sandbox.compiled import kernel
from sandbox.sensing import capture_request, decayed, find_cloud
from sandbox.state import DELIVERED, NONE, OPEN
from sandbox.thermal import is_hot


@kernel
def can_shoot(store, craft, body, b, n):
    """Whether the living satellite n of world b is cool enough and has room for one more image."""
    return not is_hot(body, craft) and has_room(store, craft, 1, b, n)


@kernel
def has_room(store, craft, images, b, n):
    """Whether the store of satellite n of world b takes so many images more."""
    level = store.level[b, n]
    room = level.used + images * craft.image_bits <= craft.store_bits
    return room and level.count + images <= store.request.shape[2]


@kernel
def transmit(state, did, bits, half_life, clock, seconds, rate, b, n):
    """Send from the store at `rate` (bit/s) for `seconds` from time `clock`; whole images pay their value."""
    store, requests = state.store, state.requests
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
def settle_captures(state, constants, scratch, b):
    """Judge the images of the round: discarded for cloud, late, or kept, one of each request.

    Of the scratch, shutter and aimed (2 N,) say when each was taken (-1: none) and of which request; entry e
    is of satellite e modulo N, in its first or second leg.
    """
    did, requests, store, craft = state.activity[b], state.requests, state.store, constants.craft
    shutter, aimed, first = scratch.shutter[b], scratch.aimed[b], scratch.first[b]
    satellites, now, sky_s = did.shape[0], state.clock[b].time, constants.sky_s
    for e in range(shutter.shape[0]):
        if shutter[e] >= 0.0:
            first[aimed[e]] = NONE
    for e in range(shutter.shape[0]):
        if shutter[e] < 0.0:
            continue
        j, n = aimed[e], e % satellites
        best = first[j]
        if find_cloud(requests, b, j, now + shutter[e], sky_s):
            did[n].cloudy += 1
            did[n].cloudy_request = j
            shutter[e] = -1.0
        elif best == NONE or precedes(shutter[e], n, shutter[best], best % satellites):
            first[j] = e
    for e in range(shutter.shape[0]):
        if shutter[e] < 0.0:
            continue
        j, n = aimed[e], e % satellites
        if first[j] == e and requests.book[b, j].status == OPEN:
            did[n].captured += 1
            capture_request(requests, b, j, n, now + shutter[e] + craft[n].dwell)
            _store_image(store, craft[n].image_bits, b, n, j)
        else:
            did[n].duplicate += 1
            did[n].duplicate_request = j


@kernel
def _store_image(store, bits, b, n, j):
    level = store.level[b, n]
    place = (level.head + level.count) % store.request.shape[2]
    store.request[b, n, place] = j
    store.remaining[b, n, place] = bits
    level.count += 1
    _weigh(store, bits, b, n)
