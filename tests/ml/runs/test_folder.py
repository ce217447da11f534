"""The run folder: made whole, found again, read and changed by two at once."""

import errno
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from ml.config import TrainConfig
from ml.errors import BadInputError, WorkspaceError
from ml.runs import folder as runs
from ml.runs import queue, trash
from ml.runs.events import EventLog, RunEnded, RunStarted
from ml.runs.folder import Run
from ml.utils.files import write_json
from ml.workspace import Workspace


def end(run: Run, outcome: str = "finished") -> None:
    """Let a worker that is no more have ended ``run``."""
    queue.claim(run)
    log = EventLog(run.folder / "events.jsonl")
    log(RunStarted("m", "d", 3, 10))
    log(RunEnded(outcome))


def with_model(run: Run) -> Run:
    (run.folder / "model").mkdir()
    write_json(run.folder / "model" / "model.json", {"version": 1})
    return run


# --- create -------------------------------------------------------------------------------------


def test_a_new_run_has_what_it_was_made_of(workspace: Workspace) -> None:
    config = TrainConfig(dataset="hands", epochs=3, seed=7)
    dataset = {"name": "hands", "fingerprint": "f" * 64}
    run = runs.create(workspace, config, dataset, name="Näme", parent="before")
    assert (run.config, run.dataset, run.name) == (config, dataset, "Näme")
    assert run.meta["parent"] == "before"
    assert run.status.name == "queued"
    assert [item.id for item in runs.list_runs(workspace)] == [run.id]


