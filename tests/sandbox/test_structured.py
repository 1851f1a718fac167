import os
import subprocess
import sys

import numpy as np
import pytest

from sandbox.structured import structured

PLAY = """
import warnings
import numpy as np
import envs
warnings.simplefilter("ignore", RuntimeWarning)  # numbers of draws overflow on purpose
env = envs.make({problem!r}, {scenario!r}).batch
observation, _ = env.reset(seed=4)
generator = np.random.default_rng(0)
for _ in range(4):
    legal = env.legal()
    observation, reward, *_ = env.step(generator.integers(0, legal.shape[-1], legal.shape[:-1]))
print(observation.astype(float).sum(), reward.astype(float).sum())
"""


def test_types_are_aligned() -> None:
    kind = structured([("flag", "u1"), ("value", "f8")])
    assert kind.isalignedstruct
    assert kind.itemsize == 16


@pytest.mark.parametrize(("problem", "scenario"), [("tasking_v0", "pair"), ("autonomy_v0", "pair")])
def test_kernels_run_as_plain_python(problem: str, scenario: str) -> None:
    played = [_play(problem, scenario, disabled) for disabled in ("0", "1")]
    np.testing.assert_allclose(*played, rtol=1e-6)


def _play(problem: str, scenario: str, disabled: str) -> list[float]:
    done = subprocess.run(
        [sys.executable, "-c", PLAY.format(problem=problem, scenario=scenario)],
        env=os.environ | {"NUMBA_DISABLE_JIT": disabled},
        capture_output=True,
        text=True,
        check=True,
    )
    return [float(number) for number in done.stdout.split()]
