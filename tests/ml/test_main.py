"""The command line: exit codes, one line on standard error, JSON last, no torch without need."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ml import __main__ as command_line
from ml import __version__
from ml.errors import BadInputError, MLError, OutOfMemoryError, StoppedError, WorkspaceError
from ml.runs import queue
from ml.runs.events import EventLog, RunEnded, RunStarted
from ml.runs.folder import Run
from ml.utils.files import write_json
from ml.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]


def python_m_ml(
    *arguments: object, workspace: Path, interpreter: tuple[str, ...] = ()
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *interpreter, "-m", "ml", *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
        env={**os.environ, "LENSMITH_WORKSPACE": str(workspace)},
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "required: COMMAND"),
        (["fly"], "fly"),
        (["runs", "--sort"], "--sort"),
        (["runs", "--workspace"], "--workspace"),
        (["runs", "--workspace", __file__], "is a file"),
        (["predict", "nothing", "a.png"], "There is no run nothing"),
        (["evaluate", "latest"], "There is no finished run"),
    ],
    ids=lambda value: " ".join(value)[:24] if isinstance(value, list) else "",
)
def test_bad_input_is_exit_code_2_and_one_line_on_standard_error(
    arguments: list[str], sentence: str, tmp_path: Path
) -> None:
    done = python_m_ml(*arguments, workspace=tmp_path)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert sentence in done.stderr


def test_the_version_and_the_help_are_told(tmp_path: Path) -> None:
    assert python_m_ml("--version", workspace=tmp_path).stdout.strip() == __version__
    output = python_m_ml("--help", workspace=tmp_path).stdout
    assert all(name in output for name in command_line.COMMANDS)


@pytest.mark.parametrize("name", sorted(command_line.COMMANDS))
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        command_line.main([name, "--help"])
    assert caught.value.code == 0
    output = capsys.readouterr().out
    assert all(option in output for option in ("--json", "--workspace", "--verbose"))


def test_the_commands_are_those_of_the_folder() -> None:
    modules = {path.stem for path in (ROOT / "ml" / "commands").glob("[!_]*.py")}
    assert modules == set(command_line.COMMANDS)


@pytest.mark.parametrize("name", ["datasets", "runs", "models"])
def test_a_list_is_one_json_value_on_the_last_line(
    name: str, tmp_path: Path, make_run: Callable[..., Run], workspace: Workspace
) -> None:
    make_run()
    done = python_m_ml(name, "--json", workspace=workspace.root)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout.splitlines()[-1])
    assert rows
    assert all("name" in row for row in rows)


@pytest.mark.parametrize("name", ["datasets", "runs"])
def test_a_list_waits_for_no_torch(
    name: str, workspace: Workspace, make_run: Callable[..., Run]
) -> None:
    make_run()
    done = python_m_ml(name, "--json", workspace=workspace.root, interpreter=("-X", "importtime"))
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines() if "|" in line}
    assert "ml.workspace" in imported
    assert not {"torch", "lightning", "torchvision", "streamlit", "pandas"} & imported


def test_runs_are_told_with_status_and_figures(
    workspace: Workspace, make_run: Callable[..., Run], capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, damaged = make_run(model="small_cnn"), make_run(), make_run()
    queue.claim(first)
    log = EventLog(first.folder / "events.jsonl")
    log(RunStarted("m", "d", 3, 10))
    log(RunEnded("finished"))
    write_json(first.folder / "report.json", {"accuracy": 0.875, "macro_f1": 0.8, "pictures": 64})
    (damaged.folder / "config.json").write_text("{")
    assert command_line.main(["runs", "--json", "--workspace", str(workspace.root)]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["id"] for row in rows] == [first.id, second.id, damaged.id]
    assert rows[0] == {
        "id": first.id,
        "name": "hands · small_cnn",
        "status": "finished",
        "model": "small_cnn",
        "dataset": "hands",
        "metrics": {"accuracy": 0.875, "macro_f1": 0.8},
    }
    assert rows[1]["status"] == "queued"
    assert rows[2]["status"] == "failed"
    assert command_line.main(["runs", "--workspace", str(workspace.root)]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert "87.5%" in shown[0]
    assert len(shown) == 3


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (BadInputError("No such thing."), 2, "No such thing."),
        (WorkspaceError("Full."), 2, "Full."),
        (MLError("It went wrong."), 1, "It went wrong."),
        (OutOfMemoryError("Too big."), 1, "Too big."),
        (StoppedError("Stopped."), 130, "Stopped."),
        (KeyboardInterrupt(), 130, "Stopped."),
        (MemoryError(), 1, "not enough memory. Choose a smaller batch or picture size."),
        (FileNotFoundError(2, "No such file", "a.png"), 2, "There is no a.png. Check the path."),
        (OSError(28, "No space left on device", "b.bin"), 1, "The disk is full, so b.bin"),
        (PermissionError(13, "Permission denied", "/c/d"), 1, "cannot be written to"),
        (OSError(5, "Input/output error"), 1, "Input/output error"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_each_error_is_one_line_and_its_exit_code(
    error: BaseException,
    code: int,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("ml.commands.runs.run", fail)
    assert command_line.main(["runs"]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert sentence in captured.err
    assert captured.err.count("\n") == 1


def test_the_traceback_is_shown_when_asked_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise MLError("It went wrong.")

    monkeypatch.setattr("ml.commands.runs.run", fail)
    command_line.main(["runs"])
    assert not caplog.records
    command_line.main(["runs", "--verbose"])
    assert [record.exc_info is not None for record in caplog.records] == [True]


def test_a_reader_that_has_enough_is_no_error(
    workspace: Workspace, make_run: Callable[..., Run]
) -> None:
    for _ in range(3):
        make_run(dataset="x" * 100_000)  # more than a pipe holds
    with subprocess.Popen(
        [sys.executable, "-m", "ml", "runs", "--workspace", str(workspace.root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    ) as listing:
        assert listing.stdout is not None
        assert listing.stderr is not None
        listing.stdout.read(1)
        listing.stdout.close()
        assert listing.stderr.read() == b""
    assert listing.returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such file names")
def test_a_file_name_that_is_no_unicode_can_be_told(
    workspace: Workspace, make_run: Callable[..., Run]
) -> None:
    make_run(dataset=os.fsdecode(b"pictures-\xff"))
    for arguments in (["runs"], ["runs", "--json"]):
        done = python_m_ml(*arguments, workspace=workspace.root)
        assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["dataset"] == os.fsdecode(b"pictures-\xff")


def test_no_command_writes_progress_to_standard_output() -> None:
    """A bare ``print`` there must be a command's answer: so logging goes to standard error."""
    for path in (ROOT / "ml").rglob("*.py"):
        if path.parent.name in ("commands", "bundled") or path.name == "__main__.py":
            continue
        calls = [
            node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)
        ]
        names = [node.func.id for node in calls if isinstance(node.func, ast.Name)]
        assert "print" not in names, f"{path} prints"
