"""Training scenarios, drawn from a seeded generator: one function for each decision problem.

Each varies a shipped scenario, that of a tier (`experiments.tiers`): fleet, stations, epoch, charge, and what
the problem is about. Some draws leave fleet and demands as shipped, so that what is shipped is known from
training (with other seeds). A shell that has the size and inclination of a held-out one is drawn again.
What is scarce in a tier is scarce in all that is drawn of it: panels, boards, dishes, fuel and what customers
pay are those of its scenario.
"""

from typing import Any

import numpy as np

from experiments.tiers import CALM, tier_scenario
from sandbox.fleet import make_fleet, walker_elements
from sandbox.jobs import longest_text
from sandbox.orbits.constellations import least_separation
from sandbox.scenario import Scenario, Walker, load_scenario

Hours = tuple[float, float]
_APART_M = 10e3
"""Least distance between satellites of a shell that burn: where they pass nearer nobody would fly them."""
_UNSEEN_SHELLS = ((24, 53.0), (40, 70.0), (18, 86.4))
_SITES = (
    ("Miyun", 40.45, 116.86),
    ("Kashi", 39.50, 75.93),
    ("Sanya", 18.31, 109.31),
    ("Kiruna", 67.88, 21.06),
    ("Svalbard", 78.23, 15.39),
    ("Fairbanks", 64.98, -147.50),
    ("Troll", -72.01, 2.53),
    ("Hawaii", 19.01, -155.66),
    ("Singapore", 1.40, 103.83),
    ("Hartebeesthoek", -25.89, 27.69),
    ("Punta Arenas", -52.94, -70.85),
    ("Dubai", 25.10, 55.20),
    ("Awarua", -46.53, 168.38),
    ("Wallops", 37.93, -75.48),
    ("Maspalomas", 27.76, -15.63),
    ("Santiago", -33.15, -70.67),
    ("Dongara", -29.05, 115.35),
    ("Inuvik", 68.32, -133.55),
)
"""Places of ground stations known from their operators' public pages, to 0.01 degree."""


def draw_tasking(rng: np.random.Generator, hours: Hours = (4.0, 16.0), tier: str = CALM) -> Scenario:
    """One training scenario, of a length between `hours`."""
    base = tier_scenario("tasking_v0", tier)
    kind = rng.choice(["scs01", "walker", "sun_synchronous"], p=[0.35, 0.45, 0.2])
    changes: dict[str, Any] = {
        "name": _named(str(kind), tier),
        "horizon_h": round(float(rng.uniform(*hours)), 1),
        "start_within_h": 24.0,
        "stations": _stations(rng, base),
        "spacecraft.computing_satellite.power.initial_charge": _charge(base, 0.3, 0.95, tier),
        "spacecraft.computing_satellite.store_gbit": float(rng.choice([80.0, 160.0, 160.0, 240.0])),
        **{f"requests.{name}": value for name, value in _requests(rng).items()},
    }
    if kind == "scs01":
        names = make_fleet(base).names
        if rng.random() < 0.5:
            keep = np.sort(rng.choice(len(names), int(rng.integers(1, len(names))), replace=False))
            changes["satellites"] = [names[i] for i in keep]
        if rng.random() < 0.6:
            del changes["stations"]
    else:
        changes["epoch"] = _epoch(rng)
        orbits = _walker(rng) if kind == "walker" else _sun_synchronous(rng)
        changes["fleet.0"] = {"name": "Fleet", "spacecraft": "computing_satellite", str(kind): orbits}
    return load_scenario(base, changes)


def _named(kind: str, tier: str) -> str:
    return f"training_{kind}" if tier == CALM else f"training_{kind}_{tier}"


def _charge(base: Scenario, low: float, high: float, tier: str) -> tuple[float, float]:
    """The range of the initial charge: `low` to `high`, or where things are scarce that of the tier."""
    return (low, high) if tier == CALM else base.spacecraft["computing_satellite"].power.initial_charge


