"""Entry of the app. Start it with ``streamlit run streamlit_app.py``.

Streamlit imports this file once, finds ``app`` in it and serves that: its own routes, and ours for
the frames of a live camera. At each visit it runs the file as a script, which draws a page.
"""

import streamlit as st

if __name__ == "__main__":
    from dashboard.app.entry import draw

    draw()
else:
    # Nothing that has a component may be imported here: before there is a server, components are
    # registered nowhere.
    from dashboard.server.start import prepare

    app = st.App(__file__, **prepare())  # Streamlit looks for this very call in the text
