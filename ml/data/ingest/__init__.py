"""Ingest: bringing pictures in from a source into the store, checked and counted.

Reading a source's layout is ``ml.data.sources.registry``.
"""