def _walker(rng: np.random.Generator, most: int = 8, apart: bool = False) -> dict[str, Any]:
    """A Walker shell with up to `most` satellites in a plane; with `apart`, none near another's way."""
    while True:
        planes, each = int(rng.integers(1, 7)), int(rng.integers(1, most + 1))
        inclination = round(float(rng.uniform(28.0, 98.0)), 1)
        shell: dict[str, Any] = {
            "pattern": str(rng.choice(["delta", "star"])),
            "total": planes * each,
            "planes": planes,
            "phasing": _phasing(rng, planes),
            "altitude_km": round(float(rng.uniform(420.0, 1200.0))),
            "inclination_deg": inclination,
        }
        known = any(planes * each == n and abs(inclination - i) <= 2.0 for n, i in _UNSEEN_SHELLS)
        if known or (apart and least_separation(walker_elements(Walker(**shell))) < _APART_M):
            continue
        return shell


def _phasing(rng: np.random.Generator, planes: int) -> int:
    """Not 0 where planes cross: satellites of neighbouring ones would meet there."""
    return int(rng.integers(1, planes)) if planes > 1 else 0


def _sun_synchronous(rng: np.random.Generator) -> dict[str, Any]:
    planes, each = int(rng.integers(1, 4)), int(rng.integers(2, 9))
    return {
        "total": planes * each,
        "altitude_km": round(float(rng.uniform(450.0, 900.0))),
        "local_time_h": [round(float(hour), 1) for hour in rng.uniform(0.0, 23.9, planes)],
        "phasing": _phasing(rng, planes),
    }


def _stations(rng: np.random.Generator, base: Scenario) -> list[dict[str, Any]]:
    """Stations at some of the known places, with the dishes of those of `base`."""
    chosen = rng.choice(len(_SITES), int(rng.integers(2, 10)), replace=False)
    return [
        {
            "name": _SITES[i][0],
            "latitude_deg": _SITES[i][1],
            "longitude_deg": _SITES[i][2],
            "antennas": int(rng.integers(1, 3)),
            "gain_to_noise_db_k": base.stations[0].gain_to_noise_db_k,
        }
        for i in chosen
    ]


def _requests(rng: np.random.Generator) -> dict[str, Any]:
    stock = int(np.exp(rng.uniform(np.log(150.0), np.log(3000.0))))
    return {
        "initial": stock,
        "per_hour": round(stock / 7.0, 1),
        "where": str(rng.choice(["land", "land", "globe", "cities"])),
        "cloud_mean": round(float(rng.uniform(0.3, 0.7)), 2),
        "half_life_h": round(float(rng.uniform(1.5, 5.0)), 1),
    }


def draw_offloading(rng: np.random.Generator, hours: Hours = (1.0, 4.0), tier: str = CALM) -> Scenario:
    """One training scenario of offloading: relay_40 as it is, or other meshes, users and stations."""
    base = tier_scenario("offloading_v0", tier)
    shipped = rng.random() < 0.3
    changes: dict[str, Any] = {
        "name": _named("relay", tier),
        "horizon_h": round(float(rng.uniform(*hours)), 1),
        "start_within_h": 24.0,
    }
    if shipped:
        return load_scenario(base, changes)
    changes |= {
        "epoch": _epoch(rng),
        "spacecraft.computing_satellite.power.initial_charge": _charge(base, 0.2, 0.95, tier),
        "jobs.large_on_board": bool(rng.random() < 0.9),
    }
    fleet = _mesh(rng)
    changes["fleet"] = fleet
    if rng.random() < 0.5:
        changes["stations"] = _stations(rng, base)
    changes["jobs.kinds"] = _job_kinds(rng, sum(_total(group) for group in fleet) / 40.0, base)
    return load_scenario(base, changes)


