"""Training: the recipe, the Lightning module, callbacks, checkpoints, the end of a run.

Networks are ``ml.models``; optimizers are ``ml.training.optim``.
"""
