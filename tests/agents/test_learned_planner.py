"""Plans that begin as a shipped network: it decides as it does alone, and plans can lead it elsewhere."""

import numpy as np
import pytest

from agents import trained
from agents.planner.aboard import AutonomyAboard, PhoenixAboard, PlainAboard
from agents.planner.autonomy import AutonomyNeighbourhood
from agents.planner.autonomy_decoder import STAY
from agents.planner.learned import LearnedDecoder
from agents.planner.search import ALL
from agents.planner.simulator import Simulator
from agents.planner.tasking_decoder import REST, SEND, WATCH
from envs import autonomy_v0
from sandbox.jobs import DECISIONS

COPIES, ROUNDS = 2, 40


def flown(seed=3, **options):
    """A simulator of disaster_response_scarce, its world some rounds into an episode."""
    env = autonomy_v0.batch_env("disaster_response_scarce", 1, max_cycles=60, **options)
    _, info = env.reset(seed=seed)
    for _ in range(8):
        _, _, _, _, info = env.step(info["action_mask"].argmax(axis=-1))
    simulator = Simulator(env.problem, COPIES)
    simulator.load(0)
    return env, simulator


def followed(simulator, **parts):
    """A neighbourhood without the truth in which everybody follows the network, with other `parts`."""
    base = AutonomyNeighbourhood(simulator, AutonomyAboard, (PlainAboard, PhoenixAboard))
    plan = {name: np.repeat(part[None], COPIES, axis=0) for name, part in base.blank().items()}
    plan["plain"][:] = base.starts()[-1][ALL][0][2]
    for name, value in parts.items():
        plan[name][:] = value
    base.follow(plan)
    return base


def actions_of(simulator, base):
    """What is decided (ROUNDS, W, N) as the copies go on, and what would be legal."""
    chosen, masks = [], []
    for t in range(ROUNDS):
        masks.append(simulator.mask.copy())
        chosen.append(base.act(8 + t))
        simulator.step(chosen[-1])
    return np.array(chosen), np.array(masks)


def columns(simulator, names):
    return np.array([simulator.actions.index(name) for name in names])


def is_burn(simulator, chosen):
    """Where burns were chosen, which go before all else."""
    kinds = "forward_small", "forward_large", "backward_small", "backward_large", "return"
    return np.isin(chosen, columns(simulator, kinds))


def test_as_alone_where_the_plan_says_nothing():
    _, simulator = flown()
    network, base = trained.fitting(simulator), followed(simulator)
    for t in range(ROUNDS):
        mask = simulator.mask.copy()
        mask[..., is_burn(simulator, np.arange(mask.shape[-1]))] = 0
        chosen = base.act(8 + t)
        same = chosen == network.decide(simulator.seen, mask)
        assert (same | is_burn(simulator, chosen)).all()
        simulator.step(chosen)


def test_what_it_decides_is_legal_and_leans():
    _, simulator = flown()
    charge = simulator.actions.index("charge")
    leaning = np.zeros(len(simulator.actions), np.float32)
    leaning[charge] = 1e5
    chosen, mask = actions_of(simulator, followed(simulator, leaning=leaning))
    assert np.take_along_axis(mask, chosen[..., None], axis=-1).all()
    assert (chosen == charge)[(mask[..., charge] == 1) & ~is_burn(simulator, chosen)].all()


@pytest.mark.parametrize(("habit", "never"), [(REST, "observe_"), (WATCH, "downlink")])
def test_habits_forbid(habit, never):
    _, simulator = flown()
    chosen, _ = actions_of(simulator, followed(simulator, habits=habit))
    assert not np.isin(
        chosen, columns(simulator, [a for a in simulator.actions if a.startswith(never)])
    ).any()


def test_who_is_to_send_sends_where_it_may():
    _, simulator = flown()
    chosen, mask = actions_of(simulator, followed(simulator, habits=SEND))
    downlink = simulator.actions.index("downlink")
    assert mask[..., downlink].any()
    assert (chosen == downlink)[(mask[..., downlink] == 1) & ~is_burn(simulator, chosen)].all()


def test_wishes_for_rules():
    _, simulator = flown()
    rules = columns(simulator, DECISIONS)
    chosen, _ = actions_of(simulator, followed(simulator, wishes=STAY))
    assert not np.isin(chosen, rules).any()
    _, simulator = flown()
    chosen, mask = actions_of(simulator, followed(simulator, wishes=1 + DECISIONS.index("run_small")))
    small = simulator.actions.index("run_small")
    assert (chosen == small)[(mask[..., small] == 1) & ~is_burn(simulator, chosen)].all()


def test_keys_lead_to_a_request_and_away():
    """A request that all are to leave is not imaged, whatever the network thinks of it."""
    _, simulator = flown()
    chosen, _ = actions_of(simulator, followed(simulator, keys=0.0))
    images = columns(simulator, [a for a in simulator.actions if a.startswith("observe_")])
    _, simulator = flown()
    usual, _ = actions_of(simulator, followed(simulator))
    assert np.isin(chosen, images).sum() < np.isin(usual, images).sum()


@pytest.mark.parametrize("options", [{"candidates": 2}, {"message_size": 2}])
def test_not_where_it_does_not_fit(options):
    _, simulator = flown(**options)
    base = AutonomyNeighbourhood(simulator)
    assert trained.fitting(simulator) is None
    assert LearnedDecoder.shipped_for(simulator, base.decoder) is None
    rng = np.random.default_rng(0)
    kinds = {
        int(value)
        for _ in range(300)
        for name, _, value in base.vary(rng, base.blank(), 0)
        if name == "plain"
    }
    assert kinds == {0, 1, 2}


def test_truth_for_the_forecast():
    """Where the sky is closed the planner's network sees cloud, elsewhere none; on board forecasts."""
    _, simulator = flown()
    base = AutonomyNeighbourhood(simulator)
    seen = base.decoder.truly_seen(simulator.seen)
    clouds = columns_of(simulator, "cloud")
    assert set(np.unique(seen[..., clouds])) <= {-1.0, 1.0}
    rest = np.setdiff1d(np.arange(seen.shape[-1]), clouds)
    np.testing.assert_array_equal(seen[..., rest], simulator.seen[..., rest])
    aboard = AutonomyAboard(simulator)
    np.testing.assert_array_equal(aboard.truly_seen(simulator.seen), simulator.seen)


def columns_of(simulator, what):
    names = [name for name in simulator.layout.names if name.startswith("request_") and name.endswith(what)]
    return np.array([simulator.layout.index(name) for name in names])
