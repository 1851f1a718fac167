"""Catalogues of satellites: TLE and OMM files in, states by SGP4 out."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from os import PathLike
from pathlib import Path

import numpy as np
from sgp4.api import SGP4_ERRORS, Satrec, SatrecArray

from sandbox.errors import SandboxError, unknown_name
from sandbox.orbits import omm
from sandbox.orbits.element_sets import ElementSet, element_set
from sandbox.orbits.frames import teme_rotations
from sandbox.orbits.timescales import Epoch, julian_date
from sandbox.orbits.tle import read_tle

# columns of a facts table, by the OMM field that each holds
_COLUMNS = {
    "OBJECT_NAME": "name",
    "NORAD_CAT_ID": "norad_id",
    "OBJECT_ID": "cospar_id",
    "EPOCH": "epoch",
    "INCLINATION": "inclination_deg",
    "RA_OF_ASC_NODE": "raan_deg",
    "ECCENTRICITY": "eccentricity",
    "ARG_OF_PERICENTER": "argp_deg",
    "MEAN_ANOMALY": "mean_anomaly_deg",
    "MEAN_MOTION": "mean_motion_rev_day",
    "MEAN_MOTION_DOT": "ndot_rev_day2",
    "MEAN_MOTION_DDOT": "nddot_rev_day3",
    "BSTAR": "bstar",
}


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Satellites in the order of their file. Names need not be unique (debris share one).

    `names`, `norad_ids`, `epochs` (UTC datetimes) and `satellites` (sgp4's `Satrec`) are lists in that order.
    """

    sets: tuple[ElementSet, ...]

    def __len__(self) -> int:
        return len(self.sets)

    @cached_property
    def names(self) -> list[str]:
        return [each.name for each in self.sets]

    @cached_property
    def norad_ids(self) -> list[int]:
        return [each.norad_id for each in self.sets]

    @cached_property
    def epochs(self) -> list[datetime]:
        return [each.epoch for each in self.sets]

    @cached_property
    def satellites(self) -> list[Satrec]:
        return [each.satellite for each in self.sets]

    @cached_property
    def _array(self) -> SatrecArray:
        return SatrecArray(self.satellites)

    def select(self, names: str | Iterable[str]) -> "Catalogue":
        """The satellites called `names`, in that order. Raises SandboxError for an unknown name."""
        wanted = [names] if isinstance(names, str) else list(names)
        bearers: dict[str, list[ElementSet]] = {}
        for each in self.sets:
            bearers.setdefault(each.name, []).append(each)
        for name in wanted:
            if name not in bearers:
                raise unknown_name("satellite", name, bearers)
        return Catalogue(tuple(each for name in wanted for each in bearers[name]))

    def states(self, when: Epoch) -> tuple[np.ndarray, np.ndarray]:
        """GCRS positions (N, 3) in m and velocities (N, 3) in m/s at a time (see `timescales.as_utc`).

        Raises SandboxError that names the first satellite SGP4 gives up on, and why.
        """
        errors, position, velocity = self.propagate(*julian_date(when))
        if errors.any():
            raise self._failure(errors[:, 0], when)
        return position[:, 0], velocity[:, 0]

    def _failure(self, errors: np.ndarray, when: Epoch) -> SandboxError:
        i = int(np.flatnonzero(errors)[0])
        failed, code, each = np.count_nonzero(errors), int(errors[i]), self.sets[i]
        return SandboxError(
            f"SGP4 fails for {each.name} ({each.norad_id}) at {when} with code {code}, {SGP4_ERRORS[code]}, "
            f"one of {failed} among {len(self)}; its elements are of {each.epoch:%Y-%m-%d}: "
            "choose a nearer time or leave it out with select()."
        )

    def propagate(self, jd, fraction) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """SGP4's codes (N, T), GCRS positions (N, T, 3) in m and velocities in m/s at UTC Julian dates (T,).

        The dates come in two parts, as from `timescales.julian_date` and `utc_after`. A state that SGP4
        cannot give is NaN and has its code, where 0 is good.
        """
        jd, fraction = np.broadcast_arrays(np.atleast_1d(jd), np.atleast_1d(fraction))
        jd, fraction = jd.astype(float), fraction.astype(float)
        codes, position, velocity = self._array.sgp4(jd, fraction)
        to_gcrs = 1e3 * teme_rotations(jd, fraction)
        return codes, *(np.einsum("tij,ntj->nti", to_gcrs, v) for v in (position, velocity))


def read_catalogue(path: str | PathLike) -> Catalogue:
    """The satellites of a TLE, 3LE, OMM-JSON, OMM-CSV or OMM-XML file; the form is read off the content.

    Raises SandboxError, in one sentence with file, line or object, field, value and remedy, for a file that
    cannot be read or is empty, a wrong checksum or length, lines that do not pair, and fields that are
    missing, not numeric or out of range.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise SandboxError(f"{path}: cannot be read ({reason}); give a TLE or OMM file.") from None
    return _catalogue(_element_sets(text, str(path)), str(path))


def from_mean_elements(rows: Iterable[Mapping[str, object]], source: str = "mean elements") -> Catalogue:
    """A catalogue from a table of facts: SGP4 mean elements (TEME), one mapping a satellite.

    Columns: name, norad_id, epoch (two-digit year and day, '26177.93574109', or ISO 8601), inclination_deg,
    raan_deg, eccentricity, argp_deg, mean_anomaly_deg, mean_motion_rev_day, bstar; and, without effect on
    SGP4, cospar_id, ndot_rev_day2, nddot_rev_day3. Raises SandboxError as `read_catalogue`, with the row.
    """
    fields = ({key: row.get(column) for key, column in _COLUMNS.items()} for row in rows)
    sets = (element_set(each, f"{source}, row {i}", _COLUMNS) for i, each in enumerate(fields, 1))
    return _catalogue(sets, source)


def _catalogue(sets: Iterator[ElementSet], source: str) -> Catalogue:
    catalogue = Catalogue(tuple(sets))
    if not catalogue.sets:
        raise SandboxError(f"{source}: holds no element set; give a file with one at least.")
    return catalogue


def _element_sets(text: str, source: str) -> Iterator[ElementSet]:
    start = text.lstrip()
    if start.startswith("<"):
        messages = omm.read_xml(start, source)
    elif start.startswith(("[", "{")):
        messages = omm.read_json(text, source)
    elif "EPOCH," in start.partition("\n")[0]:
        messages = omm.read_csv(start, source)
    else:
        return read_tle(text, source)
    return (element_set(fields, f"{source}, object {i}") for i, fields in enumerate(messages, 1))
