"""The doctor: finds what is wrong with a data set, and offers edits that mend it.

The edits themselves are in ``ml.data.edits``.
"""
