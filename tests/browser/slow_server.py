"""Streamlit as a busy server may run it, every time: ``python -m tests.browser.slow_server run ...``

What a whole page draws waits to be sent, and parts of it may be drawn again meanwhile.
"""

import asyncio
import time

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.app_session import AppSession
from streamlit.web.cli import main

SECONDS = 1.5
"""Longer than any part waits before it is drawn again."""


def hold_back() -> None:
    """Have every session do so."""
    flush = AppSession.flush_browser_queue
    since: dict[str, float] = {}

    def late(self: AppSession) -> list[ForwardMsg]:
        whole = any(
            message.HasField("new_session") and not message.metadata.run.fragment_ids
            for message in self._browser_queue._queue
        )
        if whole and time.monotonic() - since.setdefault(self.id, time.monotonic()) < SECONDS:
            asyncio.get_running_loop().call_later(0.05, self._message_enqueued_callback)
            return []
        since.pop(self.id, None)
        return flush(self)

    AppSession.flush_browser_queue = late


if __name__ == "__main__":
    hold_back()
    main(prog_name="streamlit")
