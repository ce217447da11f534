"""No message of one tab clears what all tabs share."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.runtime.app_session import AppSession

from dashboard.compat import streamlit_messages
from dashboard.compat.streamlit_messages import ignore_messages_about_the_server
from ml.workspace import open_workspace
from tests.browser.serving import App
from tests.helpers.visitors import text_of, visitor

CHANGED = f"Streamlit has changed since {streamlit_messages.TRIED_WITH}: mend dashboard.compat"
TYPES = {
    *("clear_cache", "set_run_on_save", "stop_script", "rerun_script", "load_git_info"),
    *("debug_disconnect_websocket", "debug_shutdown_runtime", "file_urls_request"),
    *("app_heartbeat", "backend_operation_request"),
}


def test_streamlit_still_has_these_messages_and_no_other() -> None:
    fields = BackMsg.DESCRIPTOR.oneofs_by_name["type"].fields
    assert {field.name for field in fields} == TYPES, CHANGED
    assert AppSession._handle_clear_cache_request, CHANGED


@pytest.mark.parametrize("ignored", [False, True])
def test_clearing_the_cache_has_no_effect(ignored: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    @st.cache_resource(show_spinner=False)
    def shared() -> int:
        made.append(1)
        return len(made)

    monkeypatch.setattr(AppSession, "handle_backmsg", AppSession.handle_backmsg)
    if ignored:
        ignore_messages_about_the_server()
    shared.clear()
    shared()
    session: Any = SimpleNamespace(_session_state={}, handle_backmsg_exception=pytest.fail)
    # Of this cache alone: Streamlit's own would drop the children that other tests share.
    session._handle_clear_cache_request = shared.clear
    message = BackMsg()
    message.clear_cache = True
    AppSession.handle_backmsg(session, message)
    assert shared() == (1 if ignored else 2), CHANGED


def test_the_other_messages_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    came = []
    monkeypatch.setattr(AppSession, "handle_backmsg", lambda self, msg: came.append(msg))
    ignore_messages_about_the_server()
    for name in sorted(TYPES):
        message = BackMsg()
        field = BackMsg.DESCRIPTOR.fields_by_name[name]
        getattr(message, name).SetInParent() if field.message_type else setattr(message, name, True)
        AppSession.handle_backmsg(SimpleNamespace(), message)  # type: ignore[arg-type]
    assert len(came) == len(TYPES) - len(streamlit_messages.IGNORED_MESSAGES)


def test_a_real_server_stays_as_it_is(tmp_path_factory: pytest.TempPathFactory) -> None:
    app = App(open_workspace(tmp_path_factory.mktemp("app") / "workspace")).start()
    try:
        with visitor(app.url()) as tab:
            tab.rerun()
            for name in streamlit_messages.IGNORED_MESSAGES:
                message = BackMsg()
                setattr(message, name, True)
                tab.send(message)
            answer = text_of(tab.rerun())
            assert "git_info" not in answer
            assert "Lensmith" in answer
    finally:
        app.kill()
        app.end_workers()


def test_a_streamlit_without_the_method_is_left_as_it_is(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr(AppSession, "handle_backmsg")
    with caplog.at_level(logging.WARNING):
        ignore_messages_about_the_server()
    assert "may clear the caches" in caplog.text
