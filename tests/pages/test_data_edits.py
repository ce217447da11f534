"""Seeing and changing a set on Data, without a browser: findings, explorer, undo, classes."""

import shutil
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.actions.carried_findings import carried, restrict_fix
from dashboard.components.data.grouping import grouped
from dashboard.components.data.split_panel import split_rules
from dashboard.components.widgets import background_job
from dashboard.queries import datasets
from dashboard.queries.datasets import ORDERS, Query, map_of, places
from dashboard.queries.picture_facts import sizes_of
from dashboard.state.keys import DATA_PANEL, GROUPING_FOLD
from dashboard.state.selection import Selection
from dashboard.state.stored import stored_in
from ml.data.edits import edits
from ml.data.store.versions import DatasetVersion, latest, load_version, write_version
from ml.doctor.stored_findings import ignored, read_findings
from ml.errors import BadInputError
from ml.workspace import Workspace
from tests.helpers import made_up_findings, made_up_runs
from tests.helpers.page_visits import visit, words


class NoJob:
    """A child that was never started: the doctor does not come."""

    progress, seconds_left, running = 0.25, 40.0, True

    def __init__(self, command: list[str], title: str) -> None:
        self.command, self.title = command, title

    def start(self, workspace: Workspace) -> "NoJob":
        return self

    def cancel(self) -> None:
        self.running = False

    def result(self) -> dict[str, Any]:
        return {}


@pytest.fixture(autouse=True)
def _no_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_job, "Job", NoJob)


@pytest.fixture
def version(workspace: Workspace) -> DatasetVersion:
    return made_up_runs.dataset(workspace)


def data(name: str = "made") -> AppTest:
    at = visit("data")
    at.query_params["data"] = name
    at.run()
    assert not at.exception, at.exception
    return at


def press(at: AppTest, *, label: str = "", key: str = "") -> AppTest:
    (button,) = (b for b in at.main.button if b.label == label or (key and b.key == key))
    button.click().run()
    assert not at.exception, at.exception
    return at


def test_a_version_that_nobody_checked_is_checked_with_progress(
    workspace: Workspace, version: DatasetVersion
) -> None:
    at = data()
    assert "Looking for what is wrong" in words(at)
    press(at, key="cancel-doctor")
    assert at.button(key="check-again")
    press(at, key="check-again")
    assert "Looking for what is wrong" in words(at)


def test_what_the_child_has_found_is_shown_when_it_ends(
    workspace: Workspace, version: DatasetVersion
) -> None:
    at = data()
    (held,) = background_job._jobs(workspace.root).by_set.values()
    made_up_findings.write_findings(workspace, version, made_up_findings.blurred(3, 4))
    assert held.job is not None
    held.job.cancel()
    at.run()
    assert "2 pictures are blurred" in words(at)
    assert "Looking for what is wrong" not in words(at)


def test_why_a_child_failed_is_said_and_it_can_be_started_again(
    workspace: Workspace, version: DatasetVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: NoJob) -> None:
        raise BadInputError("A picture is *missing*.")

    monkeypatch.setattr(NoJob, "result", fail)
    at = data()
    (held,) = background_job._jobs(workspace.root).by_set.values()
    assert held.job is not None
    held.job.cancel()
    at.run()
    assert at.warning[0].value == r"A picture is \*missing\*\."
    press(at, key="check-again")
    assert "Looking for what is wrong" in words(at)


def test_a_page_that_is_loaded_again_finds_the_child_at_work(
    workspace: Workspace, version: DatasetVersion
) -> None:
    data()
    (held,) = background_job._jobs(workspace.root).by_set.values()
    assert "Looking for what is wrong" in words(data())
    (same,) = background_job._jobs(workspace.root).by_set.values()
    assert same.job is held.job


def test_a_child_that_looks_at_what_has_changed_since_is_ended(
    workspace: Workspace, version: DatasetVersion
) -> None:
    data()
    (held,) = background_job._jobs(workspace.root).by_set.values()
    first = held.job
    edits.commit(workspace, "made", [{"do": "exclude", "items": [0]}], base=1)
    data()
    assert first is not None
    assert not first.running
    assert background_job.job_running(workspace, load_version(workspace, "made"), "doctor")


def test_not_every_set_is_checked_at_the_same_time(workspace: Workspace) -> None:
    for name in ("a", "b", "c"):
        made_up_runs.dataset(workspace, name=name)
        at = data(name)
    assert [box.key for box in at.main.button if box.key == "check-again"]
    press(at, key="check-again")
    assert "Looking for what is wrong" in words(at)


def test_a_finding_is_mended_by_a_press_and_undone_by_another(
    workspace: Workspace, version: DatasetVersion
) -> None:
    made_up_findings.write_findings(
        workspace, version, made_up_findings.twins((0, 2), (10, 11)), made_up_findings.blurred(3, 4)
    )
    at = data()
    assert "2 pictures are in the set twice" in words(at)
    press(at, label="Exclude the copies")
    newest = load_version(workspace, "made")
    assert [n for n, item in enumerate(newest.items) if item.excluded] == [2, 11]
    assert "2 pictures excluded." in words(at)
    # While the new version is checked, what still holds stays, and what was mended is gone.
    assert "in the set twice" not in words(at)
    assert "2 pictures are blurred" in words(at)
    press(at, key="undo-change")
    assert not any(item.excluded for item in load_version(workspace, "made").items)
    assert latest(workspace, "made") == 3


