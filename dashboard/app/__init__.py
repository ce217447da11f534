"""The app's frame: the entry that every page is drawn in, and the page for others.

What a page shows is in ``dashboard.components``; the rows of the menu are in ``dashboard.state``.
"""
