from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from sandbox.errors import SandboxError
from sandbox.orbits import iers
from sandbox.orbits.timescales import (
    as_utc,
    julian_date,
    polar_motion,
    terrestrial_time,
    universal_time,
    utc_after,
)
from sandbox.units import DAY

# one day measured, one leap second, one predicted, one beyond the table (as bundled in 2026)
DATES = ["2024-02-01T06:00:00", "2016-12-31T23:59:59.5", "2027-03-01T12:00:00"]


def test_strings_without_a_zone_are_utc():
    when = datetime(2026, 6, 26, 22, tzinfo=UTC)
    assert as_utc("2026-06-26T22:00:00") == as_utc("2026-06-26T22:00:00Z") == when
    assert as_utc(datetime(2026, 6, 27, 0, tzinfo=timezone(timedelta(hours=2)))) == when


@pytest.mark.parametrize("bad", ["yesterday", "2026-13-01", datetime(2026, 6, 26), 5.0])
def test_what_is_no_date_is_an_error(bad):
    with pytest.raises(SandboxError, match="ISO 8601"):
        as_utc(bad)


@pytest.mark.parametrize("date", DATES)
def test_scales_agree_with_astropy(offline_astropy, date):
    """TT to a nanosecond; UT1 to 20 microseconds, the difference between two series of the IERS."""
    from astropy.time import Time

    theirs = Time(date, scale="utc")
    utc = julian_date(date)
    for ours, scale, tolerance in (
        (terrestrial_time(*utc), theirs.tt, 1e-9),
        (universal_time(*utc), theirs.ut1, 2e-5),
    ):
        seconds = ((ours[0] - scale.jd1) + (ours[1] - scale.jd2)) * DAY
        assert abs(seconds) < tolerance


def test_polar_motion_agrees_with_astropy(offline_astropy):
    """Within 0.2 mas (6 mm): astropy reads the C04 series, we Bulletins B and A."""
    from astropy.coordinates.builtin_frames.utils import get_polar_motion
    from astropy.time import Time

    for date in DATES:
        ours = polar_motion(*julian_date(date))
        assert np.allclose(ours, get_polar_motion(Time(date)), rtol=0, atol=1e-9)


def test_a_leap_second_is_counted():
    jd, fraction = utc_after(*julian_date("2016-12-31T23:59:59"), [0.0, 1.0, 2.0])
    before, leap, after = (jd + fraction - 2_457_754.5) * DAY
    assert before < leap < 0.1
    assert after == pytest.approx(0.0, abs=1e-4)


def test_seconds_and_shapes():
    jd, fraction = utc_after(*julian_date("2026-06-26"), np.arange(6.0).reshape(2, 3))
    assert np.allclose((jd - jd.min() + fraction) * DAY, np.arange(6.0).reshape(2, 3), atol=1e-6)


def test_far_future_keeps_the_last_values_without_a_warning(recwarn):
    jd, fraction = julian_date("2040-01-01")
    ut1_utc, x, _ = iers.earth_orientation(np.array([jd + fraction - 2_400_000.5, 1e5]))
    universal_time(jd, fraction)
    assert ut1_utc[0] == ut1_utc[1]
    assert x[0] == x[1]
    assert not recwarn.list


def test_before_the_table_is_an_error():
    with pytest.raises(SandboxError, match="1973"):
        universal_time(*julian_date("1969-07-20"))
