"""The arrays of a world: one named tuple per subsystem, B worlds of N satellites.

Everything that changes with time is here, so a snapshot is a copy of these arrays and of the random
generators. Shapes: B worlds, N satellites, S places in the image store, M requests in the book of an
episode, Q sky intervals of a request, K observation opportunities shown to a satellite.
SI units; times are seconds since the scenario's UTC epoch.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int32]
Bytes = NDArray[np.uint8]

NONE = -1
IDLE, CHARGE, OBSERVE, DOWNLINK, LOST = range(5)
MODE_NAMES = ("idle", "charge", "observe", "downlink", "lost")

PENDING, OPEN, CAPTURED, DELIVERED, EXPIRED = range(5)
REQUEST_STATUS_NAMES = ("pending", "open", "captured", "delivered", "expired")


class Clock(NamedTuple):
    time: Array  # (B,) s
    start: Array  # (B,) s, when the episode began
    round: NDArray[np.int64]  # (B,) rounds since the episode began


class Orbit(NamedTuple):
    """GCRS states at the clock's time and, already propagated, one round ahead."""

    position: Array  # (B, N, 3) m
    velocity: Array  # (B, N, 3) m/s
    next_position: Array  # (B, N, 3) m
    next_velocity: Array  # (B, N, 3) m/s


class Attitude(NamedTuple):
    pointing: Array  # (B, N, 3) unit vector of the camera boresight, GCRS; the panel faces the other way


class Power(NamedTuple):
    """Battery and the energy ledger since the reset.

    energy = initial + harvested - consumed - lost - curtailed + unmet, to round-off.
    """

    energy: Array  # (B, N) J in the battery
    capacity: Array  # (B, N) J
    harvested: Array  # (B, N) J from the panels
    consumed: Array  # (B, N) J asked for by the loads
    lost: Array  # (B, N) J lost in charging, discharging and fading
    curtailed: Array  # (B, N) J shunted because the battery was full
    unmet: Array  # (B, N) J of load that an empty battery left unserved


class Thermal(NamedTuple):
    temperature: Array  # (B, N) K


class Store(NamedTuple):
    """Images waiting on board, first in, first out, in a ring of S places."""

    used: Array  # (B, N) bit
    head: Ints  # (B, N) place of the oldest image
    count: Ints  # (B, N) images waiting
    request: Ints  # (B, N, S) request imaged
    remaining: Array  # (B, N, S) bit still to be sent


class Requests(NamedTuple):
    """The book of observation requests of the episode, in order of release, and what became of each.

    All of it is drawn at the reset, so two policies with the same seed meet the same requests and sky.
    """

    position: Array  # (B, M, 3) m, ITRS
    up: Array  # (B, M, 3) geodetic zenith, ITRS
    release: Array  # (B, M) s
    deadline: Array  # (B, M) s, latest capture
    value: Array  # (B, M)
    cloud: Array  # (B, M) forecast probability of cloud
    sky: Array  # (B, M, Q) uniform draws; the sky is closed where the draw is below the forecast
    closed_until: Array  # (B, M) s, the end of the interval in which the sky was found closed
    status: Bytes  # (B, M)
    captured_at: Array  # (B, M) s, NaN before
    delivered_at: Array  # (B, M) s, NaN before
    captured_by: Ints  # (B, M) satellite or -1
    released: Ints  # (B,) requests released so far
    open_count: Ints  # (B,)
    open_ids: Ints  # (B, M) the open requests, compact, in no particular order
    open_slot: Ints  # (B, M) where a request stands in open_ids
    open_up: Array  # (B, 3, M) their zeniths, compact, so that a scan runs over contiguous memory


class Health(NamedTuple):
    alive: Flags  # (B, N)


class Contacts(NamedTuple):
    """The next ground contact of each satellite and the state of the search that looks for it."""

    station: Ints  # (B, N) or -1 while none is known
    start: Array  # (B, N) s
    end: Array  # (B, N) s
    searched: Array  # (B, N) s, how far ahead the search has come
    position: Array  # (B, N, 3) m, propagated to that time
    velocity: Array  # (B, N, 3) m/s


class Outlook(NamedTuple):
    """What the coming round offers each satellite. Offsets are seconds from the clock's time."""

    request: Ints  # (B, N, K) observable requests by falling expected value, -1 where there are fewer
    capture: Array  # (B, N, K) s, offset at which the shutter would open
    off_nadir: Array  # (B, N, K) rad at that moment
    slew: Array  # (B, N, K) s needed to point there
    window: Array  # (B, N, K) s until the request leaves the access cone
    rivals: Ints  # (B, N, K) other satellites that have the request in their outlook
    earlier: Ints  # (B, N, K) of those, the ones that would capture it first
    station: Ints  # (B, N) station in view at some time in the round, -1 for none
    elevation: Array  # (B, N) rad, at the middle of the visible part
    rate: Array  # (B, N) bit/s there
    visible_from: Array  # (B, N) s offset
    visible_to: Array  # (B, N) s offset
    station_rivals: Ints  # (B, N) other satellites that have the same station in view
    sunlight: Array  # (B, N) fraction of the solar disc seen now
    shadow: Array  # (B, N) s to the next crossing of the shadow's edge, inf if there is none
    latitude: Array  # (B, N) rad, geodetic sub-satellite point
    longitude: Array  # (B, N) rad


