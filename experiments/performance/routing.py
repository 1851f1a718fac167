"""How long the mesh of the planned constellation takes to update: `python -m experiments routing`.

2,800 satellites in one Walker pattern and, harder, with a free terminal each that seeks its partner among
all; then the best way from each of them to the nearest of 400. SciPy's csgraph does the same beside it.
Medians of processor milliseconds.
"""

import math
import time
from argparse import ArgumentParser
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from experiments.performance.machine import machine
from experiments.running.options import add, common
from experiments.running.progress import tracked
from experiments.running.run_folder import keep_records
from sandbox.lasers import follow_links, hold_pattern, make_lasers, no_links, seek_links
from sandbox.orbits.bodies import SPEED_OF_LIGHT
from sandbox.orbits.constellations import states, walker_delta
from sandbox.routing import make_heap, make_routes, route_all
from sandbox.state import BODY, NONE

TOTAL, PLANES, GOALS = 2_800, 40, 400
QUICK_TOTAL, QUICK_PLANES, QUICK_GOALS = 80, 8, 4


class Case:
    """A shell, its mesh, and the goals of its routes."""

    def __init__(self, total: int, planes: int, goals: int, pattern: str) -> None:
        rows = walker_delta(total, planes, 1, 600e3, math.radians(53.0))
        self.position, velocity = states(rows)
        self.later = self.position + 30.0 * velocity
        self.lasers = make_lasers(total, terminals=4, range_m=5e6, acquisition_s=0.0, rate_bit_s=1e11)
        self.body, self.links = np.ones(total, BODY), no_links(total)
        hold_pattern(self.links, 0, self.position, velocity, planes, pattern)
        self.start = np.full(total, np.inf)
        self.start[:: total // goals] = 0.0
        self.found, self.heap = make_routes(total), make_heap(total)

    def update(self) -> None:
        """Every link looked at anew, those of free terminals sought from scratch, every route found."""
        self.links["peer"][~self.links["fixed"]] = NONE
        follow_links(self.links, self.lasers, self.body, self.position, self.later, 0.0)
        seek_links(self.links, self.lasers, self.body, self.position, self.later, 0.0)
        self.links["wait"] = 0.0  # they have found each other
        self.route()

    def route(self) -> None:
        route_all(self.links, self.lasers, self.start, 0.0, 4e9, self.found, self.heap)

    def route_by_scipy(self) -> None:
        from scipy.sparse import csr_matrix
        from scipy.sparse.csgraph import dijkstra

        n, k = np.nonzero(np.isfinite(self.links["since"]))
        link = self.links[n, k]
        rate = np.minimum(self.lasers["rate"][n], self.lasers["rate"][link["peer"]])
        delay = 4e9 / rate + link["distance"] / SPEED_OF_LIGHT
        graph = csr_matrix((delay, (n, link["peer"])), shape=(len(self.start),) * 2)
        goals = np.flatnonzero(np.isfinite(self.start))
        seconds, _, _ = dijkstra(graph, indices=goals, min_only=True, return_predecessors=True)
        assert np.allclose(seconds, self.found.seconds, rtol=1e-12)


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--quick", action="store_true", help="a short run that only shows that it works")
    add(parser, "--repeats", 21, "repeats of each", type=int, metavar="N")
    common(parser)


def run(told: Any) -> None:
    """Measure, print, write JSON if asked to."""
    records = []
    total, planes, goals = (QUICK_TOTAL, QUICK_PLANES, QUICK_GOALS) if told.quick else (TOTAL, PLANES, GOALS)
    repeats = 2 if told.quick else told.repeats
    known = machine()
    print(
        f"{known['cpu']}, {known['cores']} cores; {total:,} satellites, {goals} goals, medians of {repeats}"
    )
    for pattern in tracked(("grid", "honeycomb"), "patterns", still=True):
        case = Case(total, planes, goals, pattern)
        rows = {"whole update": case.update, "routes": case.route, "routes by scipy": case.route_by_scipy}
        for name, function in rows.items():
            spent = milliseconds(function, repeats)
            records.append({"pattern": pattern, "what": name, "satellites": total, "cpu_ms": spent})
            print(f"{pattern:10} {name:16} {spent:8.2f} ms")
    if told.json:
        keep_records(told.json, "routing", records, machine=known, repeats=repeats)


def milliseconds(function: Callable[[], None], repeats: int) -> float:
    """Median processor time of a call, after one that compiles."""
    function()
    spent = []
    for _ in tracked(range(repeats), "timing", still=True):
        began = time.process_time()
        function()
        spent.append(time.process_time() - began)
    return 1e3 * median(spent)
