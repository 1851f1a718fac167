"""What patience saves when one launch fills a ring of slots: impulses and days against phasing revolutions.

    python -m experiments deployment --satellites 12 --parking-km 500 --target-km 550

prints, for every number of revolutions, the mean and the largest sum of impulses of a satellite (m/s), the
days until the last is in its slot, and how far off the satellites are after their last burn (m): flown by our
propagator under the plan's forces and, with --two-body, by boinor's `apply_maneuver`.
"""

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

import numpy as np

from experiments.running.options import add, common
from experiments.running.progress import tracked
from experiments.running.run_folder import keep_records
from sandbox.errors import SandboxError
from sandbox.orbits.bodies import R_EARTH
from sandbox.orbits.deployment import Deployment, plan_deployment
from sandbox.orbits.forces import J2_ONLY, Forces
from sandbox.units import DAY

EPOCH = "2026-06-27T00:00:00"
BETWEEN_DEG = 0.05
"""Between two satellites of the launch along the parking orbit: 6 km."""


def ring(satellites: int, altitude_km: float, inclination_deg: float, apart_deg: float) -> list[Any]:
    """Circular orbits (boinor's `Orbit`) in one plane, so many degrees apart."""
    from astropy import units as u
    from astropy.time import Time
    from boinor.bodies import Earth
    from boinor.twobody import Orbit

    shape = R_EARTH * u.m + altitude_km * u.km, 0 * u.one, inclination_deg * u.deg, 0 * u.deg, 0 * u.deg
    places = (apart_deg * np.arange(satellites) + 180) % 360 - 180
    return [Orbit.from_classical(Earth, *shape, place * u.deg, epoch=Time(EPOCH)) for place in places]


def boinor_misses(plan: Deployment, slots: Sequence[Any]) -> list[float]:
    """Metres from the slot after the last burn, when boinor flies the plan as a two-body problem."""
    from astropy import units as u

    ends = [plan.orbit(each).apply_maneuver(each.maneuver()) for each in plan.transfers]
    there = [slots[each.slot].propagate(each.time_s * u.s) for each in plan.transfers]
    return [float(np.linalg.norm((a.r - b.r).to_value("m"))) for a, b in zip(ends, there, strict=True)]


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    add(parser, "--satellites", 12, "of the launch", type=int, metavar="N")
    add(parser, "--parking-km", 500.0, "altitude where it leaves them", type=float, metavar="KM")
    add(parser, "--target-km", 550.0, "altitude of the slots", type=float, metavar="KM")
    add(parser, "--inclination-deg", 97.6, "of both", type=float, metavar="DEG")
    add(parser, "--revolutions", [5, 15, 45, 135], "of phasing", type=int, nargs="+", metavar="N")
    parser.add_argument("--two-body", action="store_true", help="without J2, as boinor's manoeuvres")
    common(parser)


def run(told: Any) -> None:
    """Plan for every number of revolutions, print, write."""
    if told.satellites < 1:
        raise SandboxError(f"--satellites is {told.satellites}; give 1 or more.")
    launch = ring(told.satellites, told.parking_km, told.inclination_deg, BETWEEN_DEG)
    slots = ring(told.satellites, told.target_km, told.inclination_deg, 360 / told.satellites)
    forces = Forces(j2=0.0) if told.two_body else J2_ONLY
    print("revolutions  mean m/s  most m/s   days   off m" + ("  off m (boinor)" if told.two_body else ""))
    records = []
    for revolutions in tracked(told.revolutions, "planning"):
        plan = plan_deployment(launch, slots, revolutions=revolutions, forces=forces)
        prices = [each.delta_v for each in plan.transfers]
        record = {"revolutions": revolutions, "mean_m_s": float(np.mean(prices)), "most_m_s": max(prices)}
        record |= {"days": plan.time_s / DAY, "off_m": float(plan.misses[:, 0].max())}
        if told.two_body:
            record["off_boinor_m"] = max(boinor_misses(plan, slots))
        records.append(record)
        _print(record)
    if told.json:
        keep_records(told.json, "deployment", records)


def _print(record: dict[str, Any]) -> None:
    row = f"{record['revolutions']:11d}  {record['mean_m_s']:8.1f}  {record['most_m_s']:8.1f}"
    row += f"  {record['days']:5.2f}  {record['off_m']:6.3f}"
    print(row + (f"  {record['off_boinor_m']:14.3f}" if "off_boinor_m" in record else ""), flush=True)
