"""Text: sentences, numbers and commands as people read them.

What only pages say is ``dashboard.text``.
"""
