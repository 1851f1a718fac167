"""The teacher for offloading_v0, and by how much each of its numbers is moved when they are tuned."""

from agents.tuned.offloading import Teacher

__all__ = ["SCALES", "Teacher"]

SCALES = {
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
}
"""Name: (standard deviation of a step, least, most)."""
