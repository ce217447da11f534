"""Sharing: what is handed to others: the page for others, the bundle, the HTML report.

The model file itself is ``ml.export``.
"""
