"""Augmentation: random changes of training pictures, as tensors, and fixed corruptions.

Decoding and resizing are in ``ml.data.pixels.pixels``.
"""
