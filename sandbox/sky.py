"""What the air takes of a radio signal: gases, clouds and rain, by place, elevation and frequency.

For set-up only: the world reads tables made from this (`sandbox.radio`). The climate of a place comes from
maps of the ITU-R on a grid of three degrees (`sandbox/data/climate.npz`), the formulae from its
recommendations: gases P.676 (zenith attenuation of oxygen and of water vapour, tabulated), clouds P.840-8,
rain P.838-3 and P.618-13. Frequencies in GHz, angles in radians, attenuations in dB; functions broadcast.
Below 5 degrees, where P.618 gives a path through a shell about the Earth, gases and clouds take the same.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

DATA = Path(__file__).resolve().parent / "data" / "climate.npz"
GRID_DEG = 3.0
EFFECTIVE_RADIUS_KM = 8_500.0
"""Of an Earth on which rays bent by the air are straight (P.618)."""
LOW = np.radians(5.0)
OXYGEN_HEIGHT_KM = 4.0
"""In which the zenith attenuation of oxygen falls by e: a fit to P.676-12 from 0 to 3 km of altitude."""
LAYER_KM = 5.0
"""Thickness of the air, for paths near the horizon; any between 2 and 6 km gives the same within 4 %."""
RAIN_NOISE_K = 275.0
"""Medium temperature of rain and cloud, which they add to the antenna's noise (P.618-13, section 3)."""

_GHZ = (0.1, 0.5, 1, 2, 4, 6, 8, 10, 12, 15, 18, 20, 21, 22.2, 23, 24, 26, 28, 30, 33, 36, 40, 44, 48, 50)
_OXYGEN_DB = (
    *(0.00094, 0.01224, 0.02971, 0.03354, 0.03554, 0.0367, 0.03808, 0.03985, 0.04207, 0.04643, 0.05228),
    *(0.05721, 0.06004, 0.06382, 0.06658, 0.07035, 0.07908, 0.08976, 0.10294, 0.12917, 0.16707, 0.25019),
    *(0.41457, 0.82244, 1.33764),
)
"""Zenith attenuation of dry air of 1,013.25 hPa and 288.15 K: itur 0.4.0, gaseous_attenuation_slant_path(f,
90, 1e-12, 1013.25, 288.15, mode="approx"), which is P.676-12."""
_VAPOUR_DB = (
    *(0, 0.000002, 0.000007, 0.000026, 0.000106, 0.000246, 0.000456, 0.000761, 0.001211, 0.002466, 0.00607),
    *(0.01361, 0.02064, 0.028047, 0.027772, 0.022898, 0.014281, 0.010596, 0.009178, 0.008703, 0.009067),
    *(0.010154, 0.011643, 0.013415, 0.014392),
)
"""Zenith attenuation of each kg/m2 of water vapour: itur 0.4.0, zenit_water_vapour_attenuation(45, 0, 50, f,
V_t=25, h=0.001) / 25; between 10 and 50 kg/m2 it differs by 12 % at most."""


class Climate(NamedTuple):
    """The sky over a place in an average year."""

    rain_mm_h: float
    """Rain rate exceeded for 0.01 % of the time (P.837-7)."""
    rain_percent: float
    """Share of the time in which it rains (P.837-7)."""
    rain_height_km: float
    """Above the sea (P.839-4)."""
    vapour_kg_m2: float
    """Water vapour above, median (P.836-6)."""
    liquid_kg_m2: float
    """Water of clouds above, reduced to 0 degrees C, exceeded for 10 % of the time (P.840-8)."""


@cache
def _maps() -> dict[str, NDArray[np.float64]]:
    """The maps (61, 120): rows from the North Pole down, columns from 180 degrees west on."""
    scales = {"rain_mm_h": 0.1, "rain_percent": 0.1, "rain_height_km": 0.01}
    scales |= {"vapour_kg_m2": 0.1, "liquid_kg_m2": 0.001}
    with np.load(DATA) as stored:
        return {name: stored[name] * scale for name, scale in scales.items()}


def climate_at(latitude_deg: float, longitude_deg: float) -> Climate:
    """The climate of a place, between the four points of the grid about it."""
    row, column = (90.0 - latitude_deg) / GRID_DEG, ((longitude_deg + 180.0) % 360.0) / GRID_DEG
    i, j = min(int(row), 59), int(column) % 120
    y, x = row - i, column - int(column)
    weights = np.outer((1.0 - y, y), (1.0 - x, x))
    return Climate(
        *(float((weights * field[i : i + 2][:, [j, (j + 1) % 120]]).sum()) for field in _maps().values())
    )


def path_factor(elevation: ArrayLike, height_km: ArrayLike = LAYER_KM) -> NDArray[np.float64]:
    """Path through a layer of `height_km` over its thickness: 1 / sin e, and a shell's below 5 degrees."""
    sine = np.sin(np.asarray(elevation, float))
    shell = 2.0 / (np.sqrt(sine**2 + 2.0 * np.asarray(height_km) / EFFECTIVE_RADIUS_KM) + sine)
    return np.where(np.asarray(elevation) >= LOW, 1.0 / np.maximum(sine, 1e-9), shell)


