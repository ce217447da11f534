"""Tuning: hyperparameter search, learning-rate range test, largest batch that fits in memory.

Each trial of a search is a run of ``ml.runs``, trained by ``ml.training``.
"""
