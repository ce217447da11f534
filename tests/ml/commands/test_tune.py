"""``python -m ml tune``: range test, largest batch and search; bad input is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from ml.__main__ import main
from ml.workspace import Workspace
from tests.helpers.searches import SETTINGS, noise_dataset


def test_the_command_finds_rate_and_batch_and_refuses_bad_input(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noise_dataset(workspace)
    set_options = [f"--set={name}={value}" for name, value in SETTINGS.items() if name != "dataset"]
    start = ["tune", "--workspace", str(workspace.root), "--dataset", "noise", *set_options]

    def answer(*options: str) -> Any:
        assert main([*start, *options, "--json"]) == 0
        return json.loads(capsys.readouterr().out.splitlines()[-1])

    assert answer("--find", "rate")["pick"] > 0
    assert answer("--find", "batch")["largest"] > 0
    result = answer("--trials", "2", "--fields", "learning_rate", "--name", "mine")
    assert [trial["number"] for trial in result["trials"]] == [0, 1]
    assert set(result["trials"][1]["values"]) == {"learning_rate"}
    assert result["best"]["sentence"]
    assert main(["tune", "--workspace", str(workspace.root), "--better", "latest", "--set=seed=1"])
    assert main([*start, "--minutes", "0"]) == 2
    assert main([*start, "--fields", "device"]) == 2
    assert "device cannot be searched" in capsys.readouterr().err
