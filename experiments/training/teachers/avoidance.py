"""The teacher for avoidance_v0, and by how much each of its numbers is moved when they are tuned."""

from agents.tuned.avoidance import Teacher

__all__ = ["SCALES", "Teacher"]

SCALES = {
    "log_threshold": (0.5, -5.0, -1.5),
    "decide_h": (1.5, 0.7, 16.0),
    "clearance": (0.7, 0.0, 6.0),
    "spare_m": (50.0, 0.0, 400.0),
    "log_return_below": (0.7, -7.0, -1.0),
    "calm_h": (4.0, 0.0, 48.0),
    "out_km": (0.4, 0.2, 2.0),
    "home_km": (0.15, 0.05, 1.0),
    "still_km_d": (0.5, 0.1, 4.0),
}
"""Name: (standard deviation of a step, least, most)."""
