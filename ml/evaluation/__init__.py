"""Evaluation: measuring a finished run: reports, learning curve, robustness, slices.

The figures themselves are ``ml.metrics.classification``.
"""
