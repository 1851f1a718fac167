"""avoidance_v0 against the official tests, its own page, and the truth behind its warnings."""

from functools import partial

import gymnasium
import numpy as np
import pettingzoo
import pytest
from gymnasium.utils.env_checker import check_env as gymnasium_check
from pettingzoo.test import api_test, max_cycles_test, parallel_api_test, parallel_seed_test, seed_test

import envs
from agents import make_policy, policy_names
from envs import avoidance_v0, language
from envs.check import check_env
from envs.deliberation import Thought, deliberating
from sandbox.errors import SandboxError
from sandbox.scenario import load_scenario


@pytest.fixture(scope="module")
def busy():
    """Three satellites and many encounters, most of them hits, soon."""
    fleet = [
        {
            "name": "Shell",
            "spacecraft": "computing_satellite",
            "walker": {"total": 3, "planes": 1, "altitude_km": 550, "inclination_deg": 53},
        }
    ]
    staged = {"encounters.staged_per_day": 12.0, "encounters.hit_share": 0.5, "encounters.population": 0}
    return load_scenario("crossing_12", {"fleet": fleet, "horizon_h": 12.0, **staged})


def test_official_parallel_api(busy):
    for form in ({}, {"mask_in_obs": True}, {"death": "remove"}):
        parallel_api_test(avoidance_v0.parallel_env(scenario=busy, **form), num_cycles=200)


@pytest.mark.filterwarnings("ignore:Observation")
def test_official_api(busy):
    for form in ({}, {"death": "remove"}):
        api_test(avoidance_v0.env(scenario=busy, max_cycles=40, **form), num_cycles=120)
    api_test(avoidance_v0.raw_env(scenario=busy, max_cycles=20), num_cycles=60)


def test_official_seeds_and_cycles(busy):
    parallel_seed_test(partial(avoidance_v0.parallel_env, scenario=busy), num_cycles=30)
    seed_test(partial(avoidance_v0.env, scenario=busy), num_cycles=30)
    max_cycles_test(avoidance_v0)


def test_our_check(busy):
    check_env(
        partial(avoidance_v0.parallel_env, scenario=busy),
        partial(avoidance_v0.batch_env, busy),
        max_cycles=50,
    )
    check_env(partial(avoidance_v0.parallel_env, scenario=busy, death="remove"), max_cycles=144)


def test_gymnasium_faces(busy):
    env = gymnasium.make("sandbox/Avoidance-v0", scenario=busy, satellite="Shell 2", max_cycles=10)
    gymnasium_check(env.unwrapped, skip_render_check=True)
    fleet = avoidance_v0.satellite_env(
        busy, satellite="Shell 3", teammates=lambda seen, info: np.zeros((1, 3), int)
    )
    assert fleet.ego == 2
    vector = avoidance_v0.vector_env(2, busy, max_cycles=5)
    seen, info = vector.reset(seed=0)
    assert vector.observation_space.contains(seen)
    assert info["action_mask"].shape == (2, 6)
    with pytest.raises(SandboxError, match="Unknown satellite"):
        avoidance_v0.satellite_env(busy, satellite="Shell 9")


def test_pettingzoo_registry(busy):
    envs.registry.register_all()
    if hasattr(pettingzoo, "make"):
        env = pettingzoo.make("parallel", "sandbox/avoidance-v0", scenario=busy, max_cycles=5)
        assert env.unwrapped.max_cycles == 5


def test_spaces_are_those_of_the_page(busy):
    env = avoidance_v0.parallel_env(scenario=busy, warned=2)
    assert env.observation_space("sat_0").shape == (7 + 6 * 2,)
    assert env.action_space("sat_0") == gymnasium.spaces.Discrete(6)
    assert env.state_space.shape == (1 + 11 * 3,)
    env.reset(seed=1)
    assert env.state_space.contains(env.state())


