"""Damaged JSON files: a run is a row that says so, a data set is left out, and nothing else fails.

Every value of every JSON file of a workspace of an earlier version is replaced in turn.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from dashboard.queries import live, results, run_list
from dashboard.workers import run_status, searches
from ml.data.catalog import list_datasets
from ml.data.edits.edits import history
from ml.data.store.versions import dataset_names, load_version, read_report, read_summary
from ml.doctor import stored_findings
from ml.doctor.finding import Finding
from ml.errors import MLError
from ml.evaluation import learning_curve, robustness, slice_discovery, stored_reports
from ml.inference.model_folder import read_manifest
from ml.runs.folder import Run, list_runs
from ml.sharing import page_text
from ml.training import checkpoints
from ml.training.cost import history as cost_history
from ml.tuning.sweep import list_sweeps
from ml.workspace import Workspace
from tests.fixtures.archive import unpack
from tests.helpers.damage import VALUES, WHOLE, damaged_lines, json_files, places, with_value
from tests.helpers.trained import trained

FEW = ("infinity", "huge", "null", "text", "negative", "nested", "list")


def read_run(workspace: Workspace, run: Run) -> None:
    row = run_list.row(run.folder)
    assert row.damage or row.status != "damaged"
    run_status.status(run)
    state = live.new(run.id)
    live.follow(run.folder, state)
    live.progress_of(run, state)
    live.latest(run)
    page_text.read(run)
    cost_history.read(run)
    robustness.read(run)
    learning_curve.read(run)
    for report in stored_reports.others(run):
        assert 0 <= report["accuracy"] <= 1
    for path in run.folder.glob("reports/slices-*.json"):
        slice_discovery.read(run, *path.stem.removeprefix("slices-").rsplit("-", 1))
    readers: tuple[Callable[[], Any], ...] = (
        lambda: run.settings,
        lambda: run.epochs,
        lambda: results.load(workspace, run),
        lambda: read_manifest(run.folder / "model"),
        lambda: checkpoints.newest(run.folder / "checkpoints", "last"),
    )
    for read in readers:
        with suppress(MLError):
            read()


def read_datasets(workspace: Workspace) -> None:
    list_datasets(workspace)
    for name in dataset_names(workspace):
        summary = read_summary(workspace, name)
        for number in range(1, summary.get("version", 0) + 1):
            read_report(workspace, name, number)
            stored_findings.read_map(workspace, name, number)
            content = stored_findings.read_findings(workspace, name, number) or {"findings": []}
            for one in content["findings"]:
                Finding.from_json(one)
        stored_findings.ignored(workspace, name)
        history(workspace, name)
        with suppress(MLError):
            load_version(workspace, name)


def read_searches(workspace: Workspace) -> None:
    for sweep in list_sweeps(workspace):
        with suppress(MLError):
            _ = sweep.request, sweep.base, sweep.axes, sweep.name
        _ = sweep.state.best, sweep.result, sweep.dataset
        searches.status(sweep)


def read_all(workspace: Workspace, path: Path) -> None:
    """Read what a page reads of the run, the search or the data set that ``path`` belongs to."""
    kind = path.relative_to(workspace.root).parts[0]
    if kind == "runs":
        read_run(workspace, Run(workspace.runs / path.relative_to(workspace.runs).parts[0]))
        run_status.with_status(workspace, "queued")
    elif kind == "sweeps":
        read_searches(workspace)
    elif kind == "datasets":
        read_datasets(workspace)


@pytest.fixture
def archived(tmp_path: Path, workspace: Workspace) -> Workspace:
    unpack(tmp_path)
    return Workspace(tmp_path / "workspace")


def one_of_each(paths: list[Path]) -> list[Path]:
    """One file of each name and depth: runs differ in content, hardly in form."""
    by_name: dict[tuple[str, ...], Path] = {}
    for path in paths:
        key = (path.parent.name if path.parent.name.isalpha() else "", path.name[:6])
        if key not in by_name or path.stat().st_size > by_name[key].stat().st_size:
            by_name[key] = path
    return list(by_name.values())


@pytest.mark.parametrize("area", ["runs", "sweeps", "datasets"])
def test_file_that_is_replaced_by_something_else_harms_nothing(
    area: str, archived: Workspace
) -> None:
    for path in one_of_each(json_files(archived.root / area)):
        original = path.read_bytes()
        for name, text in WHOLE.items():
            path.write_text(text)
            try:
                read_all(archived, path)
            except Exception as error:
                raise AssertionError(f"{path.name} is {name}: {error!r}") from error
        path.write_bytes(original)


@pytest.mark.parametrize("area", ["runs", "sweeps", "datasets"])
def test_value_of_a_wrong_kind_harms_nothing(area: str, archived: Workspace) -> None:
    for path in one_of_each(json_files(archived.root / area)):
        if path.suffix == ".jsonl" or (path.parent.name == "versions" and path.stem.isdecimal()):
            continue
        original = path.read_bytes()
        content = json.loads(original)
        for place in places(content):
            for name in FEW:
                path.write_text(with_value(content, place, VALUES[name]))
                try:
                    read_all(archived, path)
                except Exception as error:
                    raise AssertionError(f"{path.name}{place} is {name}: {error!r}") from error
        path.write_bytes(original)


@pytest.mark.parametrize("name", VALUES)
def test_event_of_a_wrong_kind_harms_nothing(name: str, archived: Workspace) -> None:
    for run in list_runs(archived):
        path = run.folder / "events.jsonl"
        if path.exists():
            path.write_bytes(damaged_lines(path.read_bytes(), VALUES[name]))
            read_all(archived, path)


def test_damaged_run_is_a_row_that_names_the_file(archived: Workspace) -> None:
    run = next(run for run in list_runs(archived) if run.report)
    (run.folder / "report.json").write_text('{"accuracy": "high"}')
    row = run_list.row(run.folder)
    assert row.damage == "report.json cannot be read: copy the run again, or delete it."
    others = [other for other in run_list.rows(archived) if other.id != run.id]
    assert others
    assert not any(other.damage for other in others)


def test_no_run_of_an_earlier_version_is_damaged(archived: Workspace) -> None:
    runs = list_runs(archived)
    assert len(runs) >= 5
    assert [run.id for run in runs if run.damage] == []
    for run in runs:
        events = run.folder / "events.jsonl"
        if events.exists():
            assert len(run.events()[0]) == len(events.read_bytes().splitlines())


def test_run_that_was_just_trained_fits_every_type() -> None:
    run = trained().run
    assert run.damage == ""
    assert run.report is not None
    assert run.model is not None
    assert run.dataset
    assert read_manifest(run.folder / "model") == run.model
