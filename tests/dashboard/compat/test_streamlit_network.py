"""Streamlit never asks an outside address for the server's own, and still has what is replaced."""

import inspect
import logging

import pytest
from streamlit import net_util
from streamlit.web import bootstrap
from streamlit.web.server import server_util

from dashboard.compat import streamlit_network
from dashboard.compat.streamlit_network import never_ask_for_external_address

CHANGED = f"Streamlit has changed since {streamlit_network.TRIED_WITH}: mend dashboard.compat"


def test_streamlit_still_asks_by_the_function_that_is_replaced() -> None:
    assert list(inspect.signature(net_util.get_external_ip).parameters) == [], CHANGED
    for module in (server_util, bootstrap):
        source = inspect.getsource(module)
        assert "net_util.get_external_ip" in source, CHANGED
        assert "checkip" not in source, CHANGED
        assert "requests" not in vars(module), CHANGED
    own = {name for name, value in vars(net_util).items() if inspect.isfunction(value)}
    assert own >= {"get_external_ip", "get_internal_ip", "_make_blocking_http_get"}, CHANGED


def test_a_foreign_origin_makes_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(net_util, "_external_ip", None)
    monkeypatch.setattr(net_util, "_make_blocking_http_get", lambda url, **_: asked.append(url))
    monkeypatch.setattr(net_util, "get_external_ip", net_util.get_external_ip)
    server_util.is_url_from_allowed_origins("https://evil.example")
    assert len(asked) == 2, CHANGED
    never_ask_for_external_address()
    assert not server_util.is_url_from_allowed_origins("https://evil.example")
    assert len(asked) == 2


def test_a_streamlit_without_the_function_is_left_as_it_is(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr(net_util, "get_external_ip")
    with caplog.at_level(logging.WARNING):
        never_ask_for_external_address()
    assert "may ask for its external address" in caplog.text
    assert not hasattr(net_util, "get_external_ip")