def test_a_finding_can_be_ignored_and_taken_back(
    workspace: Workspace, version: DatasetVersion
) -> None:
    one = made_up_findings.blurred(3, 4)
    made_up_findings.write_findings(workspace, version, one)
    at = press(data(), label="Ignore")
    assert ignored(workspace, "made") == {one.key}
    assert "nothing to mend" in words(at)
    press(at, label="Take back")
    assert ignored(workspace, "made") == set()
    assert "2 pictures are blurred" in words(at)


def test_names_of_any_kind_are_drawn_as_they_are(workspace: Workspace) -> None:
    names = ("<img src=x>", "кошка *и* собака", "$x^2$ [a](javascript:b)")
    version = made_up_runs.dataset(workspace, names)
    made_up_findings.write_findings(
        workspace, version, made_up_findings.mislabelled({0: names[1], 12: names[2]})
    )
    at = data()
    assert "perhaps have a wrong label" in words(at)
    assert "<img src=x>" not in words(at)


def test_what_was_found_earlier_is_carried_over_to_the_new_numbers(
    workspace: Workspace, version: DatasetVersion
) -> None:
    findings = [
        one.to_json()
        for one in (
            made_up_findings.mislabelled({5: "paper", 25: "glass"}),
            made_up_findings.twins((0, 1), (2, 3)),
        )
    ]
    done = [{"do": "delete", "items": [1]}, {"do": "relabel", "items": [25], "label": "glass"}]
    newer = edits.commit(workspace, "made", done, base=1)
    suspects, pairs = carried(findings, version, newer)
    assert suspects["items"] == [4]
    assert suspects["labels"] == {"4": "paper"}
    assert suspects["fixes"][0]["edits"] == [{"do": "relabel", "items": [4], "label": "paper"}]
    assert suspects["was"] == 2
    assert pairs["groups"] == [[1, 2]]
    assert pairs["fixes"][0]["edits"] == [{"do": "exclude", "items": [2]}]


def test_pictures_are_found_by_every_filter(workspace: Workspace, version: DatasetVersion) -> None:
    def numbers(**asked: Any) -> list[int]:
        return places(workspace, version, Query(**asked))

    assert numbers(text="0-3") == [3]
    assert numbers(label=1) == list(range(10, 20))
    assert numbers(excluded=True) == []
    assert len(numbers(side="test")) + len(numbers(side="train")) + len(numbers(side="val")) == 30
    assert numbers(finding=made_up_findings.blurred(3, 7).to_json()) == [7, 3]
    sizes = [len(made_up_runs.picture(n)) for n in range(3)]
    assert len(set(sizes)) >= 1
    assert sorted(numbers(order=ORDERS[2])) == list(range(30))


def test_classes_are_renamed_merged_and_removed(
    workspace: Workspace, version: DatasetVersion
) -> None:
    at = data()
    at.text_input(key="renamed-1").set_value("metal things").run()
    press(at, key="rename-class")
    assert load_version(workspace, "made").classes == ("metal things", "metal", "paper")
    at.segmented_control(key="class-way").set_value("Merge").run()
    at.multiselect(key="merge-2").set_value(["metal", "metal things"]).run()
    press(at, key="merge-classes")
    assert load_version(workspace, "made").counts == {"metal": 20, "paper": 10}
    at.segmented_control(key="class-way").set_value("Remove").run()
    at.selectbox(key="remove-3").set_value("paper").run()
    press(at, key="remove-class")
    assert load_version(workspace, "made").counts == {"metal": 20}
    assert read_findings(workspace, "made", 4) is None


def opened(at: AppTest, panel: str) -> AppTest:
    at.session_state[DATA_PANEL] = panel
    at.run()
    assert not at.exception, at.exception
    return at


PANELS = ("Look and change", "Balance and sizes", "Map", "Split", "Versions")


@pytest.mark.parametrize("panel", PANELS)
@pytest.mark.parametrize("kind", ["none", "empty", "one", "many"])
def test_every_panel_is_drawn_in_every_state(workspace: Workspace, panel: str, kind: str) -> None:
    if kind in ("none", "empty"):
        edits.create(workspace, "made", ("a", "b") if kind == "empty" else ())
    elif kind == "one":
        made_up_runs.dataset(workspace, ("only",), each=1)
    else:
        made_up_runs.dataset(workspace, tuple(f"class {n}" for n in range(120)), each=3)
    at = opened(data(), panel)
    assert not at.error


def test_a_fix_for_some_of_its_pictures_names_no_number() -> None:
    edits = [{"do": "relabel", "items": [3, 5], "label": "a"}]
    fix = {"label": "Relabel the 2 surest", "edits": edits}
    assert restrict_fix(fix, {3: 3, 5: 4})["label"] == "Relabel the 2 surest"
    assert restrict_fix(fix, {5: 4}) == {
        "label": "Relabel the surest",
        "edits": [{"do": "relabel", "items": [4], "label": "a"}],
    }
    assert restrict_fix(fix, {})["edits"] == []


