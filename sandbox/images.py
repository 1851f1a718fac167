"""Images on board: room for them, their judgement at the end of a round, their way down."""

from sandbox.access import precedes
from sandbox.campaigns import count_arrival, has_parts, hold_of, images_of, note_look
from sandbox.compiled import kernel
from sandbox.sensing import capture_request, decayed, find_cloud
from sandbox.state import DELIVERED, NONE, OPEN
from sandbox.thermal import is_hot


@kernel
def can_shoot(store, craft, body, b, n):
    """Whether the living satellite n of world b is cool enough and has room for one more image."""
    return not is_hot(body, craft) and has_room(store, craft, 1, 1.0, b, n)


@kernel
def can_keep(state, craft, j, b, n):
    """Whether the store of satellite n of world b takes the image of request j, which may be a large one."""
    return has_room(state.store, craft, 1, images_of(state.requests, b, j), b, n)


@kernel
def has_room(store, craft, count, size, b, n):
    """Whether the store of satellite n of world b takes `count` more images, `size` times one in all."""
    level = store.level[b, n]
    room = level.used + size * craft.image_bits <= craft.store_bits
    return room and level.count + count <= store.request.shape[2]


@kernel
def transmit(state, did, bits, half_life, clock, seconds, rate, b, n):
    """Send from the store at `rate` (bit/s) for `seconds` from time `clock`; whole images pay their value.

    `bits` is the size of one where all are alike.
    """
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
        count_arrival(state, b, j, clock, n)
    _weigh(state, bits, b, n)


@kernel
def _weigh(state, bits, b, n):
    """Add up the store: only the oldest image may be partly sent; each has `bits` if all are alike."""
    store = state.store
    level = store.level[b, n]
    if has_parts(state.requests):
        level.used = 0.0
        for behind in range(level.count):
            level.used += store.remaining[b, n, (level.head + behind) % store.request.shape[2]]
        return
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
    did, requests, craft = state.activity[b], state.requests, constants.craft
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
            note_look(state, constants, b, n, j, shutter[e])
            capture_request(requests, b, j, n, now + shutter[e] + hold_of(requests, craft[n], b, j))
            _store_image(state, craft[n].image_bits, b, n, j)
        else:
            did[n].duplicate += 1
            did[n].duplicate_request = j


@kernel
def _store_image(state, bits, b, n, j):
    store = state.store
    level = store.level[b, n]
    place = (level.head + level.count) % store.request.shape[2]
    store.request[b, n, place] = j
    store.remaining[b, n, place] = images_of(state.requests, b, j) * bits
    level.count += 1
    _weigh(state, bits, b, n)
