"""Checks of a problem's options."""

from typing import Any

import numpy as np

from sandbox.errors import SandboxError, shown


def whole_count(name: str, value: Any, least: int = 1) -> int:
    """`value` as a count. Raises SandboxError unless it is a whole number of at least `least`."""
    if not (isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= least):
        raise SandboxError(f"{name} = {shown(value)}; give a whole number of at least {least}.")
    return int(value)
