"""Compatibility: every use of a private part of another library, each with a plain fallback.

A module names the version it was tried on; its test fails when the library has changed. Private
parts of Streamlit are in ``dashboard.compat``.
"""
