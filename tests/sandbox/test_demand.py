"""What a world will take is known before it takes it, and refused in a sentence where it is too much."""

import pytest

from sandbox.errors import SandboxError
from sandbox.parts import PARTS
from sandbox.scenario import load_scenario
from sandbox.state import leaves
from sandbox.world import World

QUIET = {"encounters.population": 0}


def sentence(make):
    with pytest.raises(SandboxError) as caught:
        make()
    assert len(str(caught.value)) < 400
    return str(caught.value)


@pytest.mark.parametrize(
    ("kind", "name", "how"),
    [
        (World, "walker_24", {}),
        (World, "walker_24", {"parts": ["jobs"]}),
        (World, "disaster_response", {"parts": PARTS, "message_bytes": 9}),
    ],
)
def test_the_estimate_is_what_the_arrays_take(kind, name, how):
    one, three = (kind(name, worlds, **how) for worlds in (1, 3))
    held = [sum(array.nbytes for array in leaves(w.sim)) for w in (one, three)]
    each = (three.demand.bytes - one.demand.bytes) / 2
    assert each == pytest.approx((held[1] - held[0]) / 2, rel=0.05)


@pytest.mark.parametrize(
    ("kind", "name", "changes", "how"),
    [
        (World, "walker_24", {}, {"worlds": 1_000_000}),
        (World, "pair", {"requests.per_hour": 1e5, "horizon_h": 8784}, {}),
        (World, "pair", {"requests.lifetime_h": [1, 1e4], "requests.sky_h": 0.1}, {"worlds": 1_000}),
        (World, "relay_40", {"jobs.kinds.2.per_hour": 1e5, "horizon_h": 300}, {"parts": ["jobs"]}),
        (
            World,
            "crossing_12",
            QUIET | {"encounters.warn_h": 1e6, "encounters.update_h": 0.01},
            {"parts": ["encounters"]},
        ),
        (World, "disaster_response", {}, {"parts": PARTS, "message_bytes": 10**6, "worlds": 200}),
    ],
)
def test_more_than_the_machine_has(kind, name, changes, how, monkeypatch):
    monkeypatch.setattr("sandbox.demand.machine_memory", lambda: 2 * 10**10)
    said = sentence(lambda: kind(load_scenario(name, changes), **how))
    assert "more than the 20.0 GB of this machine" in said
    assert "take fewer worlds" in said


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"worlds": 10**9}, "worlds = 1000000000; 1,000,000 is the most"),
        ({"worlds": 10**5_000}, "1,000,000 is the most"),
        ({"shown": 10**7}, "shown = 10000000; 10,000 is the most"),
        ({"threads": 10**7}, "threads = 10000000; 1,024 is the most"),
        ({"horizon_s": 1e12}, "horizon_s = 1000000000000.0 is too long"),
    ],
)
def test_arguments(how, says):
    assert says in sentence(lambda: World("pair", **how))


def test_a_round_that_never_ends():
    slow = load_scenario("walker_24", {"substep_s": 0.001})
    assert "A round would be 7.2e+10 substeps" in sentence(lambda: World(slow, 100_000))


def test_more_jobs_than_can_be_numbered():
    kind = load_scenario("relay_40").jobs.kinds[2].model_dump() | {"per_hour": 1e6}
    busy = load_scenario("relay_40", {"jobs.kinds": [kind], "horizon_h": 300})
    assert "room for 2,147,483,647 jobs" in sentence(lambda: World(busy, parts=["jobs"]))


def test_a_screening_that_takes_days():
    crowd = load_scenario("crossing_12", {"encounters.population": 50, "start_within_h": 1_000})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sandbox.encounters.MOST_SCREENED", 1e6)
        assert "Screening 50 objects over 1,048 h" in sentence(lambda: World(crowd, parts=["encounters"]))


def test_what_is_large_but_real_is_built():
    load_scenario("star_compute_2800", {"requests.initial": 20_000})
    World(load_scenario("star_compute_2800", {"requests.initial": 20_000}))
    World("walker_24", 1_024)
    World(load_scenario("walker_24", {"horizon_h": 30 * 24}))
