"""Teachers decide legally, by the rules that their pages state."""

import numpy as np
import pytest

from agents.tuned import avoidance
from envs.episodes import make_env
from experiments.training.splits import JUDGED, held_out
from experiments.training.teachers import SCALES, TEACHERS
from experiments.training.teachers.tune import tuned
from sandbox.scenario import load_scenario


@pytest.fixture(scope="module", params=TEACHERS)
def env(request):
    problem = request.param
    return make_env(problem, held_out(next(iter(JUDGED[problem])), 1.0))


@pytest.fixture(scope="module")
def shell():
    return make_env("avoidance_v0", held_out("crossing_12", 1.0))


@pytest.fixture(scope="module")
def response():
    return make_env("autonomy_v0", held_out("disaster_response", 0.25))


def test_every_decision_is_legal(env):
    teacher = TEACHERS[env.problem.name](env)
    observation, info = env.reset(seed=5)
    for _ in range(min(40, env.max_cycles)):
        actions = teacher.act(observation, info)
        assert (np.take_along_axis(info["action_mask"], actions[..., None], -1) == 1).all()
        observation, _, _, _, info = env.step(actions)


def test_every_number_can_be_tuned(env):
    problem = env.problem.name
    low = {name: least for name, (_, least, _) in SCALES[problem].items()}
    teacher = tuned(problem, env, low)
    assert all(getattr(teacher, name) == least for name, least in low.items() if "." not in name)
    if problem == "autonomy_v0":
        assert teacher.rules.margin == low["rules.margin"]


def seen(env, **values):
    """One satellite's observation (1, 1, F): nothing on, but for `values` by feature."""
    quiet = {"fuel": 100.0, "battery": 80.0, "time_left": 50.0}
    quiet |= {name: -10.0 for name in env.layout.names if name.endswith("_risk")}
    numbers = [(quiet | values).get(name, 0.0) for name in env.layout.names]
    return env.layout.scaled(np.array(numbers))[None, None]


def warned(time, risk, miss=50.0, sigma=60.0):
    return {
        "warning_1_present": 1.0,
        "warning_1_time": time,
        "warning_1_risk": risk,
        "warning_1_miss": miss,
        "warning_1_sigma": sigma,
    }


@pytest.mark.parametrize(
    ("values", "action"),
    [
        ({}, "wait"),
        (warned(10.0, -2.0), "wait"),  # far ahead: it may come to nothing
        (warned(1.5, -6.0), "wait"),
        (warned(1.5, -2.0), "backward_small"),
        (warned(1.5, -2.0) | {"offset": 1.0}, "forward_small"),  # towards the slot
        (warned(1.5, -2.0) | {"offset": 0.5, "drift": 5.0}, "backward_small"),  # on as it drifts already
        (warned(0.5, -2.0, miss=50.0, sigma=400.0), "backward_large"),
        ({"offset": 1.0, "drift": 0.0}, "wait"),
        ({"offset": 1.8, "drift": 5.0}, "return"),
        ({"offset": 1.8, "drift": -5.0}, "wait"),  # on its way back
        ({"offset": 0.2, "drift": -5.0}, "return"),  # there: it stops
        ({"offset": 1.8, "drift": 5.0} | warned(4.0, -5.0), "wait"),  # not into something else's way
    ],
)
def test_avoidance_burns_late_and_returns_when_it_must(shell, values, action):
    teacher = avoidance.Teacher(shell)
    mask = np.ones((1, 1, len(shell.actions)), np.int8)
    assert shell.actions[teacher.decide(seen(shell, **values), mask)[0, 0]] == action


@pytest.mark.parametrize("slot_km", [0.4, 5.0])
def test_who_is_not_told_how_wide_its_slot_is_keeps_within_a_narrow_one(slot_km):
    env = make_env("avoidance_v0", load_scenario("crossing_12", {"encounters.slot_km": slot_km}), 1.0)
    teacher = avoidance.InAnySlot(env)
    assert teacher.out_km == pytest.approx(0.463 * 0.7)
    mask = np.ones((1, 1, len(env.actions)), np.int8)
    for offset, action in ((0.3, "wait"), (0.35, "return")):
        assert env.actions[teacher.decide(seen(env, offset=offset), mask)[0, 0]] == action


JOB = {
    "job_present": 1.0,
    "inbox": 1.0,
    "job_value": 5.0,
    "job_left": 600.0,
    "job_half_life": 200.0,
    "job_size": 20.0,
    "job_small_s": 5.0,
    "job_large_s": 15.0,
    "job_small_quality": 0.4,
    "job_large_quality": 0.9,
    "job_ground_quality": 0.95,
    "contact_in": 180.0,
}


@pytest.mark.parametrize(
    ("values", "action"),
    [
        ({"order_charge": 1.0, "order_defer": 1.0}, "keep"),
        (JOB | {"order_charge": 1.0, "order_defer": 1.0}, "run_large"),
        (JOB | {"order_charge": 1.0, "order_run_large": 1.0}, "keep"),
        (JOB | {"order_charge": 1.0, "order_defer": 1.0} | warned(0.5, -2.0), "backward_small"),
        (JOB | {"order_charge": 1.0, "order_defer": 1.0, "weights_fault": 1.0}, "reload"),
    ],
)
def test_autonomy_changes_what_matters_most(response, values, action):
    teacher = TEACHERS["autonomy_v0"](response)
    mask = np.ones((1, 1, len(response.actions)), np.int8)
    for name in response.actions:
        index = response.actions.index(name)
        if values.get(f"order_{name}") or name.startswith(("observe", "neighbour", "training", "downlink")):
            mask[0, 0, index] = 0
    values = {"battery": 95.0, "sunlight": 100.0, "to_shadow": 60.0} | values
    assert response.actions[teacher.decide(seen(response, **values), mask)[0, 0]] == action
