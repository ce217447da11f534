"""How pictures come in on Classify: zips, folders, the clipboard, and a few to try."""

import base64
import io
import zipfile
from dataclasses import replace
from types import SimpleNamespace

import pytest

from dashboard.components.widgets import clipboard
from dashboard.server import limits
from dashboard.state.page_states import ClassifyState
from dashboard.state.stored import stored_in
from dashboard.uploads import session_uploads, unzip
from dashboard.workers import inference
from tests.helpers import made_up_runs
from tests.helpers.page_visits import visit
from tests.pages.test_classify import StandIn, drop


def packed(**files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


@pytest.fixture
def page(workspace, monkeypatch):
    monkeypatch.setattr(inference, "client", StandIn)
    made_up_runs.finished(workspace, made_up_runs.dataset(workspace))
    return visit("classify")


def names(at):
    return [entry["name"] for entry in stored_in(at.session_state, ClassifyState).uploads]


def messages(at):
    (one,) = at.info
    return one.value.replace("\\", "")


def test_the_pictures_of_a_zip_come_in_at_its_place_without_litter(page):
    nested = packed(**{"a.png": b"a"})
    files = {"s/10.png": b"10", "s/9.png": b"9", "notes.txt": b"n", "__MACOSX/._9.png": b"m"}
    data = packed(**files, **{"in.zip": nested})
    at = drop(page, ("one.png", b"1"), ("shots.zip", data), ("two.png", b"2"))
    assert names(at) == ["one.png", "s/9.png", "s/10.png", "two.png"]
    assert "shots.zip, in.zip: It is an archive inside the archive" in messages(at)
    assert not list(
        stored_in(at.session_state, ClassifyState).spool.folder.parent.glob("*/shots.zip")
    )


def test_a_zip_that_is_none_or_has_nothing_is_said_and_the_rest_is_taken(page):
    at = drop(
        page, ("torn.zip", b"PK\x03\x04"), ("bare.zip", packed(**{"a.txt": b""})), ("p.png", b"p")
    )
    assert names(at) == ["p.png"]
    assert "torn.zip is not a zip archive, or is damaged" in messages(at)
    assert "There is no picture in bare.zip." in messages(at)


def test_a_picture_too_large_in_a_zip_is_refused_unread(page, monkeypatch):
    monkeypatch.setattr(unzip, "MAX_PICTURE_BYTES", 2**20)
    at = drop(page, ("z.zip", packed(**{"large.png": bytes(2**20 + 1), "small.png": b"s"})))
    assert names(at) == ["small.png"]
    assert "The file is larger than 1 MB" in messages(at)


def test_no_more_is_read_of_a_zip_than_is_held(page, monkeypatch):
    monkeypatch.setattr(limits, "LOCAL", replace(limits.LOCAL, classify_pictures=3))
    read = []
    real = session_uploads.add
    monkeypatch.setattr(
        session_uploads, "add", lambda *given: read.append(given[0]) or real(*given)
    )
    at = drop(page, ("z.zip", packed(**{f"{n}.png": bytes([n]) for n in range(9)})))
    assert names(at) == ["0.png", "1.png", "2.png"]
    assert len(read) == 3
    assert "9 pictures are too many at once: the first 3 were taken" in messages(at)


def test_the_limits_of_a_public_server_hold(page, monkeypatch):
    monkeypatch.setenv("LENSMITH_PUBLIC", "1")
    monkeypatch.setattr(limits, "PUBLIC", replace(limits.PUBLIC, session_megabytes=1))
    at = drop(page.run(), ("a.png", bytes(600_000)))
    drop(at, ("b.png", bytes(600_001)))
    assert names(at) == ["a.png"]
    assert "from one visitor" in messages(at)


def test_six_test_pictures_can_be_tried(page):
    (buttons,) = [one for one in page.get("bidi_component") if "examples-" in str(one.proto.id)]
    assert buttons.proto.json.count('"source"') == 6


def test_what_is_pasted_is_named_and_checked(monkeypatch):
    message = {"token": "1", "pictures": []}
    state = {}
    monkeypatch.setattr(clipboard.st, "session_state", state)
    monkeypatch.setattr(clipboard, "_component", lambda **_: SimpleNamespace(pasted=message))
    encoded = base64.b64encode(b"picture").decode()
    good = [{"name": "cat.jpg", "data": encoded}, {"name": "image.png", "data": encoded}]
    message["pictures"] = [
        *good,
        {"name": "x"},
        {"name": "y", "data": "?"},
        5,
        {"name": "", "data": ""},
    ]
    (first, second) = clipboard.paste("p")
    assert first == ("cat.jpg", b"picture")
    assert second[0].startswith("Pasted ")
    assert second[0].endswith(" 2.png")
    assert clipboard.paste("p") == []  # the same message, seen again when the page is run anew
    message |= {"token": "2", "pictures": "nonsense"}
    assert clipboard.paste("p") == []
    message |= {"token": "3", "pictures": good * 50}
    assert len(clipboard.paste("p")) == clipboard.MAX_PICTURES
