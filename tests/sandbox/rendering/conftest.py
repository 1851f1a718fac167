"""A Chromium to look at pages with. Where there is none the tests that need it are skipped and say so."""

import shutil

import pytest
from flown import flown

WHERE = "no Chromium with chromedriver is installed (Debian: apt-get install chromium chromium-driver)"


@pytest.fixture(scope="session")
def circles():
    """Forty minutes of twelve satellites, one of which thinks."""
    return flown(thoughts=True)


@pytest.fixture(scope="session")
def chromium():
    """A headless browser of 1200 x 800 pixels."""
    webdriver = pytest.importorskip("selenium.webdriver")
    from selenium.webdriver.chrome.service import Service

    binary = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not (binary and driver):
        pytest.skip(WHERE)
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--enable-unsafe-swiftshader",
        "--window-size=1200,800",
        "--force-device-scale-factor=1",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(driver))
    browser.set_script_timeout(60)
    yield browser
    browser.quit()
