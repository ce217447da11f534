"""Pixels: the one decoder and the one resizer, and the cache of what they give.

Random changes of pictures are ``ml.data.augment``.
"""
