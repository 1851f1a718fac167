"""Decision points: the same play as in every round, told from decision to decision."""

import numpy as np
import pytest
from pettingzoo.test import parallel_api_test

from envs import autonomy_v0, offloading_v0, tasking_v0
from envs.decision_points import DecisionPoints, ParallelDecisionPoints
from sandbox.errors import SandboxError

ROUNDS = 40


def last_legal(mask):
    """The legal action of the highest number (...), for masks (..., A)."""
    return mask.shape[-1] - 1 - np.flip(mask, -1).argmax(-1)


def batch(problem=tasking_v0, scenario="pair", worlds=2, **more):
    return problem.batch_env(scenario, worlds, **({"max_cycles": ROUNDS, "autoreset": False} | more))


def round_by_round(env, seed, discount, rounds, spoil=lambda world: None):
    """What `DecisionPoints` should tell, by plain loops over every round: (world, satellite) -> a list of
    (reward, rounds, terminated, truncated, observation)."""
    observation, info = env.reset(seed)
    spoil(env.world)
    told, begun = {}, {}
    for now in range(rounds):
        asks, mask = info["decides"], info["action_mask"]
        for who in zip(*np.nonzero(asks), strict=True):
            begun[who] = [0.0, now]
        observation, reward, terminated, truncated, info = env.step(np.where(asks, last_legal(mask), 0))
        ended = terminated | truncated
        seen = info.get("final_observation", observation)
        for who, entry in list(begun.items()):
            entry[0] += discount ** (now - entry[1]) * reward[who]
            over = ended[who] or info["lost"][who]
            if over or info["decides"][who]:
                gone = bool(info["lost"][who] or terminated[who])
                view = seen if over else observation
                facts = (entry[0], now + 1 - entry[1], gone, bool(truncated[who]) and not gone, view[who])
                told.setdefault(who, []).append(facts)
                del begun[who]
        if not env.autoreset and ended[:, 0].all():
            break
    return told


def by_points(points, seed, rounds, spoil=lambda world: None):
    asked = points.reset(seed)
    spoil(points.batch.world)
    told, played = {}, 0
    while len(asked.world) and played < rounds:
        assert (asked.action_mask.sum(-1) > 1).all()
        asked, settled = points.step(last_legal(asked.action_mask))
        played = max(played, int(points.batch.world.state.clock["round"].max()))
        for b, n, *facts in zip(*settled, strict=True):
            reward, count, view, gone, late = facts
            told.setdefault((b, n), []).append((reward, count, bool(gone), bool(late), view))
    return told


def same(told, expected):
    assert told.keys() == expected.keys()
    for who, decisions in expected.items():
        assert len(told[who]) == len(decisions)
        for one, other in zip(told[who], decisions, strict=True):
            assert one[0] == pytest.approx(other[0], rel=1e-6, abs=1e-6)
            assert one[1:4] == other[1:4]
            np.testing.assert_array_equal(one[4], other[4])


@pytest.mark.parametrize("problem", [tasking_v0, offloading_v0])
@pytest.mark.parametrize("discount", [1.0, 0.9])
def test_it_is_the_play_of_every_round_told_from_decision_to_decision(problem, discount):
    scenario = "pair" if problem is tasking_v0 else "relay_40"
    told = by_points(DecisionPoints(batch(problem, scenario), discount), 3, ROUNDS)
    expected = round_by_round(batch(problem, scenario), 3, discount, ROUNDS)
    same(told, expected)
    assert sum(len(decisions) for decisions in told.values()) > 20
    if problem is offloading_v0:
        assert any(count > 1 for decisions in told.values() for _, count, *_ in decisions)


def test_who_is_lost_settles_for_good():
    def drained(world):
        world.state.power["energy"][0, 0] = 1e-3
        world.state.pointing[0, 0] *= -1.0

    more = {"scenario": "pair", "worlds": 1}
    told = by_points(DecisionPoints(batch(**more)), 0, ROUNDS, drained)
    same(told, round_by_round(batch(**more), 0, 1.0, ROUNDS, drained))
    assert told[0, 0][-1][2]
    assert not told[0, 0][-1][3]
    assert told[0, 1][-1][3]


def test_worlds_that_begin_anew_settle_with_their_last_observation():
    more = {"max_cycles": 7, "autoreset": True}
    points = DecisionPoints(batch(**more))
    asked, ends = points.reset(5), 0
    for _ in range(20):
        asked, settled = points.step(last_legal(asked.action_mask))
        assert len(asked.world)
        ends += settled.truncated.sum()
        assert (settled.rounds <= 7).all()
        late = settled.observation[settled.truncated, points.layout.index("time_left")]
        assert (late == -1.0).all()
    assert ends >= 4


def test_what_is_wrong_is_said_and_changes_nothing():
    points = DecisionPoints(batch())
    with pytest.raises(SandboxError, match="call reset"):
        points.step([])
    asked = points.reset(0)
    for wrong in (np.zeros(len(asked.world) + 1, int), np.full(len(asked.world), 99), ["a"]):
        with pytest.raises(SandboxError, match=r"one for each who was asked|whole numbers"):
            points.step(wrong)
    illegal = asked.action_mask.argmin(-1)
    with pytest.raises(SandboxError, match="not legal"):
        points.step(illegal)
    assert points.batch.world.state.clock["round"].max() == 0
    for discount in (0.0, 1.1, None, float("nan")):
        with pytest.raises(SandboxError, match="discount"):
            DecisionPoints(batch(), discount)
    while len(asked.world):
        asked, _ = points.step(last_legal(asked.action_mask))
    with pytest.raises(SandboxError, match="after the end"):
        points.step([])


def test_several_orders_a_round_have_no_decision_points():
    joint = autonomy_v0.batch_env("pair", 1, max_cycles=5, multi_discrete=True)
    with pytest.raises(SandboxError, match="one action"):
        DecisionPoints(joint)
    with pytest.raises(SandboxError, match="one action"):
        ParallelDecisionPoints(autonomy_v0.parallel_env("pair", max_cycles=5, message_size=2))


@pytest.mark.parametrize("mask_in_obs", [False, True])
def test_dictionaries_skip_the_rounds_in_which_nobody_has_a_choice(mask_in_obs):
    def made():
        return offloading_v0.parallel_env("pair", max_cycles=ROUNDS, mask_in_obs=mask_in_obs)

    def masks(seen, infos):
        return {a: seen[a]["action_mask"] if mask_in_obs else infos[a]["action_mask"] for a in infos}

    plain, total = made(), 0.0
    seen, infos = plain.reset(1)
    while plain.agents:
        seen, rewards, _, _, infos = plain.step({a: last_legal(m) for a, m in masks(seen, infos).items()})
        total += sum(rewards.values())
    points = ParallelDecisionPoints(made())
    (seen, infos), paid, rounds, steps = points.reset(1), 0.0, 0, 0
    while points.agents:
        if steps:
            assert any(m.sum() > 1 for m in masks(seen, infos).values())
        seen, rewards, _, _, infos = points.step({a: last_legal(m) for a, m in masks(seen, infos).items()})
        paid += sum(rewards.values())
        rounds, steps = rounds + infos["sat_0"]["rounds"], steps + 1
    assert paid == pytest.approx(total)
    assert rounds == ROUNDS
    assert steps < ROUNDS


def test_the_official_test_takes_dictionaries_with_decision_points():
    parallel_api_test(ParallelDecisionPoints(tasking_v0.parallel_env("pair", max_cycles=20)), num_cycles=60)
