"""Heuristics that the nano learns from; `experiments.training.teachers.tune` found their numbers."""

from collections.abc import Callable, Mapping
from typing import Any

from agents import Policy
from experiments.training.teachers import autonomy, avoidance, offloading, tasking

TEACHERS: Mapping[str, Callable[[Any], Policy]] = {
    "tasking_v0": tasking.Teacher,
    "offloading_v0": offloading.Teacher,
    "avoidance_v0": avoidance.Teacher,
    "autonomy_v0": autonomy.Teacher,
}
"""By problem."""
SCALES = {
    "tasking_v0": tasking.SCALES,
    "offloading_v0": offloading.SCALES,
    "avoidance_v0": avoidance.SCALES,
    "autonomy_v0": autonomy.SCALES,
}
"""By problem, what can be tuned: name, then the standard deviation of a step, the least, the most."""
