"""The teacher for autonomy_v0: the other problems' teachers, each for its part, and who comes first."""

from agents.autonomy import Composite
from experiments.teachers import avoidance, offloading, tasking


class Teacher(Composite):
    """As the shipped composite policies, of better parts."""

    pointing, queue, burns = tasking.Teacher, offloading.Teacher, avoidance.Teacher
