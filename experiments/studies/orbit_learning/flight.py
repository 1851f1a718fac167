"""One run: a fleet that flies for some days under one method, in a world that may change on the way."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from experiments.studies.orbit_learning.crew import Crew, Plan
from experiments.studies.orbit_learning.local import Recipe
from sandbox.errors import SandboxError, unknown_name
from sandbox.scenario import Scenario, load_scenario
from sandbox.units import HOUR

JOULES_PER_KWH = 3.6e6
METHODS: Mapping[str, tuple[str, str]] = {
    "none": ("none", "whole"),
    "ground": ("ground", "whole"),
    "central": ("central", "whole"),
    "fedavg": ("fedavg", "whole"),
    "fedavg_int8": ("fedavg", "int8"),
    "fedavg_top10": ("fedavg", "top10"),
    "fedprox": ("fedprox", "whole"),
    "fedbuff": ("fedbuff", "whole"),
    "planes": ("planes", "whole"),
    "frozen": ("fedavg", "whole"),
}
"""Rule and compression of each method. `frozen` is fedavg that ends when the world changes."""
REFERENCE = "greedy"
"""The heuristic that flies the same worlds: what others get is told as a share of what it gets."""
PROXIMAL = 0.01
"""FedProx's price; of 0.001 to 1 that Li et al. (2020) tried, one for models of their smaller sets."""
RINGS = (("Tropical", 30.0), ("Middle", 53.0), ("Polar", 97.6))
"""Planes of the fleet that `fleet_of` makes, and their inclinations in degrees; assumed. The last is
sun-synchronous, at 10:30 local time."""
ALTITUDE_KM = 550.0
DISASTER: Mapping[str, Any] = {
    "kind": "flood",
    "latitude_deg": 24.0,
    "longitude_deg": 90.0,
    "radius_km": 180.0,
    "requests": {"count": 240, "value": [20, 40], "lifetime_h": [3, 24], "cloud_mean": 0.4},
}
"""What strikes when the world changes: as the flood of `disaster_response`, larger and longer; assumed."""


@dataclass(frozen=True)
class Change:
    """When the world changes, h, and which stations are silent from then on; `disaster` whether one
    strikes."""

    at_h: float | None = None
    stations: tuple[str, ...] = ()
    disaster: bool = True


LINKED = 9
"""Satellites of a ring from which on each sees the next above the air."""


