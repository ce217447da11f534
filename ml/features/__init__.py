"""Features of a frozen backbone: extraction, cache, logistic regression, quick model.

Fine-tuning a network is ``ml.training``.
"""
