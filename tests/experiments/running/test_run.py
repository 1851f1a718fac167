"""One episode, from the call to every file that it leaves."""

import errno
import json
import re
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
import yaml

from agents import Policy, make_policy
from envs.episodes import env_names, make_env, rounds_in
from experiments.running.callbacks import Bar, Tally
from experiments.running.cli import main
from experiments.running.compare import compare
from experiments.running.metrics import BODY_METRICS, IMAGE_METRICS
from experiments.running.rollout import play
from experiments.running.run import redraw, run
from experiments.running.run_folder import NotDrawn
from sandbox.errors import SandboxError
from sandbox.recording import Recording
from sandbox.scenario import load_scenario

FILES = {
    "metrics.json",
    "rounds.parquet",
    "recording",
    "scenario.yaml",
    "timeline.png",
    "ground_track.png",
    "page.html",
}
HOURS, ROUNDS, TEAM = 2.0, 240, 2


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Two hours of the pair: what `run` returned and the folder."""
    folder = tmp_path_factory.mktemp("results") / "pair"
    return run("pair", policy="greedy", hours=HOURS, seed=1, out=folder, progress=False), folder


def read(folder):
    return json.loads((folder / "metrics.json").read_text())


def untimed(content):
    return {key: value for key, value in content.items() if key != "timing"}


def test_every_file_is_there(done):
    _, folder = done
    assert {path.name for path in folder.iterdir()} == FILES
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert all(
        (folder / name).read_bytes()[:4] == b"\x89PNG" for name in ("timeline.png", "ground_track.png")
    )


def test_metrics_are_what_was_returned(done):
    content, folder = done
    assert untimed(read(folder)) == untimed(content)
    assert IMAGE_METRICS.keys() | BODY_METRICS.keys() <= content.keys()
    assert content["schema"] == 1
    told = content["arguments"]
    assert (told["scenario"], told["policy"], told["seed"], told["hours"]) == ("pair", "greedy", 1, HOURS)
    assert content["versions"].keys() >= {"numpy", "numba", "python", "orbital-autonomy-sandbox"}
    assert content["timing"]["decisions_per_cpu_s"] > 0
    assert content["captures"] > 0


def test_the_table_of_rounds_agrees_with_the_metrics(done):
    content, folder = done
    table = pd.read_parquet(folder / "rounds.parquet")
    assert len(table) == ROUNDS * TEAM
    assert list(table.columns[:5]) == ["time_s", "satellite", "action", "mode", "reward"]
    np.testing.assert_array_equal(table["time_s"].unique(), 30.0 * np.arange(ROUNDS))
    sums = table.drop(columns=["satellite", "action", "mode"]).sum()
    assert sums["reward_delivery"] == pytest.approx(content["value_delivered"])
    assert sums["captured"] == content["captures"]
    assert sums["energy_j"] / 3.6e6 == pytest.approx(content["energy_kwh"])
    shares = table["mode"].value_counts(normalize=True)
    assert shares["charge"] == pytest.approx(content["share_charge"])
    assert table["battery"].min() >= content["battery_lowest"] - 1e-6
    assert set(table["satellite"].unique()) == {"Pair 1", "Pair 2"}


def test_the_recording_agrees_with_both(done):
    content, folder = done
    recording = Recording.load(folder / "recording")
    assert len(recording) == ROUNDS
    assert recording.meta["policy"] == "greedy"
    assert recording["delivered_value"].sum() == pytest.approx(content["value_delivered"], rel=1e-5)
    assert (recording.events.kind == "capture").sum() == content["captures"]
    table = pd.read_parquet(folder / "rounds.parquet")
    battery = table["battery"].to_numpy().reshape(ROUNDS, TEAM)
    np.testing.assert_array_equal(battery, recording["battery"])
    names = np.array(recording.meta["action_names"])[recording["action"]]
    np.testing.assert_array_equal(table["action"].to_numpy().reshape(ROUNDS, TEAM), names)
    chosen = np.take_along_axis(recording["mask"], recording["action"][..., None].astype(int), axis=-1)
    assert chosen.all()
    assert dict(recording.to_dataset().sizes)["satellite"] == TEAM


def test_the_row_groups_bound_the_memory(tmp_path, monkeypatch, done):
    from pyarrow.parquet import ParquetFile

    monkeypatch.setattr("experiments.running.rounds_table.ROW_GROUP", 100)
    run("pair", hours=HOURS, seed=1, out=tmp_path / "r", record=False, progress=False)
    file = ParquetFile(tmp_path / "r" / "rounds.parquet")
    assert file.num_row_groups == 5
    assert file.schema_arrow.field("temperature").metadata == {b"unit": b"K"}
    pd.testing.assert_frame_equal(file.read().to_pandas(), pd.read_parquet(done[1] / "rounds.parquet"))


def test_the_same_seed_gives_the_same_metrics(done, tmp_path):
    again = run(
        "pair", policy="greedy", hours=HOURS, seed=1, out=tmp_path / "b", record=False, progress=False
    )
    assert untimed(again) == untimed(done[0])
    assert {path.name for path in (tmp_path / "b").iterdir()} == {
        "metrics.json",
        "rounds.parquet",
        "scenario.yaml",
    }
    other = run(
        "pair", policy="greedy", hours=HOURS, seed=2, out=tmp_path / "c", record=False, progress=False
    )
    assert other["value_offered"] != again["value_offered"]


def test_random_draws_follow_the_seed(tmp_path):
    runs = [
        run("pair", policy="random", hours=0.5, out=tmp_path / n, record=False, progress=False) for n in "ab"
    ]
    assert untimed(runs[0]) == untimed(runs[1])


def test_the_scenario_that_was_kept_gives_the_same_run(done, tmp_path):
    kept = done[1] / "scenario.yaml"
    again = run(kept, policy="greedy", hours=HOURS, seed=1, out=tmp_path / "b", record=False, progress=False)
    assert untimed(again) == untimed(done[0])
    assert yaml.safe_load(kept.read_text())["name"] == "pair"


def test_figures_are_drawn_again(done):
    _, folder = done
    (folder / "timeline.png").unlink()
    further = ["latency.png", "energy.png", "coverage.png"]
    assert [path.name for path in redraw(folder)] == ["timeline.png", "ground_track.png", *further]
    assert (folder / "timeline.png").exists()


class Broken(Policy):
    """Decides nothing after a while."""

    error: type[BaseException] = KeyboardInterrupt

    def decide(self, observation, mask):
        self.left = getattr(self, "left", 5) - 1
        if not self.left:
            raise self.error
        return np.zeros(mask.shape[:-1], int)


class Mistaken(Broken):
    error = ValueError


@pytest.mark.parametrize(("policy", "error"), [(Broken, KeyboardInterrupt), (Mistaken, ValueError)])
@pytest.mark.parametrize("earlier", [False, True])
def test_a_run_that_is_cut_short_leaves_nothing(tmp_path, policy, error, earlier):
    out = tmp_path / "r"
    if earlier:
        run("pair", hours=0.1, out=out, record=False, progress=False)
        before = read(out)
    with pytest.raises(error):
        run("pair", policy=f"{__name__}:{policy.__name__}", hours=0.5, out=out, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == (["r"] if earlier else [])
    assert not earlier or read(out) == before


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"scenario": "scs1"}, r"Unknown scenario 'scs1'; did you mean scs01"),
        ({"env": "tasking_v1"}, r"Unknown decision problem 'tasking_v1'; did you mean tasking_v0"),
        ({"policy": "gredy"}, r"Unknown policy 'gredy'; did you mean greedy"),
        (
            {"env": "avoidance_v0", "policy": "greedy"},
            r"'greedy' is made for autonomy_v0, .*tasking_v0, not for avoidance_v0; give .*never",
        ),
        ({"hours": 0.001}, r"hours = 0.001; give at least one round of 30 s"),
        ({"hours": float("nan")}, r"hours = nan"),
        ({"seed": -1}, r"seed = -1"),
        ({"candidates": 0}, r"shown = 0|candidates = 0"),
        ({"changes": {"requests.initail": 3}}, r"requests.initail"),
    ],
)
def test_mistakes_are_one_sentence_and_leave_nothing(tmp_path, arguments, sentence):
    with pytest.raises(SandboxError, match=sentence):
        run(**{"scenario": "pair", "out": tmp_path / "r", "progress": False} | arguments)
    assert not list(tmp_path.iterdir())


def test_a_run_ends_with_its_last_satellite(tmp_path):
    empty = {"spacecraft.computing_satellite.power.battery_wh": 20}
    content = run("pair", policy="idle", out=tmp_path / "r", progress=False, changes=empty)
    assert content["lost_satellites"] == 2
    assert content["rounds"] < ROUNDS
    assert content["battery_lowest"] == 0.0
    assert content["reward"] == -100.0
    assert content["latency_median_min"] is None or np.isnan(content["latency_median_min"])
    assert len(Recording.load(tmp_path / "r" / "recording")) == content["rounds"]


def test_avoidance_leaves_what_any_run_leaves(tmp_path, capsys):
    out, hours = tmp_path / "r", 6.0
    changes = {"encounters.population": 0, "encounters.staged_per_day": 20.0, "encounters.warn_h": 6.0}
    content = run("crossing_12", "avoidance_v0", "threshold", hours, 3, out, changes=changes)
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("collisions", "burned_m_s", "closest_m", "service"))
    assert "captures" not in shown
    assert {path.name for path in out.iterdir()} == FILES
    table = pd.read_parquet(out / "rounds.parquet")
    assert len(table) == 72 * 12
    assert table["burned_m_s"].sum() == pytest.approx(content["burned_m_s"], rel=1e-5)
    assert content["burned_m_s"] > 0.0
    assert table["closest_m"][table["closest_m"] > 0.0].min() == pytest.approx(content["closest_m"])
    assert table["out_of_slot"].mean() == pytest.approx(content["share_out_of_slot"])
    assert table["reward_service"].sum() == pytest.approx(content["service"], rel=1e-5)
    recording = Recording.load(out / "recording")
    assert np.any(recording["encounter_position"] != 0.0)
    assert (recording.events.kind == "lost").sum() == content["lost_satellites"]
    assert all(path.exists() for path in redraw(out))


def test_hours_become_rounds():
    scenario = load_scenario("pair")
    assert rounds_in(1.0, scenario) == 120
    assert make_env("tasking_v0", scenario).max_cycles == 240
    assert make_env("tasking_v0", scenario, 0.1).max_cycles == 12
    assert "tasking_v0" in env_names()


def test_the_bar_follows_simulated_time():
    from io import StringIO

    from rich.console import Console
    from rich.progress import Progress, TextColumn

    env = make_env("tasking_v0", load_scenario("pair"), 0.5)
    console = Console(file=StringIO(), force_terminal=True, width=80)
    columns = TextColumn("{task.fields[simulated]}"), TextColumn("{task.fields[speed]}")
    with Progress(*columns, console=console) as progress:
        play(env, make_policy("idle", env), 0, [Bar(progress, "idle")])
        task = progress.tasks[0]
    assert task.finished
    assert task.fields["simulated"] == "00:30 of 0.5 h"
    assert task.fields["speed"].endswith("x real time")


def test_worlds_of_a_comparison_are_single_runs(done, tmp_path):
    episodes = compare(
        ["idle", "greedy"], "pair", hours=HOURS, seeds=2, out=tmp_path / "c.json", progress=False
    )
    alone = {name: done[0][name] for name in (*IMAGE_METRICS, *BODY_METRICS)}
    assert episodes["greedy"][1] == pytest.approx(alone, nan_ok=True)
    assert episodes["idle"][0]["value_offered"] == episodes["greedy"][0]["value_offered"]
    kept = json.loads((tmp_path / "c.json").read_text())
    assert [(each["policy"], each["seed"]) for each in kept] == [
        ("idle", 0), ("idle", 1), ("greedy", 0), ("greedy", 1),
    ]  # fmt: skip
    assert kept[3]["captures"] == episodes["greedy"][1]["captures"]


@pytest.mark.parametrize(
    "arguments", [{"seeds": 0}, {"policies": ["idle", "idle"]}, {"policies": ["nobody"]}]
)
def test_a_comparison_refuses_nonsense(arguments):
    with pytest.raises(SandboxError):
        compare(**{"policies": ["idle"], "scenario": "pair", "hours": 0.1, "progress": False} | arguments)


def test_the_tally_counts_every_round():
    env = make_env("tasking_v0", load_scenario("pair"), 0.25, worlds=3)
    tally = Tally()
    play(env, make_policy("random", env), 0, [tally])
    for b in range(3):
        totals = tally.totals(b)
        assert totals.rounds == 30
        np.testing.assert_array_equal(totals.modes.sum(axis=1), 30)
        assert (totals.lowest_battery <= 1).all()


def test_a_figure_that_fails_costs_nothing_else(tmp_path, monkeypatch, capsys):
    def broken(recording, path=None):
        raise ZeroDivisionError("no\nscale")

    monkeypatch.setattr("experiments.plotting.figures.timeline", broken)
    options = ["run", "--scenario", "pair", "--hours", "0.1", "--out", str(tmp_path / "r")]
    assert main(options) == 3
    assert "Not drawn: timeline.png (ZeroDivisionError: no scale); all else is in" in capsys.readouterr().err
    assert {path.name for path in (tmp_path / "r").iterdir()} == FILES - {"timeline.png"}
    assert read(tmp_path / "r")["not_drawn"] == {"timeline.png": "ZeroDivisionError: no scale"}
    assert len(Recording.load(tmp_path / "r" / "recording")) == 12
    assert main(["figures", str(tmp_path / "r")]) == 3
    assert (tmp_path / "r" / "energy.png").exists()


def test_a_user_s_picture_is_not_drawn_over(done, tmp_path):
    out = tmp_path / "r"
    run("pair", hours=0.1, out=out, progress=False)
    (out / "energy.png").write_text("mine")
    with pytest.raises(NotDrawn, match=r"energy.png \(.*was not written by this sandbox"):
        redraw(out)
    assert (out / "energy.png").read_text() == "mine"
    assert (out / "coverage.png").exists()
    run("pair", hours=0.1, out=out, record=False, progress=False)
    assert (out / "energy.png").read_text() == "mine"
    assert not (out / "coverage.png").exists()


def test_a_disk_that_fills_is_a_sentence_and_leaves_what_was_there(tmp_path, monkeypatch):
    out = tmp_path / "r"
    run("pair", hours=0.1, out=out, record=False, progress=False)
    before, rounds = read(out), []

    def full(self, value, k=None):
        rounds.append(k)
        if k == 5:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("sandbox.recording.disk.FileColumn.write", full)
    with pytest.raises(SandboxError, match=rf"{re.escape(str(out))} was not written, no space is left"):
        run("pair", hours=0.1, out=out, progress=False)
    assert rounds[-1] == 5
    assert [path.name for path in tmp_path.iterdir()] == ["r"]
    assert read(out) == before


@pytest.mark.parametrize(
    ("env", "scenario", "policy", "hours"),
    [
        ("tasking_v0", "pair", "greedy", 1.0),
        ("offloading_v0", "relay_40", "greedy", 0.2),
        ("avoidance_v0", "crossing_12", "threshold", 3.0),
        ("autonomy_v0", "disaster_response", "greedy", 0.2),
    ],
)
def test_what_an_environment_records_is_what_a_run_records(tmp_path, env, scenario, policy, hours):
    out = tmp_path / "r"
    content = run(scenario, env, policy, hours, 3, out, progress=False)
    theirs = Recording.load(out / "recording")
    faced = import_module(f"envs.{env}").parallel_env(
        scenario, max_cycles=content["rounds"], render_mode="rgb_array"
    )
    faced.reset(seed=3)
    for actions in theirs["action"].astype(int):
        faced.step(dict(zip(faced.possible_agents, actions.tolist(), strict=True)))
    mine = faced.recording
    assert set(mine) == set(theirs)
    for name in mine:
        np.testing.assert_array_equal(mine[name], theirs[name], err_msg=name)
    happened = theirs.events[theirs.events.kind != "reason"]  # a face does not know who decides
    assert mine.events.rows() == happened.rows()
    if env == "offloading_v0":
        assert mine["delivered_value"].sum() == pytest.approx(content["value_answered"], rel=1e-5)
        assert mine["delivered_value"].sum() > 0.0
