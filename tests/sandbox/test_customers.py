"""What customers pay and how long they wait: heavy tails and service tiers, of requests and of jobs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.customers import draw_tiers, draw_values
from sandbox.errors import SandboxError
from sandbox.job_arrivals import draw_jobs
from sandbox.requests import draw_book, sky_intervals
from sandbox.scenario import Requests, ServiceTier, load_scenario

URGENT = ServiceTier(name="urgent", share=0.2, value_factor=3.0, time_factor=0.25)
FLEXIBLE = ServiceTier(name="flexible", share=0.5, value_factor=0.5, time_factor=2.0)


def rng():
    return np.random.default_rng(0)


def test_without_options_the_draws_are_numpys():
    np.testing.assert_array_equal(draw_values(rng(), (1.0, 10.0), None, 50), rng().uniform(1.0, 10.0, 50))
    generator = rng()
    assert draw_tiers(generator, (), 50) == (1.0, 1.0)
    assert generator.random() == rng().random(), "nothing was drawn"


@given(low=st.floats(0.1, 10.0), factor=st.floats(1.0, 1e4), tail=st.floats(0.05, 100.0))
@settings(deadline=None, max_examples=50)
def test_a_heavy_tail_stays_within_its_bounds(low, factor, tail):
    values = draw_values(rng(), (low, low * factor), tail, 200)
    assert np.isfinite(values).all()
    assert (values >= low).all()
    assert (values <= low * factor).all()


@pytest.mark.parametrize("tail", [0.7, 1.16, 3.0])
def test_the_tail_is_that_of_a_bounded_pareto_distribution(tail):
    low, high = 2.0, 80.0
    values = draw_values(rng(), (low, high), tail, 200_000)
    for x in (3.0, 10.0, 40.0):
        share = (1.0 - (low / x) ** tail) / (1.0 - (low / high) ** tail)
        assert (values <= x).mean() == pytest.approx(share, abs=0.005)


def test_tiers_have_their_shares_and_factors():
    value, time = draw_tiers(rng(), (URGENT, FLEXIBLE), 100_000)
    for tier in (URGENT, FLEXIBLE):
        mine = value == tier.value_factor
        assert mine.mean() == pytest.approx(tier.share, abs=0.01)
        assert (time[mine] == tier.time_factor).all()
    rest = value == 1.0
    assert rest.mean() == pytest.approx(0.3, abs=0.01)
    assert (time[rest] == 1.0).all()


def test_requests_follow_their_tier_and_keep_their_places():
    plain = Requests(initial=300, per_hour=30.0)
    tiered = Requests(initial=300, per_hour=30.0, tiers=(URGENT, FLEXIBLE))
    before, after = (draw_book(rng(), book, 6 * 3600.0) for book in (plain, tiered))
    np.testing.assert_array_equal(before.latitude, after.latitude)
    np.testing.assert_array_equal(before.release, after.release)
    factor = after.value / before.value
    assert set(np.round(factor, 9)) == {0.5, 1.0, 3.0}
    time = (after.deadline - after.release) / (before.deadline - before.release)
    np.testing.assert_allclose(time, np.select([factor > 2.0, factor < 0.9], [0.25, 2.0], 1.0))
    longest = (after.deadline - after.release).max() / 3600.0
    assert sky_intervals(tiered) * tiered.sky_h >= longest, "the sky is drawn for as long as a request lives"


def test_jobs_follow_their_tier():
    tiers = [tier.model_dump() for tier in (URGENT, FLEXIBLE)]
    changes = {f"jobs.kinds.{k}.tiers": tiers for k in range(3)} | {"jobs.kinds.0.value_tail": 1.1}
    jobs = load_scenario("relay_40", changes).jobs
    drawn = draw_jobs(rng(), jobs, 40, 3600.0, 10_000)
    robots = drawn[drawn["kind"] == 0]
    wait = (robots["deadline"] - robots["release"]) / jobs.kinds[0].deadline_s
    assert set(np.round(wait, 6)) == {0.25, 1.0, 2.0}
    low, high = jobs.kinds[0].value
    urgent = np.round(wait, 6) == 0.25
    assert (robots["value"][urgent] >= 3.0 * low).all()
    assert robots["value"].max() <= 3.0 * high


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"requests.value": [0, 5], "requests.value_tail": 1.2}, "begin above 0"),
        ({"requests.value_tail": 0}, "value_tail = 0"),
        ({"requests.tiers": [{"name": "a", "share": 0.6}, {"name": "b", "share": 0.6}]}, "more than 1"),
        ({"requests.tiers": [{"name": "a", "share": 0.1}, {"name": "a", "share": 0.1}]}, "occur once"),
        ({"jobs.kinds.0.tiers": [{"name": "a", "share": 0.1, "time_factor": 0}]}, "time_factor"),
        ({"jobs.kinds.0.value": [0, 5], "jobs.kinds.0.value_tail": 1.2}, "begin above 0"),
    ],
)
def test_mistakes_are_one_sentence(changes, words):
    with pytest.raises(SandboxError, match=words):
        load_scenario("relay_40", changes)
