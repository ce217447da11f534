"""Findings as pages read them, and what is ignored."""

import json

import pytest

from ml.data.store.versions import Item, write_picture, write_version
from ml.doctor.finding import Finding, Fix
from ml.doctor.registry import severity_key
from ml.doctor.stored_findings import (
    findings_path,
    ignore,
    ignored,
    map_path,
    read_findings,
    read_map,
    unignore,
)
from ml.errors import BadInputError
from ml.utils.files import write_json
from ml.workspace import Workspace


def finding(kind: str = "exact_duplicate", severity: str = "medium", **more: object) -> Finding:
    defaults = {"title": "2 pictures are in the set twice.", "why": "Why.", "advice": "What."}
    return Finding(key=f"{kind}:1", kind=kind, severity=severity, **{**defaults, **more})  # type: ignore[arg-type]


def test_a_finding_comes_back_from_json_as_it_was() -> None:
    original = finding(
        items=[3, 4],
        groups=[[3, 4]],
        labels={3: "glass"},
        scores={3: 0.25},
        fixes=[Fix("Exclude the copies", [{"do": "exclude", "items": [4]}])],
    )
    assert Finding.from_json(json.loads(json.dumps(original.to_json()))) == original


def test_the_most_harmful_comes_first() -> None:
    low, high = finding(severity="low", items=range(100)), finding("blank", "high")
    many, few = finding(items=range(9)), finding(items=range(2))
    leak = finding(kind="leak")
    assert sorted([low, few, many, leak, high], key=severity_key) == [high, many, few, leak, low]


@pytest.fixture
def fingerprint(workspace: Workspace) -> str:
    item = Item(write_picture(workspace, b"picture"), 0)
    about = {"width": 1, "height": 1, "colour": False, "bytes": 7}
    return write_version(workspace, "pets", ("cat",), (item,), about).fingerprint


@pytest.mark.parametrize(("path", "read"), [(findings_path, read_findings), (map_path, read_map)])
def test_what_is_about_other_pictures_is_not_shown(
    workspace: Workspace, fingerprint: str, path: object, read: object
) -> None:
    assert callable(path)
    assert callable(read)
    assert read(workspace, "pets", 1) is None
    place = path(workspace, "pets", 1)
    place.parent.mkdir()
    write_json(place, {"fingerprint": fingerprint, "findings": [], "x": [], "y": []})
    assert read(workspace, "pets", 1) == {
        "fingerprint": fingerprint,
        "findings": [],
        "x": [],
        "y": [],
    }
    write_json(place, {"fingerprint": "of other pictures", "findings": []})
    assert read(workspace, "pets", 1) is None
    place.write_text("{", encoding="utf-8")
    assert read(workspace, "pets", 1) is None


def test_ignoring_and_showing_again(workspace: Workspace, fingerprint: str) -> None:
    assert ignored(workspace, "pets") == set()
    ignore(workspace, "pets", "leak:1")
    ignore(workspace, "pets", "blank:2")
    assert ignored(workspace, "pets") == {"leak:1", "blank:2"}
    unignore(workspace, "pets", "leak:1")
    unignore(workspace, "pets", "never there")
    assert ignored(workspace, "pets") == {"blank:2"}


@pytest.mark.parametrize("name", ["", "..", "../other", "a/b", "a\\b"])
def test_a_name_leads_nowhere_else(workspace: Workspace, name: str) -> None:
    with pytest.raises(BadInputError):
        ignore(workspace, name, "leak:1")
