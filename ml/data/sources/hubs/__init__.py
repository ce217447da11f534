"""Hubs: places that have datasets by name, one module each, read because it lies here.

What a module declares is in ``ml.data.sources.hub_registry``; it imports nothing heavy at its top.
"""
