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