def _mesh(rng: np.random.Generator, apart: bool = False) -> list[dict[str, Any]]:
    """Groups of inference satellites and, in four of five draws, of training satellites above them."""
    kind = str(rng.choice(["walker", "sun_synchronous"]))
    orbits = _walker(rng, apart=apart) if kind == "walker" else _sun_synchronous(rng)
    groups = [
        {
            "name": "Inference",
            "spacecraft": "computing_satellite",
            "mesh": str(rng.choice(["honeycomb", "grid", "nearest"], p=[0.6, 0.2, 0.2])),
            kind: orbits,
        }
    ]
    if rng.random() < 0.8:
        total = int(rng.integers(1, 6))
        shell = {"total": total, "altitude_km": 1000, "local_time_h": [round(float(rng.uniform(0, 23.9)), 1)]}
        training = {"name": "Training", "spacecraft": "training_satellite", "mesh": "nearest"}
        groups.append(training | {"sun_synchronous": shell})
    return groups


def _total(group: dict[str, Any]) -> int:
    orbits = group.get("walker") or group["sun_synchronous"]
    return int(orbits["total"])


def _job_kinds(rng: np.random.Generator, size: float, base: Scenario) -> list[dict[str, Any]]:
    """The kinds of `base`, one or two of them left out now and then, as frequent as suits a fleet `size`
    times as large, every number changed by a factor."""
    kinds = [kind.model_dump() for kind in base.jobs.kinds]
    keep = np.flatnonzero(rng.random(len(kinds)) < 0.85)
    kinds = [kinds[i] for i in keep] or kinds
    for kind in kinds:
        fleet = 1.0 if kind["source"] == "camera" else size
        kind["per_hour"] = round(kind["per_hour"] * fleet * _factor(rng, 0.25, 2.0), 1)
        if rng.random() < 0.4:
            continue
        for name in ("raw_mbit", "deadline_s", "half_life_s"):
            kind[name] = round(kind[name] * _factor(rng, 0.5, 2.0), 2)
        for name in ("prompt_tokens", "output_tokens"):
            kind[name] = int(np.ceil(kind[name] * _factor(rng, 0.5, 2.0)))
        kind["output_tokens"] = min(kind["output_tokens"], longest_text(base) - kind["prompt_tokens"])
        small = float(rng.uniform(0.4, 0.85))
        large = float(rng.uniform(small, 0.95))
        kind["quality"] = [round(q, 2) for q in (small, large, float(rng.uniform(large, 1.0)))]
    return kinds


def draw_avoidance(rng: np.random.Generator, hours: Hours = (24.0, 60.0), tier: str = CALM) -> Scenario:
    """One training scenario of avoidance: crossing_12 as it is, or other shells, encounters and burns."""
    base = tier_scenario("avoidance_v0", tier)
    changes: dict[str, Any] = {
        "name": _named("crossing", tier),
        "horizon_h": round(float(rng.uniform(*hours))),
    }
    if rng.random() < 0.3:
        return load_scenario(base, changes | {"start_within_h": 24.0})
    shell = {"name": "Shell", "spacecraft": "computing_satellite", "walker": _walker(rng, most=4, apart=True)}
    changes |= {"epoch": _epoch(rng), "fleet.0": shell}
    drawn = _encounters(rng) if tier == CALM else _scarce_encounters(rng, base)
    return load_scenario(base, changes | {f"encounters.{k}": v for k, v in drawn.items()})


def _scarce_encounters(rng: np.random.Generator, base: Scenario) -> dict[str, Any]:
    """As frequent as in `base`, more or less; slot, burns and how well orbits are known are as in `base`."""
    rate, warned = base.encounters.staged_per_day, (24.0, 36.0, 36.0, 48.0)
    return {
        "staged_per_day": round(rate * _factor(rng, 0.7, 1.4), 2),
        "warn_h": float(rng.choice(warned)),
        "update_h": float(rng.choice([4.0, 6.0, 8.0, 8.0, 12.0])),
    }


