"""offloading_v0 against the official tests and its own page."""

from functools import partial

import gymnasium
import numpy as np
import pettingzoo
import pytest
from gymnasium.utils.env_checker import check_env as check_gymnasium
from pettingzoo.test import api_test, max_cycles_test, parallel_api_test, parallel_seed_test, seed_test

from envs import check_env, offloading_v0
from envs.deliberation import Thought, deliberating
from envs.language import LanguageEnv
from sandbox.errors import SandboxError
from sandbox.jobs import INBOX
from sandbox.scenario import load_scenario
from sandbox.state import NONE

pytestmark = pytest.mark.usefixtures("no_unexplained_warning")

FORMS = [{}, {"mask_in_obs": True}, {"death": "remove"}, {"team_reward": True}]


def ring(**changes):
    """Twelve inference satellites in a plane and a training satellite above them, for two hours, well
    employed."""
    base = load_scenario("relay_40").model_dump()
    base["fleet"][0]["sun_synchronous"] |= {"total": 12, "local_time_h": [6.0], "phasing": 0}
    base["fleet"][1]["sun_synchronous"]["total"] = 1
    for kind in base["jobs"]["kinds"]:
        kind["per_hour"] *= 1.0 if kind["source"] == "camera" else 4.0
    return load_scenario(base, {"horizon_h": 2.0} | changes)


@pytest.fixture(scope="module")
def small():
    return ring()


@pytest.fixture(scope="module")
def dying():
    changes = {}
    for craft in ("computing_satellite", "training_satellite"):
        power = f"spacecraft.{craft}.power"
        changes |= {
            f"{power}.battery_wh": 30.0,
            f"{power}.panel_area_m2": 0.01,
            f"{power}.initial_charge": [0.2, 1.0],
        }
    return ring(**changes)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_official_parallel_api(small, form):
    parallel_api_test(offloading_v0.parallel_env(scenario=small, max_cycles=30, **form), num_cycles=70)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_official_api(small, form):
    api_test(offloading_v0.env(scenario=small, max_cycles=20, **form), num_cycles=70)
    api_test(offloading_v0.raw_env(scenario=small, max_cycles=20, **form), num_cycles=70)


def test_official_api_through_deaths(dying):
    parallel_api_test(offloading_v0.parallel_env(scenario=dying, death="remove"), num_cycles=100)
    api_test(offloading_v0.env(scenario=dying, death="remove"), num_cycles=100)


def test_official_seeds(small):
    parallel_seed_test(partial(offloading_v0.parallel_env, scenario=small), num_cycles=30)
    seed_test(partial(offloading_v0.env, scenario=small), num_cycles=30)


def test_official_max_cycles():
    max_cycles_test(offloading_v0)


def test_our_own_check(small):
    check_env(
        partial(offloading_v0.parallel_env, scenario=small),
        partial(offloading_v0.batch_env, small, autoreset=False),
        max_cycles=40,
    )


def test_registries(small):
    check_gymnasium(gymnasium.make("sandbox/Offloading-v0", scenario=small, max_cycles=30).unwrapped)
    many = gymnasium.make_vec("sandbox/Offloading-v0", num_envs=2, scenario=small, max_cycles=5)
    seen, _ = many.reset(seed=0)
    assert seen.shape == (2, 64)
    many.close()
    if hasattr(pettingzoo, "make"):
        env = pettingzoo.make("parallel", "sandbox/offloading-v0", scenario=small, max_cycles=5)
        assert env.unwrapped.max_cycles == 5


def test_spaces_are_those_of_the_page(small):
    env = offloading_v0.parallel_env(scenario=small)
    assert env.observation_space("sat_0").shape == (64,)
    assert env.action_space("sat_0") == gymnasium.spaces.Discrete(10)
    assert env.state_space.shape == (4 + 15 * 13,)
    env.reset(seed=1)
    assert env.state_space.contains(env.state())


