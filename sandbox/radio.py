"""Radio links between satellites and stations: the budget, made into tables before the world begins.

The ratio of signal to noise is the power radiated, times what the distance lets through (free space, ITU-R
P.525), times what the air does (`sandbox.sky`), times G/T over Boltzmann's constant and the rate of symbols.
Nothing of that but distance, elevation and the state of the sky changes: so a rate takes a look into two
tables. `Sky` says how much of a signal is left by kind of radio, station, state of the sky and elevation,
`Channel` from which ratio on each modulation and coding works.

Shapes: R kinds of radio, G stations, L states of the sky, E elevations, M modulations and codings.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox import sky
from sandbox.compiled import kernel
from sandbox.modcods import ladder
from sandbox.orbits.bodies import SPEED_OF_LIGHT
from sandbox.scenario import Radio, Scenario, Station, Weather
from sandbox.units import GIGA, MEGA

BOLTZMANN = 1.380649e-23
"""J/K."""
ELEVATIONS = 65
"""Of a table, at even steps of the root of the sine, so that they are dense near the horizon."""
CLEAR, CLOUD, LIGHT_RAIN, RAIN, HEAVY_RAIN = range(5)
SKIES = ("clear", "cloud", "light rain", "rain", "heavy rain")
"""States of the sky over a station."""
CLOUD_PERCENT = 20.0
"""Share of the time with a sky of water clouds or rain, at least: the clouds' water is that exceeded for 10 %
of the time, about the middle of the time that is cloudy and dry."""
RADIO_PLACES = np.linspace(0.0, 1.0, ELEVATIONS)


class Channel(NamedTuple):
    """What one direction of the links of all radios and stations can carry."""

    strength: NDArray[np.float64]  # (R,) m2: signal to noise at a distance of 1 m and G/T of 1 /K
    station: NDArray[np.float64]  # (G,) G/T in 1/K, or radiated power in W
    needed: NDArray[np.float64]  # (R, M) ratio from which each coding works, rising, inf where there is none
    rate: NDArray[np.float64]  # (R, M) bit/s of each
    band: NDArray[np.float64]  # (R,) Hz, of those that follow Shannon's limit; 0 for the others
    most: NDArray[np.float64]  # (R,) bit/s that these carry at most
    fixed: NDArray[np.float64]  # (R,) bit/s, 0 for none
    air: NDArray[np.float64]  # (R, G, L, E) share of signal to noise that the air leaves


class Radios(NamedTuple):
    """Both directions."""

    down: Channel
    up: Channel


def make_radios(scenario: Scenario, kinds: Sequence[str]) -> Radios:
    """The channels between the radios of these kinds of spacecraft (R,) and the stations of `scenario`."""
    radios = [scenario.spacecraft[kind].radio for kind in kinds]
    return Radios(
        down_channel(radios, scenario.stations, scenario.weather),
        up_channel(radios, scenario.stations, scenario.weather),
    )


def down_channel(radios: Sequence[Radio], stations: Sequence[Station], weather: Weather) -> Channel:
    """From satellites to stations."""
    bands = [(radio.frequency_ghz, radio.bandwidth_mhz, radio.eirp_dbw) for radio in radios]
    receivers = [station.gain_to_noise_db_k for station in stations]
    fixed = [(radio.fixed_rate_mbit_s or 0.0) * MEGA for radio in radios]
    return _channel(radios, bands, stations, receivers, fixed, weather, noisy=True)


def up_channel(radios: Sequence[Radio], stations: Sequence[Station], weather: Weather) -> Channel:
    """From stations to satellites, whose antennas see the warm Earth whatever its weather."""
    bands = [
        (radio.uplink_frequency_ghz, radio.uplink_bandwidth_mhz, radio.uplink_gain_to_noise_db_k)
        for radio in radios
    ]
    senders = [station.eirp_dbw for station in stations]
    return _channel(radios, bands, stations, senders, [0.0] * len(radios), weather, noisy=False)


def _channel(
    radios: Sequence[Radio],
    bands: Sequence[tuple[float, float, float]],
    stations: Sequence[Station],
    ends_db: Sequence[float],
    fixed: Sequence[float],
    weather: Weather,
    noisy: bool,
) -> Channel:
    """`bands`: GHz, MHz and the dB of the satellite's end; `ends_db` of the stations'."""
    ladders = [_codes(radio, mhz * MEGA) for radio, (_, mhz, _) in zip(radios, bands, strict=True)]
    most = max(len(needed) for needed, _ in ladders)
    needed, rate = np.full((len(radios), most), np.inf), np.zeros((len(radios), most))
    for r, (thresholds, rates) in enumerate(ladders):
        needed[r, : len(thresholds)], rate[r, : len(rates)] = thresholds, rates
    shannon = np.array([radio.rate_model == "shannon" for radio in radios])
    width = np.array([mhz * MEGA for _, mhz, _ in bands])
    symbols = np.where(shannon, width, width / np.array([1.0 + radio.roll_off for radio in radios]))
    wave = SPEED_OF_LIGHT / (4.0 * math.pi * GIGA * np.array([ghz for ghz, _, _ in bands]))
    gain = _ratio(
        [db - radio.implementation_loss_db for radio, (_, _, db) in zip(radios, bands, strict=True)]
    )
    return Channel(
        strength=gain * wave**2 / (BOLTZMANN * symbols),
        station=_ratio(ends_db),
        needed=needed,
        rate=rate,
        band=np.where(shannon, width, 0.0),
        most=width * np.array([radio.max_bit_s_hz for radio in radios]),
        fixed=np.array(fixed, np.float64),
        air=np.array([[_air(ghz, station, weather, noisy) for station in stations] for ghz, _, _ in bands]),
    )


def _codes(radio: Radio, width: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ratios needed and rates (bit/s) of a radio's codes; none of one that follows Shannon's limit."""
    if radio.rate_model == "shannon":
        return np.full(1, np.inf), np.zeros(1)
    thresholds, bits = ladder(radio.rate_model, radio.max_bit_s_hz)
    return _ratio(thresholds), bits * width / (1.0 + radio.roll_off)