def _encounters(rng: np.random.Generator) -> dict[str, Any]:
    small = float(rng.choice([0.01, 0.02, 0.02, 0.03, 0.05]))
    return {
        "staged_per_day": round(_factor(rng, 0.3, 3.0), 2),
        "hit_share": round(float(rng.uniform(0.05, 0.4)), 2),
        "miss_m": round(_factor(rng, 150.0, 800.0)),
        "population": int(rng.choice([0, 0, 200])),
        "warn_h": float(rng.choice([24.0, 36.0, 36.0, 48.0])),
        "update_h": float(rng.choice([4.0, 6.0, 8.0, 8.0, 12.0])),
        "sigma_m": [round(s * _factor(rng, 0.5, 2.0), 1) for s in (15.0, 40.0, 15.0)],
        "growth_m_day15": round(_factor(rng, 150.0, 800.0)),
        "fuel_m_s": round(_factor(rng, 1.0, 15.0), 1),
        "small_m_s": small,
        "large_m_s": round(small * float(rng.choice([3.0, 5.0, 5.0])), 3),
        "slot_km": float(rng.choice([1.0, 2.0, 2.0, 5.0, 10.0])),
    }


def draw_autonomy(rng: np.random.Generator, hours: Hours = (6.0, 12.0), tier: str = CALM) -> Scenario:
    """One training scenario of autonomy: disaster_response as it is, or with other fleets and demands."""
    shipped = tier_scenario("autonomy_v0", tier)
    changes: dict[str, Any] = {
        "name": _named("response", tier),
        "horizon_h": round(float(rng.uniform(*hours)), 1),
        "spacecraft.computing_satellite.power.initial_charge": _charge(shipped, 0.4, 0.95, tier),
    }
    if rng.random() < 0.4:
        return load_scenario(shipped, changes)
    if rng.random() < 0.5:
        fleet = _mesh(rng, apart=True)
        changes |= {"fleet": fleet, "epoch": _epoch(rng)}
    if rng.random() < 0.3:
        changes |= {"stations": _stations(rng, shipped), "events": []}
    else:
        changes["events"] = [_event(rng, event.model_dump()) for event in shipped.events]
    stock = round(_factor(rng, 150.0, 1500.0))
    changes |= {"requests.initial": stock, "requests.per_hour": round(stock / 7.0, 1)}
    kinds = [kind.model_dump() for kind in shipped.jobs.kinds]
    changes["jobs.kinds"] = [
        k | {"per_hour": round(k["per_hour"] * _factor(rng, 0.3, 2.0), 1)} for k in kinds
    ]
    changes["encounters.staged_per_day"] = round(_factor(rng, 1.0, 6.0), 2)
    changes["encounters.hit_share"] = round(float(rng.uniform(0.1, 0.4)), 2)
    for name in ("upsets_per_orbit", "weight_flips_per_board_hour", "laser_outages_per_day"):
        changes[f"faults.{name}"] = round(getattr(shipped.faults, name) * _factor(rng, 0.3, 3.0), 5)
    return load_scenario(shipped, changes)


def _event(rng: np.random.Generator, event: dict[str, Any]) -> dict[str, Any]:
    """A disaster with other numbers, in half of the draws somewhere else."""
    event["requests"]["count"] = round(event["requests"]["count"] * _factor(rng, 0.4, 1.5))
    event["questions"]["per_hour"] = round(event["questions"]["per_hour"] * _factor(rng, 0.4, 1.5))
    if rng.random() < 0.5:
        event["latitude_deg"] = round(float(rng.uniform(-50.0, 60.0)), 1)
        event["longitude_deg"] = round(float(rng.uniform(-180.0, 180.0)), 1)
        event["at_h"] = sorted(round(float(hour), 1) for hour in rng.uniform(0.0, 6.0, 2))
    return event


def _factor(rng: np.random.Generator, low: float, high: float) -> float:
    """Log-uniform between `low` and `high`."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _epoch(rng: np.random.Generator) -> str:
    return f"2026-{rng.integers(1, 13):02d}-{rng.integers(1, 29):02d}T00:00:00Z"
