"""Optimization: optimizers, learning rate schedules, weight averaging.

The loop that uses them is ``ml.training``.
"""
