"""Commands: the sub-commands of ``python -m ml``, one module each.

A command reads its arguments and prints; what it does is in the package of its subject.
"""
