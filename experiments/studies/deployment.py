"""What patience saves when one launch fills a ring of slots: impulses and days against phasing revolutions.

    python -m experiments.studies.deployment --satellites 12 --parking-km 500 --target-km 550

prints, for every number of revolutions, the mean and the largest sum of impulses of a satellite (m/s), the
days until the last is in its slot, and how far off the satellites are after their last burn (m): flown by our
propagator under the plan's forces and, with --two-body, by boinor's `apply_maneuver`.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

import numpy as np

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


def main(arguments: Sequence[str] | None = None) -> int:
    parser = ArgumentParser("python -m experiments.studies.deployment", description=__doc__.splitlines()[0])
    parser.add_argument("--satellites", type=int, default=12)
    parser.add_argument("--parking-km", type=float, default=500.0)
    parser.add_argument("--target-km", type=float, default=550.0)
    parser.add_argument("--inclination-deg", type=float, default=97.6)
    parser.add_argument("--revolutions", type=int, nargs="+", default=[5, 15, 45, 135])
    parser.add_argument("--two-body", action="store_true", help="without J2, as boinor's manoeuvres")
    told = parser.parse_args(arguments)
    try:
        if told.satellites < 1:
            raise SandboxError(f"--satellites is {told.satellites}; give 1 or more.")
        _print(told)
    except SandboxError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    return 0


def _print(told: Any) -> None:
    launch = ring(told.satellites, told.parking_km, told.inclination_deg, BETWEEN_DEG)
    slots = ring(told.satellites, told.target_km, told.inclination_deg, 360 / told.satellites)
    forces = Forces(j2=0.0) if told.two_body else J2_ONLY
    print("revolutions  mean m/s  most m/s   days   off m" + ("  off m (boinor)" if told.two_body else ""))
    for revolutions in told.revolutions:
        plan = plan_deployment(launch, slots, revolutions=revolutions, forces=forces)
        prices = [each.delta_v for each in plan.transfers]
        row = f"{revolutions:11d}  {np.mean(prices):8.1f}  {max(prices):8.1f}  {plan.time_s / DAY:5.2f}"
        row += f"  {plan.misses[:, 0].max():6.3f}"
        print(row + (f"  {max(boinor_misses(plan, slots)):14.3f}" if told.two_body else ""), flush=True)


if __name__ == "__main__":
    sys.exit(main())
