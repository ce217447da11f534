"""Layers: building blocks of the networks (attention, EfficientNet-Lite, transformer).

The networks are in ``ml.models``.
"""
