"""tasking_v0 against the official tests and its own page."""

from functools import partial

import gymnasium
import numpy as np
import pettingzoo
import pytest
from pettingzoo.test import (
    api_test,
    max_cycles_test,
    parallel_api_test,
    parallel_seed_test,
    seed_test,
)

import envs
from envs import tasking_v0
from sandbox.errors import SandboxError
from sandbox.scenario import FOLDER
from sandbox.state import MODE_NAMES

pytestmark = pytest.mark.usefixtures("no_unexplained_warning")

FORMS = [{}, {"mask_in_obs": True}, {"death": "remove"}, {"team_reward": True}]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_official_parallel_api(small, form):
    parallel_api_test(tasking_v0.parallel_env(scenario=small, max_cycles=60, **form), num_cycles=150)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_official_api(small, form):
    api_test(tasking_v0.env(scenario=small, max_cycles=40, **form), num_cycles=150)
    api_test(tasking_v0.raw_env(scenario=small, max_cycles=40, **form), num_cycles=150)


def test_official_api_through_deaths(dying):
    parallel_api_test(tasking_v0.parallel_env(scenario=dying, death="remove"), num_cycles=300)
    api_test(tasking_v0.env(scenario=dying, death="remove"), num_cycles=300)


def test_official_seeds(small):
    parallel_seed_test(partial(tasking_v0.parallel_env, scenario=small), num_cycles=40)
    seed_test(partial(tasking_v0.env, scenario=small), num_cycles=40)


def test_official_max_cycles():
    max_cycles_test(tasking_v0)


def test_pettingzoo_registry(small):
    if not hasattr(pettingzoo, "make"):
        assert not hasattr(pettingzoo, "register")
        return
    env = pettingzoo.make("parallel", "sandbox/tasking-v0", scenario=small, max_cycles=5)
    assert env.unwrapped.max_cycles == 5
    assert pettingzoo.make("aec", "sandbox/tasking-v0", scenario=small).unwrapped is not None


def test_registering_twice_is_silent():
    envs.registry.register_all()


def test_spaces_are_those_of_the_page(small):
    env = tasking_v0.parallel_env(scenario=small, candidates=3)
    assert env.observation_space("sat_0").shape == (29 + 10 * 3,)
    assert env.action_space("sat_0") == gymnasium.spaces.Discrete(3 + 3)
    assert env.state_space.shape == (4 + 13 * 2,)
    assert env.possible_agents == ["sat_0", "sat_1"]
    assert env.group_map == {"sat": ["sat_0", "sat_1"]}


def test_state_is_in_its_space_and_true(small):
    env = tasking_v0.parallel_env(scenario=small)
    env.reset(seed=1)
    state = env.state()
    assert env.state_space.contains(state)
    charge = env.world.state.power["energy"][0] / env.world.state.power["capacity"][0]
    np.testing.assert_allclose((state[4:].reshape(2, 13)[:, 6] + 1) / 2, charge, atol=1e-6)


def test_features_say_what_the_world_is(small):
    env = tasking_v0.parallel_env(scenario=small)
    seen, _ = env.reset(seed=3)
    for _ in range(30):
        seen, *_ = env.step(dict.fromkeys(env.agents, 1))
    world = env.world.state
    row = env.layout.physical(np.stack(list(seen.values())))
    for name, truth in {
        "battery": 100 * world.power["energy"][0] / world.power["capacity"][0],
        "temperature": world.body["temperature"][0] - 273.15,
        "store": np.zeros(2),
        "sunlight": 100 * world.outlook["sunlight"][0],
        "latitude": np.degrees(world.outlook["latitude"][0]),
        "longitude": np.degrees(world.outlook["longitude"][0]),
        "contact_in": (np.maximum(world.contacts.plan["start"][0], 900.0) - 900.0) / 60.0,
    }.items():
        i = env.layout.index(name)
        expected = np.clip(truth, env.layout.low[i], env.layout.high[i])
        np.testing.assert_allclose(row[:, i], expected, atol=1e-4 * (env.layout.high[i] - env.layout.low[i]))


