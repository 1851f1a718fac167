"""For every test: nothing from the network, kernels compiled as users get them, no clock in hypothesis.

`HYPOTHESIS_EXAMPLES=2000 pytest ...` looks at so many examples, and at other ones each time.
"""

import os

os.environ.update(
    HF_HUB_OFFLINE="1",
    TRANSFORMERS_OFFLINE="1",
    HF_DATASETS_OFFLINE="1",
    WANDB_MODE="offline",
    MPLBACKEND="Agg",
)
for name in ("NUMBA_DISABLE_JIT", "NUMBA_DEBUG", "NUMBA_OPT", "NUMBA_BOUNDSCHECK"):
    os.environ.pop(name, None)

import pytest  # noqa: E402
from astropy.utils import iers  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

iers.conf.auto_download = False
examples = os.environ.get("HYPOTHESIS_EXAMPLES")
settings.register_profile(
    "sandbox",
    deadline=None,
    derandomize=examples is None,
    max_examples=int(examples or 100),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("sandbox")


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "browser: needs Chromium and chromedriver, skipped where there is none"
    )


@pytest.fixture(scope="session")
def chromium():
    """A headless browser of 1200 x 800 pixels; where there is none what needs it is skipped and says so."""
    from experiments.performance.browser import MISSING, open_browser

    browser = open_browser()
    if browser is None:
        pytest.skip(MISSING)
    yield browser
    browser.quit()


@pytest.fixture(autouse=True)
def own_console(request):
    """What a test leaves in the console of the browser is no complaint of the next one, of whatever file."""
    browser = request.getfixturevalue("chromium") if "chromium" in request.fixturenames else None
    yield
    if browser is not None:
        browser.get_log("browser")


@pytest.fixture(scope="session")
def disaster():
    """A function: `disaster_response` for three computing satellites side by side, and one to train.

    `calm=True` takes away what happens by itself: requests, questions, encounters, faults, events.
    """
    from sandbox.scenario import load_scenario

    def make(calm=False, training=1, horizon_h=1.0, changes=None):
        base = load_scenario("disaster_response").model_dump()
        base["fleet"][0]["sun_synchronous"] |= {"total": 3, "local_time_h": [9.5, 9.8, 10.1], "phasing": 0}
        base["fleet"][0]["mesh"] = "grid"
        base["fleet"][1]["sun_synchronous"]["total"] = 1
        base["fleet"] = base["fleet"][: 1 + training]
        if calm:
            question = base["jobs"]["kinds"][1]
            kinds = [
                question | {"per_hour": 0},
                question | {"name": "image", "source": "camera", "per_hour": 0},
            ]
            base |= {"faults": {}, "events": []}
            base["jobs"]["kinds"] = kinds
            base["requests"] |= {"initial": 0, "per_hour": 0.0}
            base["encounters"]["staged_per_day"] = 0.0
        return load_scenario(base, {"horizon_h": horizon_h} | (changes or {}))

    return make


@pytest.fixture(scope="session")
def trouble():
    """Changes of `disaster_response` that break and bring within an hour what its twelve hours do."""
    return {
        "encounters.staged_per_day": 30.0,
        "encounters.hit_share": 0.5,
        "faults.upsets_per_orbit": 3.0,
        "faults.saa_factor": 5.0,
        "faults.weight_flips_per_board_hour": 2.0,
        "faults.scrub_h": 0.1,
        "faults.laser_outages_per_day": 100.0,
        "faults.laser_outage_min": 3.0,
        "faults.station_outages_per_day": 20.0,
        "faults.station_outage_min": 20.0,
        "faults.cell_losses_per_day": 30.0,
        "faults.safe_s": 300.0,
    }
