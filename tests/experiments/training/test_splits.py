"""What is held out is never trained on."""

from itertools import islice

import numpy as np
import pytest

from envs.episodes import env_names
from experiments.tiers import CALM, TIERS, tier_hours, tier_scenario
from experiments.training.splits import (
    DRAWS,
    FIRST_TRAINING_SEED,
    HELD_OUT,
    JUDGED,
    RIVALS,
    held_out,
    training_scenarios,
    unseen_scenarios,
)
from sandbox.errors import SandboxError
from sandbox.fleet import make_fleet, walker_elements
from sandbox.jobs import longest_text, make_job_params
from sandbox.orbits.constellations import least_separation


@pytest.fixture(scope="module", params=DRAWS)
def drawn(request):
    return request.param, list(islice(training_scenarios(request.param, seed=0), 40))


def test_every_problem_is_drawn_and_judged():
    learned = set(env_names()) - {"operations_v0"}  # its words want a mind that has learned to read
    assert set(DRAWS) == set(JUDGED) == set(RIVALS) == learned
    assert {name for names in JUDGED.values() for name in names} == set(HELD_OUT)


def test_every_tier_is_judged_for_its_hours():
    for problem, scenarios in JUDGED.items():
        for tier in TIERS:
            assert scenarios[tier_scenario(problem, tier).name] == tier_hours(problem, tier)


def test_same_seed_same_scenarios(drawn):
    problem, scenarios = drawn
    assert list(islice(training_scenarios(problem, seed=0), 5)) == scenarios[:5]
    assert DRAWS[problem](np.random.default_rng(1)) != DRAWS[problem](np.random.default_rng(2))


def test_scenarios_differ_and_none_is_called_as_one_that_is_shipped(drawn):
    _, scenarios = drawn
    assert len(set(map(str, scenarios))) > 0.8 * len(scenarios)
    assert all(scenario.name.startswith("training_") for scenario in scenarios)
    assert len({str(scenario.fleet) for scenario in scenarios}) > 5


def test_hours_are_those_asked_for(drawn):
    problem, _ = drawn
    found = [DRAWS[problem](np.random.default_rng(k), (2.0, 3.0)).horizon_h for k in range(10)]
    assert all(2.0 <= hours <= 3.0 for hours in found)


def test_no_training_shell_is_like_a_held_out_one(drawn):
    _, scenarios = drawn
    shells = {name: held_out(name).fleet[0].walker for name in HELD_OUT if not name.startswith("crossing_12")}
    unseen = [shell for shell in shells.values() if shell]
    assert len(unseen) == 4
    for shell in (s.fleet[0].walker for s in scenarios if s.fleet[0].walker):
        for other in unseen:
            alike = abs(shell.inclination_deg - other.inclination_deg) <= 2.0
            assert not (alike and shell.total == other.total)


def test_held_out_takes_hours():
    assert held_out("delta_40_70", 3.0).horizon_h == 3.0
    assert held_out("star_18_86").fleet[0].walker.total == 18
    assert held_out("star_18_86").fleet[0].walker.pattern == "star"


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("problem", DRAWS)
def test_scenarios_of_a_tier_are_as_scarce_as_it_is(problem, tier):
    base, drawn = tier_scenario(problem, tier), list(islice(training_scenarios(problem, 0, tier), 6))
    assert len({s.model_dump_json() for s in drawn}) > 3
    for scenario in drawn:
        craft, shipped = (s.spacecraft["computing_satellite"] for s in (scenario, base))
        assert craft.power.panel_area_m2 == shipped.power.panel_area_m2
        assert craft.compute == shipped.compute
        assert scenario.safe_mode == base.safe_mode
        assert scenario.requests.tiers == base.requests.tiers
        assert {s.gain_to_noise_db_k for s in scenario.stations} == {base.stations[0].gain_to_noise_db_k}
        if tier != TIERS[0]:
            assert scenario.name.endswith(tier)
            assert craft.power.initial_charge == shipped.power.initial_charge


def test_what_tests_draw_is_not_what_training_draws():
    trained = [s.model_dump_json() for s in islice(training_scenarios("tasking_v0", 0, "scarce"), 5)]
    tested = [s.model_dump_json() for s in islice(unseen_scenarios("tasking_v0", 0, "scarce"), 5)]
    assert not set(trained) & set(tested)
    for seed in (-1, FIRST_TRAINING_SEED):
        with pytest.raises(SandboxError, match="those of tests"):
            unseen_scenarios("tasking_v0", seed)
    with pytest.raises(SandboxError, match="Unknown tier"):
        training_scenarios("tasking_v0", 0, "scarse")


@pytest.mark.parametrize("tier", TIERS)
def test_the_models_of_every_drawn_scenario_fit_its_boards(tier):
    """Tokens are drawn up to twice as many as are shipped, and small boards have no room for that."""
    shipped = longest_text(tier_scenario("offloading_v0", tier))
    texts = []
    for scenario in islice(training_scenarios("offloading_v0", 3, tier), 40):
        make_job_params(scenario, make_fleet(scenario))  # raises where they do not
        texts += [kind.prompt_tokens + kind.output_tokens for kind in scenario.job_kinds]
    assert max(texts) <= shipped
    assert (max(texts) == shipped) == (tier == "tight")  # the small board: there it had to be shortened


def test_satellites_that_burn_are_not_in_each_others_way():
    """Shells in which two satellites pass at 0 m are flown by nobody: who burns there once is hit."""
    for problem in ("avoidance_v0", "autonomy_v0"):
        for draw in (training_scenarios, unseen_scenarios):
            for scenario in islice(draw(problem, 1, CALM), 25):
                if shell := scenario.fleet[0].walker:
                    assert least_separation(walker_elements(shell)) > 10e3, shell
