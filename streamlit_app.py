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
    import sys

    from starlette.middleware import Middleware

    from dashboard.compat.streamlit_messages import ignore_messages_about_the_server
    from dashboard.compat.streamlit_network import never_ask_for_external_address
    from dashboard.compat.streamlit_reruns import keep_page_on_fragment_reruns
    from dashboard.server.frames_route import routes
    from dashboard.server.trusted_hosts import TrustedHosts
    from dashboard.server.upload_limits import UploadLimits
    from ml.errors import WorkspaceError
    from ml.utils import environment

    try:
        environment.check()
    except WorkspaceError as error:
        sys.exit(str(error))
    keep_page_on_fragment_reruns()
    never_ask_for_external_address()
    ignore_messages_about_the_server()
    app = st.App(
        __file__,
        routes=routes(str(st.get_option("server.baseUrlPath"))),
        middleware=[Middleware(TrustedHosts), Middleware(UploadLimits)],
    )
