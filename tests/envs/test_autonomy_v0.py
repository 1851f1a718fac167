"""autonomy_v0 against the official tests, its own page, and what its decisions do."""

import copy
import pickle
import sys
import warnings
from functools import partial
from pathlib import Path

import gymnasium
import numpy as np
import pettingzoo
import pytest
from gymnasium.utils.env_checker import check_env as check_gymnasium
from hypothesis import given, settings
from hypothesis import strategies as st
from pettingzoo.test import (
    api_test,
    max_cycles_test,
    parallel_api_test,
    parallel_seed_test,
    render_test,
    seed_test,
)

from envs import autonomy_v0, check_env, language
from envs.deliberation import HOLD, Thought, deliberating
from envs.language import LanguageEnv, Reply
from sandbox.errors import SandboxError
from sandbox.jobs import DECISIONS, DEFER, INBOX
from sandbox.recording.frames import scene_of
from sandbox.scenario import load_scenario
from sandbox.state import CHARGE, DOWNLINK, IDLE, NONE, OBSERVE

pytestmark = pytest.mark.usefixtures("no_unexplained_warning")

FORMS = [
    {},
    {"mask_in_obs": True},
    {"death": "remove"},
    {"team_reward": True},
    {"multi_discrete": True},
    {"multi_discrete": True, "mask_in_obs": True},
    {"message_size": 2},
    {"message_size": 2, "mask_in_obs": True},
]
QUICK = ({}, {"multi_discrete": True, "mask_in_obs": True}, {"message_size": 2})
FEW = [form if form in QUICK else pytest.param(form, marks=pytest.mark.slow) for form in FORMS]
N, K, A = 4, 4, 24
LABELS = (
    "keep", "idle", "charge", "downlink", *(f"observe_{k + 1}" for k in range(K)), *DECISIONS,
    "forward_small", "forward_large", "backward_small", "backward_large", "return", "reload",
)  # fmt: skip
AT = {name: i for i, name in enumerate(LABELS)}


@pytest.fixture(scope="module")
def busy(disaster, trouble):
    return disaster(changes=trouble)


@pytest.fixture(scope="module")
def quiet(disaster):
    exact = {"encounters.burn_sigma_percent": 0.0, "encounters.burn_pointing_sigma_deg": 0.0}
    return disaster(calm=True, changes=exact)


@pytest.fixture(scope="module")
def dying(disaster):
    changes = {"safe_mode.below": 0.0}
    for craft in ("computing_satellite", "training_satellite"):
        power = f"spacecraft.{craft}.power"
        changes |= {
            f"{power}.battery_wh": 30.0,
            f"{power}.panel_area_m2": 0.01,
            f"{power}.initial_charge": [0.2, 1.0],
        }
    return disaster(changes=changes)


class TestOfficial:
    @pytest.mark.parametrize("form", FORMS, ids=str)
    def test_parallel_api(self, busy, form):
        parallel_api_test(autonomy_v0.parallel_env(scenario=busy, max_cycles=25, **form), num_cycles=55)

    @pytest.mark.parametrize("form", FEW, ids=str)
    def test_api(self, busy, form):
        api_test(autonomy_v0.env(scenario=busy, max_cycles=15, **form), num_cycles=50)
        api_test(autonomy_v0.raw_env(scenario=busy, max_cycles=15, **form), num_cycles=50)

    def test_api_through_deaths(self, dying):
        parallel_api_test(autonomy_v0.parallel_env(scenario=dying, death="remove"), num_cycles=100)
        api_test(autonomy_v0.env(scenario=dying, death="remove"), num_cycles=100)

    def test_seeds(self, busy):
        parallel_seed_test(partial(autonomy_v0.parallel_env, scenario=busy), num_cycles=30)
        seed_test(partial(autonomy_v0.env, scenario=busy), num_cycles=30)

    def test_cycles(self):
        max_cycles_test(autonomy_v0)

    def test_render(self, busy, capsys):
        render_test(lambda **how: autonomy_v0.env(scenario=busy, max_cycles=10, **how))
        assert capsys.readouterr().out

    @pytest.mark.parametrize("form", FEW, ids=str)
    def test_our_own_check(self, busy, form):
        batch = partial(autonomy_v0.batch_env, busy, autoreset=False) if not form else None
        check_env(partial(autonomy_v0.parallel_env, scenario=busy, **form), batch, max_cycles=25)

    def test_our_own_check_through_deaths(self, dying):
        check_env(partial(autonomy_v0.parallel_env, scenario=dying, death="remove"), max_cycles=60)

    def test_registries(self, busy):
        check_gymnasium(gymnasium.make("sandbox/Autonomy-v0", scenario=busy, max_cycles=20).unwrapped)
        many = gymnasium.make_vec("sandbox/Autonomy-v0", num_envs=2, scenario=busy, max_cycles=5)
        seen, _ = many.reset(seed=0)
        assert seen.shape == (2, 96 + 10 * K + 6 * 2)
        many.close()
        if hasattr(pettingzoo, "make"):
            env = pettingzoo.make("parallel", "sandbox/autonomy-v0", scenario=busy, max_cycles=5)
            assert env.unwrapped.max_cycles == 5

    def test_language(self, busy):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that an observation is no array
            made = partial(language.parallel_env, "autonomy_v0", scenario=busy, max_cycles=15)
            parallel_api_test(made(), num_cycles=30)
            parallel_api_test(made(message_size=4), num_cycles=30)
            parallel_seed_test(made)
            api_test(language.env("autonomy_v0", scenario=busy, max_cycles=10, message_size=4), num_cycles=30)


