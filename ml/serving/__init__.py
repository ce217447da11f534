"""Serving: the inference worker: protocol of its pipe, batching, loaded models.

The classifier it serves is ``ml.inference``.
"""
