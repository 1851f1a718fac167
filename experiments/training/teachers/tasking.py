"""The teacher for tasking_v0, and by how much each of its numbers is moved when they are tuned."""

from agents.tuned.tasking import Teacher

__all__ = ["SCALES", "Teacher"]

SCALES = {
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
}
"""Name: (standard deviation of a step, least, most)."""
