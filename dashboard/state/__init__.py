"""State of a browser tab: typed session state, messages between pages, the rows of the menu.

What outlives the tab is in the workspace, which ``dashboard.queries`` reads.
"""
