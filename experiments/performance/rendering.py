"""What it costs to look: `python -m experiments rendering`.

Milliseconds of processor time of a call of `render()` for 12 and for 2,800 satellites, after some rounds;
seconds and bytes of a page of 120 rounds; and in a headless Chromium, where there is one, frames a second
and milliseconds of JavaScript a frame (median, without drawing): as it plays, with the inspector open, with
the list of the fleet too, and with the inspector at a moment far from the last. Without a graphics card the
browser draws in software: an ordinary laptop is many times faster. The load of the machine is printed with
it.
"""

import os
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from envs import tasking_v0
from experiments.performance.browser import MISSING, open_browser
from experiments.performance.machine import machine
from experiments.running.options import common
from experiments.running.progress import tracked
from experiments.running.run_folder import keep_records
from sandbox.recording import Recording

SCENARIOS, ROUNDS, CALLS = ("scs01", "star_compute_2800"), 120, 25
QUICK_SCENARIOS, QUICK_ROUNDS, QUICK_CALLS = ("pair",), 4, 2
WATCHED_S = 4.0


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--quick", action="store_true", help="a short run that only shows that it works")
    common(parser)


def run(told: Any) -> None:
    """Measure, print, write JSON if asked to."""
    scenarios, rounds, calls = (
        (QUICK_SCENARIOS, QUICK_ROUNDS, QUICK_CALLS) if told.quick else (SCENARIOS, ROUNDS, CALLS)
    )
    found: dict[str, Any] = {
        "machine": machine(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "cases": [measure(name, rounds, calls) for name in tracked(scenarios, "scenarios", still=True)],
    }
    _print(found)
    if told.json:
        keep_records(told.json, "rendering", found["cases"], machine=found["machine"])


def measure(scenario: str, rounds: int, calls: int) -> dict[str, Any]:
    """The costs of looking at `rounds` random rounds of a scenario."""
    found: dict[str, Any] = {"scenario": scenario}
    for mode in ("rgb_array", "ansi"):
        env = tasking_v0.parallel_env(scenario, max_cycles=rounds, render_mode=mode)
        _play(env, rounds)
        found["satellites"] = env.world.satellites
        found[f"{mode}_cpu_ms"] = cpu_ms(env.render, calls)
        recording = env.recording
        env.close()
    with TemporaryDirectory() as folder:
        began = time.process_time()
        path = recording.to_html(Path(folder) / "page.html")
        found |= {"page_cpu_s": time.process_time() - began, "page_bytes": path.stat().st_size}
        return found | _watched(path, recording)


def cpu_ms(call: Callable[[], Any], calls: int) -> float:
    """Milliseconds of processor time of a call, median, after one that fills the caches."""
    call()
    spent = []
    for _ in tracked(range(calls), "rendering", still=True):
        began = time.process_time()
        call()
        spent.append(1e3 * (time.process_time() - began))
    return median(spent)


def _play(env: Any, rounds: int) -> None:
    env.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in tracked(range(rounds), "playing", still=True):
        drawn = rng.integers(0, len(env.actions), len(env.agents)).tolist()
        env.step(dict(zip(env.agents, drawn, strict=True)))


_FRAMES = """const [selected, listed, playing] = arguments, spent = [];
const { painter } = view, { draw } = painter;
painter.draw = () => {};
view.play(false);
view.select(selected);
if (view.list.box.hidden === listed) view.list.toggle(listed);
view.playing = playing;
for (let i = 0; i < 60; i++) {
  view.t = view.begin + (view.end - view.begin) * i / 60;
  const began = performance.now();
  view.update();
  spent.push(performance.now() - began);
}
view.playing = false;
painter.draw = draw;
view.list.toggle(false);
return spent.sort((a, b) => a - b)[30];"""
_SIGHTS = (
    ("javascript_ms", -1, False, True),
    ("inspector_ms", 0, False, True),
    ("list_ms", 0, True, True),
    ("jumps_ms", 0, False, False),
)
"""Name of the number, selected satellite, whether the list is open, whether it plays (else jumps)."""


def _watched(page: Path, recording: Recording) -> dict[str, float]:
    browser = open_browser()
    if browser is None:
        print(f"{MISSING}: the browser is left out.", file=sys.stderr)
        return {}
    try:
        began = time.perf_counter()
        browser.get(page.as_uri())
        while not browser.execute_script("return !!window.view && view.paints > 0"):
            time.sleep(0.02)
        opened = time.perf_counter() - began
        javascript = {
            name: browser.execute_script(_FRAMES, selected, listed, playing)
            for name, selected, listed, playing in _SIGHTS
        }
        painted = browser.execute_script("view.seek(view.begin); view.play(true); return view.paints")
        time.sleep(WATCHED_S)
        painted = browser.execute_script("return view.paints") - painted
    finally:
        browser.quit()
    return {"open_s": opened, **javascript, "software_fps": painted / WATCHED_S}


def _print(found: dict[str, Any]) -> None:
    told, load = found["machine"], found["load"]
    print(f"{told['cpu']}, {told['cores']} cores, Python {told['python']}, NumPy {told['numpy']}")
    if load is not None:
        print(f"load when it began: {load:.1f}")
    for case in found["cases"]:
        print(f"\n{case['scenario']}, {case['satellites']:,} satellites")
        for name, value in case.items():
            if isinstance(value, float | int) and name != "satellites":
                print(f"  {name:18} {value:12,.2f}")
