"""Two minutes, space against ground, uploads: small runs against what they must show."""

import json
import math

import numpy as np
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.running.cli import main
from experiments.running.statistics import share as wilson
from experiments.studies import model_upload, space_vs_ground, two_minutes
from experiments.studies.two_minutes import Traffic, queue_waits, replay
from sandbox.compute import board, inference, model
from sandbox.errors import SandboxError
from sandbox.flight_plan import FlightPlan, Places, components
from sandbox.lasers import make_lasers, no_links
from sandbox.state import NONE
from sandbox.world import World

MODELS = ("Qwen3-0.6B", "Qwen3-8B")


@pytest.fixture(scope="module")
def answers():
    """Twenty questions to a mesh of 120 satellites."""
    return replay("walker_120", MODELS, Traffic(queries=20), hours=2.0, step_s=30.0)


def test_a_flight_plan_is_the_flight_of_the_world():
    world = World("scs01", horizon_s=3600.0)
    world.reset(0)
    plan = FlightPlan("scs01", 30.0)
    for moment in plan.moments(0.25):
        latitude = np.arcsin(moment.itrs[:, 2] / np.linalg.norm(moment.itrs, axis=1))
        np.testing.assert_allclose(latitude, world.state.outlook["latitude"][0], atol=0.005)  # geodetic
        longitude = np.arctan2(moment.itrs[:, 1], moment.itrs[:, 0])
        np.testing.assert_allclose(longitude, world.state.outlook["longitude"][0], atol=1e-6)
        seen = plan.stations().sines(moment.itrs)[0] >= plan.stations().min_sine[:, None]
        in_view = (world.state.outlook["station"][0] != NONE) & (
            world.state.outlook["visible_from"][0] == 0.0
        )
        assert np.all(seen.any(axis=0) == in_view)
        world.step(mode=np.zeros((1, 12), int))


def test_elevations_over_a_place():
    places = Places(np.array([0.0]), np.array([0.0]), math.radians(10.0))
    sines, distances = places.sines(np.array([[7.0e6, 0.0, 0.0], [-7.0e6, 0.0, 0.0], [6.378137e6, 1e6, 0.0]]))
    assert sines[0] == pytest.approx([1.0, -1.0, 0.0], abs=1e-12)
    assert distances[0] == pytest.approx([7.0e6 - 6.378137e6, 7.0e6 + 6.378137e6, 1e6])


def test_parts_of_a_mesh():
    links = no_links(5)
    for a, b in ((0, 1), (1, 4)):
        for n, peer, k, back in ((a, b, a, b % 4), (b, a, b % 4, a)):
            link = {"peer": peer, "back": back, "fixed": True, "since": 0.0, "wait": 15.0, "distance": 1e6}
            for name, value in link.items():
                links[n, k][name] = value
    lasers = make_lasers(5, terminals=4, range_m=1e7, acquisition_s=15.0, rate_bit_s=1e9)
    assert components(links, lasers, 20.0).tolist() == [0, 0, 2, 3, 0]
    assert components(links, lasers, 10.0).tolist() == [0, 1, 2, 3, 4]


def test_every_part_of_an_answer_is_accounted_for(answers):
    assert len(answers) == 40
    for row in answers:
        parts = [row[part] for part in two_minutes.PARTS]
        if math.isfinite(row["total"]):
            assert row["total"] == pytest.approx(sum(parts))
            assert min(parts) >= 0.0
        cost = inference(board("scs01"), model(row["model"]), "int4", 500, 500)
        assert (row["prefill"], row["decode"]) == (cost.prefill_s, cost.decode_s)
        assert row["contact"] == 0.0 or not row["in_view"]
        if math.isfinite(row["uplink"]) and row["uplink"]:
            assert row["uplink"] > 40e3 / 20e6 + 540e3 / 299_792_458.0
    small, large = (
        {r["query"]: r["total"] for r in answers if r["model"] == name and r["in_view"]} for name in MODELS
    )
    assert all(large[query] > small[query] for query in small)


def test_in_view_is_within_two_minutes(answers):
    """The event of November 2025, on every satellite that is in view."""
    for row in two_minutes.summarise(answers):
        assert row["in_view_share"] == 1.0
        assert row["in_view_p90_s"] < 120.0
        assert row["any_moment_share"] <= row["in_view_share"]
        assert row["any_moment_queries"] == 20


def test_questions_wait_longer_for_twelve_satellites_than_for_many(answers):
    few = replay("scs01", ("Qwen3-0.6B",), Traffic(queries=20), hours=24.0, step_s=30.0)
    waits = [[row["contact"] for row in rows if row["model"] == "Qwen3-0.6B"] for rows in (few, answers)]
    assert np.nanmedian(waits[0]) > 20.0 * max(np.nanmedian(waits[1]), 1.0)


