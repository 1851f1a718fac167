"""The docs site: what its generated pages hold, that every link leads somewhere, and that it builds."""

import importlib.util
import os
import posixpath
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

import envs
from agents.policy import policy_names
from envs import registry
from experiments import commands
from experiments.tiers import PROBLEMS
from sandbox.scenario import scenario_names
from sandbox.scenario.json_schema import scenario_schema
from tools.pages import cards, environments, figures, globes, links, reference, scenarios, texts

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = {
    path.relative_to(ROOT / "docs").as_posix(): path.read_text(encoding="utf-8")
    for path in (ROOT / "docs").rglob("*.md")
}
GENERATORS = (environments, scenarios, cards, reference, texts)
GENERATED = {path: text for generator in GENERATORS for path, text in generator.pages().items()}
FILES = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*") if path.is_file()}
PICTURES = environments.pictures()
FLOWN = {globes.path_of(problem) for problem in globes.FLIGHTS}
KNOWN = {*GENERATED, *FILES, *PICTURES, *FLOWN}
SITE = {path: links.within_site(text, path, KNOWN) for path, text in (WRITTEN | GENERATED).items()}


def without_code(text):
    return re.sub(r"`[^`\n]*`", "", links.FENCE.sub("", text))


def anchors(text):
    """The anchors of the headings of a page, as the toc extension of Markdown names them."""
    heads = re.findall(r"^#+ (.*)$", links.FENCE.sub("", text), re.MULTILINE)
    plain = (re.sub(r"[^\w\s-]", "", re.sub(r"[`*]", "", head)).strip().lower() for head in heads)
    return {re.sub(r"[-\s]+", "-", head) for head in plain}


def test_no_page_is_both_written_and_generated():
    assert not set(WRITTEN) & set(GENERATED)


def test_the_menu_has_every_page_once():
    def leaves(part):
        if isinstance(part, str):
            yield part
        for each in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
            yield from leaves(each)

    listed = list(leaves(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]))
    assert sorted(listed) == sorted(SITE)


@pytest.mark.parametrize("page", sorted(SITE))
def test_links_of_a_page_lead_somewhere(page):
    text = without_code(SITE[page])
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src="([^"]+)"', text)
    for target in targets:
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        to = posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) if path else page
        assert to in KNOWN, target
        if anchor and to in SITE:
            assert anchor in anchors(SITE[to]), target


@pytest.mark.parametrize(
    ("page", "before", "after"),
    [
        ("a.md", "[x](b.md)", "[x](b.md)"),
        ("a.md", "[x](b.md#c)", "[x](b.md#c)"),
        ("e/a.md", "[x](../b.md)", "[x](../b.md)"),
        ("a.md", "[`code`](../sandbox/world.py)", "`code`"),
        ("a.md", "[x](records/run)", "x"),
        ("a.md", "[x](../agents/trained)", "[x](trained.md)"),
        ("e/a.md", "[x](../../agents/trained)", "[x](../trained.md)"),
        ("a.md", "[x](../README.md#start)", "[x](index.md#start)"),
        ("a.md", "[x](https://example.org/a.md)", "[x](https://example.org/a.md)"),
        ("a.md", "![x](missing.png)", "![x](missing.png)"),
        ("a.md", "[x](missing.md)", "[x](missing.md)"),
        ("a.md", "[x](#here)", "[x](#here)"),
        ("a.md", "```\n[x](../sandbox/world.py)\n```\n[y](../z.py)", "```\n[x](../sandbox/world.py)\n```\ny"),
    ],
)
def test_links_out_of_the_site_become_names(page, before, after):
    assert links.within_site(before, page, {"b.md"}) == after


def test_a_figure_has_a_twin_in_the_dark():
    known = frozenset({"a.png", "a.dark.png", "b.png"})
    both = "![x](../a.png#only-light)![x](../a.dark.png#only-dark)"
    assert figures.for_both("![x](../a.png) ![y](../b.png)", "e/p.md", known) == f"{both} ![y](../b.png)"


def test_a_figure_in_the_dark_keeps_its_colours(tmp_path):
    """White becomes the page, black light, a pure colour stays, and thin lines are as thin."""
    image = pytest.importorskip("PIL.Image", reason="no pillow; .[docs] has it")
    seen = [(255, 255, 255), (0, 0, 0), (255, 160, 0), (255, 207, 127), (0, 100, 200)]
    path = tmp_path / "a.png"
    image.fromarray(np.array([seen], np.uint8)).save(path)
    (tmp_path / "a.dark.png").write_bytes(figures.darkened(path))
    page, letters, orange, thin, blue = np.asarray(image.open(tmp_path / "a.dark.png"), float)[0]
    np.testing.assert_allclose(page, 255 * np.array(figures.NIGHT), atol=0.5)
    assert min(letters) >= 225
    np.testing.assert_array_equal(orange, (255, 160, 0))
    np.testing.assert_allclose(thin, np.add(orange, page) / 2, atol=2)
    assert blue[0] < blue[1] < blue[2]
    assert blue[2] > 240


