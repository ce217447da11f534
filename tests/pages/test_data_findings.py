"""The findings on the page Data: what a check in a file of its own adds to the list."""

from pathlib import Path

from ml.data.store.versions import load_version
from ml.doctor.check_context import CheckContext
from ml.doctor.registry import all_checks
from ml.workspace import Workspace
from tests.helpers import made_up_runs
from tests.helpers.made_up_findings import write_findings
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
