"""Workers: the child processes of the server: training queue, jobs, inference.

What runs inside them is ``ml``; their pipe's protocol is ``ml.serving.server``.
"""
