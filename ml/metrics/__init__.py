"""Metrics: pure functions from predictions to figures with intervals.

Who asks for predictions is ``ml.evaluation``.
"""
