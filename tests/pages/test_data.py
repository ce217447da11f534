"""Data without a browser: the three roads, classes, drops that become jobs, limits, readiness."""

import csv
import io
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.components.data import findings, ingest_progress, upload
from dashboard.components.data.ingest_result import lines
from dashboard.components.widgets.camera import MAX_SHOTS, shots
from dashboard.queries.predictions_csv import csv_of
from dashboard.queries.readiness import MIN_PICTURES_PER_CLASS, advice, missing
from dashboard.server import limits
from dashboard.state.page_states import DataState, IngestState
from dashboard.state.selection import Selection
from dashboard.state.stored import stored_in
from dashboard.workers.job import Job
from ml.data.store.versions import latest, load_version
from ml.workspace import Workspace
from tests.helpers import made_up_runs
from tests.helpers.page_visits import visit, words

PAIR = ("cat", "dog")


class Ended(Job):
    """A job whose child ran to its end before the page looked."""

    def start(self, workspace: Workspace) -> Job:
        super().start(workspace)
        assert self._child is not None
        self._child.wait(60)
        return self


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "Job", Ended)
    monkeypatch.setattr(ingest_progress, "Job", Ended)
    monkeypatch.setattr(findings, "begin_job", lambda *_, **__: None)  # no doctor behind our back


def data(name: str = "") -> AppTest:
    """The page, with the set of that name in hand."""
    return visit("data", data=name)


def drop(at: AppTest, label: str, *files: tuple[str, bytes]) -> AppTest:
    (zone,) = (zone for zone in at.file_uploader if zone.label == label)
    zone.set_value([(name, content, "application/octet-stream") for name, content in files])
    at.run()
    assert not at.exception, at.exception
    return at


def pets(each: int = 4, top: str = "pets/") -> list[tuple[str, bytes]]:
    return [
        (f"{top}{name}/{seed}.png", made_up_runs.picture(100 * label + seed))
        for label, name in enumerate(PAIR)
        for seed in range(each)
    ]


