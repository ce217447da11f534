"""Streamlit still has what tells of held uploads, and without it nothing fails."""

import logging
from types import SimpleNamespace

import pytest
from streamlit import runtime
from streamlit.runtime import Runtime
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec
from streamlit.runtime.websocket_session_manager import WebsocketSessionManager

from dashboard.compat import streamlit_uploads
from dashboard.compat.streamlit_uploads import Held, forget_expired_sessions, held

CHANGED = f"Streamlit has changed since {streamlit_uploads.TRIED_WITH}: mend dashboard.compat"


def test_streamlit_still_has_what_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = MemoryUploadedFileManager("/upload")
    for name in "ab":
        manager.add_file("s", UploadedFileRec(name, name, "image/png", b"12345"))
    monkeypatch.setattr(runtime, "get_instance", lambda: SimpleNamespace(uploaded_file_mgr=manager))
    assert held() == {"s": Held(2, 10)}, CHANGED
    storage = MemorySessionStorage()
    assert callable(storage._cache.expire), CHANGED  # type: ignore[attr-defined]
    assert storage._cache.ttl == streamlit_uploads.RECONNECT_SECONDS, CHANGED  # type: ignore[attr-defined]
    assert callable(Runtime.close_session), CHANGED
    made = WebsocketSessionManager(storage, manager, None, None)  # type: ignore[arg-type]
    assert made._session_storage is storage, CHANGED


def test_a_streamlit_without_those_parts_holds_nothing_that_is_known(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(runtime, "get_instance", lambda: SimpleNamespace())
    with caplog.at_level(logging.WARNING):
        assert held() == {}
        forget_expired_sessions()
    assert len(caplog.records) == 2
