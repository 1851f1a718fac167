import numpy as np

from sandbox.orbits import dop853


def test_tableau_is_scipys():
    from scipy.integrate._ivp import dop853_coefficients as scipys

    rows = [*(getattr(dop853, f"A{i}") for i in range(1, 12)), dop853.B]
    for i, row in enumerate(rows, 1):
        assert np.array_equal(row, scipys.A[i][scipys.A[i] != 0])


def test_combine_is_a_weighted_sum(rng):
    y, slopes = rng.normal(size=6), rng.normal(size=(3, 6))
    weights = (0.5, -2.0, 3.0)
    got = dop853.combine(tuple(y), 0.1, weights, tuple(map(tuple, slopes)))
    assert np.allclose(got, y + 0.1 * np.array(weights) @ slopes, rtol=1e-14)