def play(env, rounds, seed=0, boldness=1.0):
    """Random legal actions; the actions, observations and masks of every round before they were played."""
    rng = np.random.default_rng(seed)
    seen, info = env.reset(seed=seed)
    for _ in range(rounds):
        mask = info["action_mask"]
        actions = np.argmax(rng.random(mask.shape) * mask, axis=-1)
        yield seen, mask, actions
        seen, reward, _, _, info = env.step(actions)
        terms = dict(zip(env.terms, np.moveaxis(info["terms"], -1, 0), strict=True))
        np.testing.assert_allclose(reward, terms["reward_answers"] + terms["reward_loss"], rtol=1e-6)
        assert np.isfinite(seen).all()
        assert np.abs(seen).max() <= 1.0


def test_features_say_what_the_world_is(small):
    env = offloading_v0.batch_env(small, autoreset=False)
    met = 0
    for seen, mask, _ in play(env, 60):
        world, row = env.world, env.layout.physical(seen)[0]
        now = float(world.state.clock["time"][0])
        work, outlook = world.jobs.state, world.state.outlook[0]
        heads = work.queues["head"][0, :, INBOX]
        truths = {
            "battery": 100 * world.state.power["energy"][0] / world.state.power["capacity"][0],
            "latitude": np.degrees(outlook["latitude"]),
            "inbox": work.queues["count"][0, :, INBOX],
            "backlog": work.servers["backlog"][0],
            "job_present": heads != NONE,
            "job_value": np.where(heads != NONE, work.book["value"][0, heads], 0.0),
            "job_left": np.where(heads != NONE, work.book["deadline"][0, heads] - now, 0.0),
            "training_present": np.isin(world.jobs.scratch.training.goal[0], [12]) & (np.arange(13) != 12),
        }
        for name, truth in truths.items():
            i = env.layout.index(name)
            expected = np.clip(truth, env.layout.low[i], env.layout.high[i])
            np.testing.assert_allclose(
                row[:, i], expected, atol=2e-6 * (env.layout.high[i] - env.layout.low[i])
            )
        has_job = heads != NONE
        assert np.all(mask[0, ~has_job, 1:] == 0)
        assert np.all(mask[0, has_job][:, [1, 2, 8, 9]] == 1)
        for k in range(4):
            present = row[:, env.layout.index(f"neighbour_{k + 1}_present")] > 0.5
            assert np.all(mask[0, ~present, 3 + k] == 0)
        met += int(has_job.sum())
    assert met > 100


def test_every_decision_is_met_and_carried_out(small):
    env = offloading_v0.batch_env(small, autoreset=False)
    chosen, totals = np.zeros(10, int), dict.fromkeys(env.terms, 0.0)
    for _, mask, actions in play(env, 240):
        busy = mask.sum(axis=-1) > 1
        chosen += np.bincount(actions[busy], minlength=10)
        servers = env.world.jobs.state.servers
        for name in ("handed", "refused", "answered"):
            totals[name] += servers[name].sum()
    assert np.all(np.delete(chosen, 6) > 0)  # nobody has a fourth neighbour in this ring
    assert totals["handed"] > 0
    assert totals["answered"] > 0
    assert totals["refused"] < 0.05 * totals["handed"]  # a neighbour's inbox filled in the same round


def test_masked_action_is_a_counted_no_op(small):
    env = offloading_v0.batch_env(small, autoreset=False)
    _, info = env.reset(seed=0)
    actions = np.zeros((1, 13), int)
    idle = np.flatnonzero(info["action_mask"][0, :, 1] == 0)
    actions[0, idle] = 1
    *_, info = env.step(actions)
    illegal = info["terms"][0, :, env.terms.index("illegal")]
    assert illegal[idle].tolist() == [1.0] * len(idle)
    assert illegal.sum() == len(idle) > 0


