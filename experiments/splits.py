"""What the nano is trained on and what it is judged on, told apart for good.

Held out are all seeds below `FIRST_TRAINING_SEED`, the constellation `walker_24` and the shells of
`HELD_OUT`. A training scenario is drawn from a seeded generator: some of SCS-01, a Walker shell, or
sun-synchronous planes, with stations, requests, epoch and charge of its own. A shell that has the size and
inclination of a held-out one is drawn again.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from sandbox.fleet import make_fleet
from sandbox.scenario import Scenario, load_scenario

FIRST_TRAINING_SEED = 1_000_000
"""Seeds of training episodes begin here; whoever plays with a smaller one plays what was never trained on."""

HELD_OUT: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "scs01": ("scs01", {}),
    "walker_24": ("walker_24", {}),
    "delta_40_70": (
        "walker_24",
        {
            "name": "delta_40_70",
            "fleet.0.walker": {
                "pattern": "delta",
                "total": 40,
                "planes": 5,
                "phasing": 1,
                "altitude_km": 720,
                "inclination_deg": 70,
            },
        },
    ),
    "star_18_86": (
        "scs01",
        {
            "name": "star_18_86",
            "fleet.0": {
                "name": "Star",
                "spacecraft": "computing_satellite",
                "walker": {
                    "pattern": "star",
                    "total": 18,
                    "planes": 3,
                    "phasing": 1,
                    "altitude_km": 1000,
                    "inclination_deg": 86.4,
                },
            },
        },
    ),
}
"""Name: (scenario, fields replaced). SCS-01 is known from training, its held-out seeds are not."""

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


def held_out(name: str, hours: float | None = None) -> Scenario:
    """The held-out scenario called `name`."""
    base, changes = HELD_OUT[name]
    return load_scenario(base, dict(changes) | ({} if hours is None else {"horizon_h": hours}))


def training_scenarios(seed: int) -> Iterator[Scenario]:
    """Endless training scenarios; the same seed gives the same ones."""
    rng = np.random.default_rng(FIRST_TRAINING_SEED + seed)
    while True:
        yield draw_scenario(rng)


def draw_scenario(rng: np.random.Generator, hours: tuple[float, float] = (4.0, 16.0)) -> Scenario:
    """One training scenario, of a length between `hours`."""
    kind = rng.choice(["scs01", "walker", "sun_synchronous"], p=[0.35, 0.45, 0.2])
    changes: dict[str, Any] = {
        "name": f"training_{kind}",
        "horizon_h": round(float(rng.uniform(*hours)), 1),
        "start_within_h": 24.0,
        "stations": _stations(rng),
        "spacecraft.computing_satellite.power.initial_charge": (0.3, 0.95),
        "spacecraft.computing_satellite.store_gbit": float(rng.choice([80.0, 160.0, 160.0, 240.0])),
        **{f"requests.{name}": value for name, value in _requests(rng).items()},
    }
    if kind == "scs01":
        names = make_fleet(load_scenario("scs01")).names
        if rng.random() < 0.5:
            keep = np.sort(rng.choice(len(names), int(rng.integers(1, len(names))), replace=False))
            changes["satellites"] = [names[i] for i in keep]
        if rng.random() < 0.6:
            del changes["stations"]
    else:
        changes["epoch"] = f"2026-{rng.integers(1, 13):02d}-{rng.integers(1, 29):02d}T00:00:00Z"
        orbits = _walker(rng) if kind == "walker" else _sun_synchronous(rng)
        changes["fleet.0"] = {"name": "Fleet", "spacecraft": "computing_satellite", str(kind): orbits}
    return load_scenario("scs01", changes)


def _walker(rng: np.random.Generator) -> dict[str, Any]:
    while True:
        planes, each = int(rng.integers(1, 7)), int(rng.integers(1, 9))
        inclination = round(float(rng.uniform(28.0, 98.0)), 1)
        shell = {
            "pattern": str(rng.choice(["delta", "star"])),
            "total": planes * each,
            "planes": planes,
            "phasing": int(rng.integers(planes)),
            "altitude_km": round(float(rng.uniform(420.0, 1200.0))),
            "inclination_deg": inclination,
        }
        if all(planes * each != n or abs(inclination - i) > 2.0 for n, i in _UNSEEN_SHELLS):
            return shell


def _sun_synchronous(rng: np.random.Generator) -> dict[str, Any]:
    planes, each = int(rng.integers(1, 4)), int(rng.integers(2, 9))
    return {
        "total": planes * each,
        "altitude_km": round(float(rng.uniform(450.0, 900.0))),
        "local_time_h": [round(float(hour), 1) for hour in rng.uniform(0.0, 23.9, planes)],
        "phasing": int(rng.integers(planes)),
    }


def _stations(rng: np.random.Generator) -> list[dict[str, Any]]:
    chosen = rng.choice(len(_SITES), int(rng.integers(2, 10)), replace=False)
    return [
        {
            "name": _SITES[i][0],
            "latitude_deg": _SITES[i][1],
            "longitude_deg": _SITES[i][2],
            "antennas": int(rng.integers(1, 3)),
            "gain_to_noise_db_k": 32.0,
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
