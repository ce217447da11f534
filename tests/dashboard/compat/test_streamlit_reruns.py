"""Streamlit still has the parts that are wrapped, and without them nothing fails."""

import inspect
import logging
from dataclasses import dataclass, fields
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.scriptrunner import ScriptRunner
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData

from dashboard.compat import streamlit_reruns
from dashboard.compat.streamlit_reruns import PAGE_HASH_KEY, keep_page_on_fragment_reruns

CHANGED = f"Streamlit has changed since {streamlit_reruns.TRIED_WITH}: mend dashboard.compat"


@pytest.fixture
def methods(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Both methods, which come back as they were."""
    monkeypatch.setattr(ScriptRunner, "_run_script", ScriptRunner._run_script)
    monkeypatch.setattr(ForwardMsgQueue, "clear", ForwardMsgQueue.clear)
    return monkeypatch


def delta(place: int, fragment: str = "") -> ForwardMsg:
    message = ForwardMsg()
    message.metadata.delta_path.extend([0, place])
    message.delta.new_element.text.body = f"{place}{fragment}"
    message.delta.fragment_id = fragment
    return message


def test_streamlit_still_has_what_is_wrapped() -> None:
    assert list(inspect.signature(ScriptRunner._run_script).parameters) == ["self", "rerun_data"]
    names = list(inspect.signature(ForwardMsgQueue.clear).parameters)
    assert names == ["self", "retain_lifecycle_msgs", "fragment_ids_this_run"], CHANGED
    assert "_delta_index_map" in vars(ForwardMsgQueue()), CHANGED
    assert "self._session_state" in inspect.getsource(ScriptRunner), CHANGED
    assert {"fragment_id_queue", "page_script_hash"} <= {one.name for one in fields(RerunData)}


def test_a_late_fragment_is_drawn_on_the_page_that_is_shown(methods: pytest.MonkeyPatch) -> None:
    drawn: list[Any] = []
    methods.setattr(ScriptRunner, "_run_script", lambda self, data: drawn.append(data))
    keep_page_on_fragment_reruns()
    runner = SimpleNamespace(_session_state={PAGE_HASH_KEY: "new"})
    for data in (
        RerunData(page_script_hash="old", fragment_id_queue=["f"]),
        RerunData(page_script_hash="old"),
    ):
        ScriptRunner._run_script(runner, data)  # type: ignore[arg-type]
    assert [data.page_script_hash for data in drawn] == ["new", "old"]


def test_what_waits_to_be_sent_stays_when_a_fragment_is_drawn_again(
    methods: pytest.MonkeyPatch,
) -> None:
    keep_page_on_fragment_reruns()
    messages = ForwardMsgQueue()
    messages.enqueue(delta(1, "f"))
    messages.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=["f"])
    messages.enqueue(delta(1, "f"))
    assert len(messages.flush()) == 2, "the new content goes behind the old, not in its place"
    messages.enqueue(delta(1))
    messages.clear(retain_lifecycle_msgs=True)
    assert messages.is_empty()


@dataclass
class OtherRerunData:
    """That of a Streamlit that names its fields otherwise."""

    page: str = "old"


def test_a_streamlit_without_those_parts_is_left_as_it_is(
    methods: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def clear(self: ForwardMsgQueue) -> None:
        self._queue = []

    methods.delattr(ScriptRunner, "_run_script")
    methods.setattr(ForwardMsgQueue, "clear", clear)
    with caplog.at_level(logging.WARNING):
        keep_page_on_fragment_reruns()
    assert ForwardMsgQueue.clear is clear
    assert not hasattr(ScriptRunner, "_run_script")
    assert caplog.text.count("may clear a page") == 2


def test_a_runner_with_another_state_draws_fragments_as_before(
    methods: pytest.MonkeyPatch,
) -> None:
    drawn: list[Any] = []
    methods.setattr(ScriptRunner, "_run_script", lambda self, data: drawn.append(data))
    keep_page_on_fragment_reruns()
    ScriptRunner._run_script(SimpleNamespace(), RerunData(fragment_id_queue=["f"]))  # type: ignore[arg-type]
    ScriptRunner._run_script(SimpleNamespace(), OtherRerunData())  # type: ignore[arg-type]
    assert len(drawn) == 2
