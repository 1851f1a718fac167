"""The state of a world: one structured array, or one named tuple of arrays, per subsystem.

A subsystem's numbers for one satellite stand side by side: `state.power["energy"]` is (B, N) for NumPy,
`state.power[b, n].energy` for a kernel. (One array a quantity would cost a kernel call 0.16 us for each.)
Everything that changes with time is here, so a snapshot is a copy of these arrays and of the random
generators. Shapes: B worlds, N satellites, S places in the image store, M requests in the book of an episode,
Q sky intervals of a request, C cells of the ground, K observation opportunities shown to a
satellite, G ground stations, E events; of requests of several kinds P parts (M, or 0 where all are single), D
campaigns. SI units; times are seconds since the scenario's UTC epoch.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.bits import make_sets
from sandbox.cells import make_bands
from sandbox.structured import structured

Array = NDArray[np.float64]
Ints = NDArray[np.int32]
Records = np.ndarray

NONE = -1
IDLE, CHARGE, OBSERVE, DOWNLINK, LOST = range(5)
MODE_NAMES = ("idle", "charge", "observe", "downlink", "lost")

PENDING, OPEN, CAPTURED, DELIVERED, EXPIRED = range(5)
REQUEST_STATUS_NAMES = ("pending", "open", "captured", "delivered", "expired")

SINGLE, AREA, STEREO, PERIODIC, DWELL, CUE, TIP = range(7)
REQUEST_KINDS = ("single", "area", "stereo", "periodic", "dwell", "cue", "tip")


def _record(*fields: tuple) -> np.dtype:
    return structured(fields)


CLOCK = _record(
    ("time", "f8"),  # s
    ("start", "f8"),  # s, when the episode began
    ("round", "i8"),  # rounds since then
)
POWER = _record(  # battery and energy ledger since the reset, J:
    # energy = initial + harvested - consumed - lost - curtailed + unmet, to round-off
    ("energy", "f8"),  # in the battery
    ("capacity", "f8"),
    ("full", "f8"),  # in the battery when the present discharge began; 0 while there is none
    ("harvested", "f8"),  # from the panels
    ("consumed", "f8"),  # asked for by the loads
    ("lost", "f8"),  # in charging, discharging and fading
    ("curtailed", "f8"),  # shunted because the battery was full
    ("unmet", "f8"),  # load that an empty battery left unserved
)
BODY = _record(
    ("alive", "?"),
    ("temperature", "f8"),  # K, of all but the boards
    ("board", "f8"),  # K, of the accelerator boards on their mount
    ("hot", "?"),  # its payload is off until it has cooled
)
SAFETY = _record(
    ("since", "f8"),  # s, when safe mode was entered last
    ("times", "i4"),  # it was entered so far
    ("safe", "?"),  # it is in safe mode
    ("interrupted", "?"),  # its boards were stopped at the beginning of this round: thoughts are lost
)
LEVEL = _record(  # of the image store, a ring of S places, first in, first out
    ("used", "f8"),  # bit
    ("head", "i4"),  # place of the oldest image
    ("count", "i4"),  # images waiting
)
REQUEST = _record(  # what is read in every round comes first and stands together
    ("position", "f8", (3,)),  # m, ITRS
    ("deadline", "f8"),  # s, latest capture
    ("closed_until", "f8"),  # s, end of the interval in which the sky was found closed
    ("value", "f8"),
    ("cloud", "f8"),  # forecast probability of cloud
    ("status", "u1"),
    ("captured_by", "i4"),  # satellite or -1
    ("rank", "i4"),  # its place by expected value, worth x (1 - cloud); of equal ones, by number
    ("slot", "i4"),  # its place in the index
    ("release", "f8"),  # s
    ("captured_at", "f8"),  # s, NaN before
    ("delivered_at", "f8"),  # s, NaN before
    ("up", "f8", (3,)),  # geodetic zenith, ITRS
)
PART = _record(  # what a request is beside a single image, see `sandbox.campaigns`
    ("kind", "u1"),
    ("locked", "?"),  # it opens with the image of another one only
    ("campaign", "i4"),  # that it belongs to, or -1
    ("sibling", "i4"),  # the next request of that campaign, or -1
    ("opens", "i4"),  # the request that its image opens, or -1
    ("delay", "f8"),  # s from that image to that opening
    ("opens_at", "f8"),  # s, when it opens itself, once it is no longer locked
    ("hold", "f8"),  # s for which the camera stays on it; at least its dwell
    ("images", "f8"),  # its size
    ("convergence", "f8"),  # rad, least angle between the two looks of a stereo pair
    ("look", "f8", (3,)),  # of its second look: unit vector from there to where the first was taken, ITRS
)
CAMPAIGN = _record(  # requests that are worth more together
    ("kind", "u1"),
    ("failed", "?"),  # one of them expired
    ("first", "i4"),  # of its requests
    ("parts", "i4"),
    ("captured", "i4"),
    ("delivered", "i4"),
    ("bonus", "f8"),  # paid for all of them
    ("deadline", "f8"),  # s, latest arrival of the last of them
    ("arrived", "f8"),  # s, when the latest so far arrived
    ("completed_at", "f8"),  # s, NaN before
)
INDEXED = _record(  # what a search reads of a request, small and beside its neighbours
    ("key", "i8"),  # its rank and, in the lower 32 bits, its number
    ("x", "f4"),  # its zenith, ITRS
    ("y", "f4"),
    ("z", "f4"),
    ("end", "i4"),  # the place behind the last one of its cell of the ground
)
DEADLINE = _record(  # of a request
    ("time", "f8"),  # s
    ("request", "i4"),
    ("slot", "i4"),  # its place in the index
)
PLAN = _record(  # the next ground contact
    ("station", "i4"),  # -1 while none is known
    ("start", "f8"),  # s
    ("end", "f8"),  # s
    ("peak", "f8"),  # s, when the satellite is highest, to a quarter of a minute
    ("top", "f8"),  # sine of the elevation then
    ("reach", "f8"),  # m, its distance then
    ("rate", "f8"),  # bit/s then, under a clear sky; -1 until it is known
    ("searched", "f8"),  # s, how far ahead the search has come
)
OUTLOOK = _record(  # what the coming round offers; offsets in s from the clock's time
    ("station", "i4"),  # station that can be reached at some time in the round, -1 for none
    ("station_rivals", "i4"),  # other satellites that have it in view
    ("elevation", "f8"),  # rad, in the middle of the visible part
    ("rate", "f8"),  # bit/s there, down
    ("uplink", "f8"),  # bit/s there, up
    ("visible_from", "f8"),  # s offset
    ("visible_to", "f8"),  # s offset
    ("sunlight", "f8"),  # fraction of the solar disc seen now
    ("shadow", "f8"),  # s to the next crossing of the shadow's edge, inf if there is none
    ("latitude", "f8"),  # rad, geodetic sub-satellite point
    ("longitude", "f8"),  # rad
)
OPPORTUNITY = _record(  # a request that could be imaged now or soon; by falling expected value
    ("request", "i4"),  # -1 where there are fewer; the rest is then without meaning
    ("rivals", "i4"),  # other satellites that have it too
    ("earlier", "i4"),  # of those, the ones that would capture it first
    ("capture", "f8"),  # s offset at which the shutter would open; may lie beyond the round
    ("off_nadir", "f8"),  # rad at that moment
    ("slew", "f8"),  # s needed to point there
    ("window", "f8"),  # s until it leaves the access cone
)
ACTIVITY = _record(  # what a satellite did in the last round, and what came of it
    ("mode", "u1"),
    ("late", "u1"),  # an order came too late, because of the thinking before it, to be carried out
    ("captured", "u1"),  # images taken and kept
    ("cloudy", "u1"),  # images discarded on board for cloud
    ("duplicate", "u1"),  # images of a request that another satellite took first
    ("denied", "u1"),  # the station's antennas were all busy
    ("died", "?"),
    ("request", "i4"),  # request the camera was sent to, or -1
    ("cloudy_request", "i4"),  # request of the image discarded for cloud, or -1
    ("duplicate_request", "i4"),  # request of the image that another satellite took first, or -1
    ("station", "i4"),  # station that served it, or -1
    ("delivered", "i4"),  # images that reached the ground
    ("value", "f8"),  # value they delivered
    ("latency", "f8"),  # s, sum over them of capture to delivery
    ("downlinked", "f8"),  # bit
    ("consumed", "f8"),  # J
    ("harvested", "f8"),  # J
)
GROUND = _record(
    ("antennas", "i8"),  # of a station, that are in service
    ("sky", "i4"),  # its state over the station, see `radio.SKIES`
)
LOAD = (
    _record(  # what a satellite draws beyond its standing load: all subsystems add to it, the flight reads it
        ("joules", "f8"),  # J in the last round: boards, lasers, thrusters, cameras and transmitter of jobs
        ("carried", "f8"),  # J spent since then, which count in the coming one
        ("board_joules", "f8"),  # of them, J that boards took
        ("power", "f8"),  # W that come of it, the mind's included
        ("board_power", "f8"),  # of them, W that are dissipated in the boards
        ("until", "f8"),  # s offset until which they are drawn
    )
)
TASK = _record(  # what a satellite is about to do in a round: commands and orders, safe mode, lost thoughts
    ("mode", "i4"),
    ("place", "i4"),  # in the list of opportunities, to observe
    ("first_mode", "i4"),  # before `delay`
    ("first_place", "i4"),
    ("delay", "f8"),  # s offset at which mode and place take effect
    ("queue", "i4"),  # what becomes of the jobs in the inbox
    ("decides", "f8"),  # s offset at which that takes effect
    ("sends", "?"),  # it turns to a station at some time in the round
    ("early", "i4"),  # burn at the beginning of the round
    ("late", "i4"),  # and at its end
    ("silent", "?"),  # in safe mode, or its thought was lost: no message leaves
    ("busy", "f8"),  # s from the beginning in which the board thinks
    ("power", "f8"),  # W drawn for that
)
THINKING = _record(  # what a satellite's mind does to the coming round; all zeros: nothing
    ("delay", "f8"),  # s offset at which the order of the round takes effect; the standing one rules before
    ("busy", "f8"),  # s from the beginning of the round in which the board thinks
    ("power", "f8"),  # W that it draws for that, beyond its standing load; negative where it saves of it
    ("command", "i4"),  # the standing order: a mode
    ("choice", "i4"),  # and, for OBSERVE, a place in the outlook
)
MIND = _record(  # the thought under way; decisions by what they refer to, as a problem numbers it
    ("standing", "i8"),  # the order in force
    ("pending", "i8"),  # the decision that is thought about, or -1
    ("remaining", "f8"),  # s until it takes effect
    ("power", "f8"),  # W that the board draws for it, as in THINKING
)


class Orbit(NamedTuple):
    """GCRS states at the clock's time and, already propagated, one round ahead."""

    position: Array  # (B, N, 3) m
    velocity: Array  # (B, N, 3) m/s
    next_position: Array  # (B, N, 3) m
    next_velocity: Array  # (B, N, 3) m/s


