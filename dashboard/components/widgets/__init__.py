"""Widgets: parts that several pages use, such as charts, galleries, dialogs, pickers.

Parts of a single page are in the package of that page.
"""