class TestPage:
    def test_spaces(self, quiet):
        env = autonomy_v0.parallel_env(scenario=quiet, candidates=3, warned=1, message_size=2)
        assert env.observation_space("sat_0").shape == (96 + 10 * 3 + 6 * 1 + 4 * 2,)
        assert env.action_space("sat_0")[0] == gymnasium.spaces.Discrete(23)
        assert env.action_space("sat_0")[1].shape == (2,)
        assert env.state_space.shape == (4 + 18 * N,)
        env.reset(seed=1)
        assert env.state_space.contains(env.state())
        joint = autonomy_v0.parallel_env(scenario=quiet, multi_discrete=True)
        assert joint.action_space("sat_0").nvec.tolist() == [8, 11, 7]

    def test_labels(self, quiet):
        assert autonomy_v0.batch_env(quiet).actions == LABELS
        assert len(LABELS) == A == 20 + K
        assert "`Discrete(20 + candidates)`" in autonomy_v0.__doc__


def start(scenario, seed=0, worlds=1, **options):
    env = autonomy_v0.batch_env(scenario, worlds, autoreset=False, **options)
    seen, info = env.reset(seed=seed)
    return env, seen, info


def act(env, **actions):
    """Actions (1, N): `sat_n=name`, keep for the others."""
    table = np.zeros((1, env.satellites), int)
    for agent, name in actions.items():
        table[0, int(agent.removeprefix("sat_"))] = env.actions.index(name)
    return table


def terms_of(env, info):
    return dict(zip(env.terms, np.moveaxis(info["terms"], -1, 0), strict=True))


def legal(mask, rng):
    return np.argmax(rng.random(mask.shape) * mask, axis=-1)


class TestStandingOrders:
    def test_one_label_changes_one_order(self, busy):
        """Whatever is done, the orders that an action is not about are as before, or have lapsed."""
        env, _, info = start(busy, seed=3)
        rng, orders = np.random.default_rng(0), env.world.orders
        for _ in range(100):
            before, safe = orders.copy(), env.world.state.safety["safe"].copy()
            actions = legal(info["action_mask"], rng)
            *_, info = env.step(actions)
            queue = (actions >= AT["defer"]) & (actions <= AT["drop"])
            assert (orders["queue"][queue] == actions[queue] - AT["defer"]).all()
            assert (orders["queue"][~queue] == before["queue"][~queue]).all()
            pointing = (actions > 0) & (actions < AT["defer"])
            safe |= env.world.state.safety["safe"]
            stays = ~pointing & ~safe & (orders["command"] != before["command"])
            assert np.isin(before["command"][stays], (OBSERVE, DOWNLINK)).all()
            assert (orders["command"][stays] == CHARGE).all(), "what lapses is followed by charging"
            told = pointing & ~safe & (actions < 3)
            assert (orders["command"][told] == np.where(actions[told] == 1, IDLE, CHARGE)).all()

    def test_begin_with_charging_and_waiting(self, busy):
        env, seen, _ = start(busy)
        row = env.layout.physical(seen)[0]
        on = [n for n in env.layout.names if n.startswith("order_") and row[0, env.layout.index(n)] > 0.5]
        assert on == ["order_charge", "order_defer"]

    def test_the_rule_stands_over_rounds(self, disaster):
        env, *_ = start(disaster(horizon_h=2.0), seed=1)
        env.step(np.full((1, N), AT["run_small"]))
        answered = 0.0
        for _ in range(100):
            seen, _, _, _, info = env.step(np.zeros((1, N), int))
            answered += terms_of(env, info)["answered"].sum()
            assert (env.world.orders["queue"] == DECISIONS.index("run_small")).all()
            assert (env.layout.physical(seen, "order_run_small") > 0.5).all()
        assert answered > 10

    def test_features_say_which(self, busy):
        env, _, info = start(busy, seed=2)
        rng = np.random.default_rng(1)
        pointings = {IDLE: "idle", CHARGE: "charge", DOWNLINK: "downlink", OBSERVE: "observe"}
        for _ in range(60):
            seen, _, _, _, info = env.step(legal(info["action_mask"], rng))
            for n, order in enumerate(env.world.orders[0]):
                row = env.layout.physical(seen)[0, n]
                on = {
                    name.removeprefix("order_")
                    for name in env.layout.names
                    if name.startswith("order_") and row[env.layout.index(name)] > 0.5
                }
                assert on == {pointings[int(order["command"])], DECISIONS[order["queue"]]}


