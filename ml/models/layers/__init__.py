"""Layers: parts that several networks are built of (attention, channels, patches).

The networks are in ``ml.models``.
"""