class Store(NamedTuple):
    """Images waiting on board."""

    level: Records  # (B, N) LEVEL
    request: Ints  # (B, N, S) request imaged
    remaining: Array  # (B, N, S) bit still to be sent


class Requests(NamedTuple):
    """The book of observation requests of the episode, in order of release, and what became of each.

    All of it is drawn at the reset, so two policies with the same seed meet the same requests and sky.
    """

    book: Records  # (B, M) REQUEST
    sky: Array  # (B, M, Q) uniform draws; the sky is closed where the draw is below the forecast
    released: Ints  # (B,) requests released so far
    by_deadline: Records  # (B, M) DEADLINE of all of them, by rising time
    expired: Ints  # (B,) how many of these have a deadline that has passed
    brief: Ints  # (B,) of those released last, the first that was over by then
    indexed: Records  # (B, M) INDEXED, cell by cell, within a cell by rising key; it stays as it is
    starts: Ints  # (B, C + 1) where those of each cell begin in the index
    open: NDArray[np.uint64]  # (B, M / 64) which places of the index are of open requests, see `sandbox.bits`
    open_count: Ints  # (B,) requests that are open
    part: Records  # (B, P) PART
    campaign: Records  # (B, D) CAMPAIGN
    waiting: Ints  # (B, P) requests whose lock is off and which are not open yet, in no particular order
    waits: Ints  # (B,) how many
    truth: NDArray[np.float32]  # (B, M, Q) normal numbers of the sky, or (B, 0, Q): see `sandbox.cloud_field`
    error: NDArray[np.float32]  # the same, of its forecast
    edge: NDArray[np.float32]  # (B, M) or (B, 0): below which number the sky is closed


