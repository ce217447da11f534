"""Parts of the page Data: bringing pictures in, the doctor's findings, edits, versions.

What an edit does is in ``ml.data.edits.edits``; who commits it is in ``dashboard.actions``.
"""
