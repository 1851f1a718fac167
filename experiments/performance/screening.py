"""How fast all is screened against all: `python -m experiments screening`.

The 2,800 satellites of `star_compute_2800` against a synthetic population of low orbits (or a catalogue
file), and among themselves, over 24 hours. Prints object pairs times hours per second of processor time, the
seconds of processor and of wall-clock time, and the peak memory of the process.
"""

import resource
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import numpy as np

from experiments.performance.machine import machine
from experiments.running.options import add, common
from experiments.running.progress import bar
from experiments.running.run_folder import keep_records
from sandbox.conjunctions import CataloguedObjects, Objects, screen
from sandbox.encounters import population
from sandbox.fleet import make_fleet
from sandbox.orbits.catalogue import read_catalogue
from sandbox.scenario import load_scenario
from sandbox.units import HOUR


def run(told: Any) -> None:
    """Measure, print, write JSON if asked to."""
    fleet = make_fleet(load_scenario("star_compute_2800"))
    own = min(told.primaries, len(fleet))
    primaries = Objects(fleet.position[:own], fleet.velocity[:own])
    found: dict[str, Any] = {"machine": machine(), "threshold_km": told.threshold_km, "runs": []}
    others = _others(told)
    screen(primaries.select(np.arange(2)), primaries.select(np.arange(2)), 60.0, 1e3)  # compiles
    for name, secondaries in (("against the population", others), ("among themselves", None)):
        found["runs"].append(_screened(name, primaries, secondaries, told))
        _print(found["runs"][-1])
    found["peak_memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(f"peak memory {found['peak_memory_mb']:.0f} MB")
    if told.json:
        shared = {name: found[name] for name in ("machine", "threshold_km", "peak_memory_mb")}
        keep_records(told.json, "screening", found["runs"], **shared)


def _others(told: Any) -> Objects | CataloguedObjects:
    if told.catalogue is None:
        return population(told.secondaries)
    return CataloguedObjects(read_catalogue(told.catalogue), load_scenario("star_compute_2800").epoch)


def _screened(name: str, primaries: Objects, secondaries: Any, told: Any) -> dict[str, Any]:
    reach = told.hours * HOUR, 1e3 * told.threshold_km
    with bar(name, 1.0, still=True) as line:
        wall, cpu = time.perf_counter(), time.process_time()
        encounters = screen(primaries, secondaries, *reach, step_s=told.step, progress=line.to)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    others = len(primaries) if secondaries is None else len(secondaries)
    pairs = len(primaries) * (others - 1) / 2 if secondaries is None else len(primaries) * others
    return {
        "name": name,
        "primaries": len(primaries),
        "secondaries": others,
        "hours": told.hours,
        "encounters": len(encounters),
        "closest_m": float(encounters["distance"].min()) if len(encounters) else None,
        "cpu_s": cpu,
        "wall_s": wall,
        "pair_hours_per_cpu_s": pairs * told.hours / cpu,
    }


def _print(run: dict[str, Any]) -> None:
    print(
        f"{run['primaries']:,} {run['name']} of {run['secondaries']:,} over {run['hours']:g} h: "
        f"{run['encounters']:,} encounters, {run['cpu_s']:.1f} CPU s, {run['wall_s']:.1f} s, "
        f"{run['pair_hours_per_cpu_s']:.3g} object pairs x hours / CPU s"
    )


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    numbers: list[tuple[str, Any, Any, str]] = [
        ("--primaries", int, 2_800, "satellites of star_compute_2800"),
        ("--secondaries", int, 20_000, "objects of the synthetic population"),
        ("--hours", float, 24.0, "horizon"),
        ("--threshold-km", float, 5.0, "distance that counts"),
        ("--step", float, 60.0, "seconds between nodes"),
    ]
    for name, kind, default, text in numbers:
        add(parser, name, default, text, type=kind)
    add(parser, "--catalogue", None, "a TLE or OMM file instead, by SGP4", type=Path, metavar="FILE")
    common(parser)
