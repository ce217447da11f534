"""The pages show the workspace that commit d09fd0d made."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ml.__main__ import main
from ml.workspace import Workspace
from tests.fixtures.archive import expected, unpack
from tests.helpers.page_visits import visit, words

IDS: dict[str, str] = expected()["ids"]


@pytest.fixture(autouse=True)
def _unpacked(tmp_path: Path, workspace: Workspace) -> Iterator[None]:
    unpack(tmp_path)
    yield
    # A process offers the plugins of the workspace that it opened last.
    main(["runs", "--json", "--workspace", str(tmp_path / "nothing")])


def test_the_runs_page_lists_every_run_and_the_trash() -> None:
    at = visit("runs")
    keys = {button.key for button in at.main.button}
    names = ("finished", "frozen", "stopped", "interrupted", "queued")
    assert {f"open-{IDS[name]}" for name in names} < keys
    assert f"restore-{IDS['deleted']}" in keys
    text = words(at)
    for status in ("Finished", "Stopped", "Interrupted", "Waiting"):
        assert status in text


@pytest.mark.parametrize("name", ["finished", "frozen", "stopped"])
def test_the_evaluate_page_shows_a_report(name: str) -> None:
    at = visit("evaluate", run=IDS[name])
    assert "Accuracy" in words(at)


@pytest.mark.parametrize(
    ("name", "status"),
    [("finished", "Finished"), ("interrupted", "Interrupted"), ("queued", "Waiting")],
)
def test_the_train_page_shows_the_status_of_a_run(name: str, status: str) -> None:
    assert f">{status}</span>" in words(visit("train", run=IDS[name]))


def test_the_data_page_shows_findings() -> None:
    assert "1 picture has two labels" in words(visit("data", data="others"))


@pytest.mark.parametrize("name", ["finished_search", "stopped_search"])
def test_the_tune_page_opens_a_search(name: str) -> None:
    at = visit("tune")
    at.button(f"open-sweep-{IDS[name]}").click().run()
    assert not at.exception, at.exception
    assert any(button.key == "all-searches" for button in at.button)
