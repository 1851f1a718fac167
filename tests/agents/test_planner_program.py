"""The programs of the planner: optima that are known, bounds that hold, whole numbers."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agents.planner.milp import Program


def knapsack(values, weights, room):
    program = Program()
    items = program.add(values)
    program.rows(np.zeros(len(items), int), items, weights, room)
    return program.solve()


def test_a_knapsack_of_which_the_optimum_is_known():
    found = knapsack([10.0, 7.0, 6.0], [5.0, 4.0, 3.0], 7.0)
    np.testing.assert_allclose(found.values, [0.0, 1.0, 1.0])
    assert found.objective == 13.0
    assert found.bound > 13.0  # relaxed, a share of the first fits as well


def test_an_assignment_needs_no_rounding():
    program = Program()
    x = program.add([3.0, 1.0, 2.0, 4.0])  # two workers, two tasks
    program.rows([0, 0, 1, 1], x, 1.0, [1.0, 1.0])
    program.rows([0, 1, 0, 1], x, 1.0, [1.0, 1.0])
    found = program.solve()
    assert found.objective == found.bound == 7.0
    assert found.gap == 0.0


@given(st.data())
def test_the_objective_stays_within_its_bound_and_the_rows(data):
    size = data.draw(st.integers(1, 8))
    numbers = st.lists(st.floats(0.1, 10.0), min_size=size, max_size=size)
    values, weights = data.draw(numbers), data.draw(numbers)
    found = knapsack(values, weights, 12.0)
    assert found.objective <= found.bound + 1e-6
    assert np.abs(found.values - np.round(found.values)).max() < 1e-5
    assert found.values @ weights <= 12.0 + 1e-5


def test_nothing_to_decide_is_worth_nothing():
    assert Program().solve().objective == 0.0
