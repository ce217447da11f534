"""Pages and commands of a workspace in which every run, search and data set has a damaged file."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard.queries import run_list
from ml.__main__ import main
from ml.runs.file_types import FILES
from ml.runs.folder import list_runs
from ml.workspace import Workspace
from tests.fixtures.archive import unpack
from tests.helpers.damage import WHOLE, damaged_lines, places, with_value
from tests.helpers.page_visits import visit, words

PAGES = ("home", "data", "train", "tune", "evaluate", "classify", "runs")
KINDS = ("infinity", "huge", "deep", "null", "text")
COMMANDS = (
    ("runs",), ("datasets",), ("models",), ("versions", "recycling"), ("doctor", "--list"),
    ("evaluate", "latest"), ("export", "latest", "--list"),
)  # fmt: skip


@pytest.fixture(autouse=True)
def _unpacked(tmp_path: Path, workspace: Workspace) -> Iterator[None]:
    unpack(tmp_path)
    yield
    # A process offers the plugins of the workspace that it opened last.
    main(["runs", "--json", "--workspace", str(tmp_path / "nothing")])


def damage_runs(workspace: Workspace, kind: str) -> None:
    """Damage another file of each run: its first value, or all of it."""
    names = [*FILES, "config.json", "events.jsonl"]
    for number, run in enumerate(list_runs(workspace)):
        existing = [run.folder / name for name in names if (run.folder / name).exists()]
        path = existing[(number + KINDS.index(kind)) % len(existing)]
        if path.suffix == ".jsonl":
            path.write_bytes(damaged_lines(path.read_bytes(), WHOLE[kind]))
        elif number % 2:
            path.write_text(WHOLE[kind])
        else:
            content = json.loads(path.read_bytes())
            damage_value(path, content, kind, number)


def damage_value(path: Path, content: object, kind: str, number: int) -> None:
    known = list(places(content))
    path.write_text(with_value(content, known[(number * 7) % len(known)], WHOLE[kind]))


def damage_others(workspace: Workspace, kind: str) -> None:
    """Damage a file of each search and each data set."""
    for area in (workspace.sweeps, workspace.datasets):
        for number, folder in enumerate(sorted(path for path in area.iterdir() if path.is_dir())):
            files = sorted(path for path in folder.rglob("*.json") if "cache" not in path.parts)
            if not files:  # the cache of a set that was removed
                continue
            path = files[(number + KINDS.index(kind)) % len(files)]
            damage_value(path, json.loads(path.read_bytes()), kind, number)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_pages_of_a_damaged_workspace_are_drawn(kind: str, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace")
    damage_runs(workspace, kind)
    damage_others(workspace, kind)
    rows = run_list.rows(workspace)
    assert any(row.damage for row in rows)
    for page in PAGES:
        visit(page)
    for row in rows[KINDS.index(kind) :: len(KINDS)]:
        for page in ("train", "evaluate", "classify"):
            visit(page, run=row.id)
    text = words(visit("runs"))
    assert "cannot be read" in text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_commands_in_a_damaged_workspace_end_with_a_sentence(
    command: tuple[str, ...], kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = Workspace(tmp_path / "workspace")
    damage_runs(workspace, kind)
    damage_others(workspace, kind)
    code = main([*command, "--json", "--workspace", str(workspace.root)])
    output = capsys.readouterr()
    assert code in (0, 1, 2), output.err
    assert "Traceback" not in output.err
    if code:
        assert output.err.strip().splitlines()[-1].endswith((".", "datasets"))