def test_team_reward_is_the_mean(small):
    own, team = (offloading_v0.batch_env(small, team_reward=flag, autoreset=False) for flag in (False, True))
    (_, info), _ = own.reset(seed=4), team.reset(seed=4)
    rng, paid = np.random.default_rng(0), 0.0
    for _ in range(40):
        action = np.argmax(rng.random((1, 13, 10)) * info["action_mask"], axis=-1)
        _, reward, _, _, info = own.step(action)
        _, shared, _, _, _ = team.step(action)
        np.testing.assert_allclose(shared, reward.mean(), rtol=1e-5)
        paid += reward.sum()
    assert paid > 0.0


def test_lost_satellite_stays_with_a_no_op_only_mask(dying):
    env = offloading_v0.parallel_env(scenario=dying, loss_penalty=7.0)
    env.reset(seed=0)
    penalties, ends = [], {"sat_0": False}
    while env.agents:
        _, rewards, ends, _, infos = env.step({})
        alive = env.world.state.body["alive"][0]
        for n, agent in enumerate(env.possible_agents):
            if not alive[n]:
                assert infos[agent]["action_mask"].tolist() == [1] + [0] * 9
            penalties += [rewards[agent]] * (rewards[agent] < 0)
    assert penalties == [-7.0] * 13
    assert all(ends.values())


def test_autoreset_and_threads(small):
    one, two = (
        offloading_v0.batch_env(small, 3, max_cycles=9),
        offloading_v0.batch_env(small, 3, max_cycles=9, threads=2),
    )
    (_, info), _ = one.reset(seed=0), two.reset(seed=0)
    rng, ended = np.random.default_rng(0), 0
    for _ in range(30):
        action = np.argmax(rng.random(info["action_mask"].shape) * info["action_mask"], axis=-1)
        seen, _, _, _, info = one.step(action)
        np.testing.assert_array_equal(seen, two.step(action)[0])
        ended += info["ended"].sum()
    assert ended == 9
    two.close()


def test_a_mind_is_charged_and_decides_late(small):
    env = deliberating(offloading_v0.batch_env(small, autoreset=False))
    _, info = env.reset(seed=2)
    for _ in range(20):
        if info["action_mask"][0, :12, 1].any():
            break
        *_, info = env.step(np.zeros((1, 13), int))
    busy = np.flatnonzero(info["action_mask"][0, :12, 1])
    n = int(busy[0])
    job = int(env.world.jobs.state.queues["head"][0, n, INBOX])
    prompt = np.zeros((1, 13), int)
    prompt[0, n] = 600
    actions = np.zeros((1, 13), int)
    actions[0, n] = 1
    before = env.world.jobs.state.servers["busy"][0, n]
    *_, info = env.step(actions, Thought(prompt, np.zeros_like(prompt)))
    terms = dict(zip(env.terms, info["terms"][0, n], strict=True))
    assert 0.0 < terms["thought_s"] < 30.0
    assert env.world.jobs.state.book["credit"][0, job] == n
    assert env.world.jobs.state.servers["busy"][0, n] > before


def test_it_can_be_told_in_words(small):
    env = LanguageEnv(offloading_v0.parallel_env(scenario=small))
    reports, _ = env.reset(seed=0)
    for _ in range(5):
        reports, *_ = env.step({})
    assert any("Job: " in report and "small model " in report for report in reports.values())
    assert "first job in your inbox" in env.system


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"scenario": "relay_4"}, "Unknown scenario 'relay_4'; did you mean relay_40"),
        ({"death": "gone"}, "Unknown death mode 'gone'"),
        ({"max_cycles": 0}, "max_cycles = 0"),
        ({"max_cycles": 2.5}, "max_cycles = 2.5"),
        ({"render_mode": "hologram"}, "hologram"),
    ],
)
def test_bad_argument_is_one_sentence(arguments, sentence):
    with pytest.raises(SandboxError, match=sentence):
        offloading_v0.parallel_env(**({"scenario": "pair"} | arguments))


def test_unknown_satellite_is_one_sentence(small):
    with pytest.raises(SandboxError, match="Unknown satellite 'Inference 99'"):
        offloading_v0.satellite_env(small, satellite="Inference 99")