class TestMasks:
    def test_forbid_what_changes_nothing(self, busy):
        """Where a pointing or a rule is legal, the orders after it are other than before."""
        env, _, info = start(busy, seed=5)
        rng = np.random.default_rng(2)
        for _ in range(80):
            mask, before = info["action_mask"], env.world.orders.copy()
            names = {IDLE: "idle", CHARGE: "charge", DOWNLINK: "downlink"}
            for n, order in enumerate(before[0]):
                if int(order["command"]) in names:
                    assert mask[0, n, AT[names[int(order["command"])]]] == 0
                else:
                    asked = env.world.state.opportunities["request"][0, n]
                    stands = np.flatnonzero(asked == order["request"])
                    assert (mask[0, n, AT["observe_1"] + stands] == 0).all()
                assert mask[0, n, AT["defer"] + order["queue"]] == 0
            *_, info = env.step(legal(mask, rng))

    def test_say_what_is_possible(self, busy):
        env, _, info = start(busy, seed=6)
        rng, met = np.random.default_rng(3), np.zeros(A, int)
        for _ in range(110):
            mask, world = info["action_mask"][0], env.world
            alive, safe = world.state.body["alive"][0], world.state.safety["safe"][0]
            assert (mask[:, 0] == 1).all()
            assert (mask[~alive | safe, 1:] == 0).all()
            able = alive & ~safe
            links = scene_of(world)["link_peer"]
            for n in np.flatnonzero(able):
                row, order = mask[n], world.orders[0, n]
                standing = {AT["defer"] + int(order["queue"])}
                for k in range(4):
                    up = links[n, k] != NONE and AT["neighbour_1"] + k not in standing
                    assert row[AT["neighbour_1"] + k] == up
                for name in ("defer", "run_small", "run_large", "ground", "drop"):
                    assert row[AT[name]] == (AT[name] not in standing)
                asked = world.state.opportunities["request"][0, n]
                if order["command"] != OBSERVE:
                    room = row[AT["observe_1"] : AT["observe_1"] + K][asked != NONE]
                    assert len(set(room.tolist())) <= 1
                assert (row[AT["observe_1"] : AT["observe_1"] + K][asked == NONE] == 0).all()
                fuel = world.encounters.state.fuel[0, n]
                assert row[AT["forward_large"]] == row[AT["backward_large"]] == (fuel >= 0.1)
                down = world.jobs.state.servers["down"][0, n] > world.state.clock["time"][0]
                assert row[AT["reload"]] == (not down)
            met += mask.sum(0)
            *_, info = env.step(legal(info["action_mask"], rng))
        assert np.all(
            met[[AT[name] for name in ("downlink", "observe_1", "neighbour_3", "training", "return")]]
        )

    def test_illegal_ones_change_nothing_and_are_counted(self, busy):
        env, _, info = start(busy, seed=7)
        twin = copy.deepcopy(env)
        for _ in range(40):
            mask = info["action_mask"]
            worst = np.argmin(mask, axis=-1)
            *_, info = env.step(worst)
            twin.step(np.zeros((1, N), int))
            assert (terms_of(env, info)["illegal"] == 1.0).all()
            np.testing.assert_array_equal(env.world.orders, twin.world.orders)
            np.testing.assert_array_equal(env.world.state.power, twin.world.state.power)
            np.testing.assert_array_equal(env.world.encounters.state.fuel, twin.world.encounters.state.fuel)

    def test_in_safe_mode_only_keep(self, quiet):
        env, _, info = start(quiet)
        env.step(act(env, sat_0="idle", sat_1="run_small"))
        safety = env.world.state.safety
        safety["safe"][0, 0], safety["since"][0, 0] = True, 1e9
        seen, _, _, _, info = env.step(act(env, sat_0="keep"))
        assert info["action_mask"][0, 0].tolist() == [1] + [0] * (A - 1)
        assert info["action_mask"][0, 1].sum() > 5
        assert terms_of(env, info)["safe_mode"][0].tolist() == [1, 0, 0, 0]
        assert (env.layout.physical(seen, "safe_mode")[0] > 0.5).tolist() == [True, False, False, False]
        assert env.world.orders["command"][0, 0] == CHARGE
        *_, info = env.step(act(env, sat_0="run_small"))
        assert terms_of(env, info)["illegal"][0, 0] == 1
        assert env.world.orders["queue"][0].tolist() == [DEFER, DECISIONS.index("run_small"), DEFER, DEFER]


