"""The planner on each problem: legal, reproducible, blind to the batch, harmless to the world, the best."""

import numpy as np
import pytest

from agents import make_policy
from envs import autonomy_v0, avoidance_v0, offloading_v0, tasking_v0
from sandbox.errors import SandboxError
from sandbox.scenario import load_scenario
from sandbox.state import arrays

RIVALS = {
    "tasking_v0": ("greedy", "deadline_greedy"),
    "offloading_v0": ("greedy", "least_loaded"),
    "avoidance_v0": ("never", "threshold", "late_threshold", "thrifty"),
    "autonomy_v0": ("greedy", "deadline_greedy"),
}
SCENARIOS = {
    "tasking_v0": (
        tasking_v0,
        "scs01",
        {"horizon_h": 2.0, "satellites": ["SCS-01 A", "SCS-01 B", "SCS-01 M"]},
    ),
    "offloading_v0": (offloading_v0, "relay_40", {"horizon_h": 0.25}),
    "avoidance_v0": (avoidance_v0, "crossing_12", {"horizon_h": 36.0, "encounters.population": 0}),
    "autonomy_v0": (autonomy_v0, "disaster_response", {"horizon_h": 1.0}),
}
PROBLEMS = tuple(RIVALS)


def make(problem, worlds=1, rounds=None):
    module, name, changes = SCENARIOS[problem]
    return module.batch_env(load_scenario(name, changes), worlds, max_cycles=rounds, autoreset=False)


def planner(env):
    """One that searches no more than it must."""
    return make_policy("planner", env, **({} if env.problem.name == "avoidance_v0" else {"effort": 1}))


def everything(world):
    """The bytes of all that changes with time, of the arrays themselves: a copy differs in its padding."""
    parts = [*arrays(world.state)]
    for part in (getattr(world, name) for name in world.parts):
        parts += [part] if isinstance(part, np.ndarray) else arrays(part.state)
    return [part.tobytes() for part in parts]


def play(problem, name, worlds=1, seed=3, rounds=None):
    """Rewards by world, and all actions."""
    env = make(problem, worlds, rounds)
    policy = planner(env) if name == "planner" else make_policy(name, env)
    policy.reset(seed=0)
    seen, info = env.reset(seed=seed)
    total, actions = np.zeros(worlds), []
    for _ in range(env.max_cycles):
        actions.append(policy.act(seen, info))
        assert np.take_along_axis(info["action_mask"], actions[-1][..., None], -1).all(), "an illegal action"
        seen, reward, _, _, info = env.step(actions[-1])
        total += reward.sum(axis=1)
    return total, np.stack(actions), policy


@pytest.mark.parametrize("problem", PROBLEMS)
def test_it_earns_more_than_every_heuristic(problem):
    paid = {name: play(problem, name, worlds=2)[0].mean() for name in ("planner", *RIVALS[problem])}
    assert paid["planner"] == max(paid.values())


@pytest.mark.parametrize("problem", PROBLEMS)
def test_each_world_of_a_batch_is_planned_as_if_alone(problem):
    _, both, _ = play(problem, "planner", worlds=2, rounds=12)
    for b in range(2):
        _, alone, _ = play(problem, "planner", seed=3 + b, rounds=12)
        np.testing.assert_array_equal(both[:, b], alone[:, 0])


@pytest.mark.parametrize("problem", PROBLEMS)
def test_to_look_is_not_to_touch(problem):
    env = make(problem, rounds=15)
    policy = planner(env)
    policy.reset(seed=0)
    seen, info = env.reset(seed=3)
    for _ in range(15):
        before = everything(env.world)
        actions = policy.act(seen, info)
        assert everything(env.world) == before
        seen, _, _, _, info = env.step(actions)


def test_its_gap_is_told():
    _, _, policy = play("tasking_v0", "planner")
    assert policy.gaps
    assert 0.0 <= policy.gap < 0.05


SEARCHED = ("tasking_v0", "offloading_v0", "autonomy_v0")


@pytest.mark.parametrize("problem", SEARCHED)
def test_it_can_take_over_in_the_middle_of_an_episode(problem):
    paid = {}
    for name in ("greedy", "planner"):
        env = make(problem, rounds=60 if problem == "tasking_v0" else 30)
        first = make_policy("greedy", env)
        second = planner(env) if name == "planner" else first
        seen, info = env.reset(seed=5)
        paid[name] = 0.0
        for k in range(env.max_cycles):
            seen, reward, _, _, info = env.step((first if k < 10 else second).act(seen, info))
            paid[name] += reward.sum()
    assert paid["planner"] >= paid["greedy"]


def test_the_next_episode_is_planned_anew():
    alone = play("tasking_v0", "planner", seed=7, rounds=12)[1]
    env = make("tasking_v0", rounds=12)
    policy = planner(env)
    for seed in (6, 7):
        seen, info = env.reset(seed=seed)
        actions = []
        for _ in range(12):
            actions.append(policy.act(seen, info))
            seen, _, _, _, info = env.step(actions[-1])
    np.testing.assert_array_equal(np.stack(actions), alone)


def test_who_disturbs_it_makes_it_plan_again():
    env = make("tasking_v0", rounds=8)
    policy = planner(env)
    seen, info = env.reset(seed=3)
    for k in range(8):
        actions = policy.act(seen, info)
        assert np.take_along_axis(info["action_mask"], actions[..., None], -1).all()
        seen, _, _, _, info = env.step(np.zeros_like(actions) if k == 3 else actions)


@pytest.mark.parametrize("effort", [0, -1, 2.5, "much"])
def test_an_effort_that_is_no_count_is_told(effort):
    with pytest.raises(SandboxError, match="effort"):
        make_policy("planner", make("tasking_v0"), effort=effort)
