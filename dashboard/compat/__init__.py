"""Compatibility: every use of a private part of Streamlit, each with a plain fallback.

A module names the version it was tried on; its test fails when the library has changed. Private
parts that ``ml`` uses are in ``ml.compat``.
"""