def zipped(files: list[tuple[str, bytes]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files:
            archive.writestr(name, content)
    return out.getvalue()


def primary(at: AppTest) -> list[str]:
    return [button.label for button in at.main.button if button.proto.type == "primary"]


def test_without_a_set_of_ones_own_there_are_three_roads(workspace: Workspace) -> None:
    at = data()
    assert [item.value for item in at.subheader] == [
        "Drop what you have",
        "Make classes",
        "Look at a set",
    ]
    assert primary(at) == ["Make classes"]


def test_classes_are_made_named_added_and_removed_in_place(workspace: Workspace) -> None:
    at = data()
    at.text_input(key="new-name").set_value("My things").run()
    at.button(key="make-classes").click().run()
    assert not at.exception, at.exception
    assert stored_in(at.session_state, Selection).data == "my-things"
    assert at.query_params["data"] == "my-things"
    (field,) = (box for box in at.text_input if box.value == "Class 1")
    field.set_value("Гриб *1* <b>").run()
    (add,) = (box for box in at.text_input if box.label == "Add a class")
    add.set_value("stone").run()
    assert not at.exception, at.exception
    classes = load_version(workspace, "my-things").classes
    assert classes == ("Гриб *1* <b>", "Class 2", "stone")
    assert "Class 2 has no picture" in words(at)


def test_a_name_that_is_taken_is_told_and_changes_nothing(workspace: Workspace) -> None:
    made_up_runs.dataset(workspace, each=2)
    at = data("made")
    (field,) = (box for box in at.text_input if box.value == "glass")
    field.set_value("metal").run()
    assert not at.exception, at.exception
    assert "metal" in at.warning[0].value
    assert [box.value for box in at.text_input if "Name of the class" in box.label] == [
        "glass",
        "metal",
        "paper",
    ]
    assert latest(workspace, "made") == 1


def test_a_dropped_folder_becomes_a_set_of_that_name(workspace: Workspace) -> None:
    at = drop(data(), "A folder of class folders", *pets())
    at.run()
    assert stored_in(at.session_state, Selection).data == "pets", at.warning
    assert load_version(workspace, "pets").counts == {"cat": 4, "dog": 4}
    assert "8 pictures read." in words(at)
    assert primary(at) == ["Train on these pictures"]
    assert list((workspace.root / "incoming").iterdir()) == []


def test_a_dropped_zip_becomes_a_set_and_a_second_of_that_name_another(
    workspace: Workspace,
) -> None:
    for name in ("pets", "pets-2"):
        at = data()
        stored_in(at.session_state, DataState).new_set = True
        at.run()
        drop(at, "A zip, or pictures and a CSV", ("pets.zip", zipped(pets()))).run()
        assert stored_in(at.session_state, Selection).data == name, words(at)
        assert at.title[0].value == "Data"


def test_a_csv_beside_the_pictures_names_their_classes(workspace: Workspace) -> None:
    files = [(path.replace("/", "_"), content) for path, content in pets(top="")]
    table = "file,label\n" + "".join(f"{path},{path[:3]}\n" for path, _ in files)
    at = drop(data(), "A zip, or pictures and a CSV", ("pets.csv", table.encode()), *files)
    at.run()
    assert load_version(workspace, "pets").counts == {"cat": 4, "dog": 4}, words(at)


def test_pictures_without_class_folders_are_explained_with_a_drawing(workspace: Workspace) -> None:
    at = drop(data(), "A zip, or pictures and a CSV", ("flat.zip", zipped([pets()[0]])))
    at.run()
    assert "one folder of pictures for each class" in at.warning[0].value
    assert "lens-drawing" in words(at)
    assert "data" not in at.query_params


def test_pictures_dropped_on_a_class_go_into_it_with_what_was_refused_said(
    workspace: Workspace,
) -> None:
    made_up_runs.dataset(workspace, PAIR, each=5)
    at = data("made")
    drop(at, "Drop pictures of dog", ("a.png", made_up_runs.picture(900)), ("b.png", b"not one"))
    at.run()
    assert load_version(workspace, "made").counts == {"cat": 5, "dog": 6}
    assert "1 picture added to <strong>dog</strong>." in words(at)
    assert "1 file could not be taken in" in words(at)
    assert "b.png" in words(at)
    at.button(key="close-ingested").click().run()
    assert "could not be taken" not in words(at)


def test_a_drop_beyond_the_limits_is_refused_in_a_sentence(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = replace(limits.PUBLIC, files=3, megabytes=1, megabytes_a_file=1, session_megabytes=1)
    monkeypatch.setattr(limits, "LOCAL", small)
    at = drop(data(), "A folder of class folders", *pets())
    assert "8 files are too many: 3 at a time." in at.warning[0].value.replace("\\", "")
    assert latest(workspace, "pets") == 0


@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [
        ([10] * 1001, "too many"),
        ([60_000_000] * 2, "120 MB"),
        ([60_000_000], "50 MB at most"),
        ([50_000_000], ""),
    ],
)
def test_strangers_may_bring_less(
    sizes: list[int], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LENSMITH_PUBLIC", "1")
    assert sentence in upload.over_limit(sizes)
    assert "folder on this computer" not in upload.over_limit(sizes)


def test_public_mode_asks_for_no_folder_and_fetches_no_set(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LENSMITH_PUBLIC", "1")
    at = data()
    assert [box.key for box in at.main.text_input] == ["new-name"]
    assert not at.main.selectbox


def test_a_folder_is_read_where_it_is(workspace: Workspace, tmp_path: Path) -> None:
    for name, content in pets():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    at = data()
    at.text_input(key="road-folder").set_value("/no/such/folder").run()
    assert "There is no folder" in at.warning[0].value
    at.text_input(key="road-folder").set_value(f'"{tmp_path / "pets"}"').run()
    at.run()
    assert stored_in(at.session_state, Selection).data == "pets"


def test_the_set_in_the_address_is_shown_and_one_that_is_gone_is_forgotten(
    workspace: Workspace,
) -> None:
    made_up_runs.dataset(workspace)
    at = data("made")
    assert at.selectbox(key="data-set").value == "made"
    at.query_params["data"] = "no-such-set"
    at.run()
    assert "The data set in the address is not there any more." in words(at)
    assert stored_in(at.session_state, Selection).data == "made"


def test_a_bundled_set_is_opened_by_a_click(workspace: Workspace) -> None:
    at = data("recycling")
    assert primary(at) == ["Open these pictures"]


def test_training_has_the_set_chosen(workspace: Workspace) -> None:
    made_up_runs.dataset(workspace)
    at = data("made")
    assert primary(at) == ["Train on these pictures"]
    at.button(key="train-on-these").click().run()
    assert not at.exception, at.exception
    assert at.selectbox(key="dataset").value == "made"


def test_what_is_missing_is_named() -> None:
    from ml.data.store.versions import DatasetVersion, Item

    def made(*counts: int) -> DatasetVersion:
        items = tuple(Item("0" * 64, label) for label, n in enumerate(counts) for _ in range(n))
        classes = tuple(f"c{label}" for label in range(len(counts)))
        return DatasetVersion("x", 1, classes, items, "", {})

    assert "two classes" in missing(made())[0].sentence
    assert "a second class" in missing(made(40))[0].sentence
    assert missing(made(40, 0)) == [("c1 has no picture.", "c1")]
    assert missing(made(40, MIN_PICTURES_PER_CLASS)) == []
    assert "c1" in advice(made(40, MIN_PICTURES_PER_CLASS))
    assert advice(made(40, 40)) == ""


def test_the_list_of_files_is_harmless_in_a_spreadsheet() -> None:
    result = {
        "refused": [{"file": "=cmd|1.png", "reason": "It is not a picture."}],
        "changed": [{"file": "b.png", "change": "turned"}],
    }
    rows = lines([result, {"error": "x"}])
    assert [row[1] for row in rows] == ["refused", "changed"]
    assert next(csv.reader(io.StringIO(csv_of(rows))))[0] == "'=cmd|1.png"


def test_of_a_message_of_the_camera_only_jpeg_is_taken() -> None:
    assert shots({"shots": ["/9j/4AA=", "AAAA", "no base 64", 3, None]}) == [
        b"\xff\xd8\xff\xe0\x00"
    ]
    assert len(shots({"shots": ["/9j/4AA="] * (MAX_SHOTS + 5)})) == MAX_SHOTS
    assert shots({"shots": "x"}) == []
    assert shots({}) == []


def test_what_is_dropped_meanwhile_waits_its_turn(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    memory: dict[str, Any] = {}
    monkeypatch.setattr(ingest_progress.st, "session_state", memory)
    monkeypatch.setattr(ingest_progress, "current_workspace", lambda: workspace)
    monkeypatch.setattr(Job, "start", lambda self, _: started.append(self.title) or self)
    for title in ("first", "second", "third"):
        ingest_progress.queue_ingest(Job(["ingest"], title))
    assert started == ["first"]
    assert [job.title for job in stored_in(memory, IngestState).waiting] == ["second", "third"]
