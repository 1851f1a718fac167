"""Thought is charged: when decisions take effect, what stands until then, what the satellite pays."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs import tasking_v0
from envs.deliberation import HOLD, THOUGHT_TERMS, Thought, deliberating, who_thinks
from envs.parallel import ParallelFace
from sandbox.compute import board, inference, model
from sandbox.errors import SandboxError
from sandbox.scenario import load_scenario
from sandbox.state import CHARGE, IDLE

IDLE_ACTION, CHARGE_ACTION, FIRST_OBSERVE = 0, 1, 3
PROMPT = 500


def make(scenario, **options):
    env = deliberating(tasking_v0.batch_env(scenario, autoreset=False, **options))
    env.reset(0)
    return env


def tokens(env, output, prompt=PROMPT, **more):
    team = (env.worlds, env.satellites)
    return Thought(np.full(team, prompt), np.broadcast_to(output, team).astype(int), **more)


def whole(env, action):
    return np.full((env.worlds, env.satellites), action)


def term(env, info, name):
    return info["terms"][0, :, env.terms.index(name)]


def cost_of(output, prompt=PROMPT):
    return inference(board("scs01"), model("Qwen3-8B"), "int4", prompt, output)


def output_for(seconds):
    """Tokens that take at least so many seconds on the board of SCS-01."""
    return next(n for n in range(1, 20_000, 5) if cost_of(n).seconds >= seconds)


class TestWithoutThought:
    def test_is_the_plain_batch_face(self, small):
        plain = tasking_v0.batch_env(small, 2, autoreset=True, max_cycles=30)
        thoughtful = deliberating(tasking_v0.batch_env(small, 2, autoreset=True, max_cycles=30))
        rng = np.random.default_rng(0)
        seen = [env.reset(3) for env in (plain, thoughtful)]
        for _ in range(70):
            np.testing.assert_array_equal(seen[0][0], seen[1][0])
            actions = rng.integers(0, len(plain.actions), (2, plain.satellites))
            (a, *one, i), (b, *two, j) = plain.step(actions), thoughtful.step(actions)
            for x, y in zip(one, two, strict=True):
                np.testing.assert_array_equal(x, y)
            np.testing.assert_array_equal(i["terms"], j["terms"][..., : len(plain.terms)])
            assert not j["thinking"].any()
            seen = [(a, i), (b, j)]

    def test_a_free_thought_changes_nothing_either(self, small):
        one, two = make(small), make(small)
        for _ in range(20):
            a = one.step(whole(one, CHARGE_ACTION))
            b = two.step(whole(two, CHARGE_ACTION), tokens(two, 0, prompt=0))
            np.testing.assert_array_equal(a[0], b[0])

    def test_hold_keeps_to_the_standing_order(self, small):
        env = make(small)
        env.step(whole(env, CHARGE_ACTION))
        for _ in range(3):
            env.step(whole(env, HOLD))
            assert (env.world.state.activity["mode"] == CHARGE).all()
        env.step(whole(env, IDLE_ACTION))
        env.step(whole(env, HOLD))
        assert (env.world.state.activity["mode"] == IDLE).all()


class TestPrice:
    def test_seconds_joules_and_tokens_are_those_of_the_compute_model(self, small):
        env = make(small)
        *_, info = env.step(whole(env, CHARGE_ACTION), tokens(env, 200))
        cost = cost_of(200)
        assert term(env, info, "thought_s") == pytest.approx(cost.seconds, rel=1e-6)
        assert term(env, info, "thought_j") == pytest.approx(cost.joules, rel=1e-6)
        assert (term(env, info, "prompt_tokens") == PROMPT).all()
        assert (term(env, info, "output_tokens") == 200).all()
        assert (term(env, info, "thinking") == 0).all()

    @pytest.mark.parametrize("seconds", [3.0, 40.0, 130.0])
    def test_the_battery_pays_once_however_long_it_takes(self, small, seconds):
        """What the board draws beyond its standing load, summed over the rounds, is watts x seconds."""
        output, thoughtful, plain = output_for(seconds), make(small), make(small)
        thoughtful.step(whole(plain, HOLD), None)
        plain.step(whole(plain, HOLD), None)
        thoughtful.step(whole(plain, IDLE_ACTION), tokens(thoughtful, output))
        plain.step(whole(plain, IDLE_ACTION))
        for _ in range(5):
            thoughtful.step(whole(plain, HOLD))
            plain.step(whole(plain, HOLD))
        more = thoughtful.world.state.power["consumed"] - plain.world.state.power["consumed"]
        watts = board("scs01").active_w - 140.0
        assert more == pytest.approx(watts * cost_of(output).seconds, rel=1e-6)

    def test_without_a_board_it_is_free(self, small):
        bare = load_scenario(small, {"spacecraft.computing_satellite.compute": None})
        env, plain = make(bare), make(small)
        *_, info = env.step(whole(env, CHARGE_ACTION), tokens(env, 5_000))
        plain.step(whole(env, CHARGE_ACTION))
        assert (term(env, info, "thought_j") == 0).all()
        assert (term(env, info, "output_tokens") == 5_000).all()
        assert not env.onboard.has_board.any()
        np.testing.assert_array_equal(env.world.state.power, plain.world.state.power)

    def test_a_hot_board_refuses(self, small):
        craft = "spacecraft.computing_satellite.thermal"
        limits = {f"{craft}.throttle_above_c": -20, f"{craft}.shutdown_above_c": 0, f"{craft}.initial_c": 15}
        env = make(load_scenario(small, limits))
        *_, info = env.step(whole(env, CHARGE_ACTION), tokens(env, 100))
        assert (term(env, info, "too_hot") == 1).all()
        assert (term(env, info, "thought_j") == 0).all()
        assert (env.world.state.activity["mode"] == IDLE).all()


class TestWhen:
    def test_within_the_round_the_panel_turns_that_much_later(self, small):
        """The slew to the Sun begins when the thinking is done: the boresight lags."""
        prompt_only, slow = make(small), make(small)
        prompt_only.step(whole(slow, CHARGE_ACTION))
        slow.step(whole(slow, CHARGE_ACTION), tokens(slow, output_for(25.0)))
        assert (slow.world.state.activity["mode"] == CHARGE).all()
        cosine = (prompt_only.world.state.pointing * slow.world.state.pointing).sum(-1)
        assert (cosine < 0.9999).all()

    def test_rounds_later(self, small):
        env = make(small)
        *_, info = env.step(whole(env, CHARGE_ACTION), tokens(env, output_for(70.0)))
        modes = [env.world.state.activity["mode"].copy()]
        assert info["thinking"].all()
        while info["thinking"].any():
            *_, info = env.step(whole(env, HOLD))
            modes.append(env.world.state.activity["mode"].copy())
        assert [bool((m == IDLE).all()) for m in modes] == [True, True, False]
        assert (modes[-1] == CHARGE).all()

    def test_a_fast_controller_rules_meanwhile(self, small):
        env = make(small)
        fast = whole(env, CHARGE_ACTION)
        env.step(whole(env, IDLE_ACTION), tokens(env, output_for(70.0), meanwhile=fast))
        assert (env.world.state.activity["mode"] == CHARGE).all()
        env.step(fast)
        assert (env.world.state.activity["mode"] == CHARGE).all()
        env.step(fast)
        assert (env.world.state.activity["mode"] == IDLE).all()

    def test_who_thinks_cannot_think_of_something_else(self, small):
        env = make(small)
        env.step(whole(env, CHARGE_ACTION), tokens(env, output_for(40.0)))
        *_, info = env.step(whole(env, IDLE_ACTION), tokens(env, 100))
        assert (term(env, info, "thought_j") == 0).all()
        assert (env.world.state.activity["mode"] == CHARGE).all()

    def test_a_request_is_found_again_where_it_now_stands(self, small):
        """A decision for a request is carried out on that request, or late: never on another."""
        crowded = load_scenario(small, {"requests.initial": 4_000, "requests.cloud_mean": 0.0})
        env, taken, late, output = make(crowded), 0, 0, output_for(32.0)
        *_, info = env.step(whole(env, HOLD))
        for _ in range(240):
            mask = info["action_mask"]
            wants = np.where(mask[..., FIRST_OBSERVE] == 1, FIRST_OBSERVE, HOLD)
            wanted = env.world.state.opportunities["request"][0, :, 0].copy()
            free = ~info["thinking"]
            *_, info = env.step(np.where(free, wants, HOLD), tokens(env, output))
            *_, info = env.step(whole(env, HOLD))
            did = env.world.state.activity[0]
            for n in np.flatnonzero(free[0] & (wants[0] != HOLD)):
                late += int(term(env, info, "late")[n])
                if did["captured"][n] or did["duplicate"][n]:
                    taken += 1
                    assert did["request"][n] == wanted[n]
        assert taken > 5
        assert late > 5

    def test_a_new_episode_forgets(self, small):
        env = deliberating(tasking_v0.batch_env(small, max_cycles=3, autoreset=True))
        env.reset(0)
        for _ in range(2):
            env.step(whole(env, CHARGE_ACTION), tokens(env, output_for(130.0)))
        *_, info = env.step(whole(env, HOLD))
        assert info["ended"].all()
        *_, info = env.step(whole(env, HOLD))
        assert not info["thinking"].any()
        assert (env.world.state.activity["mode"] == IDLE).all()


@settings(max_examples=settings.default.max_examples // 5)
@given(st.data())
def test_worlds_are_independent_and_seeds_repeat(small, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    together = deliberating(tasking_v0.batch_env(small, 2, max_cycles=20))
    alone = [deliberating(tasking_v0.batch_env(small, 1, max_cycles=20)) for _ in range(2)]
    together.reset(7)
    for b, env in enumerate(alone):
        env.reset(7 + b)
    team = (2, together.satellites)
    for _ in range(30):
        actions = rng.integers(HOLD, len(together.actions), team)
        spent = [rng.integers(0, most, team) * rng.integers(0, 2, team) for most in (800, 6_000)]
        meanwhile = rng.integers(HOLD, len(together.actions), team)
        seen = together.step(actions, Thought(*spent, meanwhile))
        assert np.isfinite(seen[0]).all()
        for b, env in enumerate(alone):
            own = env.step(actions[b : b + 1], Thought(*(x[b : b + 1] for x in (*spent, meanwhile))))
            for one, many in zip(own[:4], seen[:4], strict=True):
                np.testing.assert_array_equal(one[0], many[b])
            np.testing.assert_array_equal(own[4]["terms"][0], seen[4]["terms"][b])


class TestReplaced:
    """What was not carried out as decided is told, and nothing else."""

    def told(self, env):
        return [(one.satellite, one.kind, one.decided, one.done, one.why) for one in env.replaced]

    def illegal(self, info):
        """An action that satellite 0 may not choose."""
        return int(np.flatnonzero(info["action_mask"][0, 0] == 0)[0])

    def test_what_is_done_as_decided_is_not_told(self, small):
        env = make(small)
        for actions, thought in ((CHARGE_ACTION, None), (CHARGE_ACTION, tokens(env, 100)), (HOLD, None)):
            env.step(whole(env, actions), thought)
            assert not env.replaced

    def test_what_is_not_legal_is_the_no_op(self, small):
        env = make(small)
        _, info = env.present()
        wrong, actions = self.illegal(info), whole(env, CHARGE_ACTION)
        actions[0, 0] = wrong
        env.step(actions)
        assert self.told(env) == [(0, "replaced", wrong, IDLE_ACTION, "not legal")]
        assert env.replaced[0].told(env.actions) == {
            "decision": "idle",
            "instead_of": env.actions[wrong],
            "why": "not legal",
            "text": f"carried out idle instead of {env.actions[wrong]}",
        }

    def test_what_is_not_legal_and_thought_out_comes_late(self, small):
        env = make(small)
        _, info = env.present()
        wrong, actions = self.illegal(info), whole(env, CHARGE_ACTION)
        actions[0, 0] = wrong
        env.step(actions, tokens(env, output_for(40.0)))
        assert not env.replaced
        *_, info = env.step(whole(env, HOLD))
        assert self.told(env) == [(0, "late", wrong, IDLE_ACTION, "not legal")]
        assert 30.0 < env.replaced[0].time_s < 60.0
        assert term(env, info, "late").tolist() == [1, 0]

    def test_who_thinks_already_is_not_heard(self, small):
        env = make(small)
        env.step(whole(env, CHARGE_ACTION), tokens(env, output_for(40.0)))
        meanwhile = np.array([[HOLD, IDLE_ACTION]])
        env.step(whole(env, IDLE_ACTION), tokens(env, 100, meanwhile=meanwhile))
        assert self.told(env) == [(0, "replaced", IDLE_ACTION, HOLD, "still thinking")]
        assert env.replaced[0].told(env.actions)["decision"] == "its standing order"

    def test_a_board_too_hot_thinks_nothing(self, small):
        craft = "spacecraft.computing_satellite.thermal"
        limits = {f"{craft}.throttle_above_c": -20, f"{craft}.shutdown_above_c": 0, f"{craft}.initial_c": 15}
        env = make(load_scenario(small, limits))
        env.step(whole(env, CHARGE_ACTION), tokens(env, 100))
        why = "board too hot to think"
        assert self.told(env) == [(n, "replaced", CHARGE_ACTION, HOLD, why) for n in (0, 1)]

    def test_whatever_is_late_is_told_under_the_name_it_was_decided_by(self, small):
        """One for each that the term counts, but for images and contacts missed within the round."""
        env = make(load_scenario(small, {"requests.initial": 4_000, "requests.cloud_mean": 0.0}))
        *_, info = env.step(whole(env, HOLD))
        seen = 0
        for _ in range(100):
            wants = np.where(info["action_mask"][..., FIRST_OBSERVE] == 1, FIRST_OBSERVE, HOLD)
            env.step(np.where(info["thinking"], HOLD, wants), tokens(env, output_for(32.0)))
            *_, info = env.step(whole(env, HOLD))
            late = term(env, info, "late") - env.world.state.activity["late"][0]
            assert [one.satellite for one in env.replaced] == np.flatnonzero(late).tolist()
            for one in env.replaced:
                assert (one.decided, one.done, one.why) == (FIRST_OBSERVE, IDLE_ACTION, "no longer possible")
            seen += len(env.replaced)
        assert seen > 2

    def test_a_copy_remembers_and_for_a_world_of_elsewhere_nobody_guesses(self, small):
        env, other = make(small), make(small)
        env.step(whole(env, CHARGE_ACTION), tokens(env, output_for(40.0)))
        assert (copy.deepcopy(env)._label() == CHARGE_ACTION).all()
        other.world.state.minds[...] = env.world.state.minds
        assert (other._label() < 0).all()


class TestFaces:
    def test_the_dictionary_face_reports_the_terms_of_thought(self, small):
        batch = deliberating(tasking_v0.batch_env(small, max_cycles=5, autoreset=False))
        face = ParallelFace(batch)
        _, infos = face.reset(seed=0)
        assert set(THOUGHT_TERMS) <= infos["sat_0"].keys()
        thought = Thought(np.full((1, 2), PROMPT), np.full((1, 2), output_for(40.0)))
        *_, infos = face.step(dict.fromkeys(face.agents, CHARGE_ACTION), thought)
        assert infos["sat_0"]["thinking"] == 1.0
        assert who_thinks(infos).tolist() == [[True, True]]
        face.step(dict.fromkeys(face.agents, HOLD))

    def test_one_that_charges_nothing_says_so(self, small):
        face = tasking_v0.parallel_env(small)
        _, infos = face.reset(seed=0)
        assert who_thinks(infos) is None
        with pytest.raises(SandboxError, match="charges no thought; make its batch `deliberating`"):
            face.step({}, Thought(np.zeros((1, 2), int), np.zeros((1, 2), int)))
        with pytest.raises(SandboxError, match="action -1 of sat_0"):
            face.step({"sat_0": HOLD})


@pytest.mark.parametrize(
    ("thought", "words"),
    [
        (
            Thought(np.full((1, 2), -1), np.zeros((1, 2), int)),
            "prompt_tokens must be whole numbers of at least 0",
        ),
        (Thought(np.zeros((1, 2), int), np.zeros((1, 2))), "output_tokens must be whole numbers"),
        (Thought(np.zeros((1, 3), int), np.zeros((1, 2), int)), r"prompt_tokens .* shape \(1, 2\)"),
        (Thought(*np.zeros((2, 1, 2), int), meanwhile=np.full((1, 2), 99)), "action 99 is outside"),
        (Thought(*np.ones((2, 1, 2), int), models=np.array(["Qwen3-8B"])), r"models have shape \(1,\)"),
        (
            Thought(*np.ones((2, 1, 2), int), models=np.full((1, 2), "Qwen3-9B", object)),
            "Unknown model 'Qwen3-9B'",
        ),
    ],
)
def test_bad_thoughts_are_one_sentence(small, thought, words):
    env = make(small)
    with pytest.raises(SandboxError, match=words):
        env.step(whole(env, 0), thought)