class Contacts(NamedTuple):
    """The next ground contact of each satellite and the state of the search that looks for it."""

    plan: Records  # (B, N) PLAN
    position: Array  # (B, N, 3) m, propagated to plan.searched
    velocity: Array  # (B, N, 3) m/s


class State(NamedTuple):
    clock: Records  # (B,) CLOCK
    orbit: Orbit
    pointing: Array  # (B, N, 3) unit vector of the camera boresight, GCRS; the panel faces the other way
    power: Records  # (B, N) POWER
    body: Records  # (B, N) BODY
    store: Store
    requests: Requests
    contacts: Contacts
    outlook: Records  # (B, N) OUTLOOK
    opportunities: Records  # (B, N, K) OPPORTUNITY
    activity: Records  # (B, N) ACTIVITY
    load: Records  # (B, N) LOAD
    minds: Records  # (B, N) MIND
    ground: Records  # (B, G) GROUND
    events: Array  # (B, E) s, when the events of the episode happen
    safety: Records  # (B, N) SAFETY


class Scratch(NamedTuple):
    """Working memory of the kernels, which cannot make arrays. Holds nothing from one call to the next."""

    first: Ints  # (B, M)
    found: NDArray[np.int64]  # (B, M)
    picked: Ints  # (B, K)
    following: Ints  # (B, N K)
    asking: Ints  # (B, N)
    shutter: Array  # (B, 2 N)
    aimed: Ints  # (B, 2 N)
    counts: Ints  # (B, G)
    task: Records  # (B, N) TASK of the round
    airtime: Array  # (B, N) s of the contact that jobs have taken
    reserved: Ints  # (B, G) antennas that serve nothing but jobs


