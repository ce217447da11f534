"""Parts of the page Evaluate: confusion matrix, mistakes, calibration, slices, robustness.

The figures are computed in ``ml.metrics.classification`` and ``ml.evaluation``.
"""
