"""What is held out is never trained on."""

from itertools import islice

import numpy as np
import pytest

from experiments.splits import HELD_OUT, draw_scenario, held_out, training_scenarios


@pytest.fixture(scope="module")
def drawn():
    return list(islice(training_scenarios(seed=0), 60))


def test_same_seed_same_scenarios(drawn):
    assert list(islice(training_scenarios(seed=0), 5)) == drawn[:5]
    assert draw_scenario(np.random.default_rng(1)) != draw_scenario(np.random.default_rng(2))


def test_every_kind_of_constellation_is_drawn(drawn):
    assert {scenario.name for scenario in drawn} == {
        "training_scs01",
        "training_walker",
        "training_sun_synchronous",
    }
    assert all(4.0 <= scenario.horizon_h <= 16.0 for scenario in drawn)
    assert len({len(scenario.stations) for scenario in drawn}) > 3


def test_no_training_shell_is_like_a_held_out_one(drawn):
    unseen = [held_out(name).fleet[0].walker for name in HELD_OUT if name != "scs01"]
    for shell in (s.fleet[0].walker for s in drawn if s.fleet[0].walker):
        for other in unseen:
            alike = abs(shell.inclination_deg - other.inclination_deg) <= 2.0
            assert not (alike and shell.total == other.total)


def test_held_out_takes_hours():
    assert held_out("delta_40_70", 3.0).horizon_h == 3.0
    assert held_out("star_18_86").fleet[0].walker.total == 18
