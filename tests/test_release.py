"""What a release is made of: one version, whole archives, licences, containers, types for users."""

import ast
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
import yaml

import sandbox
from tools.least_versions import least_versions

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
VERSION = PROJECT["project"]["version"]
EXTRAS = PROJECT["project"]["optional-dependencies"]
ROOMS = ("sandbox", "envs", "agents", "experiments")


def kept():
    """What the repository keeps; without git, what lies there."""
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("no git here, so what the repository keeps is not known")
    return [name for name in done.stdout.splitlines() if (ROOT / name).is_file()]


# ---- version ---------------------------------------------------------------------------------------


def test_the_version_stands_in_pyproject_alone():
    """The package reads that of the installation; the citation is held to it, no module repeats it."""
    assert sandbox.__version__ == importlib.metadata.version("orbital-autonomy-sandbox")
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == VERSION
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                    names = [target.id for target in node.targets if isinstance(target, ast.Name)]
                    assert "__version__" not in names, path


def test_the_changelog_is_of_the_usual_form():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    heads = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert heads[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}", head) for head in heads[1:])
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.*)$", text, re.MULTILINE)) <= kinds
    released = [head.split("]")[0].strip("[") for head in heads[1:]]
    assert released[0] == VERSION if released else f"{VERSION} will hold" in text


def test_the_citation_says_what_a_citation_has_to():
    told = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(told)
    assert told["license"] == PROJECT["project"]["license"]
    assert told["authors"]


# ---- licences ----------------------------------------------------------------------------------------


def test_every_file_of_data_has_its_licence():
    told = (ROOT / "licenses/README.md").read_text(encoding="utf-8")
    for path in sorted((ROOT / "sandbox/data").iterdir()):
        if path.name != "README.md":
            assert path.name in told, path
    for text in re.findall(r"\]\(([^)]+)\)", told):
        assert len((ROOT / "licenses" / text).read_text(encoding="utf-8")) > 500


# ---- archives ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """A wheel and a source archive of what the repository keeps; the wheel is made from the latter."""
    pytest.importorskip("setuptools", minversion="77", reason="setuptools that knows licence files is needed")
    base = tmp_path_factory.mktemp("release")
    for name in kept():
        (base / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (base / "tree" / name).write_bytes((ROOT / name).read_bytes())
    build = "import sys; from setuptools import build_meta as b; getattr(b, sys.argv[1])(sys.argv[2])"
    (base / "dist").mkdir()

    def make(kind, folder):
        words = [sys.executable, "-c", build, kind, str(base / "dist")]
        subprocess.run(words, cwd=folder, check=True, capture_output=True)

    make("build_sdist", base / "tree")
    (source,) = (base / "dist").glob("*.tar.gz")
    with tarfile.open(source) as archive:
        archive.extractall(base / "unpacked", filter="data")
    (folder,) = (base / "unpacked").iterdir()
    make("build_wheel", folder)
    (wheel,) = (base / "dist").glob("*.whl")
    return wheel, source


@pytest.mark.slow
def test_the_archives_hold_all_that_the_packages_are(archives):
    wheel, source = archives
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    with tarfile.open(source) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    for name in kept():
        if name.partition("/")[0] in ROOMS:
            assert name in packed, name
            assert name in inside, name
    for text in ("LICENSE", *(f"licenses/{path.name}" for path in (ROOT / "licenses").iterdir())):
        assert text in packed
        assert any(name.endswith(f"dist-info/licenses/{text}") for name in inside), text
    assert {name.partition("/")[0] for name in inside if "dist-info" not in name} == set(ROOMS)


@pytest.mark.slow
def test_the_wheel_flies_in_a_clean_environment(archives, tmp_path):
    """What it needs is taken from this environment, so that nothing is downloaded; its own files are not."""
    place = tmp_path / "venv"
    venv.create(place, with_pip=True)
    python = place / ("Scripts" if os.name == "nt" else "bin") / "python"
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    words = [str(python), "-m", "pip", "install", "-q", "--no-deps", "--no-index", str(archives[0])]
    subprocess.run(words, check=True, env=alone, capture_output=True)
    code = """
import sys, sandbox
assert sandbox.__file__.startswith(sys.prefix), sandbox.__file__
from experiments.running.cli import main
sys.exit(main(["run", "--scenario", "pair", "--policy", "greedy", "--hours", "0.1", "--out", "r"]))
"""
    (site,) = {Path(importlib.metadata.distribution("numpy").locate_file(""))}
    entry = f"import sys; sys.path.append({str(site)!r})\n"
    done = subprocess.run(
        [str(python), "-c", entry + code],
        cwd=tmp_path,
        env=alone | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "r/page.html").is_file()


def test_every_kind_of_file_in_a_package_is_packed():
    """By the lists of pyproject, without building: a new kind of file may be forgotten there."""
    patterns = PROJECT["tool"]["setuptools"]["package-data"]
    for name in kept():
        room, _, inner = name.partition("/")
        if room in ROOMS and not inner.endswith(".py"):
            assert any(Path(inner).match(pattern) for pattern in patterns[room]), name


# ---- extras -------------------------------------------------------------------------------------------


def test_everything_that_is_required_is_pinned_and_allowed():
    """Each package that an extra names has a version in the file that belongs to it, within its bounds."""
    from packaging.requirements import Requirement

    own = {"benchmarl", "rllib", "tianshou", "agilerl", "mlflow"}
    for extra, needs in {"": PROJECT["project"]["dependencies"], **EXTRAS}.items():
        file = f"constraints-{extra}.txt" if extra in own else "constraints.txt"
        lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
        pins = dict(line.split("==") for line in lines if "==" in line and not line.startswith("#"))
        pins = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pins.items()}
        for need in map(Requirement, needs):
            name = re.sub(r"[-_.]+", "-", need.name).lower()
            if name != "orbital-autonomy-sandbox":
                assert name in pins, f"{name} of [{extra}] is not in {file}"
                assert need.specifier.contains(pins[name], prereleases=True), f"{need} in {file}"


