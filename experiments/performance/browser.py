"""A headless Chromium, driven by selenium, where both are installed."""

import shutil
from typing import Any

BINARIES = ("chromium", "chromium-browser", "google-chrome")
MISSING = "no Chromium with chromedriver and selenium (Debian: chromium, chromium-driver; pip: selenium)"


def open_browser(width: int = 1200, height: int = 800) -> Any:
    """A selenium driver with a window of so many pixels, to be quit; None where something is missing."""
    binary = next((found for name in BINARIES if (found := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    try:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
    except ModuleNotFoundError:
        return None
    if not (binary and driver):
        return None
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--enable-unsafe-swiftshader",
        "--force-device-scale-factor=1",
        f"--window-size={width},{height}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(driver))
    browser.set_script_timeout(60)
    return browser
