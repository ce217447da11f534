"""Camera: shoots while a button is held, removes bad shots, and sends the others at once.

``st.camera_input`` takes one picture at a time; people who teach a class want thirty. It also opens
the camera anew a second after it was drawn, and a press in that moment takes no picture.
"""

import base64
import binascii
from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard.server.static import beside
from dashboard.state.component_message import ComponentState, is_new_message
from dashboard.state.stored import stored
from dashboard.state.widget_key import WidgetKey

MAX_SHOTS = 120
"""In one message; about 60 kB each."""
MAX_BYTES = 2_000_000
"""Of one shot. The component makes none larger than 640 pixels."""
_JPEG = b"\xff\xd8\xff"
_HTML = """
<div class="camera" role="group">
  <div class="stage">
    <video muted playsinline hidden></video>
    <p class="message" role="alert"></p>
    <span class="counter" role="status"></span>
  </div>
  <div class="controls">
    <button type="button" class="shutter" hidden>Hold to shoot</button>
    <button type="button" class="switch" hidden>Switch camera</button>
    <button type="button" class="retry" hidden>Try again</button>
    <button type="button" class="send" hidden></button>
  </div>
  <p class="hint"></p>
  <div class="shots" role="group" aria-label="Shots to add"></div>
</div>
"""

_component = st.components.v2.component(
    "lensmith_camera",
    html=_HTML,
    css=beside(__file__, "camera.css"),
    js=beside(__file__, "camera_access.js", "camera.js"),
)


def camera(label: str, key: str) -> list[bytes]:
    """Draw the camera. Returns the JPEG pictures that were sent just now, else none.

    Rerun once they are taken: the component then knows, and lets go of its own copies.
    """
    return _new_shots(key, _draw(label, key, lambda: None).shots)


def snapshot(label: str, key: str, take: Callable[[bytes], None]) -> None:
    """Draw the camera for one picture at a time: each is sent as soon as it is taken, and ``take``
    gets it before the page is drawn anew."""

    def send_shots() -> None:
        for shot in _new_shots(key, WidgetKey[Any](key).value(None).shots):
            take(shot)

    _draw(label, key, send_shots, once=True)


def _draw(label: str, key: str, on_change: Callable[[], None], *, once: bool = False) -> Any:
    data = {
        "label": label,
        "key": key,
        "most": 1 if once else MAX_SHOTS,
        "once": once,
        "taken": stored(ComponentState, key).last_token,
    }
    return _component(key=key, data=data, on_shots_change=on_change)


def _new_shots(key: str, message: Any) -> list[bytes]:
    """The pictures of a message that was not seen yet."""
    return shots(message) if is_new_message(key, message) else []


def shots(message: dict[str, Any]) -> list[bytes]:
    """The pictures in a message of the component; whatever is not a JPEG of its is left out."""
    pictures = []
    texts = message.get("shots")
    for text in texts[:MAX_SHOTS] if isinstance(texts, list) else []:
        try:
            data = base64.b64decode(str(text), validate=True)
        except (binascii.Error, ValueError):
            continue
        if data.startswith(_JPEG) and len(data) <= MAX_BYTES:
            pictures.append(data)
    return pictures
