"""Frames of a live camera: who may send them, what is refused, what comes of one that is kept."""

import asyncio
import base64
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from starlette.requests import Request

from dashboard.components.classify import live_camera
from dashboard.server import frames_route
from dashboard.server.frame_tokens import LOCAL_FRAME_SECONDS, PUBLIC_FRAME_SECONDS, FrameTokens
from dashboard.server.frames_route import MAX_FRAME_BYTES, TOKEN_HEADER, answer, routes
from dashboard.state.page_states import ClassifyState
from dashboard.state.stored import stored_in
from dashboard.workers import inference
from ml.errors import MLError
from ml.inference.classifier import unreadable
from tests.helpers import made_up_runs
from tests.helpers.page_visits import visit, words

FRAME = b"\xff\xd8\xff and so on"
OURS = {"host": "lens.example", "sec-fetch-site": "same-origin"}


def in_a_loop(work):
    """In a thread, for the browser tests leave a loop running in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


class Server:
    """Passes whose tabs and time the test rules; remembers the frames that were let through."""

    def __init__(self):
        self.tabs, self.now, self.asked = {"tab"}, 0.0, []
        self.frame_tokens = FrameTokens(lambda session: session in self.tabs, lambda: self.now)
        self.word = self.issue("tab")

    def issue(self, session):
        return self.frame_tokens.issue(session, self.ask)

    def ask(self, frame):
        self.asked.append(frame)
        return {"bars": len(self.asked)}

    def post(self, parts=(FRAME,), word=None, **headers):
        """The status and the content of the answer to a frame that comes in ``parts``."""
        self.now += 1.0
        return in_a_loop(self.posted(parts, word, **headers))

    async def posted(self, parts=(FRAME,), word=None, **headers):
        given = {**OURS, TOKEN_HEADER: word or self.word} | headers
        encoded = [(name.replace("_", "-").encode(), text.encode()) for name, text in given.items()]
        left = list(parts)

        async def receive():
            return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

        scope = {"type": "http", "method": "POST", "path": "/", "headers": encoded}
        response = await answer(Request(scope, receive))
        assert response.headers["cache-control"] == "no-store"
        self.left = len(left)
        return response.status_code, json.loads(response.body)


@pytest.fixture
def server(monkeypatch):
    made = Server()
    monkeypatch.setattr(frames_route, "frame_tokens", made.frame_tokens)
    return made


def test_a_frame_of_a_tab_is_answered_with_what_its_model_says(server):
    assert server.post((FRAME[:5], FRAME[5:])) == (200, {"bars": 1})
    assert server.asked == [FRAME]


def test_the_way_is_below_the_apps_own_address():
    assert [route.path for route in routes("")] == ["/app/frame"]
    assert [route.path for route in routes("/my/lens/")] == ["/my/lens/app/frame"]
    assert routes("")[0].methods == {"POST"}


def test_without_a_pass_of_a_tab_that_is_there_nothing_is_answered(server):
    old, server.word = server.word, server.issue("tab")
    assert server.post()[0] == 200
    for word in ("guessed", "", old):
        status, reply = server.post(word=word or " ")
        assert (status, reply["error"]) == (403, "This page is out of date. Load it again.")
    server.tabs.clear()
    assert server.post()[0] == 403
    assert len(server.asked) == 1


def test_the_passes_of_tabs_that_are_gone_are_forgotten(server):
    server.tabs = {"other"}
    assert server.word in server.frame_tokens
    other = server.issue("other")
    assert server.word not in server.frame_tokens
    assert other in server.frame_tokens


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site", "origin": "https://lens.example"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "", "origin": "https://evil.example"},
        {"sec_fetch_site": "", "origin": "null"},
        {"sec_fetch_site": ""},
    ],
)
def test_another_site_cannot_send_frames_with_a_stolen_pass(server, headers):
    request = {name.replace("_", "-"): text for name, text in headers.items()}
    status, reply = in_a_loop(server.posted(**request))
    assert status == 403
    assert "own pages" in reply["error"]
    assert server.asked == []


def test_a_browser_that_tells_the_origin_alone_is_believed(server):
    given = {"sec-fetch-site": "", "origin": "https://lens.example"}
    assert in_a_loop(server.posted(**given))[0] == 200


def test_too_large_frames_are_not_read_on_and_non_jpegs_not_classified(server):
    status, _ = server.post([FRAME, *[bytes(MAX_FRAME_BYTES // 2)] * 40])
    assert (status, server.left) == (413, 38)
    assert server.post((b"\x89PNG and so on",))[0] == 415
    assert server.post((b"",))[0] == 415
    assert server.asked == []


@pytest.mark.parametrize(
    ("public", "frame_interval"), [("", LOCAL_FRAME_SECONDS), ("1", PUBLIC_FRAME_SECONDS)]
)
def test_a_tab_that_sends_too_fast_is_told_so_and_others_are_not(
    server, monkeypatch, public, frame_interval
):
    monkeypatch.setenv("LENSMITH_PUBLIC", public)
    server.tabs.add("other")
    other = server.issue("other")

    def statuses(count, apart, word=""):
        answered = []
        for _ in range(count):
            server.now += apart
            answered.append(in_a_loop(server.posted(word=word or server.word))[0])
        return answered

    assert statuses(30, 1.01 * frame_interval) == [200] * 30
    fast = statuses(30, 0.5 * frame_interval)
    assert fast[:2] == [200, 200]
    assert 14 <= fast.count(200) <= 18
    assert statuses(1, 0.0, other) == [200]
    server.now += 3 * frame_interval
    assert statuses(1, frame_interval) == [200]


def test_a_slow_frame_blocks_neither_the_server_nor_another_tab(server):
    server.tabs.add("other")
    going = threading.Event()
    slow = server.frame_tokens.issue("other", lambda frame: {"waited": going.wait(30)})

    async def together():
        first = asyncio.create_task(server.posted(word=slow))
        while not server.frame_tokens._tokens[slow].busy and not first.done():
            await asyncio.sleep(0)
        server.now += 1.0
        again = await server.posted(word=slow)
        mine = await server.posted()
        going.set()
        return again, mine, await first

    again, mine, first = in_a_loop(together())
    assert again[0] == 429
    assert mine == (200, {"bars": 1})
    assert first == (200, {"waited": True})


def test_what_goes_wrong_is_a_sentence_and_the_next_frame_is_let_through(server, monkeypatch):
    def broken(frame):
        raise MLError("The model was changed.")

    word = server.frame_tokens.issue("tab", broken)
    for _ in range(2):
        assert server.post(word=word) == (503, {"error": "The model was changed."})


@pytest.mark.parametrize(
    ("values", "kind", "badge"),
    [
        ({"decision": "sure", "unlike": False}, "finished", "Sure"),
        ({"decision": "not sure", "unlike": None}, "stopped", "Not sure"),
        ({"decision": "sure", "unlike": True}, "interrupted", "Unlike anything it learned"),
    ],
)
def test_an_answer_names_the_verdict_and_the_bars(tmp_path, values, kind, badge):
    top = [{"label": "glass", "probability": 0.7}, {"label": "metal", "probability": 0.3}]
    answer = {"error": None, "label": "glass", "top": top, **values}
    client = SimpleNamespace(classify_frame=lambda folder, frame, most: answer)
    shown = live_camera.answer(client, tmp_path, FRAME)
    assert (shown["kind"], shown["said"]) == (kind, badge)
    assert shown["bars"] == [
        {"label": "glass", "share": "70 %", "width": 0.7},
        {"label": "metal", "share": "30 %", "width": 0.3},
    ]
    client.classify_frame = lambda folder, frame, most: unreadable("", "It is not a picture.")
    assert live_camera.answer(client, tmp_path, FRAME) == {"error": "It is not a picture."}


def test_a_frame_that_is_kept_is_a_picture_in_the_tray_once(workspace, monkeypatch):
    top = [{"label": "metal", "probability": 0.9}]
    answer = {"file": "", **top[0], "top": top, "decision": "sure", "error": None, "unlike": None}
    asked = []

    def classify(run_folder, data, name, top_k, visitor=""):
        asked.append(data)
        return {**answer, "nearest": [], "seen": None, "preview": None}

    monkeypatch.setattr(inference, "client", lambda: SimpleNamespace(classify=classify))
    given = []

    def component(key, data, on_kept_change):
        given.append(data)
        return SimpleNamespace(kept=sent)

    monkeypatch.setattr(live_camera, "_component", component)
    run = made_up_runs.finished(workspace, made_up_runs.dataset(workspace))
    sent = {"token": "1", "shots": [base64.b64encode(FRAME).decode()]}
    at = visit("classify", run.id)
    at.run()
    assert [entry["name"] for entry in stored_in(at.session_state, ClassifyState).uploads] == [
        "Live frame 1"
    ]
    assert "Live frame 1" in words(at)
    assert asked == [FRAME]
    assert given[0]["pass"]
    assert given[0]["path"] == "app/frame"
    sent = {"token": "2", "shots": [base64.b64encode(b"no frame").decode()]}
    at.run()
    assert len(stored_in(at.session_state, ClassifyState).uploads) == 1
    assert not at.exception
