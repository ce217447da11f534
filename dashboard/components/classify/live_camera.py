"""Live camera: the answer of a model to the camera's picture, several times a second.

The component sends frames past the page (``dashboard.server.frames_route``), so that no script is
run for them; only a frame that is kept comes this way.
"""

from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard.components.classify.prediction_card import verdict
from dashboard.components.widgets.camera import shots
from dashboard.components.widgets.error_message import error_message
from dashboard.server.frame_tokens import frame_interval, frame_tokens
from dashboard.server.frames_route import FRAME_PATH, TOKEN_HEADER
from dashboard.server.static import beside
from dashboard.state.component_message import is_new_message
from dashboard.state.page_states import ClassifyState
from dashboard.state.stored import stored
from dashboard.text.markdown import whole_percentage
from dashboard.uploads import session_uploads
from dashboard.workers import inference
from ml.runs.folder import Run

MAX_BARS = 6
"""Classes with a bar."""
KEY = "live-camera"
_HTML = """
<section class="live" aria-label="Live camera">
  <div class="head">
    <div><h3>Live camera</h3>
    <p class="quiet">Answers while you move. Nothing is stored: each frame is looked at and let go,
    but for those that you keep.</p></div>
    <button type="button" class="start">Start</button>
  </div>
  <p class="message" role="alert" hidden></p>
  <div class="body" hidden>
    <div class="stage"><video muted playsinline aria-label="What the camera sees"></video></div>
    <div class="answer">
      <p class="verdict"><strong class="label"></strong> <span class="share"></span>
      <span class="status"></span></p>
      <ol class="bars" aria-label="The most probable classes"></ol>
      <p class="pace quiet"></p>
      <div class="controls">
        <button type="button" class="keep" disabled>Keep this frame</button>
        <button type="button" class="switch" hidden>Switch camera</button>
        <button type="button" class="stop">Stop</button>
      </div>
    </div>
  </div>
  <p class="spoken" role="status"></p>
</section>
"""

_component = st.components.v2.component(
    "lensmith_live_camera",
    html=_HTML,
    css=beside(__file__, "live_camera.css"),
    js=beside(__file__, "../widgets/camera_access.js", "live_camera.js"),
)


def live_camera(run: Run) -> None:
    """Draw it for the model of ``run``. A frame that is kept is put into the tray."""
    classes = tuple(str(name) for name in (run.model or {}).get("classes", ()))  # see tile_grid
    data = {
        "pass": _frame_token(run),
        "header": TOKEN_HEADER,
        "path": FRAME_PATH,
        "every": round(1000 * frame_interval()),
        "classes": classes if len(classes) <= MAX_BARS else (),
    }
    with st.container(border=True, key="card-live-camera"):
        sent = _component(key=KEY, data=data, on_kept_change=lambda: None).kept
    if not is_new_message(KEY, sent):
        return
    state = stored(ClassifyState)
    for frame in shots(sent)[:1]:
        state.kept_frames += 1
        with error_message():
            session_uploads.add(f"Live frame {state.kept_frames}", frame)


def _frame_token(run: Run) -> str:
    """The pass of this tab for this model."""
    context = get_script_run_ctx()
    assert context is not None
    state = stored(ClassifyState)
    run_id, token = state.camera_pass
    if run_id == run.id and token in frame_tokens:
        return token
    classify = partial(answer, inference.client(), run.folder)
    new_token = frame_tokens.issue(context.session_id, classify)
    state.camera_pass = (run.id, new_token)
    return new_token


def answer(client: inference.InferenceClient, folder: Path, frame: bytes) -> dict[str, Any]:
    """What the component shows of a frame: ``kind`` and ``badge`` of the verdict, and ``bars``
    [{label, share, width}], the most probable first; or ``error``, a sentence."""
    result = client.classify_frame(folder, frame, MAX_BARS)
    if result["error"]:
        return {"error": result["error"]}
    kind, badge = verdict(result)
    bars = [
        {
            "label": one["label"],
            "share": whole_percentage(one["probability"]),
            "width": one["probability"],
        }
        for one in result["top"]
    ]
    return {"kind": kind, "said": badge, "bars": bars}
