"""Attenuation in the air against the ITU-R's own worked examples and another code."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.sky import (
    Climate,
    climate_at,
    cloud_attenuation,
    gas_attenuation,
    path_factor,
    rain_attenuation,
    rain_coefficients,
)


@pytest.mark.parametrize(
    ("latitude", "altitude_m", "elevation", "slant_km", "rate", "percent", "expected"),
    [  # Study Group 3, validation examples for P.618-13: A_rain, 14.25 GHz, linear polarisation, tilt 0
        (51.5, 31.382984, 31.07699124, 4.690817392, 26.48052, 1.0, 0.495317069),
        (51.5, 31.382984, 31.07699124, 4.690817392, 26.48052, 0.1, 2.185847422),
        (51.5, 31.382984, 31.07699124, 4.690817392, 26.48052, 0.01, 6.798072267),
        (41.9, 46.122988, 40.232036, 4.646913874, 33.936232, 0.01, 8.223265009),
        (33.94, 0.0, 46.35969261, 3.542006965, 27.13586832, 0.1, 1.913387572),
        (22.9, 0.0, 22.27833468, 10.96995451, 50.639304, 0.01, 18.94410356),
        (25.78, 8.61728, 52.67898486, 5.735098894, 78.2994993, 1.0, 1.437312523),
    ],
)
def test_rain_as_the_itu_r_works_it_out(
    monkeypatch, latitude, altitude_m, elevation, slant_km, rate, percent, expected
):
    from sandbox import sky

    angle, ghz = math.radians(elevation), 14.25
    kh = 10 ** sky._series(sky._KH, -0.18961, 0.71147, ghz)
    kv = 10 ** sky._series(sky._KV, -0.16398, 0.63297, ghz)
    ah, av = sky._series(sky._AH, 0.67849, -1.95537, ghz), sky._series(sky._AV, -0.053739, 0.83433, ghz)
    turn = math.cos(angle) ** 2
    k = (kh + kv + (kh - kv) * turn) / 2
    alpha = (kh * ah + kv * av + (kh * ah - kv * av) * turn) / (2 * k)
    monkeypatch.setattr(sky, "rain_coefficients", lambda _: (k, alpha))
    height = slant_km * math.sin(angle) + 1e-3 * altitude_m
    climate = Climate(rate, 5.0, height, 20.0, 0.5)
    found = rain_attenuation(ghz, angle, percent, climate, latitude, altitude_m)
    assert found == pytest.approx(expected, rel=5e-3)


@pytest.mark.parametrize(
    ("place", "elevation", "expected"),
    [  # itur 0.4.0: rain_attenuation(lat, lon, 8.2, el, hs=hs, p=p, R001=R, tau=45) for p = 0.01, 0.1, 1 %
        ((18.31, 20, 81.087, 5.2313), 5, (29.7162, 14.6447, 2.9393)),  # Sanya
        ((18.31, 20, 81.087, 5.2313), 30, (7.0366, 2.4886, 0.5164)),
        ((18.31, 20, 81.087, 5.2313), 90, (4.7717, 1.7766, 0.3231)),
        ((67.88, 400, 17.916, 2.5495), 5, (3.8295, 1.1602, 0.2477)),  # Kiruna
        ((67.88, 400, 17.916, 2.5495), 30, (0.9662, 0.2538, 0.0470)),
        ((1.40, 20, 100.119, 4.9725), 5, (36.6640, 18.7505, 3.7879)),  # Singapore
    ],
)
def test_rain_as_another_code_has_it(place, elevation, expected):
    latitude, altitude_m, rate, height = place
    climate = Climate(rate, 3.0, height, 20.0, 0.5)
    angle = math.radians(elevation)
    found = [rain_attenuation(8.2, angle, p, climate, latitude, altitude_m) for p in (0.01, 0.1, 1.0)]
    assert found == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize(
    ("ghz", "k", "alpha", "cloud_db"),
    [  # itur 0.4.0: rain_specific_attenuation_coefficients(f, 60, 45) and P.840's of cloud at 0 degrees
        (2.0, 0.000092, 1.002889, 0.00374),
        (8.2, 0.004347, 1.368188, 0.06244),
        (26.0, 0.169639, 0.965634, 0.59123),
        (40.0, 0.435216, 0.854907, 1.28797),
    ],
)
def test_coefficients_of_rain_and_cloud(ghz, k, alpha, cloud_db):
    assert rain_coefficients(ghz) == pytest.approx((k, alpha), abs=1e-6)
    assert cloud_attenuation(ghz, math.pi / 2, 1.0) == pytest.approx(cloud_db, abs=1e-5)


def test_gases_at_the_zenith():
    """itur 0.4.0 with P.676-12 line by line, 7.5 g/m3 at the ground: some 15 kg/m2 above."""
    for ghz, expected in ((8.2, 0.0460), (20.0, 0.2526), (26.0, 0.2795)):
        assert gas_attenuation(ghz, math.pi / 2, 15.0) == pytest.approx(expected, rel=0.06)
    assert gas_attenuation(8.2, math.radians(5.0), 20.0) == pytest.approx(0.55, abs=0.03)


@pytest.mark.parametrize(
    ("latitude", "longitude", "rate", "percent", "height"),
    [  # itur 0.4.0: rainfall_rate(.., 0.01), rainfall_probability, rain_height at the place itself
        (40.45, 116.86, 42.614, 1.94, 4.0706),  # Miyun
        (67.88, 21.06, 17.916, 3.78, 2.5495),  # Kiruna
        (18.31, 109.31, 81.087, 2.45, 5.2313),  # Sanya
        (1.40, 103.83, 100.119, 4.33, 4.9725),  # Singapore
    ],
)
def test_the_coarse_maps_are_near_the_fine_ones(latitude, longitude, rate, percent, height):
    climate = climate_at(latitude, longitude)
    assert climate.rain_mm_h == pytest.approx(rate, rel=0.12)
    assert climate.rain_percent == pytest.approx(percent, rel=0.12)
    assert climate.rain_height_km == pytest.approx(height, abs=0.1)


@given(st.floats(-90, 90), st.floats(-180, 360))
def test_there_is_a_climate_everywhere(latitude, longitude):
    climate = climate_at(latitude, longitude)
    assert all(np.isfinite(climate))
    assert min(climate) >= 0.0
    turned = climate_at(latitude, longitude - 360.0 if longitude >= 180.0 else longitude)
    assert turned == pytest.approx(climate, abs=1e-6)


@given(st.floats(1, 50), st.floats(0.001, 5), st.floats(-90, 90), st.floats(-180, 180), st.floats(0.0, 1.5))
def test_rain_takes_more_in_less_of_the_time_and_low_down(ghz, percent, latitude, longitude, elevation):
    climate = climate_at(latitude, longitude)
    found = rain_attenuation(ghz, elevation, percent, climate, latitude, 0.0)
    assert np.isfinite(found)
    assert found >= 0.0
    assert path_factor(elevation) >= 1.0
    if climate.rain_mm_h > 1.0:
        assert rain_attenuation(ghz, elevation, percent / 2, climate, latitude, 0.0) >= found