def test_features_say_what_the_world_is(busy):
    env = avoidance_v0.batch_env(busy, autoreset=False)
    env.reset(seed=3)
    for _ in range(6):
        seen, *_ = env.step([[1, 0, 4]])
    world, row = env.world, env.layout.physical(seen)[0]
    index = env.layout.index
    np.testing.assert_allclose(row[:, index("fuel")], 10 * world.encounters.state.fuel[0], atol=1e-4)
    burned = 10 - world.encounters.state.fuel[0]
    assert burned[1] == 0.0
    assert burned[[0, 2]] == pytest.approx([6 * 0.02, 6 * 0.1], rel=0.1), "each off by 3 %"
    np.testing.assert_allclose(
        row[:, index("offset")], world.encounters.state.passing["offset"][0] / 1e3, atol=1e-4
    )
    told = world.encounters.warnings[0]
    np.testing.assert_allclose(
        row[:, index("warning_1_miss")], np.minimum(told["miss"][:, 0], 3000), atol=1e-2
    )
    now = world.state.clock["time"][0]
    np.testing.assert_allclose(row[:, index("warning_1_time")], (told["tca"][:, 0] - now) / 3600, atol=1e-3)
    assert (np.diff(told["probability"], axis=-1) <= 0.0).all(), "the gravest first"
    assert (row[:, index("offset")][[0, 2]] * [-1, 1] > 0.0).all(), "who speeds up falls behind"


