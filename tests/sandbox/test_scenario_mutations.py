"""Scenarios spoilt in many ways: each loads or is one short sentence, and what loads flies without a NaN."""

import copy
from random import Random

import numpy as np
import pytest
import yaml

from envs import tasking_v0
from sandbox.errors import SandboxError
from sandbox.scenario import FOLDER, load_scenario, scenario_names

TEXTS = {name: (FOLDER / f"{name}.yaml").read_text(encoding="utf-8") for name in scenario_names()}
VALUES = (
    None, True, "", "x", "x" * 5_000, "2026-02-30", "nan", [], {}, [1], [[]], {"a": 1}, [None, "x"], 0, -1, 1,
    2, 1e-9, 1e-300, 0.5, 7, 60, 1e6, 1e9, 1e12, 1e300, -1e300, 10**20, 10**400, 10**5_000, float("nan"),
    float("inf"), -float("inf"), np.float32(3), np.int64(10**9), np.array([1.0, np.nan]),
    np.datetime64("NaT"), b"\xff", 1j,
)  # fmt: skip
SCRAPS = (
    "[", "]", "{", "}", ":", ": ", "- ", "\t", "\n", "  ", "#", "&a ", "*a", "<<: ", "!!int ", "!x ", "|",
    ">", "'", '"', "%", "@", "\0", "\x1b", "\u2028", "\ufeff", "9" * 5_000, "0x", "1e400", ".nan", ".inf",
    "2026-02-30", "---\n", "? ", "~", "=",
)  # fmt: skip


def places(value, path=()):
    """The paths of everything in a dictionary."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


def holder(data, path):
    for step in path[:-1]:
        data = data[step]
    return data


def spoilt_data(random, data):
    """`data` with one or two things replaced, scaled, taken away, added or renamed."""
    data = copy.deepcopy(data)
    for _ in range(random.randint(1, 2)):
        path = random.choice(list(places(data)))
        here, last = holder(data, path), path[-1]
        what = random.randrange(6)
        if what < 3 and isinstance(here[last], (int, float)):
            here[last] = here[last] * random.choice((-1, 0, 0.5, 0.9, 1.5, 2, 10, 1e3, 1e6, 1e30))
        elif what < 4:
            here[last] = copy.deepcopy(random.choice(VALUES))
        elif what == 4 or not isinstance(here, dict):
            here.pop(last)
        else:
            here[random.choice(("extra", last + "_", "name", 7, ""))] = here.pop(last)
    return data


def spoilt_text(random, text):
    """`text` with one or two scraps put in, parts cut out or lines doubled."""
    for _ in range(random.randint(1, 2)):
        at, what = random.randrange(len(text)), random.randrange(3)
        if what == 0:
            text = text[:at] + random.choice(SCRAPS) + text[at:]
        elif what == 1:
            text = text[:at] + text[at + random.randint(1, 200) :]
        else:
            lines = text.splitlines(keepends=True)
            text = "".join(lines + random.sample(lines, 1))
    return text or "x"


def loaded(source):
    """The scenario, or None where it was refused in one short sentence."""
    said, scenario = told(lambda: load_scenario(source))
    assert said.isprintable()
    return scenario


def told(make):
    """What a SandboxError says, if one is raised, and what `make` gives, if it does."""
    said, made = "", None
    try:
        made = make()
    except SandboxError as error:
        said = str(error)
    assert not said or 10 < len(said) < 600
    return said, made


def fly(scenario):
    """Two rounds of a small world; all numbers that come out are finite, or a sentence says why not."""
    told(lambda: flight(scenario))


def flight(scenario):
    env = tasking_v0.batch_env(scenario, max_cycles=3)
    observation, info = env.reset(seed=1)
    for _ in range(2):
        observation, reward, _, _, info = env.step(info["action_mask"].argmax(axis=-1))
        for numbers in (observation, reward, info["terms"], env.problem.global_state(0)):
            assert np.isfinite(numbers).all()


def play(seed, many, tmp_path, flown):
    """Spoil every scenario `many` times, as text and as data; fly `flown` of the small ones that load."""
    random, path = Random(seed), tmp_path / "spoilt.yaml"
    counts = {"loaded": 0, "refused": 0}
    for name, text in TEXTS.items():
        data = yaml.safe_load(text)
        for k in range(many):
            if k % 2:
                path.write_text(spoilt_text(random, text), encoding="utf-8")
                scenario = loaded(path)
            else:
                scenario = loaded(spoilt_data(random, data))
            counts["loaded" if scenario else "refused"] += 1
            small = scenario and sum(group.size for group in scenario.fleet) <= 50
            if small and name in ("pair", "scs01") and k % 2 == 0 and flown:
                fly(scenario)
                flown -= 1
    return counts


def test_spoilt_scenarios(tmp_path):
    counts = play(1, 24, tmp_path, flown=8)
    assert min(counts.values()) > 15


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 12))
def test_many_spoilt_scenarios(tmp_path, seed):
    play(seed, 300, tmp_path, flown=60)


def craft_with(random, count):
    """`pair` whole, with several numbers of its spacecraft, stations and requests far out but in bounds."""
    data = load_scenario("pair").model_dump(mode="json")
    found = [
        path
        for path in places(data)
        if path[0] in ("spacecraft", "stations", "requests", "forces", "faults")
        and isinstance(holder(data, path)[path[-1]], (int, float))
    ]
    for path in random.sample(found, count):
        here = holder(data, path)
        here[path[-1]] = random.choice((0, 1e-9, 1e-6, 1e-3, 0.01, 0.5, 1, 10, 89, 1e3, 1e6, 1e9, 1e12, -1))
    return data


@pytest.mark.parametrize("many", [30, pytest.param(2_000, marks=pytest.mark.slow)], ids=["a few", "many"])
def test_what_is_far_out_but_in_bounds_flies(many):
    random, flown = Random(7), 0
    for _ in range(many):
        scenario = loaded(craft_with(random, random.randint(1, 2)))
        if scenario is not None and scenario.requests.per_hour <= 1e3:
            fly(scenario)
            flown += 1
    assert flown >= many // 8
