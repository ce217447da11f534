"""Text on the pages: safe Markdown, wording, short class names.

Sentences that the command line says too are in ``ml.text``.
"""
