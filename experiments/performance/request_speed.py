"""What a number of open requests costs: `python -m experiments throughput --requests 64 256 1500 20000`.

Rounds alone, in agent-steps per second of processor time, and resets alone, in milliseconds for each world;
then both together, as an episode has them. The numbers take turns, so that a busy machine slows all of them.
"""

import time
from collections.abc import Sequence
from statistics import median
from typing import Any

from envs import tasking_v0
from experiments.performance.cases import DRAWN, draw, scenario
from experiments.running.progress import tracked

SATELLITES, WORLDS = 24, 16


def measure(sizes: Sequence[int], repeats: int, rounds: int, worlds: int = WORLDS) -> list[dict[str, Any]]:
    """A row for each number of requests: medians over `repeats` episodes of `rounds` rounds."""
    envs = [
        tasking_v0.batch_env(scenario(SATELLITES, size), worlds, max_cycles=rounds, autoreset=False)
        for size in sizes
    ]
    spent: list[list[tuple[float, float]]] = [[] for _ in envs]
    turns = [(turn, *pair) for turn in range(repeats + 1) for pair in zip(envs, spent, strict=True)]
    for turn, env, kept in tracked(turns, "timing", still=True):
        found = _episode(env)
        if turn:  # the first compiles
            kept.append(found)
    steps = worlds * SATELLITES * rounds
    return [_row(size, steps, worlds, kept) for size, kept in zip(sizes, spent, strict=True)]


def _episode(env: Any) -> tuple[float, float]:
    """Processor seconds of a reset and of the rounds after it."""
    drawn, begun = draw(env, DRAWN), time.process_time()
    env.reset(seed=0)
    ready = time.process_time()
    for k in range(env.max_cycles):
        env.step(drawn[k % DRAWN])
    return ready - begun, time.process_time() - ready


def _row(size: int, steps: int, worlds: int, kept: Sequence[tuple[float, float]]) -> dict[str, Any]:
    return {
        "requests": size,
        "rounds_per_cpu_s": median(steps / rounds for _, rounds in kept),
        "episodes_per_cpu_s": median(steps / (reset + rounds) for reset, rounds in kept),
        "reset_ms": 1e3 * median(reset for reset, _ in kept) / worlds,
    }


def show(rows: Sequence[dict[str, Any]], worlds: int = WORLDS) -> None:
    """Print a line for each row."""
    print(f"tasking_v0 batch face, {worlds} x {SATELLITES}: agent-steps a CPU second by open requests")
    print(f"{'requests':>9} {'rounds':>10} {'with resets':>12} {'reset, ms a world':>18}")
    for row in rows:
        rates = f"{row['rounds_per_cpu_s']:10,.0f} {row['episodes_per_cpu_s']:12,.0f}"
        print(f"{row['requests']:9,} {rates} {row['reset_ms']:18.2f}")
