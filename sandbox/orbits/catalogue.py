"""Catalogues of satellites: TLE and OMM files in, states by SGP4 out.

What cannot be used costs nothing else: a damaged element set, one that SGP4 cannot fly, a second, older set
of an object are left out, and a `CatalogueWarning` names them and says why.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from itertools import islice
from math import ceil
from os import PathLike
from pathlib import Path

import numpy as np
from sgp4.api import SGP4_ERRORS, Satrec, SatrecArray

from sandbox.errors import SandboxError, unknown_name
from sandbox.orbits import omm
from sandbox.orbits.catalogue_text import MOST_SETS, read_text
from sandbox.orbits.element_sets import ElementSet, element_set
from sandbox.orbits.frames import teme_rotations
from sandbox.orbits.sieve import LeftOut, Sieve, described, too_many
from sandbox.orbits.timescales import Epoch, julian_date
from sandbox.orbits.tle import looks_like_tle, read_tle

__all__ = ["Catalogue", "CatalogueWarning", "from_mean_elements", "read_catalogue"]

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
NOT_FINITE = 9
"""Our code beside those of SGP4 (1 to 6): it gave no error, and numbers that are no place."""
FARTHEST_KM = 1e8
_REASONS = {**SGP4_ERRORS, NOT_FINITE: "the state is not a finite number"}


class CatalogueWarning(UserWarning):
    """Objects of a catalogue are left out; the message says which and why."""


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Satellites in the order of their file. Names need not be unique (debris share one).

    `names`, `norad_ids`, `epochs` (UTC datetimes) and `satellites` (sgp4's `Satrec`) are lists in that order.
    `left_out` are the objects of `source` that are not among them (a thousand at most), with the reason.
    """

    sets: tuple[ElementSet, ...]
    source: str = "catalogue"
    left_out: tuple[LeftOut, ...] = ()

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

    def distinct_names(self) -> list[str]:
        """The names; those that several objects share, as debris do, with the catalogue number.

        Objects without a number of their own are counted: `DEB 0`, `DEB 0 (2)`.
        """
        counts: dict[str, int] = {}
        for name in self.names:
            counts[name] = counts.get(name, 0) + 1
        pairs = zip(self.names, self.norad_ids, strict=True)
        names, seen = [], set[str]()
        for base in (f"{name} {number}" if counts[name] > 1 else name for name, number in pairs):
            name, k = base, 1
            while name in seen:
                k += 1
                name = f"{base} ({k})"
            seen.add(name)
            names.append(name)
        return names

    def select(self, names: str | int | Iterable[str | int]) -> "Catalogue":
        """The satellites called `names` (name, catalogue number, or name and number), in that order.

        Raises SandboxError for one that there is not, with the reason if it was left out.
        """
        wanted = [names] if isinstance(names, (str, int)) else list(names)
        by_name: dict[str, list[ElementSet]] = {}
        by_number: dict[str, list[ElementSet]] = {}
        for each in self.sets:
            by_name.setdefault(each.name, []).append(each)
            by_number.setdefault(str(each.norad_id), []).append(each)
        by_both = {name: [each] for name, each in zip(self.distinct_names(), self.sets, strict=True)}
        chosen: dict[int, ElementSet] = {}
        for name in map(str, wanted):
            found = by_name.get(name) or by_number.get(name.lstrip("0") or "0") or by_both.get(name)
            if found is None:
                raise self._not_there(name, by_name)
            chosen |= {id(each): each for each in found}
        return replace(self, sets=tuple(chosen.values()))

    def _not_there(self, name: str, known: Iterable[str]) -> SandboxError:
        for each in self.left_out:
            if name == each.name or (name.isdigit() and f"({name})" in each.why):
                return SandboxError(f"Satellite {name!r} was left out: {each.why}")
        return unknown_name("satellite", name, known)

    def first(self, count: int) -> "Catalogue":
        """The first `count` satellites; all, if there are fewer."""
        return replace(self, sets=self.sets[:count])

    def newest_epoch(self) -> datetime:
        """The newest epoch (UTC) of the element sets.

        One set in a hundred may be misdated: an epoch a month after those of the other 99 does not count.
        """
        epochs = sorted(self.epochs)
        usual = epochs[ceil(0.99 * (len(epochs) - 1))] + timedelta(days=30)
        return max(epoch for epoch in epochs if epoch <= usual)

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
        failed, each = np.count_nonzero(errors), self.sets[i]
        return SandboxError(
            f"SGP4 fails for {each.name} ({each.norad_id}) at {when} with {reason(errors[i])}, "
            f"one of {failed} among {len(self)}; its elements are of {each.epoch:%Y-%m-%d}: "
            "choose a nearer time or leave it out with select() or decay.flying()."
        )

    def propagate(self, jd, fraction) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """SGP4's codes (N, T), GCRS positions (N, T, 3) in m and velocities in m/s at UTC Julian dates (T,).

        The dates come in two parts, as from `timescales.julian_date` and `utc_after`. A state that SGP4
        cannot give is NaN and has its code (or `NOT_FINITE`), where 0 is good.
        """
        jd, fraction = np.broadcast_arrays(np.atleast_1d(jd), np.atleast_1d(fraction))
        jd, fraction = jd.astype(float), fraction.astype(float)
        if not self.sets:
            none = np.zeros((0, len(jd), 3))
            return np.zeros((0, len(jd)), np.uint8), none, none.copy()
        codes, position, velocity = self._array.sgp4(jd, fraction)
        astray = ~(np.abs(position) < FARTHEST_KM).all(-1) | ~np.isfinite(velocity).all(-1)
        if astray.any():
            codes[astray & (codes == 0)] = NOT_FINITE
            position[astray], velocity[astray] = np.nan, np.nan
        to_gcrs = 1e3 * teme_rotations(jd, fraction)
        return codes, *(np.einsum("tij,ntj->nti", to_gcrs, v) for v in (position, velocity))


