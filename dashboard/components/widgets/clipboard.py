"""Clipboard: pictures that are pasted anywhere on the page."""

import base64
import binascii
import time
from typing import Any

import streamlit as st

from dashboard.server.static import beside
from dashboard.state.component_message import is_new_message

MAX_PICTURES = 20
MAX_MEGABYTES = 20
_CSS = """
p { margin: 0; font: 0.875rem var(--st-font); color: var(--st-gray-text-color); }
kbd {
  font: inherit; font-size: 0.8rem; padding: 0.05rem 0.35rem; border-radius: 5px;
  border: 1px solid var(--st-border-color);
}
.said { color: var(--st-text-color); }
.said:empty { display: none; }
@media (hover: none) and (pointer: coarse) { .hint { display: none; } }
"""
_component = st.components.v2.component(
    "lensmith_paste",
    html='<p class="hint">or paste one (<kbd>Ctrl+V</kbd>)</p><p class="said" role="alert"></p>',
    css=_CSS,
    js=beside(__file__, "clipboard.js"),
)


def paste(key: str) -> list[tuple[str, bytes]]:
    """Draw the hint. Returns the pictures that were pasted just now, by name, else none."""
    refusal = (
        f"A picture that is pasted may have {MAX_MEGABYTES} MB, "
        f"and {MAX_PICTURES} at a time are taken."
    )
    data = {"most": MAX_PICTURES, "bytes": MAX_MEGABYTES * 2**20, "refusal": refusal}
    message = _component(key=key, data=data, on_pasted_change=lambda: None).pasted
    return pictures(message) if is_new_message(key, message) else []


def pictures(message: dict[str, Any]) -> list[tuple[str, bytes]]:
    """What a message of the component holds; what it cannot have sent is left out.

    A browser calls whatever is copied ``image.png``: such a picture is named by the time.
    """
    named = []
    items = message.get("pictures")
    for number, item in enumerate(items[:MAX_PICTURES] if isinstance(items, list) else [], 1):
        try:
            data = base64.b64decode(str(item["data"]), validate=True)
            name = str(item["name"])
        except (binascii.Error, ValueError, KeyError, TypeError):
            continue
        if name in ("", "image.png"):
            name = f"Pasted {time.strftime('%H.%M.%S')}{'' if number == 1 else f' {number}'}.png"
        if 0 < len(data) <= MAX_MEGABYTES * 2**20:
            named.append((name, data))
    return named
