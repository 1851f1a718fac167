"""Heuristics with many numbers, found by `experiments.teachers.tune`; the nano's teachers."""
