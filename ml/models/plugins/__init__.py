"""Model plugins: discover a user's model files, read them without running, check them.

The registry they join is ``ml.models.registry``.
"""