class Activity(NamedTuple):
    """What each satellite did in the last round, and what came of it."""

    mode: Bytes  # (B, N)
    request: Ints  # (B, N) request the camera was sent to, or -1
    station: Ints  # (B, N) station that served it, or -1
    captured: Bytes  # (B, N) images taken and kept
    cloudy: Bytes  # (B, N) images discarded on board for cloud
    duplicate: Bytes  # (B, N) images of a request that another satellite took first
    denied: Bytes  # (B, N) rounds in which the station's antennas were all busy
    delivered: Ints  # (B, N) images that reached the ground
    value: Array  # (B, N) value they delivered
    latency: Array  # (B, N) s, sum over them of capture to delivery
    downlinked: Array  # (B, N) bit
    consumed: Array  # (B, N) J
    harvested: Array  # (B, N) J
    died: Flags  # (B, N) lost in this round


class State(NamedTuple):
    clock: Clock
    orbit: Orbit
    attitude: Attitude
    power: Power
    thermal: Thermal
    store: Store
    requests: Requests
    health: Health
    contacts: Contacts
    outlook: Outlook
    activity: Activity


class Scratch(NamedTuple):
    """Working memory of the kernels, which cannot make arrays. Holds nothing from one call to the next."""

    first: Ints  # (B, M)
    following: Ints  # (B, N K)
    asking: Ints  # (B, N)
    shutter: Array  # (B, N)
    counts: Ints  # (B, G)


def make_scratch(worlds: int, satellites: int, stations: int, book: int, shown: int) -> Scratch:
    """Working memory for `worlds` x `satellites`."""
    return Scratch(
        np.empty((worlds, book), np.int32),
        np.empty((worlds, satellites * shown), np.int32),
        np.empty((worlds, satellites), np.int32),
        np.empty((worlds, satellites)),
        np.empty((worlds, stations), np.int32),
    )


def make_state(worlds: int, satellites: int, places: int, book: int, intervals: int, shown: int) -> State:
    """Zeroed arrays for `worlds` x `satellites`, with `places` in a store, `book` requests and so on."""
    fleet = (worlds, satellites)

    def real(*shape: int) -> Array:
        return np.zeros(shape)

    def integer(*shape: int) -> Ints:
        return np.zeros(shape, np.int32)

    def byte(*shape: int) -> Bytes:
        return np.zeros(shape, np.uint8)

    return State(
        clock=Clock(real(worlds), real(worlds), np.zeros(worlds, np.int64)),
        orbit=Orbit(*(real(*fleet, 3) for _ in Orbit._fields)),
        attitude=Attitude(real(*fleet, 3)),
        power=Power(*(real(*fleet) for _ in Power._fields)),
        thermal=Thermal(real(*fleet)),
        store=Store(
            real(*fleet), integer(*fleet), integer(*fleet), integer(*fleet, places), real(*fleet, places)
        ),
        requests=Requests(
            position=real(worlds, book, 3),
            up=real(worlds, book, 3),
            release=real(worlds, book),
            deadline=real(worlds, book),
            value=real(worlds, book),
            cloud=real(worlds, book),
            sky=real(worlds, book, intervals),
            closed_until=real(worlds, book),
            status=byte(worlds, book),
            captured_at=real(worlds, book),
            delivered_at=real(worlds, book),
            captured_by=integer(worlds, book),
            released=integer(worlds),
            open_count=integer(worlds),
            open_ids=integer(worlds, book),
            open_slot=integer(worlds, book),
            open_up=real(worlds, 3, book),
        ),
        health=Health(np.ones(fleet, np.bool_)),
        contacts=Contacts(
            integer(*fleet), real(*fleet), real(*fleet), real(*fleet), real(*fleet, 3), real(*fleet, 3)
        ),
        outlook=Outlook(
            request=integer(*fleet, shown),
            capture=real(*fleet, shown),
            off_nadir=real(*fleet, shown),
            slew=real(*fleet, shown),
            window=real(*fleet, shown),
            rivals=integer(*fleet, shown),
            earlier=integer(*fleet, shown),
            station=integer(*fleet),
            elevation=real(*fleet),
            rate=real(*fleet),
            visible_from=real(*fleet),
            visible_to=real(*fleet),
            station_rivals=integer(*fleet),
            sunlight=real(*fleet),
            shadow=real(*fleet),
            latitude=real(*fleet),
            longitude=real(*fleet),
        ),
        activity=Activity(
            mode=byte(*fleet),
            request=integer(*fleet),
            station=integer(*fleet),
            captured=byte(*fleet),
            cloudy=byte(*fleet),
            duplicate=byte(*fleet),
            denied=byte(*fleet),
            delivered=integer(*fleet),
            value=real(*fleet),
            latency=real(*fleet),
            downlinked=real(*fleet),
            consumed=real(*fleet),
            harvested=real(*fleet),
            died=np.zeros(fleet, np.bool_),
        ),
    )


def copy_state(state: State) -> State:
    """A deep copy: the arrays of `state`, owned by nobody else."""
    return State(*(type(part)(*(array.copy() for array in part)) for part in state))


def write_state(target: State, source: State) -> None:
    """Copy every array of `source` into the arrays of `target`, in place."""
    for to, from_ in zip(target, source, strict=True):
        for old, new in zip(to, from_, strict=True):
            old[...] = new
