"""The teacher for autonomy_v0, and by how much each of its numbers is moved when they are tuned."""

from agents.tuned.autonomy import Teacher

__all__ = ["SCALES", "Teacher"]

SCALES = {
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
}
"""Name: (standard deviation of a step, least, most)."""
