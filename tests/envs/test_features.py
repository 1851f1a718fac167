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
