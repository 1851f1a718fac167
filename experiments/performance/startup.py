"""What a fresh interpreter pays: importing, the first step, the memory of a large fleet.

python -m experiments startup --compiling
"""

import json
import os
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from functools import partial
from tempfile import TemporaryDirectory
from typing import Any

from experiments.performance.machine import machine
from experiments.running.options import add, common
from experiments.running.progress import bar, tracked
from experiments.running.run_folder import keep_records

IMPORT = """
import time
begin = time.perf_counter()
import envs
print(time.perf_counter() - begin)
"""
FIRST_STEP = """
import time
begin = time.perf_counter()
from experiments.performance.cases import batch, draw
env = batch(satellites={satellites})
env.reset(seed=0)
env.step(draw(env, 1)[0])
print(time.perf_counter() - begin)
"""
MEMORY = """
import resource
from experiments.performance.cases import batch, draw
env = batch(satellites={satellites})
env.reset(seed=0)
for actions in draw(env, 10):
    env.step(actions)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)
"""


def import_s(tries: int) -> float:
    """Seconds that `import envs` takes, the best of `tries` interpreters."""
    return min(_measured(IMPORT) for _ in tracked(range(tries), "importing"))


def first_step_s(tries: int, satellites: int = 16) -> float:
    """Seconds from a bare interpreter to the end of the first step, kernels cached, the best of `tries`."""
    code = FIRST_STEP.format(satellites=satellites)
    return min(_measured(code) for _ in tracked(range(tries), "first steps"))


def compiling_s(satellites: int = 16) -> float:
    """The same with an empty cache, where every kernel is compiled."""
    with TemporaryDirectory() as folder, bar("  compiling every kernel, which takes a minute or two"):
        return _measured(FIRST_STEP.format(satellites=satellites), NUMBA_CACHE_DIR=folder)


def memory_mb(satellites: int) -> float:
    """Peak memory (MB) of a process that steps one world of so many satellites."""
    return _measured(MEMORY.format(satellites=satellites))


def measure(tries: int, large: int, compiling: bool) -> dict[str, float]:
    """What a fresh interpreter pays, in seconds and megabytes; `compiling` takes minutes."""
    parts: dict[str, Callable[[], float]] = {
        "import_envs_s": partial(import_s, tries),
        "first_step_cached_s": partial(first_step_s, tries),
        f"peak_memory_{large}_satellites_mb": partial(memory_mb, large),
    }
    parts |= {"first_step_compiling_s": compiling_s} if compiling else {}
    return {name: part() for name, part in tracked(parts.items(), "starting", len(parts))}


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    add(parser, "--tries", 5, "interpreters, of which the fastest counts", type=int, metavar="N")
    add(parser, "--satellites", 2_800, "of the large fleet", type=int, metavar="N")
    parser.add_argument("--compiling", action="store_true", help="also a first step with an empty cache")
    common(parser)


def run(told: Any) -> None:
    """Measure, print, write JSON if asked to."""
    found = measure(told.tries, told.satellites, told.compiling)
    for name, value in found.items():
        print(f"{name:32} {value:8.2f}")
    if told.json:
        keep_records(told.json, "startup", [found], machine=machine())


def _measured(code: str, **more: str) -> float:
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | more, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"a measuring process failed:\n{done.stderr}")
    return json.loads(done.stdout)