def test_actions_become_what_they_are_called(small):
    env = tasking_v0.batch_env(small, max_cycles=240, autoreset=False)
    _, info = env.reset(seed=4)
    rng, met = np.random.default_rng(0), set()
    for _ in range(240):
        # the last legal action is the boldest: downlink if there is a station, else an observation
        mask = info["action_mask"]
        bold = mask.shape[-1] - 1 - np.argmax(mask[..., ::-1], axis=-1)
        action = np.where(mask[..., 2] == 1, 2, np.where(rng.random((1, 2)) < 0.9, bold, 0))
        *_, info = env.step(action)
        for label, mode in zip(action.ravel(), env.world.state.activity["mode"].ravel(), strict=True):
            wanted = env.actions[label].split("_")[0]
            assert MODE_NAMES[mode] == wanted
            met.add(wanted)
    assert met == {"idle", "charge", "observe", "downlink"}


def test_masked_action_is_a_counted_no_op(small):
    env = tasking_v0.parallel_env(scenario=small)
    _, infos = env.reset(seed=0)
    assert infos["sat_0"]["action_mask"][2] == 0, "nothing is on board yet"
    _, _, _, _, infos = env.step({"sat_0": 2, "sat_1": 0})
    assert infos["sat_0"]["illegal"] == 1.0
    assert infos["sat_1"]["illegal"] == 0.0
    assert MODE_NAMES[env.world.state.activity["mode"][0, 0]] == "idle"


def test_rewards_are_the_reward_terms(small):
    env = tasking_v0.parallel_env(scenario=small)
    _, infos = env.reset(seed=0)
    rng = np.random.default_rng(1)
    while env.agents:
        actions = {a: int(np.argmax(rng.random(7) * infos[a]["action_mask"])) for a in env.agents}
        _, rewards, _, _, infos = env.step(actions)
        for agent, reward in rewards.items():
            parts = [value for name, value in infos[agent].items() if name.startswith("reward_")]
            assert reward == pytest.approx(sum(parts), rel=1e-6)


def test_team_reward_is_the_mean(small):
    own, team = (tasking_v0.batch_env(small, team_reward=flag, autoreset=False) for flag in (False, True))
    (_, info), _ = own.reset(seed=4), team.reset(seed=4)
    rng, paid = np.random.default_rng(0), 0.0
    for _ in range(240):
        action = np.argmax(rng.random((1, 2, 7)) * info["action_mask"], axis=-1)
        _, reward, _, _, info = own.step(action)
        _, shared, _, _, _ = team.step(action)
        np.testing.assert_allclose(shared, reward.mean(), rtol=1e-6)
        paid += reward.sum()
    assert paid > 0.0


def test_lost_satellite_stays_with_a_no_op_only_mask(dying):
    env = tasking_v0.parallel_env(scenario=dying, loss_penalty=7.0)
    _, infos = env.reset(seed=0)
    penalties = {}
    while env.agents:
        _, rewards, ends, _, infos = env.step({})
        for agent in rewards:
            alive = bool(env.world.state.body["alive"][0, int(agent[-1])])
            if alive:
                continue
            assert infos[agent]["action_mask"].tolist() == [1, 0, 0, 0, 0, 0, 0]
            assert rewards[agent] == (-7.0 if agent not in penalties else 0.0)
            penalties[agent] = rewards[agent]
    assert set(penalties) == {"sat_0", "sat_1"}
    assert all(ends.values()), "an episode in which every satellite is lost is terminated"


def test_death_remove_lets_the_lost_leave(dying):
    env = tasking_v0.parallel_env(scenario=dying, death="remove")
    env.reset(seed=0)
    sizes = set()
    while env.agents:
        sizes.add(len(env.agents))
        _, _, ends, _, _ = env.step(dict.fromkeys(env.possible_agents, 0))
        assert env.agents == [agent for agent, end in ends.items() if not end]
    assert sizes == {1, 2}


def test_horizon_truncates_everyone(small):
    env = tasking_v0.parallel_env(scenario=small, max_cycles=3)
    env.reset(seed=0)
    for cycle in range(3):
        _, _, ends, cuts, _ = env.step({})
        assert all(cuts.values()) == (cycle == 2)
        assert not any(ends.values())
    assert env.agents == []


