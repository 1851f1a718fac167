"""autonomy_v0 for very long: no number that is not finite, no books that drift, no memory that grows.

The million satellite-steps take a minute or so: `python -m pytest -m slow tests/envs/test_endurance.py -s`
"""

import gc

import numpy as np
import psutil
import pytest

from envs import autonomy_v0
from envs.deliberation import Thought, deliberating

WORLDS = 8
ROOM_MB = 8.0
"""Memory may move by so much once everything has been touched: what allocators keep for later."""


def resident_mb():
    gc.collect()
    return psutil.Process().memory_info().rss / 2**20


def play(env, rounds, rng, info):
    """Random legal decisions, a third of them thought about, with a word to the neighbours now and then."""
    team, ended = (env.worlds, env.satellites), 0
    for _ in range(rounds):
        mask = info["action_mask"]
        actions = np.argmax(rng.random(mask.shape, np.float32) * mask, axis=-1)
        output = rng.integers(1, 400, team) * (rng.random(team) < 0.3)
        said = np.where(rng.random((*team, 1)) < 0.2, rng.uniform(-1.0, 1.0, (*team, 2)), np.nan)
        env.problem.mail.say(said)
        seen, reward, _, _, info = env.step(actions, Thought(np.where(output, 400, 0), output))
        assert np.isfinite(seen).all()
        assert np.isfinite(reward).all()
        assert np.isfinite(info["terms"]).all()
        assert np.abs(seen).max() <= 1.0
        ended += int(info["ended"].sum())
    return info, ended


def endure(trouble, steps):
    """Memory (MB) after each quarter of so many satellite-steps, and how many episodes ended meanwhile."""
    from sandbox.scenario import load_scenario

    changes = {name: value for name, value in trouble.items() if not name.startswith("encounters")}
    scenario = load_scenario(
        "disaster_response", changes | {"encounters.staged_per_day": 6.0, "horizon_h": 3.0}
    )
    env = deliberating(autonomy_v0.batch_env(scenario, WORLDS, message_size=2))
    rng = np.random.default_rng(0)
    _, info = env.reset(seed=0)
    rounds, memory, ended = -(-steps // (WORLDS * env.satellites)), [], 0
    info, _ = play(env, 20, rng, info)
    for _ in range(4):
        info, more = play(env, -(-rounds // 4), rng, info)
        ended += more
        memory.append(resident_mb())
    _check_books(env.world)
    return memory, ended


def _check_books(world):
    """What the ledgers of the episodes under way say is what is there."""
    power, work = world.state.power, world.jobs.state
    flow = power["harvested"] - power["consumed"] - power["lost"] - power["curtailed"] + power["unmet"]
    craft = world.fleet.craft
    charge = (power["energy"] - flow) / (craft["health"] * craft["battery"])
    assert (charge >= craft["charge_low"] - 1e-6).all()
    assert (charge <= craft["charge_high"] + 1e-6).all()
    assert (power["energy"] >= 0.0).all()
    assert (power["energy"] <= power["capacity"] * (1.0 + 1e-12)).all()
    held = work.queues["count"].sum(axis=(1, 2)) + work.waiting["count"]
    ends = sum(work.ledger[f"jobs_{name}"] for name in ("delivered", "dropped", "expired", "lost"))
    np.testing.assert_array_equal(work.ledger["jobs_created"], ends + held)


def test_forty_thousand_steps(trouble):
    memory, _ = endure(trouble, 40_000)
    assert memory[-1] - memory[1] < ROOM_MB, memory


@pytest.mark.slow
def test_a_million_steps_without_nan_or_leak(trouble):
    memory, ended = endure(trouble, 1_000_000)
    print(f"memory after each quarter: {', '.join(f'{mb:.1f}' for mb in memory)} MB; {ended} episodes ended")
    assert ended > 2 * WORLDS
    assert memory[-1] - memory[0] < ROOM_MB, memory
