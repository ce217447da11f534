"""Tuning: searches for better settings, a learning rate, the largest batch.

Each trial is a run: ``ml.runs`` and ``ml.training``.
"""
