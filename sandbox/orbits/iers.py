"""What was measured of the Earth's rotation: UT1 - UTC and polar motion, from the table astropy bundles.

The file is `finals2000A.all` of the package `astropy_iers_data`: daily values since 1973, measured up to the
package's release and predicted for a year more. It is read as it is, so that no network is ever asked and
astropy (0.6 s) need not be imported.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np

from sandbox.errors import SandboxError

_ARCSECOND = np.pi / 648_000

# Columns of Bulletin B (final) and Bulletin A (rapid, then predicted); ReadMe.finals2000A counts from 1.
_UT1_UTC = slice(154, 165), slice(58, 68)
_POLE_X = slice(134, 144), slice(18, 27)
_POLE_Y = slice(144, 154), slice(37, 46)


@lru_cache(maxsize=1)
def _table() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Modified Julian date (UTC), UT1 - UTC (s), and the pole's x and y (rad), one entry a day."""
    from astropy_iers_data import IERS_A_FILE

    lines = [line for line in Path(IERS_A_FILE).read_text().splitlines() if line[58:68].strip()]
    columns = [[float(_final_or_rapid(line, *at)) for line in lines] for at in (_UT1_UTC, _POLE_X, _POLE_Y)]
    ut1_utc, x, y = np.array(columns)
    return np.array([float(line[7:15]) for line in lines]), ut1_utc, x * _ARCSECOND, y * _ARCSECOND


def _final_or_rapid(line: str, final: slice, rapid: slice) -> str:
    return line[final].strip() or line[rapid]


def first_day() -> float:
    """UTC modified Julian date from which on the table holds."""
    return float(_table()[0][0])


def earth_orientation(mjd) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """UT1 - UTC (s) and the pole's x and y (rad) at UTC modified Julian dates of any shape.

    Linear between the daily values, as in astropy. After the table's end its last values are kept: UT1 then
    wanders by about a millisecond (half a metre on the equator) a day. Raises SandboxError before 1973.
    """
    days, ut1_utc, x, y = _table()
    mjd = np.asarray(mjd, dtype=float)
    if not np.all(mjd >= days[0]):
        raise SandboxError(
            "An epoch lies before 1973-01-02, where the table of Earth rotation starts; choose a later one."
        )
    row = np.clip(np.searchsorted(days, mjd, side="right") - 1, 0, len(days) - 2)
    share = np.minimum(mjd - days[row], 1.0)
    return _between(ut1_utc, row, share), _between(x, row, share), _between(y, row, share)


def _between(column: np.ndarray, row: np.ndarray, share: np.ndarray) -> np.ndarray:
    change = column[row + 1] - column[row]
    return column[row] + share * (change - np.round(change))  # a leap second is a step of UTC, not of UT1
