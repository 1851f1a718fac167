"""Features: one declaration for numbers and words."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.features import Feature, Layout
from sandbox.errors import SandboxError

LAYOUT = Layout(
    [Feature("battery", "%", 0, 100, "battery {:.0f} %"), Feature("beta", "deg", -90, 90, "{:.0f}")]
)


@given(st.floats(0, 100), st.floats(-90, 90))
def test_scaled_and_physical_are_inverse(battery, beta):
    there = LAYOUT.scaled(np.array([battery, beta]))
    assert there.dtype == np.float32
    np.testing.assert_allclose(LAYOUT.physical(there), [battery, beta], atol=2e-5)
    assert LAYOUT.physical(there, "beta") == pytest.approx(beta, abs=2e-5)


def test_values_beyond_the_range_are_clipped():
    np.testing.assert_array_equal(LAYOUT.scaled(np.array([200.0, -180.0])), [1.0, -1.0])


def test_unknown_feature_suggests_the_near_name():
    with pytest.raises(SandboxError, match="Unknown feature 'batery'; did you mean battery"):
        LAYOUT.index("batery")


def test_table_lists_every_feature():
    assert LAYOUT.table().count("\n") == len(LAYOUT) + 1


def test_a_root_tells_small_numbers_apart():
    """What is mostly near its low end: one of twenty lies as far from none as a fifth of the range."""
    layout = Layout([Feature("rivals", "1", 0, 20, "{}", root=True), Feature("value", "1", 0, 20, "{}")])
    values = np.array([[0.0, 0.0], [1.0, 1.0], [5.0, 5.0], [20.0, 20.0], [25.0, 25.0]])
    seen = layout.scaled(values)
    np.testing.assert_allclose(seen[:, 0], [-1.0, 2 * 0.05**0.5 - 1, 0.0, 1.0, 1.0], atol=1e-6)
    np.testing.assert_allclose(seen[:, 1], [-1.0, -0.9, -0.5, 1.0, 1.0], atol=1e-6)
    np.testing.assert_allclose(layout.physical(seen), np.minimum(values, 20.0), atol=1e-5)
    np.testing.assert_allclose(layout.physical(seen, "rivals"), np.minimum(values[:, 0], 20.0), atol=1e-5)
    np.testing.assert_allclose(layout.share(seen)[:, 0], np.minimum(values[:, 0] / 20.0, 1.0), atol=1e-6)
    assert "| 0 | rivals | 1 | 0 | 20 | root |" in layout.table()