def reason(code: int) -> str:
    """What a code of `Catalogue.propagate` says."""
    return f"code {int(code)}, {_REASONS.get(int(code), 'unknown')}"


def read_catalogue(path: str | PathLike, strict: bool = False) -> Catalogue:
    """The satellites of a TLE, 3LE, or OMM file (JSON, CSV, XML, KVN); the form is read off the content.

    A set that cannot be used is left out, with a CatalogueWarning that says why: a wrong checksum or length,
    lines that do not pair, fields that are missing, not numeric or out of range, elements of SGP4-XP. Of two
    sets of one object the newer is kept. Text around TLE is passed over. If `strict`, the first of all this
    is an error. Limits: `catalogue_text`.

    Raises SandboxError, in one sentence with file, line or object, field, value and remedy, for that, for a
    file that cannot be read, and for one of which nothing remains.
    """
    path = Path(path)
    source = str(path)
    text = read_text(path)
    sieve = Sieve(source, strict)
    sets = list(islice(_element_sets(text, sieve), MOST_SETS + 1))
    if not sets:
        raise sieve.nothing()
    if len(sets) > MOST_SETS:
        raise too_many(source)
    kept = _newest(sets, sieve)
    if sieve.count:
        whom = f"{sieve.count:,} of {len(kept) + sieve.count:,} element sets are left out"
        warn(f"{source}: {whom}: {described(sieve.left_out, sieve.count, source)}.")
    return Catalogue(tuple(kept), source, tuple(sieve.left_out))


def warn(text: str) -> None:
    """A CatalogueWarning from whoever called the caller."""
    warnings.warn(text, CatalogueWarning, stacklevel=3)


def from_mean_elements(rows: Iterable[Mapping[str, object]], source: str = "mean elements") -> Catalogue:
    """A catalogue from a table of facts: SGP4 mean elements (TEME), one mapping a satellite.

    Columns: name, norad_id, epoch (two-digit year and day, '26177.93574109', or ISO 8601), inclination_deg,
    raan_deg, eccentricity, argp_deg, mean_anomaly_deg, mean_motion_rev_day, bstar; and, without effect on
    SGP4, cospar_id, ndot_rev_day2, nddot_rev_day3. Raises SandboxError as a strict `read_catalogue`, with the
    row.
    """
    fields = ({key: row.get(column) for key, column in _COLUMNS.items()} for row in rows)
    sets = tuple(element_set(each, f"{source}, row {i}", _COLUMNS) for i, each in enumerate(fields, 1))
    if not sets:
        raise SandboxError(f"{source}: holds no element set; give one at least.")
    return Catalogue(sets, source)


def _element_sets(text: str, sieve: Sieve) -> Iterator[ElementSet]:
    start = text.lstrip("\ufeff \t\r\n")
    if start.startswith("<"):
        messages = omm.read_xml(start, sieve)
    elif start.startswith(("[", "{")) and not looks_like_tle(text):
        messages = omm.read_json(start, sieve)
    elif omm.csv_header(text):
        messages = omm.read_csv(text, sieve)
    elif omm.looks_like_kvn(text) and not looks_like_tle(text):
        messages = omm.read_kvn(text, sieve)
    else:
        yield from read_tle(text, sieve.source, sieve)
        return
    for where, fields in messages:
        try:
            yield element_set(fields, where)
        except SandboxError as error:
            sieve.leave_out(error, omm.message_name(fields))


def _newest(sets: list[ElementSet], sieve: Sieve) -> list[ElementSet]:
    """The sets, but of an object that has several only the newest; of equally new ones the last."""
    kept: dict[object, ElementSet] = {}
    by_designator: dict[tuple[int, str], object] = {}
    for i, each in enumerate(sets):
        key: object = (each.norad_id, each.name) if each.norad_id else i  # 0: it has no number
        if each.norad_id and each.cospar_id:
            key = by_designator.setdefault((each.norad_id, each.cospar_id), key)
        before = kept.get(key)
        if before is None:
            kept[key] = each
            continue
        old, new = (each, before) if each.epoch < before.epoch else (before, each)
        sieve.leave_out(
            SandboxError(
                f"{sieve.source}: the set of {old.epoch:%Y-%m-%d %H:%M} UTC gives way to that of "
                f"{new.epoch:%Y-%m-%d %H:%M} of the same object ({old.norad_id})."
            ),
            old.name,
        )
        kept[key] = new
    return list(kept.values())
