"""Inference without torch: the model folder, the classifier, out-of-distribution scores.

The process that serves it is ``ml.serving.server``.
"""
