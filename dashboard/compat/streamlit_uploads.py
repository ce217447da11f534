"""Streamlit: what uploads the server holds in memory, and whose tabs are gone.

Streamlit counts neither by session, and keeps the files of a closed tab for as long as nobody
else comes: it forgets old sessions only when it stores another. ``held`` reads its file manager,
``close_session`` and ``forget_expired_sessions`` let go.

Where a later Streamlit lacks these parts, nothing is reported as held, so that only what is on its
way is limited, and old sessions go when Streamlit lets them.
"""

import logging
from dataclasses import dataclass

from streamlit import runtime

TRIED_WITH = "streamlit 1.67.0"
RECONNECT_SECONDS = 120
"""How long Streamlit lets a tab take up its session again."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Held:
    """The files that Streamlit holds of one session."""

    files: int = 0
    bytes: int = 0


def held() -> dict[str, Held]:
    """What is held of each session that has uploaded anything."""
    try:
        storage = runtime.get_instance().uploaded_file_mgr.file_storage  # type: ignore[attr-defined]
        return {
            session: Held(len(files), sum(len(file.data) for file in list(files.values())))
            for session, files in list(storage.items())
        }
    except (AttributeError, RuntimeError, TypeError) as error:
        log.warning("Held uploads are unknown (%s): %s", TRIED_WITH, error)
        return {}


def is_connected(session: str) -> bool:
    """Whether a tab of this session is open."""
    return runtime.exists() and runtime.get_instance().is_active_session(session)


def close_session(session: str) -> None:
    """End a session whose tab is gone, with its files. Call it on the server's event loop."""
    server = runtime.get_instance()
    server.close_session(session)
    server.uploaded_file_mgr.remove_session_files(session)


def forget_expired_sessions() -> None:
    """Let go of sessions that no tab can take up any more."""
    try:
        runtime.get_instance()._session_mgr._session_storage._cache.expire()  # type: ignore[attr-defined]
    except (AttributeError, RuntimeError) as error:
        log.warning("Old sessions are kept (%s): %s", TRIED_WITH, error)
