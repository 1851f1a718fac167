"""The planner against optima that are proven or searched without leaving anything out, on small instances."""

from itertools import product

import numpy as np
import pytest

from agents import make_policy
from agents.planner.offloading_decoder import OffloadingDecoder
from agents.planner.simulator import Simulator
from agents.planner.tasking_milp import TaskingMilp
from agents.planner.trajectories import trajectories
from envs import avoidance_v0, offloading_v0, tasking_v0
from sandbox.jobs import DROP, RUN_LARGE, RUN_SMALL
from sandbox.maneuvers import BACKWARD_LARGE, BACKWARD_SMALL, FORWARD_LARGE, FORWARD_SMALL, RETURN
from sandbox.scenario import load_scenario

WITHIN = 0.97
"""Share of the optimum that the planner has to reach."""


def played(env, name, seed):
    policy = make_policy(name, env)
    policy.reset(seed=0)
    seen, info = env.reset(seed=seed)
    earned = 0.0
    for _ in range(env.max_cycles):
        seen, reward, _, _, info = env.step(policy.act(seen, info))
        earned += float(reward.sum())
    return earned


def tasking():
    changes = {"horizon_h": 1.6, "requests.initial": 600, "requests.per_hour": 0.0, "weather.rain": False}
    return tasking_v0.batch_env(load_scenario("pair", changes), autoreset=False, candidates=16)


def proven(env, seed):
    """(bound of the relaxation, proven optimum) of the program of the whole episode.

    It does not know in which order images are sent, so that it bounds what can be earned. All requests in
    reach are shown, since it counts on any.
    """
    env.reset(seed=seed)
    along = trajectories(env.world, 0, env.max_cycles)
    found = TaskingMilp(env.world, 0, along, env.max_cycles).program.exact()
    return found.bound, found.objective


def test_the_optimum_in_whole_numbers_stays_below_the_relaxation():
    env = tasking()
    for seed in range(3):
        bound, optimum = proven(env, seed)
        assert 0.0 < optimum <= bound + 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_tasking_comes_near_the_proven_optimum(seed):
    env = tasking()
    _, optimum = proven(env, seed)
    assert played(env, "planner", seed) >= WITHIN * optimum


# -- offloading: what becomes of every job

SERVERS = {
    "extends": "relay_40",
    "name": "one_server",
    "horizon_h": 0.25,
    "weather": {"rain": False},
    "spacecraft": {
        "computing_satellite": {"compute": {"board": "orin_nx", "boards": 1}, "power": {"compute_w": 5}}
    },
    "fleet": [
        {
            "name": "Inference", "spacecraft": "computing_satellite",
            "sun_synchronous": {"total": 1, "altitude_km": 600, "local_time_h": [6.0]},
        }
    ],
    # no station takes questions off the satellites' hands
    "stations": [{"name": "Far", "latitude_deg": -60.0, "longitude_deg": -90.0}],
    "jobs": {"batch": 1, "kinds": []},
    # a few questions come up below the satellite at once; its board takes half a half-life for each
    "events": [
        {
            "name": "Burst", "kind": "flood", "latitude_deg": 1.0, "longitude_deg": 90.0, "radius_km": 50,
            "at_h": [0.0, 0.001],
            "questions": {
                "per_hour": 500, "duration_h": 0.01, "raw_mbit": 1, "answer_kbit": 10, "prompt_tokens": 300,
                "output_tokens": 1200, "value": [1, 10], "deadline_s": 600, "half_life_s": 120,
                "quality": [0.5, 0.9, 0.95],
            },
        }
    ],
}  # fmt: skip
WAYS = RUN_SMALL, RUN_LARGE, DROP
"""What can be done with a job; there is nobody to hand it to, and no station."""


def servers():
    return offloading_v0.batch_env(load_scenario(SERVERS), autoreset=False)


def best_of_all(env, seed):
    """The most that any combination of `WAYS` earns, and how many jobs there are."""
    env.reset(seed=seed)
    jobs = np.flatnonzero(np.isfinite(env.world.jobs.state.book["release"][0]))
    plans = list(product(WAYS, repeat=len(jobs)))
    simulator = Simulator(env.problem, len(plans))
    base = OffloadingDecoder(simulator)
    blank = base.blank()
    all_plans = {name: np.repeat(part[None], len(plans), axis=0) for name, part in blank.items()}
    all_plans["wishes"][:, 0, jobs] = 1 + np.array(plans)
    simulator.load(0)
    base.follow(all_plans)
    earned = np.zeros(len(plans))
    for t in range(env.max_cycles):
        earned += simulator.step(base.act(t))
    return earned.max(), len(jobs)


BURSTS = 2, 7, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 3, 4))
"""Seeds of episodes with four or five questions."""


@pytest.mark.parametrize("seed", BURSTS)
def test_where_greedy_is_not_optimal_the_planner_comes_near_the_best_of_all_assignments(seed):
    env = servers()
    best, jobs = best_of_all(env, seed)
    assert 4 <= jobs <= 5
    assert played(env, "greedy", seed) < 0.9 * best
    assert played(env, "planner", seed) >= WITHIN * best


# -- avoidance: one encounter, every burn at every half hour, and every return after it

ALONE = {
    "extends": "crossing_12",
    "name": "one_satellite",
    "horizon_h": 24.0,
    "fleet": [
        {
            "name": "One", "spacecraft": "computing_satellite",
            "walker": {"total": 1, "planes": 1, "altitude_km": 550, "inclination_deg": 53},
        }
    ],
    "encounters": {"population": 0, "staged_per_day": 1.0, "hit_share": 1.0},
}  # fmt: skip
BURNS = (FORWARD_SMALL, BACKWARD_SMALL, FORWARD_LARGE, BACKWARD_LARGE)
EVERY = 6
"""Rounds between the burns that are tried."""


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_avoidance_comes_near_the_best_of_all_burns(seed):
    env = avoidance_v0.batch_env(load_scenario(ALONE), autoreset=False)
    env.reset(seed=seed)
    rounds = env.max_cycles
    times = range(0, rounds, EVERY)
    plans = [()] + [((t, burn),) for t in times for burn in BURNS]
    plans += [((t, b), (r, RETURN)) for t in times for b in BURNS for r in range(t + 24, rounds, 24)]
    simulator = Simulator(env.problem, len(plans))
    actions = np.zeros((rounds, len(plans), 1), np.int64)
    for w, plan in enumerate(plans):
        for t, burn in plan:
            actions[t, w, 0] = burn
    simulator.load(0)
    earned = np.zeros(len(plans))
    for t in range(rounds):
        legal = np.take_along_axis(simulator.mask, actions[t][..., None], -1)[..., 0] == 1
        earned += simulator.step(np.where(legal, actions[t], 0))
    best = earned.max()
    assert played(env, "planner", seed) >= best - (1.0 - WITHIN) * abs(best)
