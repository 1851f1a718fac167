"""Names are text, whatever is in them: on the terminal, in figures, in tables and on pages."""

import io

import numpy as np
import pytest
from rich.console import Console

from experiments.leaderboard.table import _code, _literal
from experiments.plotting import style
from experiments.plotting.charts import energy
from experiments.plotting.figures import timeline
from experiments.running import console_tables
from experiments.running.run import run
from experiments.running.statistics import Summary
from sandbox.recording import Recording
from sandbox.scenario import load_scenario

ODD = [
    "[/red]",
    "[bold]loud[/bold]",
    ":rocket:",
    "$x$",
    "$\\frac{1}",
    "a\x1b[31mb",
    "<b>&",
    "星 Ω",
    "100 % \\ _^{",
]


def shown(capsys):
    return "".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("name", ODD)
def test_tables_and_paths_on_a_terminal(name, capsys, tmp_path):
    seen = "".join(console_tables.visible(name).split())
    console_tables.print_scenarios([(name, 3, 1.0, f"{name} described")])
    assert shown(capsys).count(seen) == 2
    console_tables.print_comparison(name, [name], {"captures": [Summary(1.0, 2.0, 1.0, 3.0, 5)]})
    out = shown(capsys)
    assert out.count(seen) == 2
    assert "21–3" in out
    told = {"env": "e", "scenario": name, "policy": name, "seed": 0, "hours": 1.0}
    timing = {"decisions_per_wall_s": 1.0, "decisions_per_cpu_s": 1.0}
    console_tables.print_run({"arguments": told, "timing": timing}, tmp_path / name.replace("/", "|"))
    out = shown(capsys)
    assert out.count(seen) >= 2
    assert seen.replace("/", "|") + "/" in out


def test_policies_that_do_not_fit_side_by_side_stand_below(capsys, monkeypatch):
    names = ["random", "deadline_greedy", "equinox", "phoenix", "a.module:Class"]
    rows = {"value_delivered_total": [Summary(float(k), 2.0, 1.125, 3_000.0, 5) for k in range(5)]}
    for columns in (50, 70, 200):
        monkeypatch.setenv("COLUMNS", str(columns))
        console_tables.print_comparison("seeds", names, rows)
        out = capsys.readouterr().out
        assert all(out.count(name) == 1 for name in names)
        assert out.count("1.125–3,000") == len(names)
        assert "…" not in out
        assert max(map(len, out.splitlines())) <= columns


def test_intervals_are_dim_and_nothing_else_is_markup():
    console = Console(file=io.StringIO(), force_terminal=True, width=60, markup=False)
    console.print(console_tables.interval(Summary(1.0, 2.0, 1.0, 3.0, 5)))
    assert "\x1b[2m1–3" in console.file.getvalue()


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("name", ODD[3:])
def test_figures(name, synthetic_recording, tmp_path):
    names = [name, *synthetic_recording.meta["satellite_names"][1:]]
    meta = dict(synthetic_recording.meta) | {"satellite_names": names, "scenario": name, "policy": name}
    recording = Recording(meta, synthetic_recording.arrays, synthetic_recording.events)
    picture = energy(recording, tmp_path / "a.png")
    texts = picture.findobj(lambda artist: hasattr(artist, "get_parse_math"))
    assert {text.get_parse_math() for text in texts} == {False}
    assert name in {text.get_text() for text in texts}
    picture.savefig(io.BytesIO())  # in the style of whoever shows it


def test_the_timeline_takes_names_literally(synthetic_recording):
    meta = dict(synthetic_recording.meta) | {"scenario": "$\\frac{1}$", "mode_names": ["$x$"] * 5}
    with style.styled():
        timeline(Recording(meta, synthetic_recording.arrays, synthetic_recording.events)).savefig(
            io.BytesIO()
        )


def test_cells_of_markdown():
    assert _literal("a|b<c>&*d*`e`") == r"a\|b&lt;c>&amp;\*d\*\`e\`"
    assert _literal("[x](http://y)\nz") == "[x]\\(http://y) z"
    assert _literal("76.5 [70.1, 82.0]") == "76.5 [70.1, 82.0]"
    assert _code("a `b` | c") == "`` a `b` \\| c ``"
    assert _code("a") == "`a`"


def test_a_run_with_odd_names_is_a_run(tmp_path, capsys):
    data = load_scenario("pair").model_dump(mode="json", exclude_none=True)
    data |= {"name": "odd", "description": "[/red] $x$ <b>"}
    content = run(data, hours=0.1, out=tmp_path / "[/red]", progress=True)
    assert "not_drawn" not in content
    assert "[/red]/" in capsys.readouterr().out
    page = Recording.load(tmp_path / "[/red]" / "recording").to_html(tmp_path / "$a$ <b>.html")
    assert "<b>" not in page.read_text().partition("</title>")[0]
    assert np.isfinite(content["reward"])
