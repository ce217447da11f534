"""Start of the server: settings checked, Streamlit's methods wrapped, routes and middleware."""

import sys
from typing import Any

import streamlit as st
from starlette.middleware import Middleware

from dashboard.compat.streamlit_messages import ignore_messages_about_the_server
from dashboard.compat.streamlit_network import never_ask_for_external_address
from dashboard.compat.streamlit_reruns import keep_page_on_fragment_reruns
from dashboard.server.frames_route import routes
from dashboard.server.trusted_hosts import TrustedHosts
from dashboard.server.upload_limits import UploadLimits
from ml.errors import WorkspaceError
from ml.utils import environment


def prepare() -> dict[str, Any]:
    """What ``st.App`` takes besides the entry's script: ``routes`` and ``middleware``. Ends the
    process with a sentence where an environment variable is unknown or has an unknown value."""
    try:
        check_environment()
    except WorkspaceError as error:
        sys.exit(str(error))
    keep_page_on_fragment_reruns()
    never_ask_for_external_address()
    ignore_messages_about_the_server()
    return {
        "routes": routes(str(st.get_option("server.baseUrlPath"))),
        "middleware": [Middleware(TrustedHosts), Middleware(UploadLimits)],
    }


def check_environment() -> None:
    """Whether all variables of ours are known. Raises WorkspaceError where one is not."""
    environment.check()