def test_scenario_of_a_users_own(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text((FOLDER / "pair.yaml").read_text().replace("name: pair", "name: mine"))
    env = tasking_v0.parallel_env(scenario=str(path), max_cycles=2)
    env.reset(seed=0)
    assert env.world.scenario.name == "mine"


@pytest.mark.parametrize(
    ("actions", "sentence"),
    [
        ({"sat_0": 99}, "action 99 of sat_0 is outside its space; give a whole number from 0 to 6."),
        ({"sat_0": -1}, "action -1 of sat_0"),
        ({"sat_0": float("nan")}, "action nan of sat_0"),
        ({"sat_0": 1.5}, "action 1.5 of sat_0"),
        ({"sat_0": "charge"}, "action 'charge' of sat_0"),
        ({"sat_0": None}, "action None of sat_0"),
        ({"sat_0": [1, 2]}, "of sat_0 is outside"),
    ],
)
def test_action_outside_the_space_is_one_sentence(small, actions, sentence):
    env = tasking_v0.parallel_env(scenario=small)
    env.reset(seed=0)
    with pytest.raises(SandboxError, match=sentence.replace("(", r"\(")) as error:
        env.step(actions)
    assert str(error.value).count("\n") == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"scenario": "scs1"}, "Unknown scenario 'scs1'; did you mean scs01"),
        ({"death": "gone"}, "Unknown death mode 'gone'"),
        ({"max_cycles": 0}, "max_cycles = 0"),
        ({"max_cycles": 2.5}, "max_cycles = 2.5"),
        ({"candidates": 0}, "candidates = 0"),
        ({"render_mode": "cinema"}, "Unknown render_mode 'cinema'"),
    ],
)
def test_bad_argument_is_one_sentence(arguments, sentence):
    with pytest.raises(SandboxError, match=sentence):
        tasking_v0.parallel_env(**({"scenario": "pair"} | arguments))


def test_unknown_argument_is_refused():
    with pytest.raises(
        SandboxError, match="Unknown option of tasking_v0 'candidate'; did you mean candidates"
    ):
        tasking_v0.parallel_env(scenario="pair", candidate=4)


def test_step_before_reset_is_one_sentence(small):
    with pytest.raises(SandboxError, match="reset"):
        tasking_v0.parallel_env(scenario=small).step({})
    with pytest.raises(SandboxError, match="reset"):
        tasking_v0.batch_env(small).step(np.zeros((1, 2), int))


@pytest.mark.parametrize(
    ("actions", "sentence"),
    [
        (np.zeros((1, 2)), "dtype float64"),
        (np.zeros((2, 1), int), "shape"),
        (np.array([[0, 7]]), "action 7 is outside the space"),
        (np.array([[-3, 0]]), "action -3 is outside the space"),
    ],
)
def test_batch_refuses_bad_actions(small, actions, sentence):
    env = tasking_v0.batch_env(small)
    env.reset(seed=0)
    with pytest.raises(SandboxError, match=sentence):
        env.step(actions)


def test_autoreset_gives_the_new_episode_and_keeps_the_last_observation(small):
    env = tasking_v0.batch_env(small, 2, max_cycles=3)
    twin = tasking_v0.batch_env(small, 2, max_cycles=3, autoreset=False)
    env.reset(seed=0)
    twin.reset(seed=0)
    for _ in range(3):
        seen, _, _, truncated, info = env.step(np.zeros((2, 2), int))
        last, *_ = twin.step(np.zeros((2, 2), int))
    assert truncated.all()
    assert info["ended"].all()
    np.testing.assert_array_equal(info["final_observation"], last)
    fresh, _ = twin.reset()
    np.testing.assert_array_equal(seen, fresh)


def test_threads_change_nothing(small):
    one, two = tasking_v0.batch_env(small, 5), tasking_v0.batch_env(small, 5, threads=2)
    (_, info), _ = one.reset(seed=0), two.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(60):
        action = np.argmax(rng.random(info["action_mask"].shape) * info["action_mask"], axis=-1)
        seen, _, _, _, info = one.step(action)
        np.testing.assert_array_equal(seen, two.step(action)[0])
    two.close()
    two.close()
