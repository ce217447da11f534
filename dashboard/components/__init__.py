"""Components: parts of pages, gathered by page; they draw and call, and decide nothing.

What changes data is in ``dashboard.actions``, what reads it in ``dashboard.queries``.
"""