class TestFeatures:
    def test_say_what_the_world_is(self, disaster, trouble):
        sharp = {"faults.battery_sigma_percent": 0.0, "faults.temperature_sigma_k": 0.0}
        env, seen, info = start(disaster(changes=trouble | sharp), seed=1)
        rng, met = np.random.default_rng(4), 0
        for _ in range(80):
            world, row, layout = env.world, env.layout.physical(seen)[0], env.layout
            now, work = float(world.state.clock["time"][0]), world.jobs.state
            heads = work.queues["head"][0, :, INBOX]
            has_job = heads != NONE
            asked = world.state.opportunities["request"][0, :, 0]
            told = world.encounters.warnings[0]
            truths = {
                "battery": 100 * world.state.power["energy"][0] / world.state.power["capacity"][0],
                "temperature": world.state.body["temperature"][0] - 273.15,
                "inbox": work.queues["count"][0, :, INBOX],
                "backlog": work.servers["backlog"][0],
                "fuel": 100 * world.encounters.state.fuel[0] / 2.0,
                "offset": world.encounters.state.passing["offset"][0] / 1e3,
                "drift": world.encounters.state.passing["drift"][0] * 86.4,
                "warnings": np.isfinite(told["tca"]).sum(-1),
                "safe_mode": world.state.safety["safe"][0],
                "board_reset": np.maximum(0.0, work.servers["down"][0] - now),
                "weights_fault": world.faults.state.body["weights_fault"][0],
                "request_1_present": asked != NONE,
                "job_present": has_job,
                "job_value": np.where(has_job, work.book["value"][0, heads], 0.0),
                "warning_1_miss": np.where(np.isfinite(told["tca"][:, 0]), told["miss"][:, 0], 0.0),
                "time_left": np.full(N, 100.0 * (1.0 - now / 3600.0)),
            }
            for name, truth in truths.items():
                i = layout.index(name)
                span = layout.high[i] - layout.low[i]
                expected = np.clip(truth, layout.low[i], layout.high[i])
                np.testing.assert_allclose(row[:, i], expected, atol=2e-6 * span, err_msg=name)
            assert (np.abs(seen) <= 1.0).all()
            met += int(has_job.sum())
            seen, reward, _, _, info = env.step(legal(info["action_mask"], rng))
            terms = terms_of(env, info)
            parts = sum(terms[name] for name in env.terms if name.startswith("reward_"))
            np.testing.assert_allclose(reward, parts, rtol=1e-5, atol=1e-5)
            np.testing.assert_allclose(terms["reward_fuel"], -2.0 * terms["burned_m_s"], rtol=1e-5)
        assert met > 10

    def test_of_neighbours_are_what_was_told_a_round_ago(self, quiet):
        env, *_ = start(quiet)
        index = env.layout.index
        for _ in range(4):
            energy = 100 * env.world.state.power["energy"][0] / env.world.state.power["capacity"][0]
            seen, *_ = env.step(np.zeros((1, N), int))
        row = env.layout.physical(seen)[0]
        assert row[0, index("neighbour_3_present")] > 0.5
        assert row[0, index("neighbour_3_battery")] == pytest.approx(energy[1], abs=1e-3)
        assert row[0, index("neighbour_3_age")] == pytest.approx(30.0, abs=0.01)
        assert row[0, index("neighbour_1_present")] < 0.5
        assert row[0, index("neighbour_1_age")] == 3600.0
        env.world.lasers.params.terminals["range"] = 1.0
        for _ in range(5):
            seen, *_ = env.step(np.zeros((1, N), int))
        row = env.layout.physical(seen)[0]
        assert row[0, index("neighbour_3_present")] < 0.5
        assert row[0, index("neighbour_3_battery")] > 1.0, "what was heard last stands"
        assert row[0, index("neighbour_3_age")] == pytest.approx(180.0, abs=30.1)
        assert row[0, index("neighbour_3_delay")] == 0.0
        env.world.lasers.state.links["peer"][0, 0, 2] = 2  # another satellite there
        seen = env._report()[0]
        row = env.layout.physical(seen)[0]
        assert row[0, index("neighbour_3_battery")] == row[0, index("neighbour_3_backlog")] == 0.0
        assert row[0, index("neighbour_3_age")] == 3600.0

    def test_telemetry_is_off_as_the_scenario_says(self, quiet):
        noisy = load_scenario(quiet, {"faults.battery_sigma_percent": 2.0, "faults.temperature_sigma_k": 3.0})
        env, plain = (start(each, seed=1)[0] for each in (noisy, quiet))
        off = []
        for _ in range(100):
            seen, true = env.step(np.zeros((1, N), int))[0], plain.step(np.zeros((1, N), int))[0]
            physical = [env.layout.physical(each)[0, :, :2] for each in (seen, true)]
            off.append(physical[0] - physical[1])
        off = np.array(off)
        assert off[..., 1].std() == pytest.approx(3.0, rel=0.15)
        assert abs(off[..., 1].mean()) < 0.6
        assert 0.5 < off[..., 0].std() <= 2.4


class TestBatch:
    def test_worlds_are_alone_and_threads_make_no_difference(self, busy):
        one, two = (autonomy_v0.batch_env(busy, 3, max_cycles=20, threads=k, message_size=2) for k in (1, 2))
        alone = [autonomy_v0.batch_env(busy, 1, max_cycles=20, message_size=2) for _ in range(3)]
        (_, info), _ = one.reset(seed=0), two.reset(seed=0)
        for b, env in enumerate(alone):
            env.reset(seed=b)
        rng, ended = np.random.default_rng(0), 0
        for _ in range(50):
            action, said = legal(info["action_mask"], rng), rng.uniform(-1, 1, (3, N, 2))
            for env in (one, two):
                env.problem.mail.say(said)
            seen, reward, _, _, info = one.step(action)
            np.testing.assert_array_equal(seen, two.step(action)[0])
            for b, env in enumerate(alone):
                env.problem.mail.say(said[b : b + 1])
                own = env.step(action[b : b + 1])
                np.testing.assert_array_equal(own[0][0], seen[b])
                np.testing.assert_array_equal(own[1][0], reward[b])
                np.testing.assert_array_equal(own[4]["terms"][0], info["terms"][b])
            ended += info["ended"].sum()
        assert ended == 6
        two.close()

    def test_team_reward_is_the_mean(self, busy):
        own, team = (start(busy, seed=4, team_reward=flag)[0] for flag in (False, True))
        rng, paid = np.random.default_rng(0), 0.0
        for _ in range(60):
            action = legal(own.legal(), rng)
            reward, shared = own.step(action)[1], team.step(action)[1]
            np.testing.assert_allclose(shared, reward.mean(), rtol=1e-4, atol=1e-5)
            paid += abs(reward).sum()
        assert paid > 0.0

    def test_a_snapshot_leads_to_the_same_future(self, busy):
        env, *_ = start(busy, seed=8, message_size=2)

        def play(rounds, seed):
            rng, story = np.random.default_rng(seed), []
            for _ in range(rounds):
                env.problem.mail.say(rng.uniform(-1, 1, (1, N, 2)))
                story.append(env.step(legal(env.legal(), rng)))
            return story

        play(40, 0)
        moment = env.world.snapshot()
        future = play(40, 1)
        env.world.restore(moment)
        for one, other in zip(play(40, 1), future, strict=True):
            np.testing.assert_array_equal(one[0], other[0])
            np.testing.assert_array_equal(one[1], other[1])
            np.testing.assert_array_equal(one[4]["action_mask"], other[4]["action_mask"])

    def test_lost_satellites_keep_a_no_op_only_mask(self, dying):
        env = autonomy_v0.parallel_env(scenario=dying, loss_penalty=7.0, fuel_price=0.0, slot_price=0.0)
        env.reset(seed=0)
        penalties, ends = [], {}
        while env.agents:
            _, rewards, ends, _, infos = env.step({})
            alive = env.world.state.body["alive"][0]
            for n, agent in enumerate(env.possible_agents):
                assert alive[n] or infos[agent]["action_mask"].tolist() == [1] + [0] * (A - 1)
                penalties += [rewards[agent]] * (rewards[agent] < 0)
        assert penalties == [-7.0] * N
        assert all(ends.values())