def test_least_versions_are_those_of_pyproject():
    """`tools/least_versions.py`, with which CONTRIBUTING has them tried."""
    least = least_versions(["experiments"])
    assert {"numpy", "numba", "scipy", "pyarrow", "rich"} <= set(least)
    assert f"numpy>={least['numpy']}" in PROJECT["project"]["dependencies"]
    assert least_versions(["demo"])["transformers"] == "5.23"
    bounded = [need for need in PROJECT["project"]["dependencies"] if ">=" in need]
    assert len(least_versions()) == len(bounded)


def test_extras_name_extras_that_are_there():
    for needs in EXTRAS.values():
        for need in needs:
            if need.startswith("orbital-autonomy-sandbox["):
                assert set(re.findall(r"\[(.*)\]", need)[0].split(",")) <= set(EXTRAS)


@pytest.mark.slow
@pytest.mark.parametrize(
    "extra", [name for name in EXTRAS if name not in ("benchmarl", "rllib", "tianshou", "agilerl", "mlflow")]
)
def test_each_extra_installs_alone(extra):
    words = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--dry-run",
        "-q",
        "-c",
        "constraints.txt",
        f".[{extra}]",
    ]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    if done.returncode and ("No matching distribution" in done.stderr or "ConnectionError" in done.stderr):
        pytest.skip("no package index here")
    assert done.returncode == 0, done.stderr


# ---- containers -----------------------------------------------------------------------------------------


def test_the_dockerfile_copies_what_is_there_and_installs_extras_that_are():
    lines = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text(encoding="utf-8")).splitlines()
    words = [line.split() for line in lines if line and not line.startswith("#")]
    assert words[0][0] == "FROM"
    assert {line[0] for line in words} <= {"FROM", "WORKDIR", "COPY", "RUN", "USER", "ENV", "ENTRYPOINT"}
    copied = [path for line in words if line[0] == "COPY" for path in line[1:-1]]
    assert all((ROOT / path).exists() for path in copied)
    assert set(ROOMS) | {"pyproject.toml", "constraints.txt", "README.md", "LICENSE", "licenses"} <= set(
        copied
    )
    (install,) = [line for line in lines if "pip install" in line]
    assert set(re.findall(r"\.\[(.*?)\]", install)[0].split(",")) <= set(EXTRAS)
    assert python_of(words[0][1]) in supported()
    assert json.loads(" ".join(words[-1][1:])) == ["python", "-m", "experiments"]


