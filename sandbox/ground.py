"""Who is served by which antenna: every station serves one satellite an antenna, first jobs, then images.

Satellites that turn to a station come first, then others that have job data for it, then those that could be
a gateway for the mesh; among equals the station serves those that it sees highest. One that serves jobs
serves the images of the same satellite too; one that serves jobs alone is not there for images.
"""

import math

from sandbox.access import precedes
from sandbox.compiled import kernel
from sandbox.jobs import ANSWERS, RAW
from sandbox.state import NONE
from sandbox.thermal import is_hot


@kernel
def can_transmit(outlook, store, craft, body, b, n):
    """Whether the living satellite n of world b is cool enough, sees a station and has images to send."""
    return outlook.station != NONE and store.level[b, n].count > 0 and not is_hot(body, craft)


@kernel
def serve_jobs(state, scratch, jobs, b):
    """Give the antennas of world b to satellites with job data: writes `served` of every server."""
    outlook, ground, work = state.outlook[b], state.ground[b], jobs.state
    task, asking = scratch.task[b], scratch.asking[b]
    count = waiting = 0
    for n in range(outlook.shape[0]):
        waiting += work.queues[b, n, ANSWERS].count
    for n in range(outlook.shape[0]):
        wants = waiting > 0 or task[n].sends or _has_data(work, b, n)
        if wants and outlook[n].station != NONE and state.body[b, n].alive:
            asking[count] = n
            count += 1
    for i in range(count):
        n = asking[i]
        ahead = 0
        for k in range(count):
            other = asking[k]
            if other != n and outlook[other].station == outlook[n].station:
                mine = _rank(work, outlook[n], task[n].sends, b, n)
                theirs = _rank(work, outlook[other], task[other].sends, b, other)
                ahead += precedes(theirs, other, mine, n)
        work.servers[b, n].served = ahead < ground[outlook[n].station].antennas


@kernel
def _has_data(work, b, n):
    """Whether satellite n itself has something to send to a station, or to fetch from one."""
    raw, answers = work.queues[b, n, RAW].count, work.queues[b, n, ANSWERS].count
    return raw + answers > 0 or work.servers[b, n].missing > 0.0


@kernel
def _rank(work, outlook, sends, b, n):
    """Rank among those that ask for an antenna, the lowest first."""
    if sends:
        return -math.pi - outlook.elevation
    return (0.0 if _has_data(work, b, n) else math.pi) - outlook.elevation


@kernel
def reserve_antennas(state, constants, scratch, jobs, b):
    """Count the antennas (G,) of world b that serve jobs of satellites which send no images."""
    reserved = scratch.reserved[b]
    for g in range(reserved.shape[0]):
        reserved[g] = 0
    if jobs is None:
        return
    for n in range(state.body.shape[1]):
        outlook, body = state.outlook[b, n], state.body[b, n]
        images = scratch.task[b, n].sends and can_transmit(
            outlook, state.store, constants.craft[n], body, b, n
        )
        if jobs.state.servers[b, n].served and not images:
            reserved[outlook.station] += 1


@kernel
def assign_antennas(did, outlook, ground, reserved, asking):
    """Each station serves the satellites (N,) that it sees highest, one an antenna; the others are denied.

    `ground` (G,) says how many antennas are in service, `reserved` (G,) how many of them jobs have, `asking`
    (N,) is working memory.
    """
    count = 0
    for n in range(did.shape[0]):
        if did[n].station != NONE:
            asking[count] = n
            count += 1
    for i in range(count):
        n = asking[i]
        ahead = 0
        for k in range(count):
            other = asking[k]
            if other != n and outlook[other].station == outlook[n].station:
                ahead += precedes(-outlook[other].elevation, other, -outlook[n].elevation, n)
        station = did[n].station
        did[n].denied = ahead >= ground[station].antennas - reserved[station]
    for i in range(count):
        if did[asking[i]].denied:
            did[asking[i]].station = NONE
