"""Distributed training: launching ranks, process groups, synchronised batch norm.

The training itself is ``ml.training``.
"""
