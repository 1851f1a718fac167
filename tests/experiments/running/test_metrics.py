"""Metrics of runs that were made up by hand."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from experiments.running.compare import compare, table
from experiments.running.metrics import (
    AVOIDANCE_METRICS,
    BODY_METRICS,
    CONSULT_METRICS,
    GROUPS,
    IMAGE_METRICS,
    JOB_METRICS,
    ORDER_METRICS,
    Totals,
    avoidance_metrics,
    body_metrics,
    image_metrics,
    job_metrics,
    latencies,
    metrics_in,
    order_metrics,
)
from experiments.running.statistics import interquartile_mean, summarise
from sandbox.jobs import DELIVERED as ANSWERED_AND_THERE
from sandbox.jobs import EXPIRED as JOB_EXPIRED
from sandbox.jobs import JOB, LEDGER
from sandbox.state import (
    AREA,
    CAMPAIGN,
    CAPTURED,
    CUE,
    DELIVERED,
    EXPIRED,
    MODE_NAMES,
    NONE,
    OPEN,
    PART,
    PENDING,
    PERIODIC,
    REQUEST,
    SINGLE,
    STEREO,
    TIP,
)

TERMS = ("reward_delivery", "captured", "delivered", "cloudy", "duplicate", "denied", "illegal")


def book(*rows):
    """Requests with (value, status, captured at, delivered at)."""
    made = np.zeros(len(rows), REQUEST)
    for name, column in zip(
        ("value", "status", "captured_at", "delivered_at"), zip(*rows, strict=True), strict=True
    ):
        made[name] = column
    return made


def totals(**changes):
    """Ten rounds of two satellites, of which the second is lost."""
    terms = {name: np.zeros(2) for name in TERMS}
    terms |= {
        "reward_delivery": np.array([4.0, 1.5]),
        "captured": np.array([3.0, 1.0]),
        "delivered": np.array([2.0, 1.0]),
        "denied": np.array([0.0, 4.0]),
    }
    modes = np.zeros((2, len(MODE_NAMES)), int)
    modes[:, MODE_NAMES.index("charge")] = 10, 6
    modes[1, MODE_NAMES.index("lost")] = 4
    given = {
        "rounds": 10,
        "reward": np.array([4.0, -48.5]),
        "terms": terms,
        "downlinked": np.array([8e9, 5e9]),
        "modes": modes,
        "lowest_battery": np.array([0.4, 0.0]),
        "alive": np.array([True, False]),
        "energy": np.array([3.6e6, 1.8e6]),
    }
    return Totals(**given | changes)


NOT_YET = (math.nan, math.nan)
BOOK = book(
    (5.0, DELIVERED, 100.0, 160.0),
    (2.0, DELIVERED, 0.0, 600.0),
    (3.0, DELIVERED, 0.0, 300.0),
    (1.0, CAPTURED, 50.0, math.nan),
    (4.0, OPEN, *NOT_YET),
    (6.0, EXPIRED, *NOT_YET),
    (7.0, PENDING, *NOT_YET),
)


def test_each_metric_by_hand():
    found = image_metrics(BOOK, totals()) | body_metrics(totals())
    assert list(found) == [*IMAGE_METRICS, *BODY_METRICS]
    wanted = {
        "value_delivered": 5.5,
        "value_offered": 28.0,
        "reward": -44.5,
        "requests": 7,
        "captures": 4,
        "images_delivered": 3,
        "downlinked_gbit": 13.0,
        "latency_median_min": 5.0,
        "latency_p90_min": 9.0,
        "denied": 4,
        "cloudy": 0,
        "battery_lowest": 0.0,
        "battery_lowest_median": 0.2,
        "energy_kwh": 1.5,
        "lost_satellites": 1,
        "satellites": 2,
        "rounds": 10,
        "share_charge": 0.8,
        "share_lost": 0.2,
        "share_idle": 0.0,
    }
    assert {name: found[name] for name in wanted} == pytest.approx(wanted)
    assert sum(found[f"share_{mode}"] for mode in MODE_NAMES) == pytest.approx(1.0)


def test_latency_is_of_what_arrived():
    np.testing.assert_array_equal(np.sort(latencies(BOOK)), [60.0, 300.0, 600.0])


def test_nothing_delivered_has_no_latency():
    found = image_metrics(BOOK[3:], totals())
    assert math.isnan(found["latency_median_min"])
    assert math.isnan(found["latency_p90_min"])


def test_interquartile_mean():
    values = np.random.default_rng(1).normal(size=(3, 16))
    np.testing.assert_allclose(interquartile_mean(values), stats.trim_mean(values, 0.25, axis=-1))
    assert interquartile_mean(np.array([7.0])) == 7.0
    assert interquartile_mean(np.array([1.0, 3.0])) == 2.0
    # of five values, the middle three, the outer two of these for three quarters
    assert interquartile_mean(np.array([9.0, -50.0, 3.0, 6.0, 80.0])) == pytest.approx(
        (2.25 + 6 + 6.75) / 2.5
    )


def test_interval_is_that_of_scipy():
    values = np.random.default_rng(2).normal(10.0, 2.0, 24)
    found = summarise(values)
    theirs = stats.bootstrap(
        (values,), interquartile_mean, n_resamples=10_000, method="percentile", rng=np.random.default_rng(3)
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=0.1)
    assert found.low < found.iqm < found.high
    assert found.mean == pytest.approx(values.mean())
    assert found == summarise(values)


def test_summary_leaves_out_what_is_missing():
    assert summarise([2.0, math.nan, 4.0]).runs == 2
    assert summarise([2.0, math.nan, 4.0]).mean == 3.0
    nothing = summarise([math.nan])
    assert nothing.runs == 0
    assert math.isnan(nothing.iqm)
    assert summarise([5.0]) == (5.0, 5.0, 5.0, 5.0, 1)


def test_metrics_of_jobs():
    rows = np.zeros(4, JOB)
    rows["status"] = [ANSWERED_AND_THERE, ANSWERED_AND_THERE, ANSWERED_AND_THERE, JOB_EXPIRED]
    rows["release"], rows["delivered_at"] = [0.0, 10.0, 20.0, 0.0], [30.0, 20.0, 70.0, math.nan]
    ledger = np.zeros((), LEDGER)
    for name, count in (("created", 5), ("delivered", 3), ("expired", 1), ("lost", 1)):
        ledger[f"jobs_{name}"] = count
    terms = {"reward_answers": np.array([4.0, 1.5]), "handed": np.array([2.0, 0.0])}
    found = job_metrics(rows, ledger, totals(terms=terms))
    assert list(found) == list(JOB_METRICS)
    assert (found["latency_median_s"], found["value_answered"], found["jobs"]) == (30.0, 5.5, 5)
    assert (found["answers"], found["expired"], found["jobs_lost"], found["handed"]) == (3, 1, 1, 2)


def dangers(**changes):
    terms = {"collided": [0.0, 1.0], "burned_m_s": [0.2, 0.5], "out_of_slot": [0.0, 5.0], "illegal": [0, 1]}
    terms = {name: np.array(values) for name, values in terms.items()} | changes
    return totals(terms=terms, closest=np.array([700.0, 4.0]))


def test_metrics_of_avoidance():
    found = avoidance_metrics(dangers())
    assert found == {
        "collisions": 1, "burned_m_s": 0.7, "share_out_of_slot": 0.25, "closest_m": 4.0,
    }  # fmt: skip
    assert [*found, "service"] == list(AVOIDANCE_METRICS)
    paid = avoidance_metrics(dangers(reward_service=np.array([0.5, 0.25])))
    assert list(paid) == list(AVOIDANCE_METRICS)
    assert paid["service"] == 0.75


def test_what_never_passed_has_no_distance():
    nothing = avoidance_metrics(totals(terms=dangers().terms, closest=np.full(2, np.inf)))
    assert math.isnan(nothing["closest_m"])


def test_searches_of_planners_are_told_where_there_may_be_any():
    words = ("consulted", "consult_s", "consult_j", "followed", "plan_changed", "plan_void")
    sums = [(2.0, 1.0), (8.0, 4.0), (90.0, 18.0), (20.0, 5.0), (4.0, 3.0), (1.0, 0.0)]
    terms = totals().terms | {word: np.array(each) for word, each in zip(words, sums, strict=True)}
    found = metrics_in(Everything(), totals(terms=terms, closest=np.ones(2)))
    told = {name: found[name] for name in CONSULT_METRICS}
    assert told == {
        "consultations": 3, "consult_s": 12.0, "consult_j": 108.0, "consult_share": 108.0 / 5.4e6,
        "plans_followed": 25, "plan_changed": 7, "plans_void": 1,
    }  # fmt: skip
    assert not set(CONSULT_METRICS) & set(body_metrics(totals()))


def test_no_two_groups_share_a_name():
    names = [name for group in GROUPS for name in group]
    assert len(set(names)) == len(names)


class Everything:
    """A world that has it all, as far as metrics are concerned."""

    encounters = True

    def __init__(self):
        work = SimpleNamespace(book=np.zeros((1, 2), JOB), ledger=np.zeros(1, LEDGER))
        self.jobs = SimpleNamespace(state=work)
        self.state = SimpleNamespace(requests=SimpleNamespace(book=BOOK[None], part=np.zeros((1, 0))))


def test_a_world_with_everything_has_all_metrics():
    terms = totals().terms | dangers().terms | dict.fromkeys(("reward_answers", "handed"), np.ones(2))
    found = metrics_in(Everything(), totals(terms=terms, closest=np.array([9.0, 8.0])))
    groups = (IMAGE_METRICS, JOB_METRICS, AVOIDANCE_METRICS, BODY_METRICS)
    assert list(found) == [name for group in groups for name in group if name != "service"]
    assert (found["requests"], found["collisions"], found["value_answered"]) == (7, 1, 2.0)


def test_orders_are_counted_by_kind():
    """An area that failed; a pair, complete; a tip found, another hidden; a look to come."""
    part, campaign = np.zeros((1, 9), PART), np.zeros((1, 3), CAMPAIGN)
    part["kind"] = [[AREA, AREA, STEREO, STEREO, SINGLE, CUE, TIP, TIP, PERIODIC]]
    part["campaign"] = [[0, 0, 1, 1, NONE, NONE, NONE, NONE, 2]]
    campaign["kind"], campaign["parts"] = [[AREA, STEREO, PERIODIC]], [[2, 2, 1]]
    campaign["first"], campaign["bonus"] = [[0, 2, 8]], [[10.0, 20.0, 40.0]]
    campaign["completed_at"] = [[math.nan, 50.0, math.nan]]
    rows = np.zeros((1, 9), REQUEST)
    rows["value"], rows["release"] = 1.0, [[0, 0, 0, 0, 0, 0, 0, 0, 500]]
    rows["status"] = [[DELIVERED, EXPIRED, *[DELIVERED] * 5, PENDING, PENDING]]
    requests = SimpleNamespace(book=rows, part=part, campaign=campaign)
    clock = np.array([(100.0,)], [("time", "f8")])
    found = order_metrics(SimpleNamespace(state=SimpleNamespace(requests=requests, clock=clock)))
    wanted = dict.fromkeys(ORDER_METRICS, 0) | {
        "area_asked": 1, "stereo_asked": 1, "single_asked": 1, "cue_asked": 1, "tip_asked": 1,
        "stereo_completed": 1, "single_completed": 1, "cue_completed": 1, "tip_completed": 1,
        "completion_value": 20.0, "requests": 7, "value_offered": 37.0,
    }  # fmt: skip
    assert found == wanted


def test_a_world_of_jobs_is_measured_as_such():
    episodes = compare(["local", "greedy"], "relay_40", "offloading_v0", 0.1, seeds=2, progress=False)
    for runs in episodes.values():
        assert list(runs[0]) == [*JOB_METRICS, *BODY_METRICS]
        assert runs[0]["jobs"] > 0
        assert runs[0]["energy_kwh"] > 0.0
    assert "value_answered" in table(episodes)
    assert "captures" not in table(episodes)


def test_a_world_with_encounters_is_measured_as_such():
    changes = {"encounters": {"population": 0, "staged_per_day": 40, "hit_share": 0.5, "warn_h": 12}}
    episodes = compare(["never", "threshold"], "crossing_12", "avoidance_v0", 24, seeds=2, progress=False,
                       changes=changes)  # fmt: skip
    for never, careful in zip(*episodes.values(), strict=True):
        assert list(never) == [*AVOIDANCE_METRICS, *BODY_METRICS]
        assert never["lost_satellites"] == never["collisions"] > careful["collisions"]
        assert never["burned_m_s"] == never["share_out_of_slot"] == 0.0
        assert never["closest_m"] < 10.0
        assert careful["burned_m_s"] > 0.0
        assert careful["service"] > 0.0
        assert never["energy_kwh"] > 0.0
    assert list(table(episodes)) == [
        "collisions", "burned_m_s", "share_out_of_slot", "closest_m", "service", "battery_lowest",
        "lost_satellites",
    ]  # fmt: skip
