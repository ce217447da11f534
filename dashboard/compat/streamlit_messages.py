"""Streamlit: one tab's message must not change the server for all others.

A browser can send ``clear_cache``, though no menu offers it here: Streamlit then clears the caches
of the whole process, which ends the shared inference worker for everybody. ``set_run_on_save``
changes what the server watches, and ``load_git_info`` tells about the folder of the program. These
three are ignored; ``AppSession.handle_backmsg``, through which all messages go, is wrapped.

Where a later Streamlit takes messages otherwise, they have their effect again, and all else works.
"""

import logging
from functools import wraps

TRIED_WITH = "streamlit 1.67.0"
IGNORED_MESSAGES = frozenset(("clear_cache", "set_run_on_save", "load_git_info"))

log = logging.getLogger(__name__)


def ignore_messages_about_the_server() -> None:
    """Wrap the method where Streamlit has it. Call it once, where the server starts."""
    try:
        from streamlit.proto.BackMsg_pb2 import BackMsg
        from streamlit.runtime.app_session import AppSession

        handle = AppSession.handle_backmsg
        known = {field.name for field in BackMsg.DESCRIPTOR.oneofs_by_name["type"].fields}
        if not known >= IGNORED_MESSAGES:
            raise AttributeError(f"BackMsg has no {sorted(IGNORED_MESSAGES - known)}")
    except (ImportError, AttributeError, KeyError) as error:
        log.warning("One tab may clear the caches of all (%s): %s", TRIED_WITH, error)
        return

    @wraps(handle)
    def handle_own(self: AppSession, msg: BackMsg) -> None:
        if msg.WhichOneof("type") not in IGNORED_MESSAGES:
            handle(self, msg)

    AppSession.handle_backmsg = handle_own  # type: ignore[method-assign]
