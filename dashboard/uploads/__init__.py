"""Uploads: pictures that a tab has dropped, their filters, zips and spool files.

Bringing pictures into a data set is ``ml.data.ingest.ingest``.
"""
