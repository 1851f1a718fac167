"""Heuristics with many numbers, which `experiments.teachers.tune` found: the nano's teachers, the planner's base."""