def test_the_devcontainer_installs_what_developers_do():
    told = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text(encoding="utf-8"))
    assert python_of(told["image"]) in supported()
    assert "pip install -c constraints.txt -e '.[dev]'" in told["postCreateCommand"]


def python_of(image):
    return re.findall(r":(\d+\.\d+)", image)[0]


def supported():
    told = (re.findall(r"Python :: (\d+\.\d+)$", line) for line in PROJECT["project"]["classifiers"])
    return {version for found in told for version in found}


def test_the_python_that_is_asked_for_is_the_least_supported():
    least = min(supported(), key=lambda version: tuple(map(int, version.split("."))))
    assert PROJECT["project"]["requires-python"] == f">={least}"


# ---- types ------------------------------------------------------------------------------------------------

SCRIPT = """
import numpy as np

import envs
from agents import Policy, make_policy
from envs import tasking_v0
from sandbox import Scenario, World, load_scenario
from sandbox.conjunctions import collision_probability
from sandbox.orbits import states, walker_delta

scenario: Scenario = load_scenario("pair", {"horizon_h": 1})
world = World(scenario, worlds=2)
world.reset(seed=0)
hours: float = scenario.horizon_h
env = tasking_v0.parallel_env("pair")
policy: Policy = make_policy("greedy", env)
position, velocity = states(walker_delta(4, 2, 1, 550e3, 0.9))
probability = collision_probability(np.zeros(2), np.eye(2), 1.0)
names: list[str] = envs.names()
"""


@pytest.fixture(scope="module")
def installed(archives, tmp_path_factory):
    """The Python of an environment that has the wheel; what else it needs is this environment's."""
    place = tmp_path_factory.mktemp("typed") / "venv"
    venv.create(place, with_pip=True)
    python = place / ("Scripts" if os.name == "nt" else "bin") / "python"
    words = [str(python), "-m", "pip", "install", "-q", "--no-deps", "--no-index", str(archives[0])]
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(words, check=True, env=alone, capture_output=True)
    (own,) = place.rglob("site-packages")
    shared = importlib.metadata.distribution("numpy").locate_file("")
    (own / "shared.pth").write_text(f"{shared}\n")
    return python


@pytest.fixture
def scripts(tmp_path):
    """A folder with a script that is right, and one whose last line is a slip."""
    (tmp_path / "right.py").write_text(SCRIPT)
    (tmp_path / "slip.py").write_text(SCRIPT + 'hours = load_scenario("pair").name\n')
    return tmp_path


LAST = len(SCRIPT.splitlines()) + 1
"""The line of the slip."""


@pytest.mark.slow
def test_mypy_reads_our_types_in_a_script_of_a_user(installed, scripts):
    """`py.typed` stands in every package, what is right passes, and a slip is found."""
    pytest.importorskip("mypy", reason="no mypy; .[dev] has it")
    words = [sys.executable, "-m", "mypy", "--config-file=", f"--python-executable={installed}"]
    words += ["--ignore-missing-imports", "--follow-imports=silent", f"--cache-dir={scripts / 'cache'}"]
    alone = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "MYPYPATH")}
    done = subprocess.run(
        [*words, "right.py", "slip.py"], cwd=scripts, env=alone, capture_output=True, text=True
    )
    errors = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert len(errors) == 1, done.stdout + done.stderr
    assert errors[0].startswith(f"slip.py:{LAST}:")


@pytest.mark.slow
def test_pyright_reads_our_types_in_a_script_of_a_user(installed, scripts):
    """The same; pyright is no part of any extra: `pip install pyright`, which needs node."""
    program = shutil.which("pyright") or shutil.which("pyright", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("no pyright; pip install pyright")
    words = [program, "--outputjson", f"--pythonpath={installed}", "right.py", "slip.py"]
    done = subprocess.run(words, cwd=scripts, capture_output=True, text=True)
    told = json.loads(done.stdout)["generalDiagnostics"]
    errors = [(Path(each["file"]).name, each["range"]["start"]["line"] + 1) for each in told
              if each["severity"] == "error"]  # fmt: skip
    assert errors == [("slip.py", LAST)], done.stdout + done.stderr


def test_every_package_says_that_it_has_types():
    assert all((ROOT / room / "py.typed").is_file() for room in ROOMS)
