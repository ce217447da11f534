"""Data sets: what pictures there are, brought in, stored, split, edited and given to training.

Finding what is wrong with them is ``ml.doctor``.
"""
