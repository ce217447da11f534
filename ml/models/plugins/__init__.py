"""Plugins: models of a user's own, found, read without running, and checked.

The registry they join is ``ml.models.registry``.
"""
