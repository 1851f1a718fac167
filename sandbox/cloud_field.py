"""Clouds that belong together: one normally distributed field over the Earth and in time, and its forecast.

The sky over request j is closed in an interval where the field is below the value that it is below with the
probability `cloud` of the request: so it is closed as often as without a field, but neighbours share it. The
field is a sum of F waves with normal amplitudes (random Fourier features: Rahimi and Recht 2007). Their wave
vectors are normally distributed and their frequencies follow Cauchy's distribution, the spectra of the
correlation exp(-d^2 / 2 L^2) over a straight distance d and exp(-t / T) over a time t. A second field with
the same waves is the error of the forecast, which has the construction of `sandbox.weather`: what is seen is
s truth + sqrt(1 - s^2) error with the skill s, and the probability of cloud is the one that follows from it.
All of it is drawn at the reset.

Shapes: m requests, Q intervals of the sky.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from sandbox.compiled import kernel
from sandbox.fleet import zenith
from sandbox.geography import EARTH_MEAN_RADIUS
from sandbox.scenario import Clouds
from sandbox.sensing import sky_interval
from sandbox.units import HOUR

WAVES = 256
"""Correlations in one episode differ from the formula by a sixteenth or so; over episodes by nothing."""
_BLOCK = 4_096
"""Requests for which the waves are added up at a time, to bound memory."""
BLOCK_BYTES = 40 * _BLOCK * WAVES
"""What that takes."""
_SURE = 1e-3


class Field(NamedTuple):
    """The truth and the error of its forecast, normal numbers (m, Q)."""

    truth: NDArray[np.float32]
    error: NDArray[np.float32]


def draw_field(
    rng: np.random.Generator,
    clouds: Clouds,
    latitude: NDArray[np.float64],
    longitude: NDArray[np.float64],
    release: NDArray[np.float64],
    intervals: int,
    sky_s: float,
) -> Field:
    """The fields at places (m,), rad, in the middles of intervals of `sky_s` from the releases (m,), s."""
    vectors = rng.standard_normal((3, WAVES)) * (EARTH_MEAN_RADIUS / (1e3 * clouds.correlation_km))
    rates = rng.standard_cauchy(WAVES) / (clouds.persistence_h * HOUR)
    amplitudes = rng.standard_normal((2, WAVES, 2)).astype(np.float32) / np.float32(math.sqrt(WAVES))
    weights = amplitudes[0] - 1j * amplitudes[1]
    onward = np.exp(1j * rates * sky_s).astype(np.complex64)
    found = Field(*(np.empty((len(release), intervals), np.float32) for _ in Field._fields))
    for first in range(0, len(release), _BLOCK):
        some = slice(first, first + _BLOCK)
        phase = zenith(latitude[some], longitude[some]) @ vectors
        phase += np.multiply.outer(release[some] + 0.5 * sky_s, rates)
        wave = np.exp(1j * phase).astype(np.complex64)
        for q in range(intervals):
            found.truth[some, q], found.error[some, q] = (wave @ weights).real.T
            wave *= onward
    return found


def sky_of(field: Field) -> NDArray[np.float64]:
    """The uniform numbers (m, Q) of the sky: it is closed where one is below the probability of cloud."""
    return ndtr(field.truth.astype(float))


def edges_of_clouds(cloud: NDArray[np.float64]) -> NDArray[np.float32]:
    """Below which value of the field (m,) the sky is closed, for probabilities (m,)."""
    return ndtri(cloud).astype(np.float32)


@kernel
def cloud_chance(requests, constants, b, j, now, time):
    """Probability that the sky over request j is closed at `time`, as it is known on board at `now` (s).

    Where clouds do not belong together, the forecast that the request came with.
    """
    if requests.edge.shape[1] == 0:
        return requests.book[b, j].cloud
    interval = sky_interval(requests, b, j, time, constants.sky_s)
    truth, edge = requests.truth[b, j, interval], requests.edge[b, j]
    skill = constants.nowcast_skill * math.exp(-max(0.0, time - now) / constants.forecast_s)
    spread = math.sqrt(1.0 - skill * skill)
    if spread < _SURE:
        return 1.0 if truth < edge else 0.0
    seen = skill * truth + spread * requests.error[b, j, interval]
    return 0.5 * math.erfc((skill * seen - edge) / (spread * math.sqrt(2.0)))


def cloud_chances(requests: Any, constants: Any, b: int, now: float) -> NDArray[np.float64]:
    """Probabilities (M,) that the skies over the requests of world `b` are closed now, as known on board."""
    found = np.array(requests.book["cloud"][b])
    if requests.edge.shape[1]:
        write_chances(requests, constants, b, now, found)
    return found


@kernel
def write_chances(requests, constants, b, now, out):
    """Write `cloud_chance` at `now` of every request of world b that is released into out (M,)."""
    for j in range(requests.released[b]):
        out[j] = cloud_chance(requests, constants, b, j, now, now)
