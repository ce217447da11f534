"""The list of runs: every folder has its row, and the row tells the truth."""

import pytest

from dashboard.queries import run_list
from dashboard.workers import engine
from ml.runs.status import Status
from ml.utils.files import write_json
from tests.helpers import made_up_runs


def test_a_row_says_what_the_files_say(workspace):
    version = made_up_runs.dataset(workspace)
    run = made_up_runs.finished(workspace, version, name="Mine")
    row = run_list.row(run.folder)
    assert (row.name, row.dataset, row.model, row.status) == (
        "Mine",
        "made",
        "small_cnn",
        "finished",
    )
    assert row.accuracy == run.report["accuracy"]
    assert list(row.interval) == run.report["intervals"]["accuracy"]
    assert row.seconds == 75
    assert row.usable


def test_a_rename_shows_although_rows_are_kept(workspace):
    run = made_up_runs.finished(workspace, made_up_runs.dataset(workspace))
    assert run_list.row(run.folder).name == "made · small_cnn", "no id is shown"
    run.update_meta(name="Better")
    assert run_list.row(run.folder).name == "Better"


def test_the_status_of_a_running_run_is_never_kept(workspace, monkeypatch):
    run = made_up_runs.queued(workspace, made_up_runs.dataset(workspace))
    seen = iter([Status("running"), Status("interrupted", "gone")])
    monkeypatch.setattr(engine, "status", lambda _: next(seen))
    assert run_list.row(run.folder).status == "running"
    assert run_list.row(run.folder).status == "interrupted"


def no_config(folder):
    (folder / "config.json").unlink()


def torn_config(folder):
    (folder / "config.json").write_text('{"version": 1, "epo', encoding="utf-8")


def wrong_config(folder):
    write_json(folder / "config.json", {"version": 1, "epochs": -4})


def newer_config(folder):
    write_json(folder / "config.json", {"version": 99})


def odd_report(folder):
    write_json(folder / "report.json", {"accuracy": "high", "intervals": {"accuracy": [1]}})


def odd_meta(folder):
    write_json(folder / "meta.json", {"created": "yesterday"})


@pytest.mark.parametrize(
    "damage", [no_config, torn_config, wrong_config, newer_config, odd_report, odd_meta]
)
def test_a_damaged_folder_is_listed_and_hides_no_other(workspace, damage):
    version = made_up_runs.dataset(workspace)
    good, bad = (made_up_runs.finished(workspace, version) for _ in range(2))
    damage(bad.folder)
    rows = {row.id: row for row in run_list.rows(workspace)}
    assert set(rows) == {good.id, bad.id}
    assert rows[good.id].damage == ""
    assert rows[bad.id].damage.endswith(".")


def test_every_order_takes_runs_of_every_kind(workspace):
    version = made_up_runs.dataset(workspace)
    runs = [
        made_up_runs.finished(workspace, version, name="b", validation={"accuracy": 0.9}),
        made_up_runs.finished(workspace, version, name="a", validation={"accuracy": 0.7}),
        made_up_runs.queued(workspace, version, "c"),
        made_up_runs.interrupted(workspace, version, "d"),
    ]
    (workspace.runs / "empty").mkdir()
    for sort in run_list.SORTS:
        assert len(run_list.rows(workspace, sort)) == 5
    by_score = [row.id for row in run_list.rows(workspace, "Best on validation first")]
    assert by_score[:2] == [runs[0].id, runs[1].id]
    named = [row.name for row in run_list.rows(workspace, "Name")]
    assert named == ["a", "b", "c", "d", "empty"]


def test_the_test_score_does_not_choose_the_order(workspace):
    version = made_up_runs.dataset(workspace)
    lucky, good = (
        made_up_runs.finished(
            workspace,
            version,
            made_up_runs.predictions(version, 1, wrong),
            validation={"accuracy": validation},
        )
        for wrong, validation in ((0.0, 0.6), (0.5, 0.8))
    )
    best = run_list.rows(workspace, "Best on validation first")
    assert [row.id for row in best] == [good.id, lucky.id]
    assert [row.validation for row in best] == [0.8, 0.6]
    assert best[0].accuracy < best[1].accuracy


def test_the_newest_tested_run_is_one_with_a_model(workspace):
    version = made_up_runs.dataset(workspace)
    wanted = made_up_runs.finished(workspace, version)
    made_up_runs.queued(workspace, version)
    assert run_list.newest_tested(workspace) == wanted
