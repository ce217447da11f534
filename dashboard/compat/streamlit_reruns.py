"""Streamlit: a late fragment rerun must not clear the page that is shown.

Streamlit has no setting for that, so two of its methods are wrapped.

``ScriptRunner._run_script``: the browser may ask for a fragment in the moment in which its page is
left. Streamlit draws it once the next page is shown, but under the hash of the page that was left,
so that the browser empties the next page. Here the fragment is drawn under the hash of the page
that is shown.

``ForwardMsgQueue.clear``: on a busy server a complete page may still wait to be sent. Streamlit
takes the fragment's old content out of the queue, for the new content follows; but at the end of
the run the browser throws away whatever it was not sent: a chart loses its zoom, an open dialog is
closed, or the page stays white. Here all of it is sent.

Where a later Streamlit lacks one of these parts, that method is left as it is: a page may then
flicker as described, and all else works.
"""

import inspect
import logging
from dataclasses import replace
from functools import wraps
from typing import Any

TRIED_WITH = "streamlit 1.67.0"
PAGE_HASH_KEY = "shown"
"""Where the session state has Streamlit's hash of the page that is shown."""

log = logging.getLogger(__name__)


def keep_page_on_fragment_reruns() -> None:
    """Wrap both methods where Streamlit has them. Call it once, where the server starts."""
    for wrap in (_run_fragments_on_shown_page, _keep_unsent_messages):
        try:
            wrap()
        except (ImportError, AttributeError, TypeError, ValueError) as error:
            log.warning("Late fragment reruns may clear a page (%s): %s", TRIED_WITH, error)


def _run_fragments_on_shown_page() -> None:
    from streamlit.runtime.scriptrunner import ScriptRunner

    run_script = ScriptRunner._run_script

    @wraps(run_script)
    def run_on_shown_page(self: ScriptRunner, rerun_data: Any) -> None:
        state: Any = getattr(self, "_session_state", {})
        if getattr(rerun_data, "fragment_id_queue", None) and PAGE_HASH_KEY in state:
            rerun_data = replace(rerun_data, page_script_hash=state[PAGE_HASH_KEY])
        run_script(self, rerun_data)

    ScriptRunner._run_script = run_on_shown_page  # type: ignore[method-assign]


def _keep_unsent_messages() -> None:
    from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

    clear = ForwardMsgQueue.clear
    inspect.signature(clear).bind(None, True, [])  # a TypeError where it takes other arguments
    if "_delta_index_map" not in vars(ForwardMsgQueue()):
        raise AttributeError("ForwardMsgQueue has no _delta_index_map")

    @wraps(clear)
    def clear_for_pages_only(
        self: ForwardMsgQueue,
        retain_lifecycle_msgs: bool = False,
        fragment_ids_this_run: list[str] | None = None,
    ) -> None:
        if retain_lifecycle_msgs and fragment_ids_this_run is not None:
            self._delta_index_map = {}  # the fragment goes behind what waits, not in its place
        else:
            clear(self, retain_lifecycle_msgs, fragment_ids_this_run)

    ForwardMsgQueue.clear = clear_for_pages_only  # type: ignore[method-assign]
