"""Baselines from the literature: each does what its paper is about."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents import make_policy
from agents.cbba import Cbba, Offer
from agents.equinox import marginal_cost
from envs import autonomy_v0, offloading_v0, tasking_v0
from sandbox.scenario import load_scenario

MODULES = {"tasking_v0": tasking_v0, "offloading_v0": offloading_v0, "autonomy_v0": autonomy_v0}
HOMES = {"tasking_v0": "pair", "offloading_v0": "relay_40", "autonomy_v0": "disaster_response"}
PLAYS = [("cbba", "tasking_v0")] + [(name, problem) for name in ("equinox", "phoenix") for problem in MODULES]


@pytest.fixture(scope="module")
def made():
    return {
        problem: module.batch_env(load_scenario(HOMES[problem]), 2, max_cycles=10, autoreset=False)
        for problem, module in MODULES.items()
    }


@pytest.mark.parametrize(("name", "problem"), PLAYS)
def test_it_plays_by_the_rules_and_the_same_again(made, name, problem):
    env, runs = made[problem], []
    for _ in range(2):
        policy = make_policy(name, env)
        policy.reset(seed=0)
        seen, info = env.reset(seed=5)
        runs.append([])
        for _ in range(env.max_cycles):
            actions = policy.act(seen, info)
            assert np.take_along_axis(info["action_mask"], actions[..., None], -1).all()
            seen, _, _, _, info = env.step(actions)
            runs[-1].append(actions)
    np.testing.assert_array_equal(*runs)


def situation(env, **told):
    """Features (1, 1, F) in their units, all else 0, and a mask that forbids nothing."""
    seen = np.zeros((1, 1, len(env.layout)))
    for name, value in told.items():
        seen[..., env.layout.index(name)] = value
    return seen, np.ones((1, 1, len(env.actions)), np.int8)


class TestEquinox:
    def test_the_cost_is_nothing_with_all_headroom_and_without_end_with_none(self):
        cost = marginal_cost(np.array([1.0, 0.5, 0.1, 0.0, -1.0]), 2.0)
        np.testing.assert_allclose(cost[:3], [0.0, 2.0, 18.0])
        assert np.isinf(cost[3:]).all()

    def test_what_is_worth_least_is_shed_first(self, made):
        env = made["tasking_v0"]
        policy, least = make_policy("equinox", env), []
        for battery in (95.0, 60.0, 40.0, 25.0, 10.0):
            taken = []
            for value in np.linspace(0.1, 10.0, 40):
                seen, mask = situation(
                    env, battery=battery, sunlight=100.0, to_shadow=40.0, request_1_value=value,
                    request_1_window=60.0, request_1_deadline=60.0,
                )  # fmt: skip
                mask[..., env.actions.index("downlink")] = 0
                action = env.actions[policy.choose(seen, mask)[0, 0]]
                taken.append(action == "observe_1")
            assert taken == sorted(taken), "who takes one takes every better one"
            least.append(taken.index(True) if any(taken) else len(taken))
        assert least == sorted(least)
        assert least[0] < least[-1] == 40

    @pytest.mark.parametrize(
        ("own", "neighbour", "goes"),
        [
            ((90.0, 0.0), (90.0, 0.0), "run_large"),
            ((25.0, 0.0), (90.0, 0.0), "neighbour_1"),
            ((90.0, 300.0), (90.0, 0.0), "neighbour_1"),
            ((90.0, 0.0), (25.0, 0.0), "run_large"),
            ((20.5, 0.0), (20.5, 0.0), "drop"),
        ],
    )
    def test_work_goes_where_it_costs_less(self, made, own, neighbour, goes):
        env = made["offloading_v0"]
        seen, mask = situation(
            env, battery=own[0], backlog=own[1], board_temperature=30.0, job_value=5.0, job_left=3_000.0,
            job_half_life=3_600.0, job_large_quality=0.9, job_large_s=5.0, neighbour_1_battery=neighbour[0],
            neighbour_1_backlog=neighbour[1],
        )  # fmt: skip
        for name in ("training", "ground", "neighbour_2", "neighbour_3", "neighbour_4"):
            mask[..., env.actions.index(name)] = 0
        score = np.where(mask == 1, make_policy("equinox", env).score(seen), -np.inf)
        # whoever has no place left that is worth its cost drops the job, if the others may not be used
        allowed = score[0, 0]
        best = env.actions[int(allowed.argmax())]
        assert best == goes or (goes == "drop" and best in ("drop", "defer"))


class TestPhoenix:
    @pytest.mark.parametrize(
        ("told", "goes"),
        [
            ({"sunlight": 100.0, "to_shadow": 40.0}, "run_large"),
            ({"sunlight": 0.0}, "neighbour_1"),
            ({"sunlight": 100.0, "to_shadow": 0.05}, "neighbour_1"),
            ({"sunlight": 0.0, "neighbour_1_battery": 30.0}, "ground"),
            ({"sunlight": 0.0, "neighbour_1_battery": 30.0, "job_ground_quality": 0.0}, "run_large"),
        ],
    )
    def test_sunlit_boards_come_first_and_a_battery_in_shadow_last(self, made, told, goes):
        env = made["offloading_v0"]
        usual = {
            "battery": 80.0, "job_value": 5.0, "job_left": 3_000.0, "job_half_life": 3_600.0,
            "job_large_quality": 0.9, "job_small_quality": 0.5, "job_ground_quality": 0.9,
            "job_large_s": 10.0, "job_small_s": 5.0, "neighbour_1_battery": 90.0,
        }  # fmt: skip
        seen, mask = situation(env, **(usual | told))
        for name in ("training", "neighbour_2", "neighbour_3", "neighbour_4"):
            mask[..., env.actions.index(name)] = 0
        score = np.where(mask == 1, make_policy("phoenix", env).score(seen), -np.inf)
        assert env.actions[int(score[0, 0].argmax())] == goes

    def test_images_wait_until_sunlight_is_enough(self, made):
        env, policy = made["tasking_v0"], make_policy("phoenix", made["tasking_v0"])
        for battery, images in ((90.0, True), (45.0, False)):
            seen, mask = situation(
                env, battery=battery, sunlight=100.0, to_shadow=40.0, request_1_value=10.0,
                request_1_window=60.0, request_1_deadline=60.0,
            )  # fmt: skip
            mask[..., env.actions.index("downlink")] = 0
            assert (env.actions[policy.choose(seen, mask)[0, 0]] == "observe_1") is images


@pytest.fixture(scope="module")
def cbba(made):
    return Cbba(made["tasking_v0"])


def offer(name, worth, capture=10.0, slew=10.0, window=100.0):
    return Offer((float(name),), worth, capture, slew, window)


class TestCbba:
    def test_the_higher_bid_wins_and_who_is_outbid_takes_the_next_best(self, cbba):
        found = cbba.auction([[offer(1, 5.0), offer(2, 4.0)], [offer(1, 6.0), offer(3, 1.0)]])
        assert found == [[1], [0, 1]]

    def test_of_equal_bids_the_lower_number_wins(self, cbba):
        found = cbba.auction([[offer(1, 5.0)], [offer(1, 5.0)], [offer(1, 5.0)]])
        assert found == [[0], [], []]

    def test_what_was_put_behind_a_lost_request_is_released_and_bid_for_anew(self, cbba):
        # the first would image 1 and then 2; it loses 1, and can take 2 sooner than it had thought
        first = [offer(1, 9.0), offer(2, 5.0, window=12.0)]
        assert cbba.auction([first, []]) == [[0], []]
        assert cbba.auction([first, [offer(1, 10.0)]]) == [[1], [0]]

    @settings(deadline=None, max_examples=60)
    @given(st.data())
    def test_nobody_takes_what_another_has_and_nothing_that_can_be_taken_is_left(self, cbba, data):
        team = data.draw(st.integers(1, 5))
        offers = []
        for _ in range(team):
            names = data.draw(st.lists(st.integers(1, 6), unique=True, max_size=4))
            worths = [data.draw(st.floats(0.1, 10.0)) for _ in names]
            captures = [data.draw(st.floats(0.0, 60.0)) for _ in names]
            offers.append([offer(n, w, c) for n, w, c in zip(names, worths, captures, strict=True)])
        found = cbba.auction(offers)
        taken = [offers[n][k].key for n, bundle in enumerate(found) for k in bundle]
        assert len(taken) == len(set(taken))
        for n, mine in enumerate(offers):
            if not found[n]:  # who has nothing was outbid for everything that it could take
                assert all(one.key in taken for one in mine if one.capture <= one.window)
