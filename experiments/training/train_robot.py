"""Train the mind of the search robot in the site itself, from a teacher that knows where the victim is.

    python -m experiments train_robot        # a few minutes on one core; leaves mind.npz and card.json

DAgger (Ross, Gordon and Bagnell 2011): the robot searches sites by what was learned so far, and the teacher
says of every decision that it met how much longer than the best it would be: the way to where it leads, and
from there to the victim through the true map. A small network learns that from what the robot saw, which
knows no more than unknown ground and some knocking. Sites of training, of judging and of `robot` are
different ones.
"""

import time
from argparse import ArgumentParser
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.network import Weights, write_weights
from agents.robots.minds import Mind, make_mind
from agents.robots.network import ROW, Trained, rows_of
from envs.robots.env import SearchEnv
from envs.robots.mapping import Grid, distances
from envs.robots.site import occupied
from envs.robots.words import ACTIONS, BACK, TO_VICTIM, WAIT, SearchProblem
from experiments.running.options import add, common
from experiments.running.progress import tracked
from experiments.running.run_folder import check_json, keep_json, keep_records
from experiments.running.statistics import mean, with_bounds
from sandbox.errors import SandboxError
from sandbox.terminal import say

TRAINING, JUDGING = 10_000_000, 20_000_000
"""First seeds of the sites."""
LONGER_M, WAIT_M = 15.0, 12.0
"""What is longer than the best by more counts as this; a wait as so much: it finds nobody."""
HIDDEN = (24, 12)
LEARN_RATE, SWEEPS = 3e-3, 400


