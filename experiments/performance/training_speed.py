"""How fast training goes: `python -m experiments training_speed`.

Agent-steps a second of processor time, one thread: of the whole training loop (play, judge, learn) on
`tasking_v0` in worlds of `scs01`, of the environment alone under random actions, and, where TorchRL is
installed, of our native TorchRL environment beside TorchRL's wrapper of the PettingZoo face. Medians of
repeats that take turns.
"""

import time
from argparse import ArgumentParser
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from envs import tasking_v0
from envs.batch import BatchEnv
from experiments.performance.machine import machine
from experiments.running.extras import install
from experiments.running.options import add, common
from experiments.running.progress import tracked
from experiments.running.run_folder import keep_records
from experiments.training.splits import FIRST_TRAINING_SEED

ROUNDS = 720
Measured = tuple[str, int, Callable[[], int]]
"""What is timed, its agents, and what plays a bit of it and says how many agent-steps that was."""


def training_loop(worlds: int, scenario: str) -> Measured:
    """An iteration of PPO: a rollout and what is learned from it."""
    from experiments.training.ppo import Learner, Settings

    env = tasking_v0.batch_env(scenario, worlds, max_cycles=ROUNDS)
    learner = Learner([env], Settings(), 0, FIRST_TRAINING_SEED)

    def play() -> int:
        before = learner.steps
        learner.iterate()
        return learner.steps - before

    return "whole training loop", worlds * env.satellites, play


def bare_batch(worlds: int, scenario: str) -> Measured:
    env = tasking_v0.batch_env(scenario, worlds, max_cycles=ROUNDS)
    env.reset(FIRST_TRAINING_SEED)
    return "batch face alone", worlds * env.satellites, lambda: _play_batch(env, 64)


def _play_batch(env: BatchEnv, rounds: int) -> int:
    drawn = np.random.default_rng(0).integers(0, len(env.actions), (rounds, env.worlds, env.satellites))
    for actions in drawn:
        env.step(actions)
    return drawn.size


def torchrl_cases(worlds: int, scenario: str) -> list[Measured]:
    """Our TorchRL environment, and TorchRL's wrapper of the PettingZoo face. Raises ModuleNotFoundError."""
    from torchrl.envs.libs.pettingzoo import PettingZooWrapper

    from envs.torchrl import make_torchrl

    native = make_torchrl("tasking_v0", scenario, worlds, max_cycles=ROUNDS)
    wrapped = PettingZooWrapper(tasking_v0.parallel_env(scenario, max_cycles=ROUNDS), return_state=True)
    satellites = native.batch.satellites

    def episode(env: Any, team: int) -> Callable[[], int]:
        """Whole episodes: each rollout begins one, and of a short one that would be most."""

        def play() -> int:
            env.rollout(ROUNDS, break_when_any_done=False)
            return ROUNDS * team

        return play

    return [
        ("TorchRL, native", worlds * satellites, episode(native, worlds * satellites)),
        ("TorchRL, PettingZoo wrapper", satellites, episode(wrapped, satellites)),
    ]


def measure(cases: list[Measured], repeats: int) -> list[dict[str, Any]]:
    """Agent-steps per second of processor time of each: the median and every repeat."""
    for _, _, play in tracked(cases, "first steps", still=True):
        play()
        play()
    rates: list[list[float]] = [[] for _ in cases]
    turns = [pair for _ in range(repeats) for pair in zip(cases, rates, strict=True)]
    for (_, _, play), kept in tracked(turns, "timing", still=True):
        begin = time.process_time()
        steps = play()
        kept.append(steps / max(time.process_time() - begin, 1e-9))
    return [
        {"case": name, "agents": agents, "per_cpu_s": median(kept), "repeats": kept}
        for (name, agents, _), kept in zip(cases, rates, strict=True)
    ]


def run(told: Any) -> None:
    """Measure, print a table, write JSON if asked to."""
    import torch

    torch.set_num_threads(1)
    cases = [training_loop(told.worlds, told.scenario), bare_batch(told.worlds, told.scenario)]
    try:
        cases += torchrl_cases(told.worlds, told.scenario)
    except ModuleNotFoundError as error:
        print(f"{error.name} is not installed, so TorchRL is left out; run: {install('torchrl')}")
    rows = measure(cases, told.repeats)
    if told.json:
        keep_records(told.json, "training speed", rows, machine=machine())
    print(f"{'':28} agents   agent-steps / CPU s   least to most, thousands")
    for row in rows:
        low, high = (1e-3 * pick(row["repeats"]) for pick in (min, max))
        print(f"{row['case']:28} {row['agents']:6} {row['per_cpu_s']:21,.0f}   {low:.3g} to {high:.3g}")
    rate = {row["case"]: row["per_cpu_s"] for row in rows}
    if len(rows) > 2:
        native, wrapper = (rate[name] for name, _, _ in cases[2:])
        print(f"Native TorchRL is {native / wrapper:.0f} times as fast as the wrapper.")


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    add(parser, "--scenario", "scs01", "of tasking_v0", metavar="NAME")
    add(parser, "--worlds", 16, "worlds stepped together", type=int, metavar="N")
    add(parser, "--repeats", 5, "of each", type=int, metavar="N")
    common(parser)