def test_the_map_of_an_earlier_version_serves_until_pictures_come(
    workspace: Workspace, version: DatasetVersion
) -> None:
    assert map_of(workspace, version) is None
    made_up_findings.write_map(workspace, version)
    first = map_of(workspace, version)
    assert first is not None
    done = [{"do": "delete", "items": [0]}, {"do": "relabel", "items": [1], "label": "paper"}]
    newer = edits.commit(workspace, "made", done, base=1)
    later = map_of(workspace, newer)
    assert later is not None
    assert later[0] == first[0][1:]


def test_the_map_is_drawn_on_a_press(workspace: Workspace, version: DatasetVersion) -> None:
    at = opened(data(), "Map")
    press(at, key="draw-map")
    assert "Drawing the map" in words(at)
    press(at, key="cancel-map")
    assert at.button(key="draw-map")


def test_the_size_of_a_picture_is_that_of_its_file(
    workspace: Workspace, version: DatasetVersion
) -> None:
    assert sizes_of(workspace, version) == [(48, 48)] * 30


def test_a_version_is_looked_at_compared_and_restored(
    workspace: Workspace, version: DatasetVersion
) -> None:
    edits.commit(workspace, "made", [{"do": "relabel", "items": [0, 1], "label": "paper"}], base=1)
    edits.commit(workspace, "made", [{"do": "rename_class", "old": "glass", "new": "jar"}], base=2)
    at = opened(data(), "Versions")
    assert "2 pictures moved to paper." in words(at)
    press(at, key="look-version-1")
    assert "Version 1, to look at" in words(at)
    press(at, key="compare-version-1")
    assert "2 pictures with another label" in words(at)
    assert "Class glass is now jar" in words(at)
    press(at, key="restore-version-1")
    assert load_version(workspace, "made").items == version.items
    assert "Back to version 1." in words(at)


def test_what_decides_the_split_is_said(workspace: Workspace, version: DatasetVersion) -> None:
    assert "15 % of each class" in split_rules(version)[0]
    given = [{"do": "set_split", "items": list(range(0, 30, 2)), "split": "train"}]
    rules = split_rules(edits.commit(workspace, "made", given, base=1))
    assert "The source decided" in rules[0]


def test_another_test_set_is_drawn_and_undone(
    workspace: Workspace, version: DatasetVersion
) -> None:
    at = opened(data(), "Split")
    press(at, key="really-draw-test")
    assert "cannot be compared" in words(at)
    assert latest(workspace, "made") == 2
    press(at, key="undo-change")
    assert load_version(workspace, "made").items == version.items


def test_pictures_are_kept_together_by_the_name_of_their_file(
    workspace: Workspace, version: DatasetVersion
) -> None:
    at = opened(data(), "Split")
    at.session_state[GROUPING_FOLD] = True
    at.run()
    at.segmented_control(key="group-way").set_value("File name").run()
    at.text_input(key="group-pattern").set_value("([0-2])-[0-4]").run()
    assert "3 groups" in words(at)
    press(at, key="keep-together")
    made = load_version(workspace, "made")
    assert {item.group for item in made.items} == {None, "0", "1", "2"}
    at.text_input(key="group-pattern").set_value("(").run()
    assert "is not a regular expression" in at.warning[0].value
    assert not at.exception


def test_the_test_set_stays_where_no_group_is_torn(
    workspace: Workspace, version: DatasetVersion
) -> None:
    nothing: list[str | None] = [None] * 30
    assert [edit["do"] for edit in grouped(version, nothing)] == ["set_groups"]
    every: list[str | None] = ["all"] * 30
    assert [edit["do"] for edit in grouped(version, every)] == ["set_groups", "draw_test"]


def test_train_says_how_many_findings_there_are_and_leads_to_them(
    workspace: Workspace, version: DatasetVersion
) -> None:
    made_up_findings.write_findings(
        workspace, version, made_up_findings.twins((0, 1)), made_up_findings.blurred(3, 4)
    )
    at = visit("train")
    at.selectbox(key="dataset").set_value("made").run()
    assert "Version 1. 2 findings, 1 of them serious." in words(at)
    press(at, key="to-findings")
    assert stored_in(at.session_state, Selection).data == "made"
    assert "2 pictures are blurred" in words(at)


def test_a_version_is_cached_by_name_and_fingerprint(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = made_up_runs.dataset(workspace)
    datasets._version_at.clear()
    read: list[int] = []

    def counted(root: Workspace, name: str, number: int) -> DatasetVersion:
        read.append(number)
        return load_version(root, name, number)

    monkeypatch.setattr(datasets, "load_version", counted)
    first = datasets.version_at(workspace, made.name, made.version)
    assert datasets.version_at(workspace, made.name, made.version) is first
    assert read == [1]
    shutil.rmtree(workspace.datasets / made.name)
    other = write_version(workspace, made.name, made.classes, made.items[:-1], made.about)
    assert datasets.version_at(workspace, made.name, 1).fingerprint == other.fingerprint
