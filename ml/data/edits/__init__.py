"""Edits of a data set: relabel, exclude, rename, merge, group; each makes a version.

How a version is stored is ``ml.data.store.versions``.
"""
