"""Searches on board: what they cost, what they know, how long their plans stand."""

import numpy as np
import pytest

from envs import tasking_v0
from sandbox.compute import board
from sandbox.consulting import EFFORTS, FLOP, LONG, SHARE, SHORT, longest_search, search_pace
from sandbox.recording.happenings import events_of, marks_of
from sandbox.scenario import load_scenario
from sandbox.state import CAPTURED, NONE

CRAFT = "spacecraft.computing_satellite"
CHARGE_ACTION = 1
BUSY = {"requests.initial": 120, "requests.per_hour": 20.0}
EMPTY = {"requests.initial": 1, "requests.per_hour": 0.0}
SLOW = {f"{CRAFT}.compute": {"board": "orin_nano", "boards": 10, "model": "Qwen3-0.6B", "precision": "int4"}}


def make(changes=BUSY, worlds=1, **options):
    scenario = load_scenario("pair", changes)
    env = tasking_v0.batch_env(scenario, worlds, consult=True, autoreset=False, max_cycles=80, **options)
    env.reset(0)
    return env


def label(env, name):
    return env.actions.index(name)


def order(env, first, second="charge"):
    return np.array([[label(env, first), label(env, second)]] * env.worlds)


def plan(env):
    return env.world.consulting.state.plan[0, 0]


def term(info, env, name):
    return float(info["terms"][0, 0, env.terms.index(name)])


class TestPrice:
    def test_is_counted_operations_over_what_the_board_gets_done(self):
        fast, slow = board("scs01"), board("orin_nano")
        assert search_pace(fast) == pytest.approx(FLOP / (SHARE * 186e12 * 0.30))
        assert search_pace(slow) / search_pace(fast) == pytest.approx(186.0 / 17.0)

    def test_of_a_short_search_is_less(self):
        each = board("agx_orin")
        assert 0.0 < longest_search(each, SHORT) < 0.1 * longest_search(each, LONG)

    @pytest.mark.parametrize("effort", ["consult_short", "consult_long"])
    def test_is_drawn_from_the_battery_and_from_nowhere_else(self, effort):
        """With nothing to image, who searches and who does not do the same, but for the board."""
        plain, thinking = make(EMPTY), make(EMPTY)
        for _ in range(3):
            plain.step(order(plain, "charge"))
            _, _, _, _, info = thinking.step(order(thinking, "charge"))
        plain.step(order(plain, "charge"))
        _, _, _, _, info = thinking.step(order(thinking, effort))
        seconds, joules = term(info, thinking, "consult_s"), term(info, thinking, "consult_j")
        assert 0.0 < seconds < 30.0
        craft = thinking.world.scenario.spacecraft["computing_satellite"]
        used = [env.world.state.power[0]["consumed"] for env in (plain, thinking)]
        drawn = seconds * (board("scs01").active_w - craft.power.compute_w)
        assert used[1][0] - used[0][0] == pytest.approx(drawn, rel=0.02, abs=45.0)
        assert used[1][1] == used[0][1]
        assert joules == pytest.approx(seconds * board("scs01").active_w, rel=1e-5)

    def test_leaves_the_ledger_of_energy_in_order(self):
        env = make()
        before = env.world.state.power.copy()
        for name in ("consult_long", "charge", "consult_short", "follow", "consult_long"):
            env.step(order(env, name, "consult_short"))
        power = env.world.state.power
        assert (power["consumed"] > before["consumed"]).all()
        gained = power["harvested"] - power["consumed"] - power["lost"] - power["curtailed"] + power["unmet"]
        np.testing.assert_allclose(power["energy"], before["energy"] + gained, atol=1e-3)

    def test_heats_the_board(self):
        plain, thinking = make(), make()
        for _ in range(6):
            plain.step(order(plain, "charge"))
            thinking.step(order(thinking, "consult_long"))
        boards = [env.world.state.body[0]["board"] for env in (plain, thinking)]
        assert boards[1][0] > boards[0][0]

    def test_of_nothing_takes_no_time(self):
        env = make(consult_price=0.0)
        _, _, _, _, info = env.step(order(env, "consult_long"))
        assert term(info, env, "consulted") == 1.0
        assert term(info, env, "consult_s") == term(info, env, "consult_j") == 0.0
        assert plan(env)["stands"]


