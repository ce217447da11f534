"""The server: static files, style, limits, its own route, patches of Streamlit.

The children that the server starts are in ``dashboard.workers``.
"""
