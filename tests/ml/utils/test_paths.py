"""What people write as a path is a path or a sentence, whatever it is and without a home folder."""

import json
import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from ml.errors import BadInputError, WorkspaceError
from ml.utils.paths import MAX_SHOWN_PATH, absolute_path, example_folder, shortened
from ml.workspace import Workspace, default_root, open_workspace
from tests.conftest import ROOT, python_path

ODD_PATHS = ("~nobodyhere/x", "x" * 300, "y" * 5000, "nul\0l", "~nobodyhere")


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user whom the system does not know, without HOME, as in some containers."""
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", lambda _: (_ for _ in ()).throw(KeyError("no such uid")))


@pytest.mark.parametrize("path", ODD_PATHS)
def test_an_odd_path_is_a_short_sentence(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInputError, match=r"\.$") as caught:
        absolute_path(path)
    assert len(str(caught.value)) < MAX_SHOWN_PATH + 100
    with pytest.raises(WorkspaceError):
        open_workspace(path)
    if "\0" not in path:
        monkeypatch.setenv("LENSMITH_WORKSPACE", path)
        with pytest.raises(BadInputError):
            default_root()
        with pytest.raises(WorkspaceError):
            open_workspace()


def test_a_circle_of_links_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(BadInputError, match="cannot be used as a path"):
        absolute_path(tmp_path / "a")


@pytest.mark.usefixtures("homeless")
def test_without_a_home_folder_paths_are_sentences_and_examples(tmp_path: Path) -> None:
    assert absolute_path(tmp_path) == tmp_path.resolve()
    assert Path(example_folder("pictures")).is_absolute()
    with pytest.raises(BadInputError, match="no home folder for ~/x"):
        absolute_path("~/x")


def test_a_plain_path_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert absolute_path("~/a/../b") == absolute_path("b") == tmp_path.resolve() / "b"
    assert shortened("short") == "short"


COMMANDS = (
    *(["ingest", "PATH"], ["ingest", "hands", "--name", "PATH"], ["ingest", "a", "--into", "PATH"]),
    *(["ingest", "PATH", "--class", "x"], ["doctor", "PATH"], ["versions", "PATH"]),
    *(["edit", "PATH", "--exclude", "1"], ["map", "PATH"], ["instant", "PATH"]),
    *(["train", "PATH"], ["train", "--resume", "PATH"], ["train", "--run", "PATH"]),
    *(["tune", "PATH"], ["evaluate", "PATH"], ["curve", "PATH"], ["robustness", "PATH"]),
    *(["predict", "PATH", "PATH"], ["export", "PATH", "--format", "onnx", "--output", "PATH"]),
    *(["share", "PATH"], ["estimate", "PATH"], ["datasets", "--workspace", "PATH"]),
)
ALL_COMMANDS = """
import contextlib, io, json, os, sys, traceback
from ml.__main__ import main
if sys.argv[2] == "homeless":
    import pwd
    def unknown(_): raise KeyError("no such uid")
    pwd.getpwuid = unknown
for words in json.loads(sys.argv[1]):
    err = io.StringIO()
    with contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()):
        try:
            code = main(words)
        except SystemExit as exit:
            code = exit.code
        except BaseException:
            code = traceback.format_exc()
    print(json.dumps([words, code, err.getvalue()]))
"""


@pytest.mark.parametrize("home", ["", "homeless"])
def test_no_command_has_a_traceback_for_an_odd_path(home: str, workspace: Workspace) -> None:
    commands = [
        [path if word == "PATH" else word for word in words]
        for path in ODD_PATHS
        for words in COMMANDS
    ]
    environment = {**os.environ, "PYTHONPATH": python_path(ROOT)}
    if home:
        environment.pop("HOME", None)
    done = subprocess.run(
        [sys.executable, "-c", ALL_COMMANDS, json.dumps(commands), home],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(commands)
    wrong = [
        (words, code, text)
        for words, code, text in answers
        if code not in (1, 2) or "Traceback" in text or not text.strip()
    ]
    assert not wrong, wrong
