"""Queries: what pages read of the workspace; nothing here changes anything.

What changes data is in ``dashboard.actions``.
"""
