"""A recording whose every number has a closed form."""

import pytest
from flown import flown


@pytest.fixture(scope="session")
def circles():
    """Forty minutes of twelve satellites, one of which thinks."""
    return flown(thoughts=True)
