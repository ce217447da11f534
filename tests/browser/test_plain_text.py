"""Text from outside is shown as it stands by a real browser: no link, icon, emoji or sign."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from dashboard.text.markdown import WORD_JOINER, plain
from tests.browser.serving import ROOT, _free_port

pytestmark = pytest.mark.browser

TEXTS = (
    *("www.evil.example", "see www.evil.example/x now", "WWW.EVIL.EXAMPLE", "(www.evil.example)"),
    *(
        "a.b+c@evil.example",
        "mail me:x@evil.example",
        "https://evil.example/x",
        "ftp://evil.example",
    ),
    *("xmpp:a@evil.example", "mailto:a@evil.example", "http://a@b.example"),
    *(":material/home:", "x:material/home:y", ":cat:", ":+1:", ":-1:", ":streamlit:", "a:b:c"),
    *(":red[x]", ":blue-badge[x]", ":small[x]", ":::note", "::a", ":a[b]{c=d}"),
    *("a -> b", "->", "<- x", "a <-> b", "x >= 3", "x <= 3", "-- z", "~= q", "a--b"),
    *("$x^2$", "[a](http://evil.example)", "![a](http://evil.example)", "<b>x</b>", "`x`"),
    *("&amp; &#65;", "# x", "1. x", "- x", "> x", "| a | b |", "~~x~~", "[^1]", "[ ] x", "a\\b"),
)
SCRIPT = "import sys\nimport streamlit as st\nfor text in {texts!r}:\n    st.markdown(text)\n"


@pytest.fixture
def address(tmp_path: Path, until: Callable[..., object]) -> Iterator[str]:
    """A page with one Markdown element a text."""
    script = tmp_path / "page.py"
    script.write_text(SCRIPT.format(texts=[plain(text) for text in TEXTS]), encoding="utf-8")
    port = _free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(script), f"--server.port={port}"]
    server = subprocess.Popen([*command, "--server.headless=true"], cwd=ROOT)
    yield f"http://localhost:{port}/"
    server.kill()
    server.wait()


def test_no_text_becomes_anything_else(address: str, page: Page, until) -> None:
    def is_there() -> bool:
        try:
            return page.goto(address) is not None
        except Exception:  # not yet
            return False

    until(is_there)
    elements = page.get_by_test_id("stMarkdownContainer")
    expect(elements).to_have_count(len(TEXTS))
    shown = [text.replace(WORD_JOINER, "") for text in elements.all_inner_texts()]
    assert shown == list(TEXTS)
    for kind in ("a", "img", "svg", "b", "code", "del", "h1", "li", "table", "[role=img]", "span"):
        assert elements.locator(kind).count() == 0, kind
