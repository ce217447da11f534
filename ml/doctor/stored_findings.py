"""Stored findings and similarity maps of a version, as pages read them. Light.

``datasets/<name>/doctor/<version>.json`` holds the findings of a version, ``map/<version>.json``
where its pictures lie on the similarity map, ``ignored.json`` the keys of findings that somebody
has decided to live with.
"""

from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

from ml.data.store.versions import dataset_folder, read_summary
from ml.utils.files import explain_os_error, write_json
from ml.utils.locks import held
from ml.utils.typed_json import Count, Moment, Seconds, Share, read_typed
from ml.workspace import Workspace


class StoredFix(TypedDict):
    """A fix as ``Finding.to_json`` writes it."""

    label: str
    edits: list[dict[str, Any]]


class StoredFinding(TypedDict):
    """A finding as ``Finding.to_json`` writes it."""

    key: str
    kind: str
    severity: Literal["high", "medium", "low"]
    title: str
    why: str
    advice: str
    items: list[Count]
    groups: list[list[Count]]
    labels: dict[str, str]
    scores: dict[str, float]
    fixes: list[StoredFix]


class FindingsFile(TypedDict):
    """``doctor/<version>.json``."""

    version: NotRequired[Count]
    fingerprint: str
    time: NotRequired[Moment]
    seconds: NotRequired[Seconds]
    findings: list[StoredFinding]


class MapFile(TypedDict):
    """``map/<version>.json``."""

    fingerprint: str
    x: list[Share]
    y: list[Share]
    seconds: NotRequired[Seconds]


def findings_path(workspace: Workspace, name: str, version: int) -> Path:
    """Where the findings of a version are kept."""
    return dataset_folder(workspace, name) / "doctor" / f"{version}.json"


def map_path(workspace: Workspace, name: str, version: int) -> Path:
    """Where the similarity map of a version is kept."""
    return dataset_folder(workspace, name) / "map" / f"{version}.json"


def read_findings(workspace: Workspace, name: str, version: int) -> dict[str, Any] | None:
    """version, fingerprint, time, seconds and findings; None where the doctor was not there yet.

    Findings are as ``Finding.to_json`` writes them, most harmful first, those that are ignored
    among them.
    """
    path = findings_path(workspace, name, version)
    return _of_version(workspace, name, version, path, FindingsFile)


def read_map(workspace: Workspace, name: str, version: int) -> dict[str, Any] | None:
    """``x`` and ``y``, 0 to 1, one for each item of the version; None where none was drawn yet."""
    return _of_version(workspace, name, version, map_path(workspace, name, version), MapFile)


def write_content(path: Path, content: dict[str, Any]) -> None:
    """Write findings or a map; its folder is made where it is missing.

    Raises:
        WorkspaceError: the disk is full or cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise explain_os_error(error, path) from error
    write_json(path, content)


def ignored(workspace: Workspace, name: str) -> set[str]:
    """The keys of the findings that are ignored, in any version of the set."""
    return set(read_typed(_ignored_path(workspace, name), list[str]) or ())


def ignore(workspace: Workspace, name: str, key: str) -> None:
    """Show this finding no more, as long as it is about the same pictures."""
    _change(workspace, name, key, keep=True)


def unignore(workspace: Workspace, name: str, key: str) -> None:
    """Show this finding again."""
    _change(workspace, name, key, keep=False)


def _change(workspace: Workspace, name: str, key: str, *, keep: bool) -> None:
    path = _ignored_path(workspace, name)
    try:
        with held(path.with_suffix(".lock")):
            keys = ignored(workspace, name)
            write_json(path, sorted(keys | {key} if keep else keys - {key}))
    except OSError as error:
        raise explain_os_error(error, path) from error


def _ignored_path(workspace: Workspace, name: str) -> Path:
    return dataset_folder(workspace, name) / "ignored.json"


def _of_version(
    workspace: Workspace, name: str, version: int, path: Path, kind: Any
) -> dict[str, Any] | None:
    """The content of ``path``; None where it is missing, damaged or about other pictures."""
    content: dict[str, Any] | None = read_typed(path, kind)
    if content is None:
        return None
    summary = read_summary(workspace, name, version)
    count = sum(summary.get("classes", {}).values()) + summary.get("excluded", 0)
    named = [item for finding in content.get("findings", ()) for item in _items_of(finding)]
    fits = content["fingerprint"] == summary.get("fingerprint") and max(named, default=0) < count
    return content if fits else None


def _items_of(finding: dict[str, Any]) -> list[int]:
    groups = [item for group in finding["groups"] for item in group]
    return [*finding["items"], *groups, *map(int, finding["labels"]), *map(int, finding["scores"])]