def costs(env: SearchEnv, truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much longer (A,), m, every decision is than the best, by a teacher who knows the ways `truth`
    (CELLS, CELLS) to the victim; NaN for what is not legal."""
    robot, seen = env.robot, env.seen
    assert robot is not None
    assert seen is not None
    long = np.full(len(ACTIONS), np.nan)
    far = robot.reachable()[0]
    for action, (row, column) in seen.goals.items():
        long[action] = far[row, column] + _left(truth, row, column, robot.site.victim)
    if robot.found and seen.mask[TO_VICTIM]:
        long[TO_VICTIM] = 0.0
    least = np.nanmin(long) if np.isfinite(long).any() else 0.0
    long[WAIT] = least + WAIT_M
    if seen.mask[BACK]:
        long[BACK] = least + 1.1 * WAIT_M
    return np.clip(long - min(least, np.nanmin(long)), 0.0, LONGER_M)


def _left(truth: NDArray, row: int, column: int, victim: tuple[float, float]) -> float:
    if np.isfinite(truth[row, column]):
        return float(truth[row, column])
    return 1.5 * float(np.hypot(Grid.X[row, column] - victim[0], Grid.Y[row, column] - victim[1]))


def search(env: SearchEnv, mind: Mind, seed: int, notes: list | None = None) -> dict[str, Any]:
    """One episode; the teacher's words on every decision go to `notes`."""
    observation, info = env.reset(seed=seed)
    assert env.robot is not None
    truth = distances(occupied(env.robot.site.blocks), env.robot.site.victim)
    over = False
    while not over:
        if notes is not None:
            notes.append((rows_of(env.layout.physical(observation)), costs(env, truth)))
        action = mind.decide(observation, info["action_mask"])
        observation, _, terminated, truncated, info = env.step(action)
        over = terminated or truncated
    return info


def learn(notes: Sequence[tuple[NDArray, NDArray]], seed: int) -> Weights:
    """A network that expects of every decision the negative of its cost, in tens of metres."""
    import torch

    torch.manual_seed(seed)
    torch.set_num_threads(1)
    rows, target = (np.concatenate(part) for part in zip(*notes, strict=True))
    known = np.isfinite(target)
    x = torch.as_tensor(rows[known])
    y = torch.as_tensor(-target[known] / 10.0, dtype=torch.float32)
    middle, scale = x.mean(0), 1.0 / (x.std(0) + 1e-3)
    widths, layers = (len(ROW), *HIDDEN, 1), []
    for a, b in pairwise(widths):
        layers += [torch.nn.Linear(a, b), torch.nn.Tanh()]
    net = torch.nn.Sequential(*layers[:-1])
    optimiser = torch.optim.Adam(net.parameters(), LEARN_RATE)
    for k in tracked(range(SWEEPS), "learning"):
        for group in optimiser.param_groups:
            group["lr"] = LEARN_RATE * (1.0 - k / SWEEPS)
        order = torch.randperm(len(x))
        for part in order.split(4096):
            optimiser.zero_grad()
            loss = torch.nn.functional.smooth_l1_loss(
                net(((x[part] - middle) * scale).clip(-5, 5))[:, 0], y[part]
            )
            loss.backward()
            optimiser.step()
    linear = [layer for layer in net if isinstance(layer, torch.nn.Linear)]
    pairs = tuple(
        (layer.weight.detach().numpy().copy(), layer.bias.detach().numpy().copy()) for layer in linear
    )
    return Weights(SearchProblem.name, ROW, ("score",), "argmax", middle.numpy(), scale.numpy(), pairs)


def judge(minds: dict[str, Mind], episodes: int) -> list[dict[str, Any]]:
    """A row for each mind: what it reaches in sites that nobody trained on, means with 95 % bounds."""
    env, found = SearchEnv(), []
    for name, mind in minds.items():
        played = [search(env, mind, JUDGING + k) for k in tracked(range(episodes), f"judging {name}")]
        told: dict[str, Any] = {"mind": name, "episodes": episodes}
        for measure in ("reached", "time_s", "energy_wh", "collisions"):
            value, low, high = mean([float(info[measure]) for info in played])
            told |= {measure: value, f"{measure}_low": low, f"{measure}_high": high}
        found.append(told)
    return found


_BOUNDS = ("", "_low", "_high")


def run(told: Any) -> None:
    if min(told.rounds, told.episodes, told.judged) < 1 or told.seed < 0:
        raise SandboxError("Give at least one round and one episode each, and a seed of at least 0.")
    out = Path(told.out)
    check_json(out / "card.json")
    out.mkdir(parents=True, exist_ok=True)
    env, begun = SearchEnv(), time.process_time()
    notes: list[tuple[NDArray, NDArray]] = []
    mind: Mind = make_mind("loudest")
    number = TRAINING + 100_000 * told.seed
    for k in tracked(range(told.rounds), "rounds"):
        for _ in tracked(range(told.episodes), "searching"):
            search(env, mind, number, notes)
            number += 1
        write_weights(out / "mind.npz", learn(notes, told.seed))
        mind = Trained(out / "mind.npz")
        say(
            f"round {k + 1} of {told.rounds}: {len(notes):,} decisions, "
            f"{time.process_time() - begun:.0f} CPU s"
        )
    table = judge(
        {"nearest": make_mind("nearest"), "loudest": make_mind("loudest"), "trained": mind}, told.judged
    )
    for row in table:
        told_of = (f"{name} {with_bounds('{:.3g}'.format, *(row[name + end] for end in _BOUNDS))}"
                   for name in ("reached", "time_s", "energy_wh", "collisions"))  # fmt: skip
        say(f"{row['mind']}: {', '.join(told_of)}")
    if told.json:
        keep_records(told.json, "train_robot", table)
    keep_json(out / "card.json", "train_robot", {"rows": table, "decisions": len(notes)})
    say(f"Results in {out}/")


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    add(parser, "--rounds", 4, "of searching and learning", type=int, metavar="N")
    add(parser, "--episodes", 80, "of a round", type=int, metavar="N")
    add(parser, "--judged", 200, "episodes of judging each mind", type=int, metavar="N")
    common(parser, out="results/train_robot", seed=0)