def test_the_queue_is_that_of_theory():
    """M/D/1: mean wait rho S / (2 (1 - rho)) (Pollaczek and Khinchine)."""
    traffic = Traffic(queries=4_000, load_per_hour=60.0)
    for service in (6.0, 30.0):
        waits = queue_waits(service, traffic, np.random.default_rng(0))
        rho = service / 60.0
        assert waits.mean() == pytest.approx(rho * service / (2 * (1 - rho)), rel=0.15)
    assert len(waits) == 4_000
    assert np.isfinite(queue_waits(600.0, traffic, np.random.default_rng(0))).all()


@given(st.integers(1, 200), st.floats(0.0, 1.0))
def test_bounds_of_a_share(trials, portion):
    hits = round(portion * trials)
    share, low, high = wilson(hits, trials)
    assert 0.0 <= low <= share + 1e-12
    assert share - 1e-12 <= high <= 1.0
    assert high > low


def test_wilson_as_published():
    """Newcombe (1998), table I: 81 of 263."""
    assert wilson(81, 263) == pytest.approx((0.3080, 0.2553, 0.3662), abs=1e-4)
    assert all(map(math.isnan, wilson(0, 0)))


@pytest.fixture(scope="module")
def images():
    return space_vs_ground.compare("scs01", rates=(40.0,), hours=3.0, seeds=2)


def test_answers_are_smaller_and_sooner_than_images(images):
    assert len(images) == 4
    pipe, here = ([row for row in images if row["policy"] == policy] for policy in ("ground", "local"))
    for down, up in zip(pipe, here, strict=True):
        assert down["captures"] == up["captures"] > 20
        assert up["gbit_down"] < 1e-3 * down["gbit_down"]
        assert down["gbit_down"] >= 4.0 * down["answers"]
        assert up["gbit_down"] == pytest.approx(20e-6 * up["answers"], rel=1e-6)
        assert up["latency_min"] < down["latency_min"]
        assert 0.0 <= down["answered_share"] <= up["answered_share"] <= 1.0
        assert (
            down["kilojoules"] > 0.5 * 90.0 * 4.0e9 / 371e6 / 1e3
        )  # the transmitter's watts at its best rate
    [row, _] = space_vs_ground.table_of(images)
    assert row["gbit_down_low"] <= row["gbit_down"] <= row["gbit_down_high"]


def test_uploads_take_what_the_contacts_allow():
    rows = model_upload.upload("scs01", ["Qwen3-0.6B", "Qwen3-4B"], ("int4",), uplink_mbit_s=20.0, days=1.0)
    small, large = rows
    for row in rows:
        assert row["relay_one"] <= row["ground_one"]
        assert row["relay_all"] <= row["ground_all"]
        assert row["relay_one"] <= row["relay_all"]
        at_best = row["gigabytes"] * 8e9 / 20e6 / 3600.0
        assert row["ground_one"] >= at_best
    assert small["relay_all"] <= large["relay_all"]
    plan = FlightPlan("scs01", 30.0)
    seen = 0.0
    for moment in plan.moments(24.0, mesh=False):
        sines, _ = plan.stations().sines(moment.itrs)
        seen += 30.0 * bool((sines[:, 0] >= plan.stations().min_sine).any())
        if moment.time + 30.0 >= 3600.0 * small["ground_one"]:
            break
    assert seen * 20e6 == pytest.approx(8e9 * small["gigabytes"], abs=30.0 * 20e6)


COMMANDS = {
    "two_minutes": (["--fleets", "walker_24x2", "--queries", "8", "--hours", "2", "--models", *MODELS], 16),
    "space_vs_ground": (["--rates", "30", "--seeds", "2", "--hours", "2"], 4),
    "model_upload": (["--models", "Qwen3-0.6B", "--precisions", "int4", "--days", "1"], 1),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_leaves_tables_and_a_figure(name, tmp_path, capsys):
    arguments, count = COMMANDS[name]
    assert main([name, *arguments, "--out", str(tmp_path / "out")]) == 0
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".json", ".csv", ".png"}
    assert len(pandas.read_csv(tmp_path / "out" / f"{name}.csv")) == count
    content = json.loads((tmp_path / "out" / f"{name}.json").read_text())
    assert content["rows"]
    assert (tmp_path / "out" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert "Results in" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("experiment", "arguments", "message"),
    [
        ("two_minutes", ["--fleets", "scs1"], "Unknown scenario 'scs1'"),
        ("two_minutes", ["--models", "Qwen3-9B"], "Unknown model 'Qwen3-9B'"),
        ("two_minutes", ["--queries", "0"], "at least one query"),
        ("space_vs_ground", ["--rates", "0"], "give more than 0"),
        ("model_upload", ["--uplink-mbit-s", "0"], "give more than 0"),
        ("model_upload", ["--precisions", "int3"], "Unknown precision 'int3'"),
    ],
)
def test_mistakes_are_one_sentence(experiment, arguments, message, tmp_path, capsys):
    assert main([experiment, *arguments, "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_no_camera_no_comparison():
    base = {"extends": "scs01", "name": "blind", "jobs": {"kinds": []}}
    with pytest.raises(SandboxError, match="no kind of job that comes from a camera"):
        space_vs_ground.compare(base, (1.0,), 1.0, 1)
