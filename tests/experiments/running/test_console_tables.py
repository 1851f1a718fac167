"""What a table in a terminal says of several runs."""

import pytest

from experiments.running.console_tables import interval
from experiments.running.statistics import summarise


@pytest.mark.parametrize(
    ("runs", "shown"),
    [
        ([2.0] * 8, "2"),
        ([0.0] * 62 + [1.0, 7.0], "0\nmean 0.125"),
        ([float("nan")] * 3, "-"),
    ],
)
def test_what_falls_out_of_an_interquartile_mean_is_told(runs, shown):
    assert interval(summarise(runs)).plain == shown


def test_what_varies_has_its_interval():
    assert "–" in interval(summarise(range(16))).plain
