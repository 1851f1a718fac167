"""A Chromium to look at pages with. Where there is none the tests that need it are skipped and say so."""

import pytest
from flown import flown

from experiments.performance.browser import MISSING, open_browser


@pytest.fixture(scope="session")
def circles():
    """Forty minutes of twelve satellites, one of which thinks."""
    return flown(thoughts=True)


@pytest.fixture(scope="session")
def chromium():
    """A headless browser of 1200 x 800 pixels."""
    browser = open_browser()
    if browser is None:
        pytest.skip(MISSING)
    yield browser
    browser.quit()