def ring_sizes(satellites: int) -> list[int]:
    """How many fly in each ring; what is left over goes to the first ones."""
    return [satellites // len(RINGS) + (i < satellites % len(RINGS)) for i in range(len(RINGS))]


def fleet_of(satellites: int, days: float, change: Change, base: str = "walker_24") -> Scenario:
    """A fleet of three rings at different inclinations over the stations and requests of `base`.

    From `LINKED` satellites a ring on, each sees the next above the air. Raises SandboxError for fewer than
    three.
    """
    if satellites < len(RINGS):
        raise SandboxError(f"{satellites} satellites; give {len(RINGS)} or more, or a --scenario.")
    groups = []
    for count, (name, inclination) in zip(ring_sizes(satellites), RINGS, strict=True):
        flown: dict[str, Any] = {"pattern": "delta", "total": count, "planes": 1, "altitude_km": ALTITUDE_KM}
        own: dict[str, Any] = {"walker": flown | {"inclination_deg": inclination}}
        if name == "Polar":
            own = {"sun_synchronous": {"total": count, "altitude_km": ALTITUDE_KM, "local_time_h": [10.5]}}
        groups.append({"name": name, "spacecraft": "computing_satellite"} | own)
    name = f"three_rings_{satellites}"
    return changed(load_scenario(base, {"name": name, "fleet": groups}), days, change)


def changed(scenario: Scenario, days: float, change: Change) -> Scenario:
    """The scenario for so many days, with the disaster in it that strikes when the world changes.

    Raises SandboxError for days that are not above 0, a change outside of them, and unknown stations.
    """
    if not days > 0.0:
        raise SandboxError(f"{days:g} days; give more than 0.")
    known = [station.name for station in scenario.stations]
    for name in change.stations:
        if name not in known:
            raise unknown_name("station", name, known)
    changes: dict[str, Any] = {"horizon_h": 24.0 * days}
    if change.at_h is not None:
        if not 0.0 < change.at_h < 24.0 * days:
            raise SandboxError(
                f"The world is to change after {change.at_h:g} h; give 0 to {24.0 * days:g}, or 0."
            )
        if change.disaster:
            event = {"name": "Change", "at_h": [change.at_h, change.at_h], **DISASTER}
            changes["events"] = [*(e.model_dump(mode="json") for e in scenario.events), event]
    return load_scenario(scenario, changes)


def plan_of(method: str, plan: Plan, change_round: int | None) -> tuple[Plan, Recipe]:
    """Plan and recipe of a method. Raises SandboxError for an unknown one."""
    if method not in METHODS:
        raise unknown_name("method", method, [*METHODS, REFERENCE])
    rule, compression = METHODS[method]
    recipe = Recipe(proximal=PROXIMAL if method == "fedprox" else 0.0)
    until = change_round if method == "frozen" else None
    return replace(plan, rule=rule, compression=compression, until=until), recipe


def fly(
    scenario: Scenario,
    method: str,
    seed: int,
    plan: Plan,
    change: Change,
    window_h: float,
) -> list[dict[str, Any]]:
    """A row for every `window_h` of the flight: the value of the fleet in it, and what learning took so far.

    Energies are in kWh: `board` of the boards that trained, `extra` of that beyond the standing load, `laser`
    of the terminals, `ground` of the board on the ground. `sent_gbit` counts bits of learning once for every
    hop, up and down included; `displaced_h` is board hours that customers' work has waited.
    """
    import envs

    with closing(envs.make("tasking_v0", scenario, face="batch", autoreset=False)) as batch, _one_thread():
        flown = _reference(batch, seed) if method == REFERENCE else _crew(batch, method, seed, plan, change)
        next(flown)
        round_s, rounds = batch.world.scenario.round_s, batch.max_cycles
        every, rows, value = max(1, round(window_h * HOUR / round_s)), [], 0.0
        silent = [s.name in change.stations for s in batch.world.scenario.stations]
        for count in range(1, rounds + 1):
            if change.at_h is not None and (count - 1) * round_s >= change.at_h * HOUR:
                batch.world.state.ground["antennas"][0, silent] = 0
            reward, spent = next(flown)
            value += reward
            if count % every == 0 or count == rounds:
                hours = count * round_s / HOUR
                rows.append({"method": method, "seed": seed, "hour": hours, "value": value} | spent())
                value = 0.0
        return rows


def _crew(batch: Any, method: str, seed: int, plan: Plan, change: Change) -> Iterator[Any]:
    at = None if change.at_h is None else round(change.at_h * HOUR / batch.world.scenario.round_s)
    crew = Crew(batch, *plan_of(method, plan, at), seed)
    yield
    while True:
        yield float(crew.fly().sum()), lambda: spent_by(crew)


def _reference(batch: Any, seed: int) -> Iterator[Any]:
    from agents import make_policy

    policy = make_policy(REFERENCE, batch)
    observation, info = batch.reset(seed)
    policy.reset(seed)
    yield
    while True:
        observation, reward, _, _, info = batch.step(policy.act(observation, info))
        alive = int(info["alive"].sum())
        yield float(reward.sum()), lambda alive=alive: dict.fromkeys(SPENT, 0.0) | {"alive": alive}


SPENT = ("board_kwh", "extra_kwh", "laser_kwh", "ground_kwh", "sent_gbit", "displaced_h", "updates", "late")


def spent_by(crew: Crew) -> dict[str, float]:
    """What the learning of a crew has taken so far."""
    bench, carrier, ground = crew.bench, crew.carrier, crew.ground
    return {
        "board_kwh": float(bench.joules.sum()) / JOULES_PER_KWH,
        "extra_kwh": float(bench.extra_j.sum()) / JOULES_PER_KWH,
        "laser_kwh": float(bench.radio_j.sum()) / JOULES_PER_KWH,
        "ground_kwh": ground.joules / JOULES_PER_KWH,
        "sent_gbit": (carrier.carried + ground.down + ground.sent_up) / 1e9,
        "displaced_h": float(bench.seconds.sum()) / HOUR,
        "updates": float(crew.updates),
        "late": float(crew.late),
        "alive": int(crew.batch.world.state.body["alive"].sum()),
    }


@contextmanager
def _one_thread() -> Iterator[None]:
    """Torch on one thread: sums come out the same, and small networks are not slowed by others."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
