"""A part that draws itself again stays on the page that is shown, whatever page it was asked from.

The browser may ask for such a part in the moment in which its page is left. Streamlit answers once
the next page is drawn, but as on the page that was left: the browser empties the next page, and
stops at the next part of it that it is sent. A part that is drawn again never changes the page, so
here it is drawn as on the page that is shown. Streamlit has no setting for that.
"""

from dataclasses import replace
from functools import wraps
from typing import Any

from streamlit.runtime.scriptrunner import ScriptRunner

SHOWN = "shown"
"""Where a session notes the page that is shown, by Streamlit's name for it."""


def keep_the_page() -> None:
    """Have Streamlit draw parts so. To be called once, where the server starts."""
    run = ScriptRunner._run_script

    @wraps(run)
    def run_where_it_is(self: ScriptRunner, rerun_data: Any) -> None:
        state = self._session_state
        if rerun_data.fragment_id_queue and SHOWN in state:
            rerun_data = replace(rerun_data, page_script_hash=state[SHOWN])
        run(self, rerun_data)

    ScriptRunner._run_script = run_where_it_is  # type: ignore[method-assign]
