"""What a fresh interpreter pays: importing, the first step, the memory of a large fleet."""

import json
import os
import subprocess
import sys
from tempfile import TemporaryDirectory

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
    return min(_run(IMPORT) for _ in range(tries))


def first_step_s(tries: int, satellites: int = 16) -> float:
    """Seconds from a bare interpreter to the end of the first step, kernels cached, the best of `tries`."""
    return min(_run(FIRST_STEP.format(satellites=satellites)) for _ in range(tries))


def compiling_s(satellites: int = 16) -> float:
    """The same with an empty cache, where every kernel is compiled."""
    with TemporaryDirectory() as folder:
        return _run(FIRST_STEP.format(satellites=satellites), NUMBA_CACHE_DIR=folder)


def memory_mb(satellites: int) -> float:
    """Peak memory (MB) of a process that steps one world of so many satellites."""
    return _run(MEMORY.format(satellites=satellites))


def _run(code: str, **more: str) -> float:
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | more, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"a measuring process failed:\n{done.stderr}")
    return json.loads(done.stdout)
