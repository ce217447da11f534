"""Session state is reached in one package; messages, widget keys and pages have types there."""

import ast
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.state import keys, messages, page_states
from dashboard.state.component_message import is_new_message
from dashboard.state.messages import WANTED_REPORT, Message
from dashboard.state.stored import stored_in
from dashboard.state.widget_key import WidgetKey

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def memory(monkeypatch):
    made = {}
    monkeypatch.setattr(st, "session_state", made)
    return made


def session_state_uses(source):
    """Lines of Python ``source`` that name Streamlit's session state."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if (isinstance(node, ast.Attribute) and node.attr == "session_state")
        or (isinstance(node, ast.alias) and node.name == "session_state")
    ]


def test_the_scan_sees_each_way_to_reach_session_state():
    source = "st.session_state['a']\nfrom streamlit import session_state\nx = st.query_params\n"
    assert sorted(session_state_uses(source)) == [1, 2]


def test_session_state_is_reached_in_dashboard_state_alone():
    paths = [ROOT / "streamlit_app.py"]
    paths += [
        path for folder in ("dashboard", "pages", "ml") for path in (ROOT / folder).rglob("*.py")
    ]
    outside = {
        f"{path.relative_to(ROOT)}:{line}"
        for path in paths
        if ROOT / "dashboard" / "state" not in path.parents
        for line in session_state_uses(path.read_text(encoding="utf-8"))
    }
    assert len(paths) > 100
    assert not outside


def test_no_two_messages_lie_under_one_key():
    known = [one for one in vars(messages).values() if isinstance(one, Message)]
    assert len({one.key() for one in known}) == len(known) > 5


def test_no_two_constant_widget_keys_are_one():
    known = [one for one in vars(keys).values() if isinstance(one, WidgetKey)]
    assert len(set(known)) == len(known) > 10


def test_every_page_state_begins_with_defaults():
    states = [
        one
        for one in vars(page_states).values()
        if is_dataclass(one) and one.__module__ == page_states.__name__
    ]
    assert len(states) > 10
    for kind in states:
        assert stored_in({}, kind) == kind()
        assert fields(kind)


def test_a_message_is_taken_once(memory):
    assert WANTED_REPORT.take("run-1") is None
    WANTED_REPORT.send("a", "run-1")
    WANTED_REPORT.send("b", "run-1")
    assert WANTED_REPORT.peek("run-1") == "b"
    assert WANTED_REPORT.take("run-2") is None
    assert WANTED_REPORT.take("run-1") == "b"
    assert WANTED_REPORT.take("run-1") is WANTED_REPORT.peek("run-1") is None
    assert memory == {}


def test_a_component_message_is_new_once(memory):
    assert is_new_message("camera", {"token": "1"})
    assert not is_new_message("camera", {"token": "1"})
    assert is_new_message("clipboard", {"token": "1"})
    assert is_new_message("camera", {"token": "2"})
    for other in (None, "x", {}, {"token": ""}):
        assert not is_new_message("camera", other)


def two_pages() -> None:
    import streamlit as st

    from dashboard.state.keys import field_key

    key = field_key("epochs")
    key.set_default(3)
    st.text(f"{key.value(0):.0f}")
    if st.toggle("Draw", True, key="draw"):
        st.number_input("Epochs", key=key)
    st.button("Seven", key="seven", on_click=key.set, args=(7,))


def test_a_widget_key_is_that_of_its_widget():
    at = AppTest.from_function(two_pages).run()
    key = keys.field_key("epochs")
    assert (at.text[0].value, at.number_input(key).value) == ("3", 3)
    at.number_input(key).set_value(5).run()
    assert at.text[0].value == "5"
    assert at.session_state[key] == 5
    at.button("seven").click().run()
    assert (at.text[0].value, at.number_input(key).value) == ("7", 7)
    at.toggle("draw").set_value(False).run()
    at.run()
    assert at.text[0].value == "3", "Streamlit drops what is not drawn"
