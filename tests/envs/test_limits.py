"""Each limit decides something: the same policy, with it and without, ends differently."""

import math

import numpy as np
import pytest

from agents.policy import make_policy
from envs import tasking_v0
from sandbox.scenario import load_scenario, scenario_names

CRAFT = "spacecraft.computing_satellite"


class Flight:
    """What two satellites of the scenario `pair` did in some hours under a policy of tasking_v0."""

    def __init__(self, policy, hours, **changes):
        named = {f"{CRAFT}.{name.replace('__', '.')}": value for name, value in changes.items()}
        named = {name.replace(f"{CRAFT}.safe_mode", "safe_mode"): value for name, value in named.items()}
        scenario = load_scenario("pair", {"horizon_h": hours + 1.0} | named)
        batch = tasking_v0.batch_env(scenario, autoreset=False)
        chosen = make_policy(policy, batch)
        seen, info = batch.reset(0)
        chosen.reset(0)
        self.world, state = batch.world, batch.world.state
        safe = batch.problem.terms.index("safe_mode")
        kept = {name: [] for name in ("body", "board", "hot", "drawn", "harvest", "charge", "safe", "images")}
        for _ in range(round(hours * 120)):
            seen, _, _, _, info = batch.step(chosen.act(seen, info))
            body, power, did = state.body[0], state.power[0], state.activity[0]
            for name, value in (
                ("body", body["temperature"] - 273.15), ("board", body["board"] - 273.15),
                ("hot", body["hot"]),
                ("drawn", did["consumed"]), ("harvest", did["harvested"]), ("images", did["captured"]),
                ("charge", power["energy"] / power["capacity"]), ("safe", info["terms"][0, :, safe]),
            ):  # fmt: skip
                kept[name].append(value.copy())
        for name, values in kept.items():
            setattr(self, name, np.array(values))
        self.alive = state.body["alive"][0].copy()
        self.health = state.power["capacity"][0] / self.world.fleet.craft["battery"]


def test_a_radiator_of_half_the_size_costs_work():
    """It gets no hotter than what switches the payload off, and does less."""
    whole = Flight("greedy", 8.0, thermal__initial_c=30)
    half = Flight("greedy", 8.0, thermal__initial_c=30, thermal__radiator_area_m2=0.8)
    assert whole.body.max() < 45.0
    assert not whole.hot.any()
    assert 50.0 < half.body.max() < 66.0
    assert half.drawn.sum() < 0.85 * whole.drawn.sum()
    quarter = Flight("greedy", 8.0, thermal__initial_c=30, thermal__radiator_area_m2=0.4)
    assert quarter.images.sum() < 0.5 * whole.images.sum()
    assert quarter.hot[-1].all()


def test_a_board_that_sheds_its_heat_badly_throttles_by_its_own_limit():
    """95 degC for this kind: the body is cool, the board holds itself there and draws less."""
    changes = {"power__battery_wh": 6000}
    usual, poor = (Flight("idle", 3.0, thermal__board_rise_k=rise, **changes) for rise in (21, 190))
    assert poor.body.max() < 40.0
    assert 95.0 < poor.board.max() < 101.0
    assert usual.board.max() < 60.0
    late = slice(-60, None)
    assert poor.drawn[late].sum() < 0.95 * usual.drawn[late].sum()


def test_the_losses_of_the_panel_are_missed():
    ideal = {"panel_packing": 1, "panel_harness": 1, "panel_age_years": 0, "cell_loss_per_k": 0}
    with_them = Flight("deadline_greedy", 3.0)
    without = Flight("deadline_greedy", 3.0, **{f"power__{name}": value for name, value in ideal.items()})
    assert with_them.harvest.max() / without.harvest.max() == pytest.approx(0.73, abs=0.03)
    assert with_them.charge.mean() < without.charge.mean()


def test_a_worn_battery_holds_less():
    """A life of 500 cycles in the place of 30,000: 16 orbits of 27 % take some 0.5 % of the capacity."""
    young, old = (Flight("idle", 24.0, power__cycle_life=life, power__battery_health=1) for life in (0, 500))
    assert (young.health == 1.0).all()
    assert ((old.health > 0.98) & (old.health < 0.997)).all()


def test_left_alone_a_satellite_survives_by_safe_mode_alone():
    saved, lost = (Flight("idle", 12.0, safe_mode__below=below) for below in (0.15, 0.0))
    assert saved.alive.all()
    assert saved.charge.min() > 0.02
    assert 0.05 < saved.safe.mean() < 0.5
    assert not lost.alive.any()
    assert lost.safe.max() == 0.0


USUAL = [name for name in scenario_names() if not name.endswith(("_tight", "_scarce"))]
"""Scenarios but those of tiers, which are short of energy on purpose."""


@pytest.mark.parametrize("name", USUAL)
def test_shipped_spacecraft_have_the_margins_of_designers(name):
    """Mean power facing the Sun over the standing load, 500 km up with the longest shadow."""
    scenario = load_scenario(name)
    for craft in scenario.spacecraft.values():
        power = craft.power
        hot = 1.0 - power.cell_loss_per_k * (power.cell_hot_c - 28.0)
        sunlit = 1361.0 * power.panel_area_m2 * power.delivered_efficiency * hot
        lit = 1.0 - math.asin(6378.0 / 6878.0) / math.pi
        assert 1.2 <= lit * sunlit / (power.bus_w + power.compute_w) <= 2.0


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["deadline_greedy", "greedy", "idle"])
def test_a_day_of_the_first_twelve_is_as_flown(policy, capsys):
    """Depth of discharge 15 to 37 % an orbit, swings of the body of 5 to 15 K, nobody lost.

    `python -m pytest -m slow -k as_flown -s tests/envs/test_limits.py` prints the table.
    """
    batch = tasking_v0.batch_env("scs01", max_cycles=3_000)
    chosen = make_policy(policy, batch)
    seen, info = batch.reset(0)
    chosen.reset(0)
    state, kept = batch.world.state, []
    for _ in range(2_840):  # 15 orbits
        seen, _, _, _, info = batch.step(chosen.act(seen, info))
        charge = state.power["energy"][0] / state.power["capacity"][0]
        body, safe = state.body[0], state.safety["safe"][0].copy()
        kept.append((charge, body["temperature"] - 273.15, body["board"] - 273.15, safe))
    orbits = np.array(kept)[:2_835].reshape(15, 189, 4, 12)
    depth, body, board = (np.ptp(orbits[:, :, i], axis=1) for i in range(3))
    with capsys.disabled():
        print(f"\n{policy}: depth of discharge {100 * np.median(depth):.0f} % (most "
              f"{100 * depth.max():.0f}), lowest charge {100 * orbits[:, :, 0].min():.0f} %, body "
              f"{orbits[:, :, 1].min():.0f} to "
              f"{orbits[:, :, 1].max():.0f} degC, swing {body.mean():.1f} K (most {body.max():.1f}), boards "
              f"{orbits[:, :, 2].min():.0f} to {orbits[:, :, 2].max():.0f} degC, swing {board.mean():.1f} K, "
              f"safe mode {100 * orbits[:, :, 3].mean():.1f} % of the time")  # fmt: skip
    assert state.body["alive"].all()
    assert 0.15 <= np.median(depth) <= 0.37
    assert 5.0 <= body.mean() <= 15.0
    assert board.mean() < 40.0
