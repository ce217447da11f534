"""The store: immutable versions of data sets, packed items, originals by hash.

Arrays of pixels are ``ml.data.pixels``.
"""