class TestSeveralOrdersAtOnce:
    def test_are_the_single_ones_together(self, quiet):
        env, *_ = start(quiet, multi_discrete=True)
        orders = np.zeros((1, N, 3), int)
        orders[0, 0] = AT["idle"], 1 + DECISIONS.index("run_small"), 2
        *_, info = env.step(orders)
        assert env.world.orders[0, 0].tolist() == (IDLE, NONE, DECISIONS.index("run_small"))
        assert env.world.encounters.state.fuel[0].tolist() == pytest.approx([1.9, 2.0, 2.0, 2.0])
        assert (info["terms"][..., env.terms.index("illegal")] == 0).all()
        orders[0, 0] = AT["idle"], 1 + DECISIONS.index("run_small"), 0
        *_, info = env.step(orders)
        assert info["terms"][0, 0, env.terms.index("illegal")] == 2, "both stand already"

    def test_labels_and_masks(self, quiet):
        env, _, info = start(quiet, multi_discrete=True)
        mask = env.joint_mask(info["action_mask"])[0]
        assert mask.shape == (N, sum(env.parts)) == (N, 26)
        assert (mask[:, [0, 8, 19]] == 1).all()
        single = info["action_mask"][0]
        np.testing.assert_array_equal(np.delete(mask, [8, 19], axis=-1), single)
        whole = np.array(env.parts) - 1
        assert [labels[0, 0] for labels in env.labels(np.full((1, N, 3), whole))] == [7, 17, 23]

    def test_sample_under_the_mask(self, quiet):
        env = autonomy_v0.parallel_env(scenario=quiet, multi_discrete=True)
        _, infos = env.reset(seed=0)
        space, mask = env.action_space("sat_0"), infos["sat_0"]["action_mask"]
        for _ in range(50):
            a, b, c = space.sample(mask)
            assert mask[a] and mask[8 + b] and mask[19 + c]  # noqa: PT018

    @pytest.mark.parametrize("face", [autonomy_v0.satellite_env, autonomy_v0.vector_env])
    def test_gymnasium_takes_one_and_says_so(self, quiet, face):
        with pytest.raises(SandboxError, match="multi_discrete is for the batch and parallel faces"):
            face(scenario=quiet, multi_discrete=True)

    def test_messages_have_no_place_in_the_dictionaries_and_one_in_the_batch(self, quiet):
        with pytest.raises(SandboxError, match="leave out one of the two"):
            autonomy_v0.parallel_env(scenario=quiet, multi_discrete=True, message_size=2)
        env, *_ = start(quiet, multi_discrete=True, message_size=2)
        said = np.zeros((1, N, 2), np.float32)
        said[0, 0] = 1.0, -1.0
        for _ in range(2):
            env.problem.mail.say(said)
            seen, *_ = env.step(np.zeros((1, N, 3), int))
        heard = [neighbours_say(env, seen, n, k).tolist() for n in range(N) for k in (1, 2, 3, 4)]
        assert [1.0, -1.0] in heard

    @pytest.mark.parametrize("wrong", [np.zeros((1, N), int), np.zeros((1, N, 3)), np.full((1, N, 3), 9)])
    def test_wrong_ones_are_one_sentence(self, quiet, wrong):
        env, *_ = start(quiet, multi_discrete=True)
        with pytest.raises(SandboxError, match=r"action"):
            env.step(wrong)
        face = autonomy_v0.parallel_env(scenario=quiet, multi_discrete=True)
        face.reset(seed=0)
        with pytest.raises(SandboxError, match="give 3 whole numbers"):
            face.step({"sat_0": 3})


def neighbours_say(env, seen, n, k):
    size = env.problem.message_size
    names = [f"neighbour_{k}_message_{i}" for i in range(1, size + 1)]
    return np.array([env.layout.physical(seen, name)[0, n] for name in names])


