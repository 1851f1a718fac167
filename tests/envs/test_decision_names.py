"""Names of decisions in a list."""

import pytest

from envs.decision_names import in_ranges
from envs.reports import LABELS


@pytest.mark.parametrize(
    ("names", "lines"),
    [
        (("run", "run_small", "run_large"), ["A: run", "B-C: run small, large"]),
        (("a_1", "a_2", "a_4", "b_1"), ["A-C: a 1-2, 4", "D: b 1"]),
        (("x_1", "y_2", "z"), ["A-B: x 1, y 2", "C: z"]),
        (("go_up_fast", "go_up_slow", "go"), ["A-B: go up fast, slow", "C: go"]),
    ],
)
def test_which_decisions_share_a_line(names, lines):
    told = in_ranges(LABELS, names, {"x_1": 0, "y_2": 0})
    assert [line for line, *_ in told] == lines