def _ratio(decibels: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    return 10.0 ** (0.1 * np.asarray(decibels, float))


def station_climate(station: Station) -> sky.Climate:
    """The climate of a station: that of its place, but for what it says itself."""
    climate = sky.climate_at(station.latitude_deg, station.longitude_deg)
    if station.rain_mm_h is not None:
        climate = climate._replace(rain_mm_h=station.rain_mm_h)
    if station.rain_percent is not None:
        climate = climate._replace(rain_percent=station.rain_percent)
    return climate


def rain_shares(climate: sky.Climate) -> NDArray[np.float64]:
    """Share of an average year in % (4,) with a sky at least of cloud, of light rain, rain and heavy rain."""
    rain = max(climate.rain_percent, 0.01)
    return np.array([max(CLOUD_PERCENT, rain), rain, min(1.0, rain / 3.0), min(0.1, rain / 30.0)])


def rain_depth(climate: sky.Climate) -> NDArray[np.float64]:
    """The share of the year in % (3,) whose rain stands for the three states of rain: in their middles."""
    _, light, middle, heavy = rain_shares(climate)
    return np.sqrt([light * middle, middle * heavy, heavy * heavy / 10.0])


def _air(ghz: float, station: Station, weather: Weather, noisy: bool) -> NDArray[np.float64]:
    """Share of signal to noise (L, E) that the air leaves; of a receiver on the ground, its noise too."""
    climate = station_climate(station)
    elevation = np.arcsin(RADIO_PLACES**2)
    gases = np.zeros(ELEVATIONS)
    if weather.gases:
        gases = sky.gas_attenuation(ghz, elevation, climate.vapour_kg_m2, station.altitude_m)
    left = np.repeat(_ratio(-gases)[None], len(SKIES), axis=0)
    if not weather.rain:
        return left
    clouds = sky.cloud_attenuation(ghz, elevation, climate.liquid_kg_m2)
    rains = [np.zeros(ELEVATIONS)] + [
        sky.rain_attenuation(ghz, elevation, percent, climate, station.latitude_deg, station.altitude_m)
        for percent in rain_depth(climate)
    ]
    for state, rain in enumerate(rains, CLOUD):
        passed = _ratio(-(clouds + rain))
        left[state] *= passed
        if noisy:
            left[state] *= station.noise_k / (station.noise_k + sky.RAIN_NOISE_K * (1.0 - passed))
    return left


@kernel
def air_share(channel, radio, g, state, sine):
    """Share of signal to noise that the air over station g leaves at this sine of the elevation."""
    place = math.sqrt(min(1.0, max(0.0, sine))) * (ELEVATIONS - 1)
    low = min(int(place), ELEVATIONS - 2)
    table = channel.air[radio, g, state]
    return table[low] + (place - low) * (table[low + 1] - table[low])


@kernel
def signal_to_noise(channel, radio, g, state, distance, sine):
    """Es/N0 less the implementation loss, a ratio, over `distance` (m) at this sine of the elevation."""
    ratio = channel.strength[radio] * channel.station[g] / (distance * distance)
    return ratio * air_share(channel, radio, g, state, sine)


@kernel
def best_code(channel, radio, ratio):
    """How many codes of a radio work at this signal to noise, and so the place of the best one plus 1."""
    low, high = 0, channel.needed.shape[1]
    while low < high:
        middle = (low + high) // 2
        if channel.needed[radio, middle] <= ratio:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def link_rate(channel, radio, g, state, distance, sine):
    """Bit/s between a radio and station g, 0 below the lowest threshold.

    `radio` is its number, `state` of the sky over the station, `distance` in m, `sine` of the elevation.
    """
    if channel.fixed[radio] > 0.0:
        return channel.fixed[radio]
    ratio = signal_to_noise(channel, radio, g, state, distance, sine)
    if channel.band[radio] > 0.0:
        return min(channel.band[radio] * math.log2(1.0 + ratio), channel.most[radio])
    code = best_code(channel, radio, ratio)
    return channel.rate[radio, code - 1] if code > 0 else 0.0