class TestMessages:
    def test_vectors_come_as_they_were_sent(self, quiet):
        face = autonomy_v0.parallel_env(scenario=quiet, message_size=3)
        face.reset(seed=0)
        face.step({})
        face.step({})
        said = np.array([0.25, -1.0, 1.0], np.float32)
        seen, *_ = face.step({"sat_1": (0, said), "sat_0": 0})
        table = np.stack(list(seen.values()))[None]
        np.testing.assert_allclose(neighbours_say(face, table, 0, 3), said, atol=1e-6)
        np.testing.assert_allclose(neighbours_say(face, table, 2, 4), said, atol=1e-6)
        assert (neighbours_say(face, table, 1, 4) == 0.0).all()
        seen, *_ = face.step({})
        table = np.stack(list(seen.values()))[None]
        np.testing.assert_allclose(neighbours_say(face, table, 0, 3), said, atol=1e-6, err_msg="it stands")

    def test_survive_pickling(self, quiet):
        face = autonomy_v0.parallel_env(scenario=quiet, message_size=2)
        face.reset(seed=0)
        face.step({})
        face.step({})
        twin = pickle.loads(pickle.dumps(face))
        for each in (face, twin):
            seen, *_ = each.step({"sat_1": (0, np.array([0.5, -0.5]))})
            table = np.stack(list(seen.values()))[None]
            np.testing.assert_allclose(neighbours_say(each, table, 0, 3), [0.5, -0.5], atol=1e-6)

    @settings(max_examples=30)
    @given(st.binary(min_size=8, max_size=8), st.integers(0, 8))
    def test_no_noise_gets_into_an_observation(self, quiet, junk, length):
        """Whatever the bytes, NaN and infinities among them."""
        env, *_ = start(quiet, message_size=2)
        for _ in range(2):
            env.step(np.zeros((1, N), int))
        env.world.messages.outbox.content[0, :] = np.frombuffer(junk, np.uint8)
        env.world.messages.outbox.length[0, :] = length
        seen, *_ = env.step(np.zeros((1, N), int))
        assert np.isfinite(seen).all()
        assert np.abs(seen).max() <= 1.0

    @pytest.mark.parametrize(
        ("message", "sentence"),
        [
            (np.zeros(3), "message of sat_1"),
            (0.5, "message of sat_1"),
            ("hello", "message of sat_1"),
            (np.array([2.0, 0.0]), "within"),
            (np.array([np.inf, 0.0]), "within"),
        ],
    )
    def test_wrong_ones_are_one_sentence(self, quiet, message, sentence):
        face = autonomy_v0.parallel_env(scenario=quiet, message_size=2)
        face.reset(seed=0)
        with pytest.raises(SandboxError, match=sentence):
            face.step({"sat_1": (0, message)})

    def test_without_a_channel_is_one_sentence(self, quiet):
        env, *_ = start(quiet)
        with pytest.raises(SandboxError, match="message_size of at least 1"):
            env.problem.mail.say(np.zeros((1, N, 0)))

    def test_in_words(self, quiet):
        env = language.parallel_env("autonomy_v0", scenario=quiet, message_size=5)
        assert "at most 20 characters" in env.system
        env.reset(seed=0)
        for _ in range(2):
            env.step({})
        keep = env.labels[0]
        reports, *_ = env.step(
            {
                "sat_0": f"{keep}\nMessage: burning soon?",
                "sat_1": Reply(keep, message="a" * 30),
                "sat_2": f"<think>Message: secret</think>{keep}",
            }
        )
        assert "Neighbour 4 said 30 s ago: burning soon?" in reports["sat_1"]
        assert f"Neighbour 3 said 30 s ago: {'a' * 20}\n" in reports["sat_0"] + "\n"
        assert f"said 30 s ago: {'a' * 20}" in reports["sat_2"]
        assert "secret" not in reports["sat_1"]
        assert "message 1" not in "".join(reports.values()), "a text is no vector"

    @pytest.mark.parametrize("text", ["\ud800 half a pair", "Äther ☄ 火", "\x00\x07", "?" * 40])
    def test_any_text_can_be_said(self, quiet, text):
        env = language.parallel_env("autonomy_v0", scenario=quiet, message_size=3)
        env.reset(seed=0)
        for _ in range(2):
            env.step({})
        reports, *_ = env.step({"sat_1": Reply("A", message=text)})
        assert "Neighbour 3 said" in reports["sat_0"]
        assert all(env.observation_space(agent).contains(report) for agent, report in reports.items())
        assert "message 1:" not in reports["sat_0"]

    def test_without_a_channel_a_message_is_refused(self, quiet):
        env = LanguageEnv(autonomy_v0.parallel_env(scenario=quiet))
        env.reset(seed=0)
        with pytest.raises(SandboxError, match="no channel"):
            env.step({"sat_0": Reply("A", message="hello")})


def spent(env, output, who=slice(None)):
    tokens = np.zeros((env.worlds, env.satellites), np.int64)
    tokens[0, who] = output
    return Thought(np.where(tokens > 0, 400, 0), tokens)


def seconds_of(env, output):
    tokens = np.full((1, N), output)
    return env.onboard.cost(tokens * 0 + 400, tokens, np.ones(tokens.shape)).seconds[0, 0]


def tokens_for(env, seconds):
    return next(n for n in range(1, 20_000, 20) if seconds_of(env, n) >= seconds)


