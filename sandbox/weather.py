"""Rain over the stations: it comes and goes by the climate of each, and is forecast on board with errors.

Over each station a number drifts that is normally distributed and forgets itself in `persistence_min` (a
Gauss-Markov process, as in the rain model of ITU-R P.1853-1, section 2.2); the wetter, the higher. Where it
is above the value that is exceeded for as much of the time as it rains in that place, it rains. All of it is
drawn at the reset, so policies with the same seed meet the same sky. A forecast is made of a second such
number, which resembles the true one the less the farther it looks ahead; the probability of rain that follows
is a calibrated one: of the times it says 30 %, it rains in 30 %.

Shapes: B worlds, G stations, T steps of `STEP_S`, L states of the sky (`radio.SKIES`).
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from sandbox.compiled import kernel
from sandbox.links import SEARCH_HORIZON_S
from sandbox.radio import LIGHT_RAIN, rain_shares, station_climate
from sandbox.scenario import Scenario
from sandbox.setting import Setting
from sandbox.state import wipe
from sandbox.units import HOUR, MINUTE

STEP_S = 300.0
"""The sky is looked at so often; a shower of rain takes several steps."""
MOST_PERCENT = 95.0


class Drift(NamedTuple):
    """The sky of an episode and the errors of its forecasts: all that is drawn."""

    truth: NDArray[np.float32]  # (B, G, T) normal
    error: NDArray[np.float32]  # (B, G, T) normal


class Climates(NamedTuple):
    """Numbers of `scenario.Weather` and of the stations' climates that kernels read."""

    edges: NDArray[np.float64]  # (G, L - 1) from which value on the sky is at least in each state
    kept: float  # correlation from one step to the next
    skill_s: float  # in which a forecast's correlation with the truth falls by e


class Weather(NamedTuple):
    """The part of a world in which it rains."""

    state: Drift
    params: Climates


def make_part(setting: Setting) -> Weather:
    """The part, for an episode and what is looked ahead of it."""
    steps = int((setting.horizon_s + 2.0 * SEARCH_HORIZON_S) / STEP_S) + 2
    if not setting.scenario.weather.rain:
        steps = 1
    drawn = setting.worlds, len(setting.scenario.stations), steps
    return Weather(
        Drift(np.zeros(drawn, np.float32), np.zeros(drawn, np.float32)), make_climates(setting.scenario)
    )


def make_climates(scenario: Scenario) -> Climates:
    """The climates of the stations of `scenario`; where its weather has no rain, the sky is always clear."""
    weather = scenario.weather
    shares = np.array([rain_shares(station_climate(station)) for station in scenario.stations])
    if weather.season == "worst_month":
        shares[:, 1:] = worst_month(shares[:, 1:])
        shares[:, 0] = np.maximum(shares[:, 0], shares[:, 1])
    shares = np.minimum(shares, MOST_PERCENT)
    return Climates(
        edges=-ndtri(0.01 * shares) if weather.rain else np.full(shares.shape, np.inf),
        kept=math.exp(-STEP_S / (weather.persistence_min * MINUTE)),
        skill_s=weather.forecast_h * HOUR,
    )


def worst_month(percent: NDArray[np.float64]) -> NDArray[np.float64]:
    """What is exceeded for `percent` of a year is exceeded for so much of its worst month.

    ITU-R P.841-6 for the globe: 2.85 p^-0.13 times as much, at most 12 times.
    """
    return percent * np.clip(2.85 * percent**-0.13, 1.0, 12.0)


def begin(weather: Weather, b: int, rng: np.random.Generator) -> None:
    """Draw the sky of an episode in world `b`."""
    kept = weather.params.kept
    for array in weather.state:
        wipe(array, b)
        stations, steps = array.shape[1:]
        _drift(array[b], rng.standard_normal((stations, steps), np.float32), kept, math.sqrt(1.0 - kept**2))


@kernel
def _drift(out, noise, kept, fresh):
    """Gauss-Markov processes (G, T) of unit variance from normal numbers (G, T)."""
    for g in range(out.shape[0]):
        out[g, 0] = noise[g, 0]
        for t in range(1, out.shape[1]):
            out[g, t] = kept * out[g, t - 1] + fresh * noise[g, t]


@kernel
def _step(drift, clock, time):
    return min(max(0, int((time - clock.start) / STEP_S)), drift.shape[2] - 1)


@kernel
def sky_at(weather, clock, b, g, time):
    """State of the sky over station g of world b at `time` (s): the truth. Clear without weather."""
    if weather is None:
        return 0
    drift, edges = weather.state.truth, weather.params.edges
    value, state = drift[b, g, _step(drift, clock, time)], 0
    while state < edges.shape[1] and value >= edges[g, state]:
        state += 1
    return state


@kernel
def update_skies(state, weather, b):
    """Write the states of the sky over the stations of world b now."""
    clock = state.clock[b]
    for g in range(state.ground.shape[1]):
        state.ground[b, g].sky = sky_at(weather, clock, b, g, clock.time)


@kernel
def skies_along(weather, clock, ground, start, seconds, b):
    """Write the states of the sky over the stations of world b into ground (T, G), `seconds` apart."""
    for t in range(ground.shape[0]):
        for g in range(ground.shape[1]):
            ground[t, g].sky = sky_at(weather, clock[b], b, g, start + t * seconds)


@kernel
def rain_chance(weather, clock, b, g, time):
    """Probability of rain over station g at `time`, as it is forecast in world b now; 0 without weather."""
    if weather is None:
        return 0.0
    truth, error = weather.state.truth, weather.state.error
    params, t = weather.params, _step(truth, clock, time)
    skill = math.exp(-max(0.0, time - clock.time) / params.skill_s)
    spread = math.sqrt(1.0 - skill * skill)
    edge = params.edges[g, LIGHT_RAIN - 1]
    if spread < 1e-3:
        return 1.0 if truth[b, g, t] >= edge else 0.0
    seen = skill * truth[b, g, t] + spread * error[b, g, t]
    return _above((edge - skill * seen) / spread)


@kernel
def _above(x):
    """How often a normal number is above `x`, to 1.4e-4: Bowling et al., J. Industrial Engineering and
    Management 2 (2009) 114. Five times as quick as erfc."""
    power = x * (1.5976 + 0.07056 * x * x)
    return 1.0 / (1.0 + math.exp(power)) if power < 700.0 else 0.0