class TestSlowBoard:
    def test_searches_on_for_rounds_and_is_busy_meanwhile(self):
        env = make(BUSY | SLOW)
        _, _, _, _, info = env.step(order(env, "consult_long"))
        seconds, rounds = term(info, env, "consult_s"), 0
        assert seconds > 30.0
        while plan(env)["remaining"] > 0.0:
            assert not plan(env)["stands"]
            assert info["action_mask"][0, 0, label(env, "consult_long")] == 0
            _, _, _, _, info = env.step(order(env, "charge"))
            rounds += 1
        assert rounds == int(seconds // 30.0)
        assert plan(env)["stands"] or plan(env)["void"]

    def test_draws_for_as_long_as_it_searches(self):
        plain, thinking = make(BUSY | SLOW), make(BUSY | SLOW)
        for _ in range(3):
            plain.step(order(plain, "charge"))
            thinking.step(order(thinking, "charge"))
        plain.step(order(plain, "charge"))
        _, _, _, _, info = thinking.step(order(thinking, "consult_long"))
        seconds = term(info, thinking, "consult_s")
        for _ in range(int(seconds // 30.0) + 1):
            plain.step(order(plain, "charge"))
            thinking.step(order(thinking, "charge"))
        used = [env.world.state.power[0, 0]["consumed"] for env in (plain, thinking)]
        watts = board("orin_nano").active_w - 140.0 / 10
        assert used[1] - used[0] == pytest.approx(seconds * watts, rel=0.02)

    def test_loses_a_search_when_its_boards_are_reset(self):
        env = make(BUSY | SLOW)
        env.step(order(env, "consult_long"))
        env.world.state.power["energy"][0, 0] = 0.1 * env.world.state.power["capacity"][0, 0]
        env.step(order(env, "charge"))  # safe mode begins with it
        assert env.world.state.safety["safe"][0, 0]
        assert plan(env)["remaining"] == 0.0
        assert not plan(env)["stands"]


class TestKnowledge:
    def search(self, change=None, **options):
        env = make(**options)
        for _ in range(2):
            env.step(order(env, "charge"))
        if change:
            change(env.world.state)
        env.step(order(env, "consult_long", "consult_short"))
        state = env.world.consulting.state
        return state.steps["request"].copy(), state.assumed.copy(), state.plan["worth"].copy()

    def hide(self, state):
        """Another sky, and other requests to come: nothing that anybody can know."""
        requests, rng = state.requests, np.random.default_rng(5)
        requests.sky[...] = rng.random(requests.sky.shape)
        later = requests.book[0, requests.released[0] :]
        later["value"] = np.where(np.isfinite(later["release"]), 99.0, later["value"])

    def test_is_the_same_in_worlds_that_differ_in_what_nobody_knows(self):
        for one, other in zip(self.search(), self.search(self.hide), strict=True):
            np.testing.assert_array_equal(one, other)

    def test_is_another_where_the_sky_is_known(self):
        one, other = self.search(consult_truth=True), self.search(self.hide, consult_truth=True)
        assert (one[0] != other[0]).any()

    def test_is_of_the_forecast(self):
        def cloud(state):
            state.requests.book["cloud"] = 1.0 - state.requests.book["cloud"]

        assert (self.search()[2] != self.search(cloud)[2]).any()


class TestPlan:
    def planned(self, name="consult_long", **options):
        env = make(**options)
        for _ in range(70):
            env.step(order(env, name, "charge"))
            if plan(env)["stands"] and plan(env)["images"] > 1:
                return env
        pytest.fail("no plan with images")

    def test_is_within_its_effort(self):
        env = self.planned("consult_short")
        state = env.world.consulting.state
        steps = state.steps[0, 0]
        known = steps[steps["request"] != NONE]
        assert (np.diff(known["at"]) > 0.0).all()
        horizon = EFFORTS[SHORT].segments * 300.0
        assert (known["at"] < plan(env)["made"] + horizon + 300.0).all()
        assert len(set(known["request"].tolist())) == len(known)

    def test_is_followed(self):
        env = self.planned()
        wanted = set(env.world.consulting.state.steps["request"][0, 0].tolist()) - {NONE}
        for _ in range(60):
            env.step(order(env, "follow"))
            if not plan(env)["stands"]:
                break
        book = env.world.state.requests.book[0]
        mine = np.flatnonzero((book["status"] >= CAPTURED) & (book["captured_by"] == 0))
        tried = {j for j in wanted if book["closed_until"][j] > 0.0}
        assert (wanted & set(mine.tolist())) | tried

    def test_ends_when_what_it_meant_is_gone(self):
        env = self.planned()
        requests = env.world.state.requests
        for j in env.world.consulting.state.steps["request"][0, 0]:
            if j != NONE:
                requests.book["closed_until"][0, j] = np.inf
        _, _, _, _, info = env.step(order(env, "charge"))
        assert not plan(env)["stands"]
        assert term(info, env, "plan_void") == 1.0

    def test_ends_when_the_battery_is_lower_than_it_assumed(self):
        env = self.planned()
        power = env.world.state.power[0, 0]
        power["energy"] -= 0.12 * power["capacity"]
        env.step(order(env, "charge"))
        assert not plan(env)["stands"]

    def test_ends_with_its_time(self):
        env = make(EMPTY)
        env.step(order(env, "consult_short"))
        assert plan(env)["stands"]
        for _ in range(30):
            env.step(order(env, "follow"))
        assert not plan(env)["stands"]

    def test_is_in_a_snapshot(self):
        env = self.planned()
        moment, seen = env.world.snapshot(), env.present()[0]
        for _ in range(5):
            env.step(order(env, "consult_short"))
        env.world.restore(moment)
        np.testing.assert_array_equal(env.present()[0], seen)

    def test_is_told_as_an_event(self):
        env = make()
        marks = marks_of(env.world)
        env.step(order(env, "consult_long"))
        told = [event for event in events_of(env.world, marks) if event[2] == "consulted"]
        assert [(event[1], event[3]) for event in told] == [(0, NONE)]
        assert told[0][4] == pytest.approx(plan(env)["joules"])
        assert '"search": "long"' in told[0][5]
