"""Utilities: what has no subject: atomic files, CSV, imports, progress.

Whatever has a subject is in the package of that subject.
"""