def make_state(
    worlds: int,
    satellites: int,
    places: int,
    book: int,
    intervals: int,
    shown: int,
    stations: int,
    events: int = 0,
    campaigns: int | None = None,
    clouds: bool = False,
) -> State:
    """Zeroed arrays for `worlds` x `satellites`, with `places` in a store, `book` requests and so on.

    With `campaigns`, if only 0, requests are of several kinds; with `clouds`, theirs belong together.
    """
    fleet, cells = (worlds, satellites), int(make_bands(book)[-1])
    parts, seen = (0 if campaigns is None else book), (book if clouds else 0)
    return State(
        clock=np.zeros(worlds, CLOCK),
        orbit=Orbit(*(np.zeros((*fleet, 3)) for _ in Orbit._fields)),
        pointing=np.zeros((*fleet, 3)),
        power=np.zeros(fleet, POWER),
        body=np.zeros(fleet, BODY),
        store=Store(np.zeros(fleet, LEVEL), np.zeros((*fleet, places), np.int32), np.zeros((*fleet, places))),
        requests=Requests(
            book=np.zeros((worlds, book), REQUEST),
            sky=np.zeros((worlds, book, intervals)),
            released=np.zeros(worlds, np.int32),
            by_deadline=np.zeros((worlds, book), DEADLINE),
            expired=np.zeros(worlds, np.int32),
            brief=np.zeros(worlds, np.int32),
            indexed=np.zeros((worlds, book), INDEXED),
            starts=np.zeros((worlds, cells + 1), np.int32),
            open=make_sets(worlds, book),
            open_count=np.zeros(worlds, np.int32),
            part=np.zeros((worlds, parts), PART),
            campaign=np.zeros((worlds, campaigns or 0), CAMPAIGN),
            waiting=np.zeros((worlds, parts), np.int32),
            waits=np.zeros(worlds, np.int32),
            truth=np.zeros((worlds, seen, intervals), np.float32),
            error=np.zeros((worlds, seen, intervals), np.float32),
            edge=np.zeros((worlds, seen), np.float32),
        ),
        contacts=Contacts(np.zeros(fleet, PLAN), np.zeros((*fleet, 3)), np.zeros((*fleet, 3))),
        outlook=np.zeros(fleet, OUTLOOK),
        opportunities=np.zeros((*fleet, shown), OPPORTUNITY),
        activity=np.zeros(fleet, ACTIVITY),
        load=np.zeros(fleet, LOAD),
        minds=np.zeros(fleet, MIND),
        ground=np.zeros((worlds, stations), GROUND),
        events=np.zeros((worlds, events)),
        safety=np.zeros(fleet, SAFETY),
    )


def make_scratch(worlds: int, satellites: int, stations: int, book: int, shown: int) -> Scratch:
    """Working memory for `worlds` x `satellites`."""
    return Scratch(
        np.empty((worlds, book), np.int32),
        np.empty((worlds, book), np.int64),
        np.empty((worlds, shown), np.int32),
        np.empty((worlds, satellites * shown), np.int32),
        np.empty((worlds, satellites), np.int32),
        np.empty((worlds, 2 * satellites)),
        np.empty((worlds, 2 * satellites), np.int32),
        np.empty((worlds, stations), np.int32),
        np.zeros((worlds, satellites), TASK),
        np.zeros((worlds, satellites)),
        np.zeros((worlds, stations), np.int32),
    )


def arrays(state: Any) -> list[np.ndarray]:
    """Every array of `state`, or of another named tuple of arrays and such tuples, in a fixed order."""
    parts = (part if isinstance(part, tuple) else (part,) for part in state)
    return [array for part in parts for array in part]


def leaves(part: Any) -> list[np.ndarray]:
    """Every array in `part`, an array or a tuple of such parts and other things, however deep."""
    if isinstance(part, tuple):
        return [array for each in part for array in leaves(each)]
    return [part] if isinstance(part, np.ndarray) else []


def wipe(array: np.ndarray, b: int) -> None:
    """All zeros in the part of a contiguous array that is of world `b`."""
    array[b : b + 1].reshape(-1).view(np.uint8).fill(0)  # of records, far quicker than to assign one


def copy_arrays(part: Any) -> Any:
    """A deep copy of an array, or of a named tuple of such parts."""
    return type(part)(*map(copy_arrays, part)) if isinstance(part, tuple) else part.copy()
