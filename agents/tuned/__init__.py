"""Heuristics with many numbers, found by `experiments.training.teachers.tune`; the nano's teachers."""
