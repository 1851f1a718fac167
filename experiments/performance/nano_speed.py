"""What a decision of the nano costs this machine: `python -m experiments nano_speed`.

Processor time, one thread, of deciding for 1, 12, 256 and 2,800 satellites in one call: the median of several
calls. Beside it the floating-point operations per second that this comes to, against those of a plain matrix
product in the same run, which is what bounds it; and what of the time was not spent in the model.
"""

import time
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from agents import make_policy
from agents.qwen.decisions import Request
from agents.qwen.dense import DenseRenderer
from agents.qwen.nano import FOLDER, NanoEngine
from envs import tasking_v0
from envs.batch import BatchEnv
from envs.reports import Reporter
from experiments.performance.machine import machine
from experiments.running.options import add, common
from experiments.running.progress import tracked
from experiments.running.rollout import Turn, Watcher, play
from experiments.running.run_folder import keep_records

FLEETS, GEMM = (1, 12, 256, 2_800), 768
ROUNDS_BETWEEN, SKIPPED = 17, 60


def make_requests(count: int) -> list[Request]:
    """What so many satellites of SCS-01 ask in rounds of half a day under `greedy`."""
    env = tasking_v0.batch_env("scs01", worlds=4, autoreset=False)
    reporter, policy = Reporter(env.problem), make_policy("greedy", env)
    kept = _Kept(reporter, count)
    play(env, policy, 0, [kept])
    env.close()
    found = kept.requests
    order = np.random.default_rng(0).permutation(len(found))
    return [found[i] for i in order[:count]]


class _Kept(Watcher):
    """Keeps the requests of some rounds, until there are enough."""

    def __init__(self, reporter: Reporter, count: int) -> None:
        self.requests: list[Request] = []
        self._reporter, self._count, self._round = reporter, count, 0

    def decided(self, env: BatchEnv, turn: Turn) -> bool:
        if self._round >= SKIPPED and self._round % ROUNDS_BETWEEN == 0:
            rows = turn.observation.reshape(-1, turn.observation.shape[-1])
            masks = turn.info["action_mask"].reshape(-1, len(env.actions))
            asked = (Request(seen, mask, self._reporter) for seen, mask in zip(rows, masks, strict=True))
            self.requests += asked
        self._round += 1
        return len(self.requests) >= self._count


def flop(config: Any, tokens: int) -> float:
    """Floating-point operations of one prompt: two per weight and token, and the attention over it."""
    heads, kv = config.num_attention_heads, config.num_key_value_heads
    hidden, head = config.hidden_size, config.head_dim
    weights = hidden * head * (2 * heads + 2 * kv) + 3 * hidden * config.intermediate_size
    attention = 4 * heads * head * tokens
    return config.num_hidden_layers * tokens * (2 * weights + attention)


def gemm_flop_s(repeats: int) -> float:
    """Operations per second of processor time of a float32 matrix product, the best of `repeats`."""
    import torch

    a, b = torch.rand(GEMM, GEMM), torch.rand(GEMM, GEMM)
    return 2.0 * GEMM**3 / min(cpu_s(lambda: a @ b, repeats))


def cpu_s(call: Callable[[], Any], repeats: int) -> list[float]:
    """Processor seconds of each of `repeats` calls, after one that is not counted."""
    call()
    spent = []
    for _ in tracked(range(repeats), "timing", still=True):
        begin = time.process_time()
        call()
        spent.append(time.process_time() - begin)
    return spent


def measure(engine: NanoEngine, fleets: Sequence[int], repeats: int) -> list[dict[str, float]]:
    """A row of numbers for each size of fleet."""
    peak, config = gemm_flop_s(3 * repeats), engine.model.config
    asked = make_requests(max(fleets))
    rows = []
    for count in tracked(fleets, "fleets", still=True):
        requests = asked[:count]
        times = max(1, min(repeats, round(repeats * 300 / count)))
        spent = median(cpu_s(partial(engine.decide, requests), times))
        reporter = requests[0].reporter
        renderer = DenseRenderer(reporter.layout, reporter.actions)
        rendering = median(cpu_s(partial(_render, renderer, requests), times))
        lengths = [decision.prompt_tokens for decision in engine.decide(requests)]
        rate = sum(flop(config, length) for length in lengths) / spent
        rows.append(
            {
                "satellites": count,
                "cpu_s": spent,
                "cpu_ms_per_decision": 1e3 * spent / count,
                "rendering_share": rendering / spent,
                "tokens_per_decision": float(np.mean(lengths)),
                "gflop_s": 1e-9 * rate,
                "gemm_gflop_s": 1e-9 * peak,
                "share_of_gemm": rate / peak,
            }
        )
    return rows


def _render(renderer: DenseRenderer, requests: Sequence[Request]) -> None:
    renderer.ids(np.stack([r.observation for r in requests]), np.stack([r.mask for r in requests]))


def run(told: Any) -> None:
    """Measure, print a table, write JSON if asked to."""
    rows = measure(NanoEngine(told.model), told.fleets, told.repeats)
    if told.json:
        keep_records(told.json, "nano speed", rows, machine=machine())
    print("satellites   CPU ms   ms each   tokens   rendering   GFLOP/s   of a matrix product")
    for row in rows:
        print(
            f"{row['satellites']:10,} {1e3 * row['cpu_s']:8.1f} {row['cpu_ms_per_decision']:9.2f} "
            f"{row['tokens_per_decision']:8.1f} {row['rendering_share']:10.1%} {row['gflop_s']:9.1f} "
            f"{row['share_of_gemm']:10.0%} of {row['gemm_gflop_s']:.0f}"
        )


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    add(parser, "--model", FOLDER, "a nano", type=Path, metavar="FOLDER")
    add(parser, "--fleets", FLEETS, "satellites", type=int, nargs="+", metavar="N")
    add(parser, "--repeats", 21, "calls of small fleets", type=int, metavar="N")
    common(parser)
