"""Actions: what a button changes: edits of a data set and undo, labels, runs and their trash.

What only reads is in ``dashboard.queries``; the buttons are in ``dashboard.components``.
"""
