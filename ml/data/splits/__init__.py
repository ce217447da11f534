"""Splits: which pictures train, validate and test; groups that are never torn apart.

Changing a split by hand is an edit: ``ml.data.edits``.
"""
