"""Heuristics that the nano learns from, and what `python -m experiments tune_teacher` moves of them."""

from collections.abc import Callable, Mapping
from typing import Any

from agents import Policy
from agents.tuned import autonomy, avoidance, offloading, tasking

TEACHERS: Mapping[str, Callable[[Any], Policy]] = {
    "tasking_v0": tasking.Teacher,
    "offloading_v0": offloading.Teacher,
    "avoidance_v0": avoidance.InAnySlot,
    "autonomy_v0": autonomy.Teacher,
}
"""By problem."""
SCALES: Mapping[str, Mapping[str, tuple[float, float, float]]] = {
    "tasking_v0": {
        "reserve": (5.0, 8.0, 30.0),
        "drain": (0.2, 0.3, 1.2),
        "shadow_ahead_min": (8.0, 5.0, 60.0),
        "patience": (0.15, 0.2, 1.0),
        "rival_discount": (0.15, 0.0, 1.0),
        "dwell_s": (1.0, 4.0, 10.0),
        "comfort": (10.0, 1.0, 80.0),
        "distance": (0.3, 0.3, 3.0),
        "rarity": (0.2, 0.5, 2.0),
        "contest": (0.15, 0.3, 1.2),
        "crowd": (0.3, 0.0, 3.0),
        "margin_rounds": (1.0, 0.0, 8.0),
        "price_share": (0.15, 0.0, 1.0),
        "stay_rounds": (0.7, 1.0, 8.0),
    },
    "offloading_v0": {
        "reserve": (5.0, 12.0, 40.0),
        "queue_here": (0.25, 0.0, 2.0),
        "queue_training": (0.25, 0.0, 2.0),
        "large_s": (4.0, -10.0, 30.0),
        "training_s": (4.0, -10.0, 40.0),
        "ground_s": (5.0, 0.0, 60.0),
        "crowd": (0.5, 0.5, 6.0),
        "neighbour_s": (10.0, 0.0, 90.0),
        "queue_neighbour_s": (10.0, 0.0, 90.0),
        "unseen_s": (10.0, 0.0, 60.0),
        "margin": (0.15, 0.3, 1.3),
        "loaded_keep": (0.2, 0.0, 1.0),
        "comfort": (10.0, 5.0, 60.0),
    },
    "avoidance_v0": {
        "log_threshold": (0.5, -5.0, -1.5),
        "decide_h": (1.5, 0.7, 16.0),
        "clearance": (0.7, 0.0, 6.0),
        "spare_m": (50.0, 0.0, 400.0),
        "log_return_below": (0.7, -7.0, -1.0),
        "calm_h": (4.0, 0.0, 48.0),
        "out_km": (0.4, 0.2, 2.0),
        "home_km": (0.15, 0.05, 1.0),
        "still_km_d": (0.5, 0.1, 4.0),
    },
    "autonomy_v0": {
        "rules.queue_here": (0.25, 0.0, 2.0),
        "rules.queue_training": (0.4, 0.0, 3.0),
        "rules.large_s": (4.0, -10.0, 30.0),
        "rules.training_s": (6.0, -10.0, 60.0),
        "rules.ground_s": (5.0, 0.0, 60.0),
        "rules.crowd": (0.7, 0.5, 8.0),
        "rules.neighbour_s": (12.0, 0.0, 120.0),
        "rules.queue_neighbour_s": (5.0, 0.0, 60.0),
        "rules.unseen_s": (10.0, 0.0, 60.0),
        "rules.margin": (0.15, 0.3, 1.3),
        "rules.together_here": (0.15, 0.0, 1.0),
        "rules.together_training": (0.15, 0.0, 1.0),
        "rules.together_ground": (0.3, 0.0, 3.0),
        "hold": (0.05, 0.0, 0.5),
        "urgency": (3.0, 0.0, 30.0),
    },
}
"""By problem, what can be tuned: name, then the standard deviation of a step, the least, the most."""