def gas_attenuation(
    ghz: float, elevation: ArrayLike, vapour_kg_m2: float, altitude_m: float = 0.0
) -> NDArray[np.float64]:
    """Of oxygen and water vapour, dB. Above 50 GHz, which the table ends at, that of 50 GHz."""
    dry = np.interp(ghz, _GHZ, _OXYGEN_DB) * np.exp(-1e-3 * altitude_m / OXYGEN_HEIGHT_KM)
    return (dry + np.interp(ghz, _GHZ, _VAPOUR_DB) * vapour_kg_m2) * path_factor(elevation)


def cloud_attenuation(ghz: float, elevation: ArrayLike, liquid_kg_m2: float) -> NDArray[np.float64]:
    """Of cloud water at 0 degrees C, dB: the double Debye model of P.840-8."""
    theta = 300.0 / 273.15
    static, middle, fast = 77.66 + 103.3 * (theta - 1.0), 0.0, 3.52
    middle = 0.0671 * static
    first = 20.20 - 146.0 * (theta - 1.0) + 316.0 * (theta - 1.0) ** 2
    second = 39.8 * first
    p, s = ghz / first, ghz / second
    imaginary = p * (static - middle) / (1.0 + p * p) + s * (middle - fast) / (1.0 + s * s)
    real = (static - middle) / (1.0 + p * p) + (middle - fast) / (1.0 + s * s) + fast
    eta = (2.0 + real) / imaginary
    return 0.819 * ghz / (imaginary * (1.0 + eta * eta)) * liquid_kg_m2 * path_factor(elevation)


_KH = (-5.33980, -0.10008, 1.13098), (-0.35351, 1.26970, 0.45400), (-0.23789, 0.86036, 0.15354), (
    -0.94158, 0.64552, 0.16817)  # fmt: skip
_KV = (-3.80595, 0.56934, 0.81061), (-3.44965, -0.22911, 0.51059), (-0.39902, 0.73042, 0.11899), (
    0.50167, 1.07319, 0.27195)  # fmt: skip
_AH = (-0.14318, 1.82442, -0.55187), (0.29591, 0.77564, 0.19822), (0.32177, 0.63773, 0.13164), (
    -5.37610, -0.96230, 1.47828), (16.1721, -3.29980, 3.43990)  # fmt: skip
_AV = (-0.07771, 2.33840, -0.76284), (0.56727, 0.95545, 0.54039), (-0.20238, 1.14520, 0.26809), (
    -48.2991, 0.791669, 0.116226), (48.5833, 0.791459, 0.116479)  # fmt: skip


def _series(rows: tuple, slope: float, offset: float, ghz: float) -> float:
    x = np.log10(ghz)
    return float(sum(a * np.exp(-(((x - b) / c) ** 2)) for a, b, c in rows) + slope * x + offset)


def rain_coefficients(ghz: float) -> tuple[float, float]:
    """k and alpha of the specific attenuation k R^alpha (dB/km, R in mm/h) in circular polarisation: P.838-3.

    The formulae begin at 1 GHz; below it rain takes nothing that matters, and what it takes there stands.
    """
    ghz = max(ghz, 1.0)
    kh, kv = 10 ** _series(_KH, -0.18961, 0.71147, ghz), 10 ** _series(_KV, -0.16398, 0.63297, ghz)
    ah, av = _series(_AH, 0.67849, -1.95537, ghz), _series(_AV, -0.053739, 0.83433, ghz)
    k = 0.5 * (kh + kv)
    return k, (kh * ah + kv * av) / (2.0 * k)


def rain_attenuation(
    ghz: float, elevation: ArrayLike, percent: float, climate: Climate, latitude_deg: float, altitude_m: float
) -> NDArray[np.float64]:
    """Exceeded for `percent` of an average year, dB: P.618-13, section 2.2.1.1, for 0.001 to 5 %."""
    theta = np.maximum(np.asarray(elevation, float), 1e-3)
    above = climate.rain_height_km - 1e-3 * altitude_m
    if above <= 0.0 or climate.rain_mm_h <= 0.0:
        return np.zeros_like(theta)
    k, alpha = rain_coefficients(ghz)
    specific, sine, cosine = k * climate.rain_mm_h**alpha, np.sin(theta), np.cos(theta)
    flat = above * path_factor(theta, above) * cosine
    reduced = 1.0 / (1.0 + 0.78 * np.sqrt(flat * specific / ghz) - 0.38 * (1.0 - np.exp(-2.0 * flat)))
    steep = np.arctan2(above, flat * reduced) > theta
    length = np.where(steep, flat * reduced / np.maximum(cosine, 1e-12), above / sine)
    tropic = max(0.0, 36.0 - abs(latitude_deg))
    bend = 1.0 - np.exp(-(np.degrees(theta) / (1.0 + tropic)))
    wet = 1.0 / (1.0 + np.sqrt(sine) * (31.0 * bend * np.sqrt(length * specific) / ghz**2 - 0.45))
    exceeded = np.maximum(specific * length * wet, 1e-12)  # for 0.01 %
    p = min(max(percent, 0.001), 5.0)
    beta = np.zeros_like(theta)
    if p < 1.0 and tropic > 0.0:
        low = np.degrees(theta) < 25.0
        beta = 0.005 * tropic + np.where(low, 1.8 - 4.25 * sine, 0.0)
    power = 0.655 + 0.033 * np.log(p) - 0.045 * np.log(exceeded) - beta * (1.0 - p) * sine
    return exceeded * (p / 0.01) ** -power
