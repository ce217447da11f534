"""Datasets by name on the page Data: what a hub in a file of its own adds to the list."""

from pathlib import Path

import pytest

from dashboard.components.data import upload
from ml.workspace import Workspace
from tests.helpers.page_visits import visit
from tests.helpers.scratch_hub import scratch_hub


def test_a_hub_in_one_file_is_offered_and_brought_in(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs: list[list[str]] = []
    monkeypatch.setattr(upload, "queue_ingest", lambda job: jobs.append(job.command))
    with scratch_hub(tmp_path):
        at = visit("data")
        labels = {box.label for box in at.selectbox}
        assert {"A set of the attic", "A public set with published results"} <= labels
        offered = at.selectbox(key="named-set-attic")
        assert offered.options == ["Old shoes: left and right", "Hats"]
        offered.set_value("shoes").run()
        at.button(key="get-named-set-attic").click().run()
        assert not at.exception, at.exception
    assert jobs == [["ingest", "attic:shoes"]]
