"""The doctor's checks, one module a subject.

What several checks compute from is in ``ml.doctor``.
"""
