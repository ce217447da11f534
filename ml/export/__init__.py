"""Export: a trained network as a file that runs without Lensmith, proved to be the same.

Pages and reports for other people are ``ml.sharing``.
"""
