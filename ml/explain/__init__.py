"""Explanations: which part of a picture an answer rests on, from the exported file.

The answer itself is ``ml.inference``.
"""
