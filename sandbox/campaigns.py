"""Requests beside the single image: what they ask of the camera, and campaigns, which pay when complete.

Where a scenario names no kinds of requests (`scenario.kinds`), `requests.part` has no rows and all of this is
a question about a length. Else every request has a row of it: how long the camera stays, how large the image
is, which campaign it belongs to, which other request its image opens. A request that another one's image
opens is locked: PENDING, though its release has passed. It keeps the deadline that was drawn at the reset.

A campaign's bonus is paid when the last of its images arrives, if all arrived in time: in equal shares, one
for each image, to those who took them; the share of one that is lost goes to who completed it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandbox.compiled import kernel
from sandbox.geometry import itrs_at, round_path, unit
from sandbox.orbits.ephemeris import earth_rotation
from sandbox.state import NONE


@kernel
def has_parts(requests):
    """Whether requests are of several kinds."""
    return requests.part.shape[1] > 0


@kernel
def hold_of(requests, craft, b, j):
    """Seconds for which the camera of `craft` has to stay on request j."""
    return max(craft.dwell, requests.part[b, j].hold) if has_parts(requests) else craft.dwell


@kernel
def images_of(requests, b, j):
    """Size of the image of request j, in images."""
    return requests.part[b, j].images if has_parts(requests) else 1.0


@kernel
def worth_of(requests, b, j):
    """Value of request j, and its share of what completing its campaign pays."""
    request = requests.book[b, j]
    if not has_parts(requests) or requests.part[b, j].campaign == NONE:
        return request.value
    campaign = requests.campaign[b, requests.part[b, j].campaign]
    return request.value + campaign.bonus / campaign.parts


@kernel
def is_locked(requests, b, j):
    """Whether request j opens with the image of another one, which has not been taken."""
    return has_parts(requests) and requests.part[b, j].locked


@kernel
def is_second_look(requests, b, j):
    """Whether request j is the second look of a stereo pair whose first was taken."""
    if not has_parts(requests):
        return False
    look = requests.part[b, j].look
    return look[0] != 0.0 or look[1] != 0.0 or look[2] != 0.0


@kernel
def note_look(state, constants, b, n, j, offset):
    """Remember for its second look from where satellite n takes request j of a stereo pair, at an offset (s)
    of the round that ends."""
    requests = state.requests
    if not has_parts(requests) or requests.part[b, j].opens == NONE:
        return
    second = requests.part[b, requests.part[b, j].opens]
    if second.convergence == 0.0:
        return
    orbit, middle = state.orbit, 0.5 * constants.round_s
    path = round_path(
        orbit.position[b, n],
        orbit.velocity[b, n],
        orbit.next_position[b, n],
        orbit.next_velocity[b, n],
        constants.forces,
        constants.craft[n].ballistic,
        constants.round_s,
    )
    rotation = earth_rotation(constants.ephemeris, state.clock[b].time + middle)
    x, y, z = itrs_at(path, rotation, middle, offset)
    target = requests.book[b, j].position
    second.look[0], second.look[1], second.look[2] = unit(x - target[0], y - target[1], z - target[2])


@kernel
def count_capture(requests, b, j, time):
    """The image of request j was taken at `time`: count it in its campaign, and unlock what it opens."""
    if not has_parts(requests):
        return
    part = requests.part[b, j]
    if part.campaign != NONE:
        requests.campaign[b, part.campaign].captured += 1
    if part.opens != NONE:
        following = requests.part[b, part.opens]
        following.locked = False
        following.opens_at = time + part.delay
        requests.waiting[b, requests.waits[b]] = part.opens
        requests.waits[b] += 1


@kernel
def count_failure(requests, b, j):
    """No image of request j will arrive: its campaign will not be completed."""
    if has_parts(requests) and requests.part[b, j].campaign != NONE:
        requests.campaign[b, requests.part[b, j].campaign].failed = True


@kernel
def count_losses(state, b):
    """What lies on board of lost satellites of world b will not arrive, nor complete a campaign."""
    if not has_parts(state.requests):
        return
    store = state.store
    for n in range(state.body.shape[1]):
        if state.body[b, n].alive:
            continue
        level = store.level[b, n]
        for i in range(level.count):
            place = (level.head + i) % store.request.shape[2]
            count_failure(state.requests, b, store.request[b, n, place])


@kernel
def count_arrival(state, b, j, time, n):
    """The image of request j reached the ground at `time`, from satellite n: pay what it completes."""
    requests = state.requests
    if not has_parts(requests) or requests.part[b, j].campaign == NONE:
        return
    campaign = requests.campaign[b, requests.part[b, j].campaign]
    campaign.delivered += 1
    campaign.arrived = max(campaign.arrived, time)
    if campaign.delivered < campaign.parts or campaign.arrived > campaign.deadline:
        return
    campaign.completed_at = campaign.arrived
    share, member = campaign.bonus / campaign.parts, campaign.first
    while member != NONE:
        by = requests.book[b, member].captured_by
        paid = by if state.body[b, by].alive else n
        state.activity[b, paid].value += share
        member = requests.part[b, member].sibling


@kernel
def completion_of(requests, b, j, now):
    """(missing, pays) of the campaign of request j: images not taken yet, and what completing it still pays.

    (1, 0) of a request that belongs to none.
    """
    if not has_parts(requests) or requests.part[b, j].campaign == NONE:
        return 1, 0.0
    campaign = requests.campaign[b, requests.part[b, j].campaign]
    lost = campaign.failed or now > campaign.deadline
    return campaign.parts - campaign.captured, 0.0 if lost else campaign.bonus


def completion_shares(requests: Any, b: int) -> NDArray[np.float64]:
    """What completing its campaign pays for each request (M,) of world `b` in equal shares."""
    if not requests.campaign.shape[1]:
        return np.zeros(requests.book.shape[1])
    campaign, of = requests.campaign[b], requests.part["campaign"][b]
    return np.where(of != NONE, campaign["bonus"][of] / np.maximum(1, campaign["parts"][of]), 0.0)


def image_sizes(requests: Any) -> NDArray[np.float64]:
    """Sizes of the images of the requests (B, M), in images."""
    return requests.part["images"] if requests.part.shape[1] else np.ones(requests.book.shape)
