"""Cost: how long a training takes and how much memory, estimated and remembered.

The short rehearsal that measures it is ``ml.training.dry_run``.
"""
