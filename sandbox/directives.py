"""Orders in words from ground control: how they reach the satellites, and what following them is worth.

An order is heard where a station that is in view sends it up, or where a neighbour that has it passes it on
over a laser: each its bits, the lasers' also time and energy. Who has which the neighbours' beacons tell.
An order holds from its issue, heard or not: it is the ground's wish that pays.

| kind | what it asks | what it pays or costs |
| --- | --- | --- |
| priority | images of a place count more for a time | (factor - 1) x the image's value when it arrives |
| embargo | no images of a place for a time | `embargo_cost` x the image's value when it is taken |
| reserve | so much battery at an hour, or at each entry into shadow | `reserve_cost` where there is less |
| service | the queue is left to the neighbours for a time | `service_cost` a minute of serving it aboard |
| station | no images through a station for a time | `station_cost` x what images pay that come down there |

Of several orders about an image the one of the highest precedence holds alone, of equal ones the latest. A
correction takes the place of the order that it corrects, a cancellation ends it, both when they are issued.
The times that orders count in orbits are those of the satellite's own revolution at the start.

Whether a satellite does as it was told is counted, for who knows the order: of a priority or an embargo where
it took an image while one that the order speaks of was in reach, of a reserve when the battery is looked at,
of a service order in every round, of a station in every round in which it could have sent there.
"""

from collections.abc import Callable
from math import inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.errors import SandboxError
from sandbox.orbits.bodies import MU_EARTH
from sandbox.orbits.ephemeris import earth_rotation
from sandbox.order_grammar import Theatre, draw_orders
from sandbox.order_meaning import CANCELLATION, DIRECTIVE, ORDER_KINDS
from sandbox.order_words import WORDS
from sandbox.scenario.orders import MOST_ORDERS
from sandbox.setting import HOUR, Setting
from sandbox.state import State, wipe
from sandbox.structured import structured

CLASSES = (*ORDER_KINDS[:CANCELLATION], "conditional", "corrected", "steps_0", "steps_1", "steps_2")
"""Of orders, by which is counted how often they are followed: kinds, and what is hard about reading them."""

TALLY = structured(
    [
        ("bonus", "f8"),  # paid in the last round for images under a priority that arrived
        ("fine", "f8"),  # what breaches of the last round cost
        ("bits", "f8"),  # of orders that it heard or passed on
        ("heard", "i4"),  # orders that it heard in the last round
    ]
)


class DirectivesState(NamedTuple):
    """Orders of B worlds: D in an episode, of L words; C classes; M requests."""

    book: np.ndarray  # (B, D) DIRECTIVE
    words: NDArray[np.uint16]  # (B, D, L) by number, 0 behind the last
    heard: NDArray[np.float64]  # (B, N, D) s, when each satellite heard it, inf before
    factor: NDArray[np.float32]  # (B, M) by which a priority multiplies what an image that was taken pays
    waiting: NDArray[np.int32]  # (B, M) requests with such a factor whose image has not arrived
    waits: NDArray[np.int32]  # (B,) how many
    tally: np.ndarray  # (B, N) TALLY
    kept: NDArray[np.int32]  # (B, N, C) how often an order was followed in the last round
    broken: NDArray[np.int32]  # (B, N, C) how often it was not
    shade: NDArray[np.bool_]  # (B, N) whether it was in shadow a round ago


class DirectivesParams(NamedTuple):
    """What does not change."""

    period: NDArray[np.float64]  # (N,) s, of a revolution
    embargo_cost: float
    station_cost: float
    reserve_cost: float
    service_cost: float  # a second
    keep: float  # s for which an order is told


class Directives(NamedTuple):
    """The part of a world in which ground control writes orders in words."""

    state: DirectivesState
    params: DirectivesParams


def make_part(setting: Setting, book: int) -> Directives:
    """The part, for `book` requests. Raises SandboxError for more orders than an episode may have."""
    settings, (worlds, satellites) = setting.scenario.orders, setting.team
    count = settings.count(setting.horizon_s / HOUR)
    if count > MOST_ORDERS:
        raise SandboxError(
            f"orders: {count:,} in an episode of {setting.horizon_s / HOUR:g} h, {MOST_ORDERS} is the most; "
            "lower orders.per_hour or orders.initial."
        )
    team = worlds, satellites
    state = DirectivesState(
        book=np.zeros((worlds, count), DIRECTIVE),
        words=np.zeros((worlds, count, WORDS), np.uint16),
        heard=np.full((*team, count), inf),
        factor=np.zeros((worlds, book), np.float32),
        waiting=np.zeros((worlds, book), np.int32),
        waits=np.zeros(worlds, np.int32),
        tally=np.zeros(team, TALLY),
        kept=np.zeros((*team, len(CLASSES)), np.int32),
        broken=np.zeros((*team, len(CLASSES)), np.int32),
        shade=np.zeros(team, np.bool_),
    )
    params = DirectivesParams(
        revolutions(setting.fleet.position, setting.fleet.velocity),
        settings.embargo_cost,
        settings.station_cost,
        settings.reserve_cost,
        settings.service_cost / 60.0,
        60.0 * settings.keep_min,
    )
    return Directives(state, params)


def revolutions(position: NDArray[np.float64], velocity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Seconds (N,) of a Keplerian revolution with position and velocity (N, 3), by the orbit's energy."""
    energy = 0.5 * (velocity**2).sum(-1) - MU_EARTH / np.linalg.norm(position, axis=-1)
    axis = -MU_EARTH / (2.0 * np.minimum(energy, -1.0))
    return 2.0 * np.pi * np.sqrt(axis**3 / MU_EARTH)


def begin(part: Directives, setting: Setting, state: State, b: int, rng: np.random.Generator) -> None:
    """Draw the orders of an episode in world `b`; nobody has heard of any."""
    own, scenario = part.state, setting.scenario
    for array in own:
        wipe(array, b)
    own.heard[b] = inf
    if not own.book.shape[1]:
        return
    epoch, stations = scenario.epoch, setting.constants.stations
    theatre = Theatre(
        start=float(state.clock["time"][b]),
        horizon=setting.horizon_s,
        midnight=epoch.hour * HOUR + epoch.minute * 60.0 + epoch.second,
        stations=[station.name for station in scenario.stations],
        station_up=np.stack([stations[name] for name in ("ux", "uy", "uz")], axis=-1),
        passes=_passes(setting, state, b),
    )
    book, words = draw_orders(rng, scenario.orders, theatre)
    own.book[b] = book
    for d, said in enumerate(words):
        own.words[b, d, : len(said)] = said


def _passes(setting: Setting, state: State, b: int) -> Callable[[float], NDArray[np.float64]]:
    """Where satellites will be overhead: on circles from where they are, over a turning Earth."""
    position, velocity = state.orbit.position[b].copy(), state.orbit.velocity[b].copy()
    now, ephemeris = float(state.clock["time"][b]), setting.constants.ephemeris
    period = revolutions(position, velocity)
    outward = position / np.linalg.norm(position, axis=-1, keepdims=True)
    along = velocity - (velocity * outward).sum(-1, keepdims=True) * outward
    along /= np.maximum(np.linalg.norm(along, axis=-1, keepdims=True), 1e-9)

    def passes(time: float) -> NDArray[np.float64]:
        angle = (2.0 * np.pi * (time - now) / period)[:, None]
        rotation = np.reshape(earth_rotation(ephemeris, time), (3, 3))
        return (np.cos(angle) * outward + np.sin(angle) * along) @ rotation.T

    return passes
