"""A slow Streamlit server: ``python -m tests.browser.slow_server run ...``

It delays the messages of every full page run, so that fragments rerun before they are sent.
"""

import asyncio
import time

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.app_session import AppSession
from streamlit.web.cli import main

DELAY_SECONDS = 1.5
"""Longer than the interval of any fragment."""


def delay_pages() -> None:
    """Delay the messages of full page runs in every session."""
    flush = AppSession.flush_browser_queue
    first_flush: dict[str, float] = {}

    def flush_late(self: AppSession) -> list[ForwardMsg]:
        is_full_run = any(
            message.HasField("new_session") and not message.metadata.run.fragment_ids
            for message in self._browser_queue._queue
        )
        if (
            is_full_run
            and time.monotonic() - first_flush.setdefault(self.id, time.monotonic()) < DELAY_SECONDS
        ):
            asyncio.get_running_loop().call_later(0.05, self._message_enqueued_callback)
            return []
        first_flush.pop(self.id, None)
        return flush(self)

    AppSession.flush_browser_queue = flush_late


if __name__ == "__main__":
    delay_pages()
    main(prog_name="streamlit")
