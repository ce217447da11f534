"""Datasets by name: what one file adds to the command line and to the catalogue."""

import json
from pathlib import Path

import pytest

from ml.__main__ import main
from ml.data.catalog import describe, resolve
from ml.data.sources import hub_registry
from ml.data.sources.torchvision_catalog import SETS
from ml.errors import BadInputError
from ml.workspace import Workspace
from tests.helpers.scratch_hub import scratch_hub


def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> object:
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_one_file_adds_a_hub_to_the_command_line(
    tmp_path: Path, workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ("--workspace", str(workspace.root))
    with scratch_hub(tmp_path):
        taken = command(capsys, "ingest", "attic:shoes", *place)
        assert isinstance(taken, dict)
        assert (taken["name"], taken["classes"]) == ("shoes", {"left": 6, "right": 6})
        about = describe(workspace, "shoes")
        assert (about.title, about.licence) == ("Old shoes", "CC0")
        again = resolve(workspace, "attic:shoes")
        assert (again.name, again.fingerprint) == ("shoes", taken["fingerprint"])
        rows = command(capsys, "datasets", "--named", *place)
        assert isinstance(rows, list)
        assert {row["name"]: row["licence"] for row in rows if "attic" in row["name"]} == {
            "attic:shoes": "CC0",
            "attic:hats": "MIT",
        }
        with pytest.raises(SystemExit):
            main(["ingest", "--help"])
        assert "of the attic: shoes, hats" in " ".join(capsys.readouterr().out.split())


def test_a_set_that_its_hub_does_not_have_is_told(tmp_path: Path) -> None:
    with (
        scratch_hub(tmp_path),
        pytest.raises(BadInputError, match="none of the attic's sets that are known here: shoes, "),
    ):
        hub_registry.find("attic:gloves")
    assert hub_registry.find("attic:shoes") is None  # the hub is gone, and with it the name


def test_a_hub_that_cannot_be_imported_harms_no_other(tmp_path: Path) -> None:
    with scratch_hub(tmp_path):
        (tmp_path / "broken_hub.py").write_text("import nothing_like_it", encoding="utf-8")
        assert [hub.name for hub in hub_registry.all_hubs()] == ["torchvision", "attic"]


def test_torchvision_offers_every_set_that_it_reads() -> None:
    (hub,) = (hub for hub in hub_registry.all_hubs() if hub.name == "torchvision")
    assert [known.name for known in hub.list()] == list(SETS)


def test_two_hubs_of_one_name_are_refused() -> None:
    hub_registry.all_hubs()
    with pytest.raises(ValueError, match="two hubs named torchvision"):
        hub_registry.named_source("torchvision", label="", help="", list=lambda: ())(
            lambda *_: pytest.fail("never loaded")
        )