def thoughtful(scenario, seed=0, **options):
    env = deliberating(autonomy_v0.batch_env(scenario, autoreset=False, **options))
    _, info = env.reset(seed=seed)
    return env, info


def resets(env, rate):
    """From now on the boards of satellite 0 reset so often a second."""
    faults = env.world.faults._replace(params=env.world.faults.params)
    faults.params.upsets[0] = rate
    env.world.sim = env.world.sim._replace(faults=faults)


HOLDING = np.full((1, N), HOLD)


class TestDeliberation:
    def test_free_decisions_are_those_of_the_plain_face(self, busy):
        plain, *_ = start(busy, seed=3)
        env, _ = thoughtful(busy, seed=3)
        rng = np.random.default_rng(0)
        for _ in range(80):
            actions = rng.integers(0, A, (1, N))  # legal or not
            (a, *one, i), (b, *two, j) = plain.step(actions), env.step(actions)
            np.testing.assert_array_equal(a, b)
            for x, y in zip(one, two, strict=True):
                np.testing.assert_array_equal(x, y)
            np.testing.assert_array_equal(i["terms"], j["terms"][..., : len(plain.terms)])

    def test_takes_effect_when_it_is_done_and_orders_stand_until_then(self, quiet):
        env, info = thoughtful(quiet)
        env.step(act(env, sat_0="idle", sat_1="run_small"))
        output = tokens_for(env, 40.0)
        *_, info = env.step(act(env, sat_0="charge", sat_1="drop"), spent(env, output, [0, 1]))
        assert info["thinking"][0].tolist() == [True, True, False, False]
        assert env.world.orders["command"][0, 0] == IDLE
        assert env.world.state.activity["mode"][0, 0] == IDLE
        assert env.world.orders["queue"][0, 1] == DECISIONS.index("run_small")
        *_, info = env.step(HOLDING)
        assert not info["thinking"].any()
        assert env.world.orders["command"][0, 0] == CHARGE
        assert env.world.orders["queue"][0, 1] == DECISIONS.index("drop")

    def test_queue_rules_wait_for_the_thought(self, quiet):
        """A job is served by the old rule until the thinking is done, in the middle of the round."""
        sys.path.insert(0, str(Path(__file__).parents[1] / "sandbox"))
        from test_jobs import ask

        env, _ = thoughtful(quiet)
        j = ask(env.world)
        env.step(HOLDING)
        n = int(env.world.jobs.state.book["place"][0, j])
        begin = float(env.world.state.clock["time"][0])
        output = tokens_for(env, 8.0)
        table = np.full((1, N), HOLD)
        table[0, n] = AT["run_small"]
        env.step(table, spent(env, output, n))
        done = env.world.jobs.state.book["done"][0, j]
        assert done > begin + 2 * 8.0 * 0.5
        assert env.world.orders["queue"][0, n] == DECISIONS.index("run_small")

    @pytest.mark.parametrize("seconds", [10.0, 45.0])
    def test_one_burn_at_the_end_of_the_round(self, quiet, seconds):
        env, _ = thoughtful(quiet)
        plain, *_ = start(quiet)
        output, fuel = tokens_for(env, seconds), []
        env.step(act(env, sat_0="forward_large"), spent(env, output, 0))
        plain.step(np.zeros((1, N), int))
        fuel.append(env.world.encounters.state.fuel[0, 0])
        for _ in range(3):
            same = np.array_equal(env.world.state.orbit.position, plain.world.state.orbit.position)
            assert same == (len(fuel) < (2 if seconds < 30.0 else 3)), "the orbit bends after the round"
            env.step(HOLDING)
            plain.step(np.zeros((1, N), int))
            fuel.append(env.world.encounters.state.fuel[0, 0])
        assert fuel == pytest.approx([1.9] * 4 if seconds < 30.0 else [2.0, 1.9, 1.9, 1.9])

    def test_a_board_reset_loses_the_thought(self, quiet):
        """One that would have been done in the round, and one that goes on."""
        for seconds in (10.0, 45.0):
            env, _ = thoughtful(quiet)
            resets(env, 1e9)
            output = tokens_for(env, seconds)
            *_, info = env.step(act(env, sat_0="idle", sat_1="idle"), spent(env, output, [0, 1]))
            terms = terms_of(env, info)
            assert terms["late"][0].tolist() == [1, 0, 0, 0]
            (lost,) = env.replaced
            assert (lost.satellite, lost.kind, lost.why) == (0, "late", "boards reset")
            assert env.actions[lost.decided] == "idle"
            resets(env, 0.0)
            *_, info = env.step(HOLDING)
            assert env.world.orders["command"][0, :2].tolist() == [CHARGE, IDLE]
            assert not info["thinking"].any()
            assert terms_of(env, info)["late"].sum() == 0
            assert env.layout.physical(env._report()[0], "board_reset")[0, 0] > 0.0

    def test_nothing_is_thought_on_boards_that_are_down(self, quiet):
        env, _ = thoughtful(quiet)
        resets(env, 1e9)
        env.step(HOLDING)
        resets(env, 0.0)
        *_, info = env.step(act(env, sat_0="idle", sat_1="idle"), spent(env, 20, [0, 1]))
        terms = terms_of(env, info)
        assert (terms["thought_j"][0, :2] > 0).tolist() == [False, True]
        assert terms["late"][0].tolist() == [1, 0, 0, 0]
        assert [(one.satellite, one.kind, one.why) for one in env.replaced] == [(0, "late", "boards down")]
        assert env.world.orders["command"][0, :2].tolist() == [CHARGE, IDLE]
        *_, info = env.step(act(env, sat_0="idle"))
        assert env.world.orders["command"][0, 0] == IDLE, "a rule of thumb needs no board"

    def test_corrupted_weights_babble(self, quiet):
        """Legal decisions at random, the same for the same seed; free decisions are as they were given."""
        stories = []
        for seed in (5, 5, 6):
            env, info = thoughtful(quiet, seed)
            env.world.faults.state.body["corrupt"][0, 0] = True
            story = []
            for _ in range(25):
                before, mask = env.world.orders[0, 0].copy(), info["action_mask"][0, 0]
                fuel, down = env.world.encounters.state.fuel[0, 0], env.world.jobs.state.servers["down"][0, 0]
                *_, info = env.step(act(env, sat_0="keep", sat_1="keep"), spent(env, 1, [0, 1]))
                assert terms_of(env, info)["illegal"].sum() == 0
                for one in env.replaced:
                    assert (one.satellite, one.why) == (0, "weights corrupted")
                    assert env.actions[one.decided] == "keep" != env.actions[one.done]
                    assert mask[one.done]
                told = bool(env.replaced)
                after = env.world.orders[0, 0]
                if env.world.jobs.state.servers["down"][0, 0] != down:
                    env.world.faults.state.body["corrupt"][0, 0] = True  # it has stumbled over the cure
                    assert mask[AT["reload"]]
                story.append((tuple(before), tuple(after), fuel - env.world.encounters.state.fuel[0, 0]))
                assert told or tuple(before) == tuple(after), "what is not told is as it was decided"
                assert env.world.orders[0, 1].tolist() == (CHARGE, NONE, DEFER)
            stories.append(story)
        assert stories[0] == stories[1]
        assert stories[0] != stories[2]
        assert len({after for _, after, _ in stories[0]}) > 5

    def test_babble_is_uniform_over_what_is_legal(self, quiet):
        env, *_ = start(quiet)
        env.world.faults.state.body["corrupt"][0, :2] = True
        counts = np.zeros(A)
        mask = np.zeros((1, N, A), np.int8)
        mask[..., 0] = 1
        mask[0, 0, [3, 7, 20]] = 1
        for k in range(2_000):
            env.world.state.clock["round"] = k
            drawn = env.problem.corrupted_actions(mask)
            assert drawn[0, 1] == 0
            assert (drawn[0, 2:] == -1).all()
            counts[drawn[0, 0]] += 1
        assert set(np.flatnonzero(counts)) == {0, 3, 7, 20}
        assert (np.abs(counts[[0, 3, 7, 20]] - 500) < 100).all()
        assert env.problem.corrupted_actions(mask) is not None
        env.world.faults.state.body["corrupt"] = False
        assert env.problem.corrupted_actions(mask) is None

    def test_a_request_that_is_gone_is_late(self, disaster):
        changes = {"requests.initial": 600, "requests.cloud_mean": 0.0, "requests.where": "globe"}
        env, info = thoughtful(disaster(calm=True, changes=changes))
        output, late, stood = tokens_for(env, 35.0), 0, 0
        for _ in range(60):
            mask = info["action_mask"][0]
            free = ~info["thinking"][0] & (mask[:, AT["observe_1"]] == 1)
            wanted = env.world.state.opportunities["request"][0, :, 0].copy()
            table = np.where(free, AT["observe_1"], HOLD)[None]
            env.step(table, spent(env, output, np.flatnonzero(free)))
            *_, info = env.step(HOLDING)
            late += int(terms_of(env, info)["late"][0, free].sum())
            orders = env.world.orders[0]
            stood += int(((orders["command"] == OBSERVE) & free).sum())
            did = env.world.state.activity[0]
            for n in np.flatnonzero(free & ((orders["command"] == OBSERVE) | (did["captured"] > 0))):
                assert wanted[n] in (orders["request"][n], did["request"][n])
        assert late > 0
        assert stood > 0

    def test_a_fast_controller_burns_meanwhile_and_the_mind_later(self, quiet):
        """Two burns, if both want one; one, if only one does."""
        env, _ = thoughtful(quiet)
        output = tokens_for(env, 10.0)
        thought = spent(env, output, 0)._replace(
            meanwhile=act(env, sat_0="backward_small", sat_1="forward_large")
        )
        env.step(act(env, sat_0="forward_large"), thought)
        assert env.world.encounters.state.fuel[0].tolist() == pytest.approx([1.88, 2.0, 2.0, 2.0])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"scenario": "disaster_respons"}, "did you mean disaster_response"),
        ({"candidates": 0}, "candidates = 0"),
        ({"warned": 0}, "warned = 0"),
        ({"message_size": -1}, "message_size = -1"),
        ({"message_size": 1.5}, "message_size = 1.5"),
        ({"max_cycles": 0}, "max_cycles = 0"),
        ({"death": "gone"}, "Unknown death mode 'gone'"),
        ({"render_mode": "hologram"}, "hologram"),
    ],
)
def test_bad_argument_is_one_sentence(quiet, arguments, sentence):
    with pytest.raises(SandboxError, match=sentence):
        autonomy_v0.parallel_env(**({"scenario": quiet} | arguments))
