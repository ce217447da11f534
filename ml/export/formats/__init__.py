"""Export formats, one module each, read because it lies here.

What a module declares is in ``ml.export.registry``; it imports nothing heavy at its top.
"""
