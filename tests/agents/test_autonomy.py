"""Heuristics for autonomy_v0: legal, reproducible, first things first, and worth their names."""

import numpy as np
import pytest

from agents import make_policy, policy_names
from agents.autonomy import DeadlineGreedy, Greedy
from envs import autonomy_v0
from sandbox.scenario import load_scenario

NAMES = ("greedy", "deadline_greedy")


def play(name, worlds=2, seed=11):
    env = autonomy_v0.batch_env(
        load_scenario("disaster_response", {"horizon_h": 2.0}), worlds, autoreset=False
    )
    policy = make_policy(name, env)
    policy.reset(seed=0)
    seen, info = env.reset(seed=seed)
    terms, total = np.zeros(len(env.terms)), np.zeros(worlds)
    for _ in range(env.max_cycles):
        actions = policy.act(seen, info)
        assert np.take_along_axis(info["action_mask"], actions[..., None], axis=-1).all(), "an illegal action"
        seen, reward, _, _, info = env.step(actions)
        terms += info["terms"].sum(axis=(0, 1))
        total += reward.sum(axis=1)
    return total, dict(zip(env.terms, terms, strict=True)), env


@pytest.fixture(scope="module")
def played():
    """Two hours of disaster_response, twice the same two worlds: (reward of each, terms, env) by policy."""
    return {name: play(name) for name in ("random", "idle", *NAMES)}


def test_found_by_name():
    assert set(NAMES) | {"random", "idle"} <= set(policy_names("autonomy_v0"))
    env = autonomy_v0.batch_env("disaster_response")
    assert isinstance(make_policy("greedy", env), Greedy)
    assert isinstance(make_policy("deadline_greedy", env), DeadlineGreedy)


def test_they_beat_random_and_idle(played):
    """World by world, and by far (greedy earns 1.8 times what random does), and nothing illegal is done."""
    for name in NAMES:
        reward, terms, env = played[name]
        assert (reward > played["random"][0]).all()
        assert (reward > played["idle"][0]).all()
        assert reward.mean() > 1.5 * max(0.0, played["random"][0].mean())
        assert terms["illegal"] == 0.0
        dead = ~env.world.state.body["alive"]
        assert (env.world.state.power["energy"][~dead] > 0.0).all()
        assert terms["delivered"] > 0.0
        assert terms["answered"] > played["random"][1]["answered"]


def test_same_seed_same_run(played):
    again, *_ = play("greedy")
    np.testing.assert_array_equal(played["greedy"][0], again)


@pytest.fixture
def given():
    """An environment, and observations and masks of its first round to change, without a warning."""
    env = autonomy_v0.batch_env("disaster_response", autoreset=False)
    seen, info = env.reset(seed=0)
    row, mask = env.layout.physical(seen), np.ones_like(info["action_mask"])
    put(
        env, row, warnings=0, **{f"warning_{k}_{name}": value for k in (1, 2) for name, value in SAFE.items()}
    )
    mask[..., env.actions.index("return")] = 0
    return env, row, mask


def put(env, row, **features):
    for name, value in features.items():
        row[..., env.layout.index(name)] = value


SAFE = {"present": 0, "time": 0, "miss": 0, "sigma": 0, "risk": -10, "age": 0}
HIT = {"warning_1_present": 1, "warning_1_time": 1.0, "warning_1_miss": 5.0, "warning_1_sigma": 10.0,
       "warning_1_risk": -0.5, "warning_1_age": 0.0, "warnings": 1, "fuel": 100}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
class TestFirstThingsFirst:
    def test_corrupted_weights_are_loaded_anew(self, given, name):
        env, row, mask = given
        put(env, row[:, :3], weights_fault=1)
        policy = make_policy(name, env)
        actions = policy.decide(env.layout.scaled(row), mask)[0]
        assert (actions[:3] == env.actions.index("reload")).all()
        assert (actions[3:] != env.actions.index("reload")).all()
        mask[..., env.actions.index("reload")] = 0
        assert (policy.decide(env.layout.scaled(row), mask) != env.actions.index("reload")).all()

    def test_a_burn_goes_before_everything(self, given, name):
        env, row, mask = given
        put(env, row, weights_fault=1, inbox=3, job_present=1, request_1_present=1, request_1_value=40)
        put(env, row[:, :2], **HIT)
        actions = make_policy(name, env).decide(env.layout.scaled(row), mask)[0]
        burns = [env.actions.index(burn) for burn in ("forward_small", "forward_large", "backward_small",
                                                      "backward_large")]  # fmt: skip
        assert np.isin(actions[:2], burns).all()
        assert (actions[2:] == env.actions.index("reload")).all()

    def test_waiting_jobs_are_served_before_the_satellite_is_pointed(self, given, name):
        env, row, mask = given
        put(env, row, inbox=5, job_present=1, job_value=10, job_left=600, job_half_life=300, job_small_s=2,
            job_large_s=9, job_small_quality=0.5, job_large_quality=0.9, job_ground_quality=0.95, backlog=0,
            request_1_present=1, request_1_value=40, battery=90, temperature=15)  # fmt: skip
        actions = make_policy(name, env).decide(env.layout.scaled(row), mask)[0]
        served = [env.actions.index(rule) for rule in ("run_small", "run_large", "training", "ground")]
        served += [env.actions.index(f"neighbour_{k}") for k in range(1, 5)]
        assert np.isin(actions, served).all()

    def test_never_drops_a_job(self, given, name):
        env, row, mask = given
        policy, rng = make_policy(name, env), np.random.default_rng(0)
        for _ in range(200):
            seen = rng.uniform(-1, 1, row.shape).astype(np.float32)
            legal = (rng.random(mask.shape) < 0.7).astype(np.int8)
            legal[..., 0] = 1
            actions = policy.decide(seen, legal)
            assert np.take_along_axis(legal, actions[..., None], axis=-1).all(), "an illegal action"
            assert (actions != env.actions.index("drop")).all()


@pytest.mark.parametrize("name", NAMES)
def test_dictionary_face_gets_the_same_decisions(name):
    scenario = load_scenario("disaster_response", {"horizon_h": 0.25})
    env, batch = autonomy_v0.parallel_env(scenario, mask_in_obs=True), autonomy_v0.batch_env(scenario)
    one, other = make_policy(name, env), make_policy(name, batch)
    seen, infos = env.reset(seed=5)
    observation, info = batch.reset(seed=5)
    for _ in range(15):
        actions, table = one.act(seen, infos), other.act(observation, info)
        assert list(actions.values()) == table[0].tolist()
        seen, _, _, _, infos = env.step(actions)
        observation, _, _, _, info = batch.step(table)
