"""Runs: the run folder, its status, events, queue and trash.

What trains a run is ``ml.training``.
"""