@pytest.mark.parametrize("problem", PROBLEMS)
class TestEnvironment:
    def test_holds_what_is_declared(self, problem):
        page = GENERATED[environments.path_of(problem)]
        told = registry.find(problem).declare().blocks
        for block in told:
            assert all(term in page for term in block.terms)
        for name in policy_names(problem):
            assert f"`{name}`" in page
        for tier, scenario in PROBLEMS[problem].items():
            assert f"| {tier} | `{scenario}` |" in page

    def test_has_its_sections_in_order(self, problem):
        heads = re.findall(r"^## (.*)$", GENERATED[environments.path_of(problem)], re.MULTILINE)
        wanted = ["Observation", "Actions", "Rewards", "Start and end", "Arguments", "Baselines", "Tiers",
                  "Learning curves", "Version history"]  # fmt: skip
        if not any(problem in path for path in PICTURES):  # nothing is shipped for it
            wanted.remove("Learning curves")
        assert [head for head in heads if head in wanted] == wanted

    def test_shows_a_globe_and_curves(self, problem):
        page = GENERATED[environments.path_of(problem)]
        assert f'src="../{globes.path_of(problem)}"' in page
        shown = set(re.findall(r"\(\.\./(curves/[^)]+)\)", page))
        assert shown == {path for path in PICTURES if problem in path}
        assert shown or problem == "operations_v0"

    def test_policies_say_what_they_do(self, problem):
        table = environments.baselines(problem)
        for line in table.splitlines()[2:]:
            assert len(line.split("|")[2].strip()) > 10, line


def test_every_registered_problem_of_ours_has_a_page():
    assert {environments.path_of(name) for name in envs.names() if name in PROBLEMS} <= set(GENERATED)


def test_every_field_of_a_scenario_is_told():
    page = scenarios.fields_page()
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    models = {
        name: model for name, model in scenario_schema()["definitions"].items() if not name.endswith("_part")
    }
    assert set(sections) == set(models)
    for name, model in models.items():
        for field in model["properties"]:
            assert f"| `{field}`" in sections[name], f"{name}.{field}"


@pytest.mark.parametrize(
    "row",
    [
        "| `horizon_h` | number | h | `24.0` | above 0 to 8,784 |",
        "| `round_s` | number | s | `30.0` | 1 to 300 |",
        "| `name` | text |  | required |  |",
        "| `antennas` | whole number |  | `1` | 1 to 100,000 |",
        "| `initial_charge` | 2 numbers |  | `[0.6, 0.9]` | each 0 to 1 |",
        "| `forces` | [Forces](#forces) |  | as that section says |  |",
        "| `spacecraft` | [Spacecraft](#spacecraft) by name |  | required |  |",
        '| `panel_mount` | `body` or `tracking` |  | `"body"` |  |',
        "| `min_elevation_deg` | number | deg | `5.0` | 0 to below 90 |",
        "| `stations` | list of [Station](#station) |  | required | 1 to 10,000 of them |",
    ],
)
def test_a_field_is_told_with_unit_default_and_bounds(row):
    assert row in scenarios.fields_page().splitlines()


def test_every_named_scenario_is_listed():
    page = scenarios.named_page()
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == scenario_names()


def test_every_command_is_listed():
    table = texts.commands_table()
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == commands.names()
    assert texts.COMMANDS in WRITTEN["experiments.md"]


def test_the_glossary_is_that_of_contributing():
    words = texts.glossary()
    assert "| round | the time between two decisions" in words
    assert "## How we write" not in words


@pytest.mark.parametrize("page", reference.PAGES)
def test_the_reference_tells_each_public_name_once(page):
    listed = re.findall(r"^::: (\S+)$", GENERATED[f"reference/{page}.md"], re.MULTILINE)
    assert listed
    assert len(listed) == len(set(listed))
    assert {path.partition(".")[0] for path in listed} <= {"sandbox", "envs", "agents"}


def test_nothing_is_asked_of_another_host():
    """Neither the configuration nor the files of docs/ load anything from elsewhere."""
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    assert config["theme"]["font"] is False
    for name in ("site.css", "iframe-worker.js"):
        assert "http" not in (ROOT / "docs" / name).read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.skipif(
    not importlib.util.find_spec("material"), reason="no MkDocs with Material; .[docs] has it"
)
def test_it_builds_without_a_warning_and_asks_nobody(tmp_path):
    site = tmp_path / "site"
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    alone = os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=ROOT, env=alone, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    assert sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) < 30e6
    pages = list(site.rglob("*.html"))
    assert len(pages) >= len(SITE) + len(FLOWN)
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not re.search(r'(?:src|<link[^>]*href)="?https?://', text), page
        for target in re.findall(r'<(?:script|iframe|img|link)[^>]*?(?:src|href)="?([^"\s>]+)', text):
            if not target.startswith(("data:", "#")):
                assert (page.parent / target.partition("#")[0]).exists(), f"{page}: {target}"
    assert (site / "search/search_index.js").is_file()
