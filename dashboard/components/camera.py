"""The camera: hold a button and it shoots, take out what is bad, and send the rest at once.

``st.camera_input`` takes one picture at a time; people who teach a class want thirty.
"""

import base64
import binascii
from typing import Any

import streamlit as st

from dashboard.static import ASSETS, scripts

MOST_SHOTS = 120
"""In one message; about 60 kB each."""
MOST_BYTES = 2_000_000
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
    css=(ASSETS / "camera.css").read_text(encoding="utf-8"),
    js=scripts("camera_access.js", "camera.js"),
)


def camera(label: str, key: str) -> list[bytes]:
    """Draw the camera. Returns the JPEG pictures that were sent just now, else none.

    Rerun once they are taken: the component then knows, and lets go of its own copies.
    """
    taken = f"{key}-taken"
    data = {
        "label": label,
        "key": key,
        "most": MOST_SHOTS,
        "taken": st.session_state.get(taken, ""),
    }
    result = _component(key=key, data=data, on_shots_change=lambda: None)
    sent = result.shots
    if not isinstance(sent, dict) or sent.get("token") == st.session_state.get(taken):
        return []
    st.session_state[taken] = str(sent.get("token"))
    return shots(sent)


def shots(sent: dict[str, Any]) -> list[bytes]:
    """The pictures in a message of the component; whatever is not a JPEG of its is left out."""
    found = []
    given = sent.get("shots")
    for text in given[:MOST_SHOTS] if isinstance(given, list) else []:
        try:
            data = base64.b64decode(str(text), validate=True)
        except (binascii.Error, ValueError):
            continue
        if data.startswith(_JPEG) and len(data) <= MOST_BYTES:
            found.append(data)
    return found
