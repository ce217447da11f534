"""The HTML report: one file with a run's figures and pictures, for any browser.

The figures are computed in ``ml.metrics`` and ``ml.evaluation``.
"""
