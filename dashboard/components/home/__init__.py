"""Parts of the page Home: the next step and the last runs.

What other pages show of runs is in ``dashboard.components.runs``.
"""
