"""Actions: what changes data when a button is pressed: edits and undo, retraining, labelling.

What only reads is in ``dashboard.queries``; the buttons are in ``dashboard.components``.
"""
