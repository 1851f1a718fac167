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
from sandbox.jobs import DROP, NEIGHBOUR, RUN_LARGE, RUN_SMALL
from sandbox.maneuvers import BACKWARD_LARGE, BACKWARD_SMALL, FORWARD_LARGE, FORWARD_SMALL, RETURN
from sandbox.scenario import load_scenario
from sandbox.state import NONE

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
    changes = {"horizon_h": 1.6, "requests.initial": 1500, "requests.per_hour": 0.0, "weather.rain": False}
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
    "name": "twelve_servers",
    "horizon_h": 0.2,
    "weather": {"rain": False},
    "spacecraft": {"computing_satellite": {"compute": {"board": "orin_nx", "boards": 1}}},
    "fleet": [
        {
            "name": "Inference", "spacecraft": "computing_satellite",
            "sun_synchronous": {"total": 12, "altitude_km": 600, "local_time_h": [6.0]},
        }
    ],
    # no station takes questions off the satellites' hands
    "stations": [{"name": "Far", "latitude_deg": -60.0, "longitude_deg": -90.0}],
    "jobs": {"batch": 1, "kinds": []},
    # a few questions come up below one satellite at once, and its board takes half of their half-life for each
    "events": [
        {
            "name": "Burst", "kind": "flood", "latitude_deg": 1.0, "longitude_deg": 90.0, "radius_km": 50,
            "at_h": [0.0, 0.001],
            "questions": {
                "per_hour": 300, "duration_h": 0.01, "raw_mbit": 1, "answer_kbit": 10, "prompt_tokens": 300,
                "output_tokens": 400, "value": [1, 10], "deadline_s": 400, "half_life_s": 60,
                "quality": [0.5, 0.9, 0.95],
            },
        }
    ],
}  # fmt: skip
NEIGHBOURS = 2
WAYS = [(RUN_SMALL, 0), (RUN_LARGE, 0), (DROP, 0)] + [
    (NEIGHBOUR + k, then) for k in range(NEIGHBOURS) for then in (RUN_SMALL, RUN_LARGE)
]
"""What is done with a job where it comes up, and where it is handed on to."""


def servers():
    return offloading_v0.batch_env(load_scenario(SERVERS), autoreset=False)


def origins(env, seed):
    """The jobs (j,) that anybody takes up in the episode, and who (j,)."""
    env.reset(seed=seed)
    book = env.world.jobs.state.book[0]
    first = np.full(len(book), NONE)
    for _ in range(env.max_cycles):
        new = (first == NONE) & np.isfinite(book["release"]) & (book["place"] != NONE)
        first[new] = book["place"][new]
        env.step(np.zeros((1, env.world.satellites), np.int64))
    jobs = np.flatnonzero(first != NONE)
    return jobs, first[jobs]


def best_of_all(env, seed, jobs, who):
    """The most that any combination of `WAYS` earns."""
    env.reset(seed=seed)
    plans = list(product(WAYS, repeat=len(jobs)))
    simulator = Simulator(env.problem, len(plans))
    base = OffloadingDecoder(simulator)
    blank = base.blank()
    wishes = np.zeros((len(plans), *blank["wishes"].shape), np.int8)
    for w, plan in enumerate(plans):
        for j, n, (action, then) in zip(jobs, who, plan, strict=True):
            wishes[w, :, j] = 1 + (then or action)
            wishes[w, n, j] = 1 + action
    numbers = np.repeat(blank["numbers"][None], len(plans), axis=0)
    simulator.load(0)
    base.follow({"wishes": wishes, "numbers": numbers})
    earned = np.zeros(len(plans))
    for t in range(env.max_cycles):
        earned += simulator.step(base.act(t))
    return earned.max()


BURSTS = (1, 6, 8)
"""Seeds of episodes with three questions."""


@pytest.mark.slow
@pytest.mark.parametrize("seed", BURSTS)
def test_offloading_comes_near_the_best_of_all_assignments(seed):
    env = servers()
    jobs, who = origins(env, seed)
    assert len(jobs) == 3
    best = best_of_all(env, seed, jobs, who)
    assert played(env, "planner", seed) >= WITHIN * best


@pytest.mark.slow
def test_where_greedy_is_not_optimal_the_planner_is_better():
    env = servers()
    paid = {name: sum(played(env, name, seed) for seed in BURSTS) for name in ("greedy", "planner")}
    assert paid["planner"] > 1.02 * paid["greedy"]


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
