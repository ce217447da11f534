"""A part that draws itself again, late, takes nothing from the page.

Streamlit has no setting for that. The part stays on the page that is shown, whatever page it was
asked from. The browser may ask for it in the moment in which its page is left. Streamlit answers
once the next page is drawn, but as on the page that was left: the browser empties the next page,
and stops at the next part of it that it is sent. A part that is drawn again never changes the page,
so here it is drawn as on the page that is shown.

And it leaves in the queue what has been drawn before it. Where the server is busy, a whole page may
wait there still to be sent. Streamlit takes the part's old content out of it, for the new one
follows; but at the end of the old page the browser throws away what it has not heard of: a chart
loses its zoom, a question that was open is gone, or the part's place, and the whole page is white.
"""

from dataclasses import replace
from functools import wraps
from typing import Any

from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.scriptrunner import ScriptRunner

SHOWN = "shown"
"""Where a session notes the page that is shown, by Streamlit's name for it."""


def keep_the_page() -> None:
    """Have Streamlit draw parts so. To be called once, where the server starts."""
    _draw_where_it_is()
    _send_all_that_was_drawn()


def _draw_where_it_is() -> None:
    run = ScriptRunner._run_script

    @wraps(run)
    def run_where_it_is(self: ScriptRunner, rerun_data: Any) -> None:
        state = self._session_state
        if rerun_data.fragment_id_queue and SHOWN in state:
            rerun_data = replace(rerun_data, page_script_hash=state[SHOWN])
        run(self, rerun_data)

    ScriptRunner._run_script = run_where_it_is  # type: ignore[method-assign]


def _send_all_that_was_drawn() -> None:
    clear = ForwardMsgQueue.clear

    @wraps(clear)
    def clear_for_pages_only(
        self: ForwardMsgQueue,
        retain_lifecycle_msgs: bool = False,
        fragment_ids_this_run: list[str] | None = None,
    ) -> None:
        if retain_lifecycle_msgs and fragment_ids_this_run is not None:
            self._delta_index_map = {}  # the part goes behind what waits, not in its place
        else:
            clear(self, retain_lifecycle_msgs, fragment_ids_this_run)

    ForwardMsgQueue.clear = clear_for_pages_only  # type: ignore[method-assign]