def test_a_folder_appears_whole_or_not_at_all(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []

    def watched(path: Path, value: Any) -> None:
        assert runs.list_runs(workspace) == [], "it is seen before it is whole"
        written.append(path.name)
        write_json(path, value)
        if len(written) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(runs, "write_json", watched)
    with pytest.raises(WorkspaceError, match="The disk is full"):
        runs.create(workspace, TrainConfig(dataset="hands"), {})
    assert sorted(written) == ["config.json", "dataset.json", "meta.json"]
    assert list(workspace.runs.iterdir()) == []


def test_a_creator_that_is_killed_leaves_no_run(
    workspace: Workspace, python: Callable[..., Any]
) -> None:
    code = (
        "import os, sys; from ml.runs import folder as runs; from ml.config import TrainConfig\n"
        "from ml.workspace import open_workspace\n"
        "runs.Path.rename = lambda a, b: os._exit(9)\n"
        "runs.create(open_workspace(sys.argv[1]), TrainConfig(dataset='d'), {})"
    )
    assert python(code, workspace.root).wait() == 9
    assert len(list(workspace.runs.iterdir())) == 1
    assert runs.list_runs(workspace) == []


def test_ids_are_in_the_order_of_making_and_never_the_same(make_run: Callable[..., Run]) -> None:
    ids = [make_run().id for _ in range(50)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 50


@pytest.mark.parametrize(
    "dataset", ["hands", "/home/me/My pictures", "../../etc", "Ünïcode ☃", "", "x" * 300, "a\0b"]
)
def test_an_id_is_a_plain_file_name_whatever_the_data_set_is_called(
    dataset: str, workspace: Workspace
) -> None:
    run = runs.create(workspace, TrainConfig(dataset=dataset), {})
    assert re.fullmatch(r"\d{8}-\d{12}-[a-z0-9-]+-[0-9a-f]{4}", run.id)
    assert len(run.id) < 60
    assert run.folder.parent == workspace.runs
    assert run.config.dataset == dataset


# --- find ---------------------------------------------------------------------------------------


def test_a_run_is_found_by_id_beginning_folder_and_latest(
    workspace: Workspace, make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = make_run(), with_model(make_run()), make_run()
    assert runs.find(workspace, first.id) == first
    assert runs.find(workspace, second.id[:-2]) == second
    assert runs.find(workspace, str(third.folder)) == third
    monkeypatch.chdir(workspace.runs)
    assert runs.find(workspace, f"./{third.id}") == third
    assert runs.find(workspace, "latest") == second
    assert runs.find(workspace, "latest", with_model=False) == third


def test_a_beginning_that_fits_two_runs_is_refused_with_their_ids(
    workspace: Workspace, make_run: Callable[..., Run]
) -> None:
    first, second = make_run(), make_run()
    with pytest.raises(BadInputError, match=f"2 runs begin with 2.*{first.id}, {second.id}"):
        runs.find(workspace, "2")


def test_an_id_that_begins_another_is_found(
    workspace: Workspace, make_run: Callable[..., Run]
) -> None:
    run = make_run()
    shutil.copytree(run.folder, workspace.runs / (run.id + "-copy"))
    assert runs.find(workspace, run.id) == run


def test_what_an_address_names_is_an_id_and_no_folder(
    workspace: Workspace, make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run()
    monkeypatch.chdir(workspace.runs)
    assert runs.find_listed(workspace, run.id[:-2], with_model=False) == run
    for path in (str(run.folder), f"./{run.id}", f"../runs/{run.id}"):
        with pytest.raises(BadInputError, match="There is no run"):
            runs.find_listed(workspace, path, with_model=False)


@pytest.mark.parametrize(
    "wanted",
    ["", "nothing", "..", ".", "/", "latest", "x" * 300, "x" * 5000, "nul\0l", "~nobody/x"],
)
def test_a_run_that_is_not_there_is_a_sentence(wanted: str, workspace: Workspace) -> None:
    with pytest.raises(BadInputError, match=r"^There is no .*\.$|ml runs$"):
        runs.find(workspace, wanted)


def test_a_damaged_configuration_names_the_run(make_run: Callable[..., Run]) -> None:
    run = make_run()
    (run.folder / "config.json").write_text("{")
    with pytest.raises(BadInputError, match=run.id):
        _ = run.config


@pytest.mark.parametrize("content", [b"", b"[]", b"3", b"\xff"])
def test_damage_to_what_is_not_the_configuration_hides_no_run(
    content: bytes, workspace: Workspace, make_run: Callable[..., Run]
) -> None:
    run = with_model(make_run())
    for name in ("meta.json", "dataset.json", "report.json", "model/model.json", "worker.json"):
        (run.folder / name).write_bytes(content)
    assert runs.list_runs(workspace) == [run]
    assert (run.meta, run.dataset, run.report, run.model) == ({}, {}, None, None)
    assert run.name == f"{run.config.dataset} · {run.config.model}"


def test_what_a_worker_left_is_read(make_run: Callable[..., Run]) -> None:
    run = with_model(make_run())
    end(run)
    write_json(run.folder / "report.json", {"accuracy": 0.5})
    assert run.report == {"accuracy": 0.5}
    assert run.model == {"version": 1}
    events, offset = run.events()
    assert [type(event) for event in events] == [RunStarted, RunEnded]
    assert run.events(offset) == ([], offset)


# --- meta ---------------------------------------------------------------------------------------


def test_entries_are_set_and_removed(make_run: Callable[..., Run]) -> None:
    run = make_run()
    run.update_meta(name="Mine", tags=["a"])
    run.update_meta(notes="Good", tags=None)
    assert run.name == "Mine"
    assert run.meta["notes"] == "Good"
    assert "tags" not in run.meta


def test_two_pages_that_write_at_once_lose_nothing(
    make_run: Callable[..., Run], python: Callable[..., Any]
) -> None:
    run = make_run()
    code = (
        "import sys; from pathlib import Path; from ml.runs.folder import Run\n"
        "run = Run(Path(sys.argv[1]))\n"
        "for turn in range(40): run.update_meta(**{f'{sys.argv[2]}{turn}': turn})"
    )
    for page in [python(code, run.folder, name) for name in "ab"]:
        assert page.wait() == 0, page.stderr.read()
    assert {f"{name}{turn}" for name in "ab" for turn in range(40)} <= set(run.meta)


@pytest.mark.parametrize(
    ("number", "sentence"), [(errno.EROFS, "cannot be written to"), (errno.ENOSPC, "disk is full")]
)
def test_a_folder_that_cannot_be_changed_is_a_sentence(
    number: int,
    sentence: str,
    workspace: Workspace,
    make_run: Callable[..., Run],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run, other = make_run(), make_run()
    trash.delete(workspace, other)

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(Path, "rename", fail)
    monkeypatch.setattr(Path, "touch", fail)
    monkeypatch.setattr(FileLock, "acquire", fail)
    for change in (
        lambda: trash.delete(workspace, run),
        lambda: trash.restore(workspace, other.id),
        lambda: queue.claim(run),
        lambda: run.update_meta(name="x"),
        run.ask_to_stop,
        make_run,
    ):
        with pytest.raises(WorkspaceError, match=sentence):
            change()
    assert runs.list_runs(workspace) == [run]


def test_an_interrupted_making_leaves_nothing(
    workspace: Workspace, make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make_run()
    assert list(workspace.runs.iterdir()) == []