def test_rewards_are_the_reward_terms(busy):
    env = avoidance_v0.batch_env(busy, 2, service=5.0, fuel_price=3.0, loss_penalty=7.0, autoreset=False)
    team = avoidance_v0.batch_env(
        busy, 2, service=5.0, fuel_price=3.0, loss_penalty=7.0, team_reward=True, autoreset=False
    )
    (_, info), _ = env.reset(seed=0), team.reset(seed=0)
    rng, died = np.random.default_rng(0), 0
    for _ in range(env.max_cycles):
        action = np.where(rng.random((2, 3)) < 0.03, 3, 0)
        _, reward, _, _, info = env.step(action)
        terms = dict(zip(env.terms, np.moveaxis(info["terms"], -1, 0), strict=True))
        parts = terms["reward_service"] + terms["reward_fuel"] + terms["reward_loss"]
        np.testing.assert_allclose(reward, parts, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(terms["reward_fuel"], -3.0 * terms["burned_m_s"], rtol=1e-5)
        alive = env.world.state.body["alive"]
        paid = np.where(alive & (terms["out_of_slot"] == 0), 5.0 * 300 / 86_400, 0.0)
        np.testing.assert_allclose(terms["reward_service"], paid, rtol=1e-5)
        assert (terms["collided"] <= (terms["reward_loss"] == -7.0)).all()
        died += terms["collided"].sum()
        _, shared, _, _, _ = team.step(action)
        np.testing.assert_allclose(shared, np.repeat(reward.mean(-1)[:, None], 3, -1), rtol=1e-4, atol=1e-6)
    assert died > 0


def test_masked_action_is_a_counted_wait(busy):
    env = avoidance_v0.parallel_env(scenario=busy)
    _, infos = env.reset(seed=0)
    assert infos["sat_0"]["action_mask"].tolist() == [1, 1, 1, 1, 1, 0]
    _, _, _, _, infos = env.step({"sat_0": 5, "sat_1": 1, "sat_2": 0})
    assert [infos[f"sat_{n}"]["illegal"] for n in range(3)] == [1.0, 0.0, 0.0]
    assert infos["sat_1"]["action_mask"][5] == 1, "it drifts now"
    exact = {"encounters.burn_sigma_percent": 0, "encounters.burn_pointing_sigma_deg": 0}
    dry = load_scenario(busy, {"encounters.fuel_m_s": 0.1, **exact})
    env = avoidance_v0.parallel_env(scenario=dry)
    env.reset(seed=0)
    _, _, _, _, infos = env.step({"sat_0": 2})
    assert infos["sat_0"]["action_mask"].tolist() == [1, 0, 0, 0, 0, 0]


def play(env, policy, seed):
    policy.reset(0)
    observation, info = env.reset(seed=seed)
    total = np.zeros(len(env.terms))
    for _ in range(env.max_cycles):
        action = policy.act(observation, info)
        assert np.take_along_axis(info["action_mask"], action[..., None], -1).all(), "an illegal action"
        observation, _, _, _, info = env.step(action)
        total += info["terms"].sum(axis=(0, 1))
    return dict(zip(env.terms, total, strict=True))


def test_policies_do_what_they_are_for():
    """Against the same encounters: who never burns is hit; who heeds warnings is not, and returns."""
    assert {"never", "threshold", "late_threshold", "thrifty"} <= set(policy_names("avoidance_v0"))
    assert not {"never", "threshold"} & set(policy_names("tasking_v0"))
    env = avoidance_v0.batch_env(worlds=4, autoreset=False)
    came = {}
    for name in ("never", "threshold", "late_threshold", "thrifty"):
        came[name] = play(env, make_policy(name, env), seed=0)
        if name == "never":
            assert env.world.encounters.state.fuel.min() == 10.0
    assert came["never"]["collided"] >= 5
    assert came["never"]["burned_m_s"] == 0.0
    assert came["thrifty"]["burned_m_s"] < 0.5 * came["late_threshold"]["burned_m_s"]
    for name in ("threshold", "late_threshold", "thrifty"):
        assert came[name]["collided"] <= 0.1 * came["never"]["collided"]
        assert 0.0 < came[name]["burned_m_s"] < 2.0 * 48
        assert came[name]["out_of_slot"] < 0.25 * 4 * 12 * env.max_cycles
    strict = make_policy("threshold", env, threshold=1e-2, decide_h=3.0)
    assert play(env, strict, seed=0)["burned_m_s"] < came["threshold"]["burned_m_s"]


def test_a_thrifty_policy_asks_for_more_when_its_tank_is_empty():
    """A warning for which it burns from a full tank does not move it with an empty one."""
    env = avoidance_v0.batch_env(autoreset=False)
    policy = make_policy("thrifty", env)
    told = dict.fromkeys(env.layout.names, 0.0) | {
        "fuel": 100.0, "warning_1_present": 1.0, "warning_1_time": 2.0, "warning_1_miss": 50.0,
        "warning_1_sigma": 60.0, "warning_1_risk": policy.log_threshold + 0.5 * policy.thrift,
    }  # fmt: skip
    mask = np.ones((1, 1, len(env.actions)), np.int8)
    burns = []
    for fuel in (100.0, 0.0):
        seen = env.layout.scaled(np.array([(told | {"fuel": fuel})[name] for name in env.layout.names]))
        burns.append(env.actions[int(policy.decide(seen[None, None], mask)[0, 0])])
    assert burns[0].startswith(("forward", "backward"))
    assert not burns[1].startswith(("forward", "backward"))


def test_dictionary_face_gets_the_same_decisions(busy):
    env, batch = avoidance_v0.parallel_env(scenario=busy), avoidance_v0.batch_env(busy, autoreset=False)
    one, other = make_policy("threshold", batch), make_policy("threshold", batch)
    (seen, infos), (observation, info) = env.reset(seed=5), batch.reset(seed=5)
    while env.agents:
        actions, table = one.act(seen, infos), other.act(observation, info)
        assert list(actions.values()) == table[0].tolist()
        seen, _, _, _, infos = env.step(actions)
        observation, _, _, _, info = batch.step(table)


def test_return_leads_back_to_the_slot():
    calm = load_scenario("crossing_12", {"encounters.staged_per_day": 0.0, "encounters.population": 0})
    env = avoidance_v0.batch_env(calm, autoreset=False)
    _, info = env.reset(seed=0)
    for k in range(env.max_cycles):
        legal = info["action_mask"][..., 5]
        action = np.where(legal, 5, 0) if k > 100 else np.zeros((1, 12), int)
        if k in (0, 1):
            action = np.tile([2, 4, 1, 3], 3)[None]
        *_, info = env.step(action)
        if k == 100:
            assert (np.abs(env.world.encounters.state.passing["offset"]) > 3_000.0).all()
    assert (np.abs(env.world.encounters.state.passing["offset"]) < 150.0).all()
    assert (env.world.encounters.state.fuel > 10.0 - 8 * 0.2).all()
    records, orbit = env.world.encounters.state, env.world.state.orbit
    gap = np.linalg.norm(orbit.position - records.slot_position, axis=-1)
    assert (gap < 2_000.0).all()


def test_language_face(busy):
    env = language.parallel_env("avoidance_v0", scenario=busy)
    reports, _ = env.reset(seed=0)
    assert "1 in 10,000" in env.system
    assert "estimated miss" in reports["sat_0"]
    assert "burn 2 or 10 cm/s along or against the flight" in env.system
    assert ": forward large" in reports["sat_0"]
    env.step({"sat_0": "C"})


def test_a_burn_that_is_thought_out_comes_late_and_once(busy):
    batch = deliberating(avoidance_v0.batch_env(busy, autoreset=False))
    batch.reset(seed=0)
    spent = np.zeros((1, 3), np.int64)
    spent[0, 0] = 300
    actions = np.array([[2, 0, 0]])
    *_, info = batch.step(actions, Thought(spent, spent))
    fuel = [batch.world.encounters.state.fuel[0, 0]]
    hold = np.array([[-1, 0, 0]])
    while info["thinking"].any():
        *_, info = batch.step(hold, None)
        fuel.append(batch.world.encounters.state.fuel[0, 0])
    assert 10.0 - fuel[-1] == pytest.approx(0.1, rel=0.15), "a burn is off by 3 %"
    assert set(fuel) <= {10.0, fuel[-1]}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"scenario": "crossing"}, "Unknown scenario 'crossing'; did you mean crossing_12"),
        ({"warned": 0}, "warned = 0"),
        ({"max_cycles": 0}, "max_cycles = 0"),
        ({"scenario": "scs01"}, "Satellites that SGP4 flies cannot burn"),
    ],
)
def test_bad_argument_is_one_sentence(arguments, sentence):
    if arguments.get("scenario") == "scs01":
        arguments = {"scenario": load_scenario("scs01", {"fleet.0.propagator": "sgp4"})}
    with pytest.raises(SandboxError, match=sentence):
        avoidance_v0.parallel_env(**arguments)


