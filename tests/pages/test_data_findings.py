"""The findings on the page Data: cards of every check, and what their buttons may change."""

from pathlib import Path

import pytest

from dashboard.components.data import finding_card
from dashboard.queries.datasets import split_of
from ml.data.store.versions import DatasetVersion, load_version
from ml.doctor.check_context import CheckContext
from ml.doctor.registry import all_checks
from ml.workspace import Workspace
from tests.helpers import made_up_runs
from tests.helpers.made_up_findings import mislabelled, twins, write_findings
from tests.helpers.page_visits import visit, words
from tests.helpers.scratch_checks import scratch_check


def test_a_check_in_one_file_has_a_card(workspace: Workspace, tmp_path: Path) -> None:
    made_up_runs.dataset(workspace, each=4)
    version = load_version(workspace, "made")
    with scratch_check(tmp_path):
        ((check, _),) = (row for row in all_checks() if row[1][0].name == "odd_number")
        write_findings(workspace, version, *check(CheckContext(workspace, version)))
        at = visit("data", data="made")
    text = words(at)
    assert "6 pictures have an odd number" in text
    assert "Leave them." in text


def test_buttons_change_no_test_picture_and_list_them_apart(workspace: Workspace) -> None:
    version = made_up_runs.dataset(workspace, each=20)
    sides = split_of(version)
    tested = [n for n in range(20) if sides[n] == "test"]
    trained = [n for n in range(20) if sides[n] == "train"]
    suspects = dict.fromkeys((*trained[:3], *tested[:2]), "paper")
    write_findings(workspace, version, mislabelled(suspects), twins((trained[5], tested[2])))
    at = visit("data", data="made")
    assert "2 test pictures, to be changed one by one" in words(at)
    assert "1 test picture, to be changed one by one" in words(at)
    labels = [one.label for one in at.button]
    assert "Exclude the copies" not in labels
    assert "Relabel the 1 surest" in labels
    assert open_relabels(version, suspects) == {"paper": trained[:3]}


def open_relabels(version: DatasetVersion, suspects: dict[int, str]) -> dict[str, list[int]]:
    """What the fix that takes every suggestion would relabel."""
    finding = mislabelled(suspects).to_json()
    fix = finding_card.bulk_fixes(version, finding, list(suspects))[-1]
    return {edit["label"]: edit["items"] for edit in fix["edits"]}


def test_a_test_picture_is_changed_alone_and_the_change_of_test_is_said(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = made_up_runs.dataset(workspace, each=20)
    tested = split_of(version).index("test")
    write_findings(workspace, version, mislabelled({tested: "paper"}))
    presses = [(tested, "relabel")]

    def grid(tiles, label, key, *, actions=None, **options):  # type: ignore[no-untyped-def]
        return presses.pop() if actions and presses else None

    monkeypatch.setattr(finding_card, "tile_grid", grid)
    monkeypatch.setattr("dashboard.components.data.findings.begin_job", lambda *_, **__: None)
    at = visit("data", data="made")
    newest = load_version(workspace, "made")
    assert newest.classes[newest.items[tested].label] == "paper"
    assert "The test changed (1 picture with another label)" in words(at)