def test_the_price_of_risk_is_that_of_the_collisions_to_be_expected():
    """Misses of 300 m (one deviation in either axis) are within a radius R with 1 - exp(-R^2 / 2 sigma^2)."""
    many = {"staged_per_day": 60.0, "hit_share": 0.0, "growth_m_day15": 0.0, "own_growth_m_day15": 0.0}
    scenario = load_scenario(
        "crossing_12_tight", {f"encounters.{name}": value for name, value in many.items()}
    )
    env = avoidance_v0.batch_env(scenario, 4, max_cycles=288, autoreset=False, risk_price=2.0)
    env.reset(seed=5)
    taken, k = 0.0, env.terms.index("reward_risk")
    for _ in range(env.max_cycles):
        _, reward, _, _, info = env.step(np.zeros((4, 12), np.int64))
        taken -= info["terms"][..., k].sum() / 2.0
        others = [i for i, name in enumerate(env.terms) if name.startswith("reward_")]
        np.testing.assert_allclose(reward, info["terms"][..., others].sum(-1), rtol=1e-5, atol=1e-6)
    assert taken == pytest.approx(4 * 12 * 60 * -np.expm1(-(10.0**2) / (2.0 * 300.0**2)), rel=0.1)


def test_without_a_price_nothing_is_said_of_risk(busy):
    env = avoidance_v0.batch_env(busy, 1)
    assert "reward_risk" not in env.terms
    assert not any("expected" in paid for paid in env.problem.pays)
