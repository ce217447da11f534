"""Stored findings and similarity maps of a version, as pages read them. Light.

``datasets/<name>/doctor/<version>.json`` holds the findings of a version, ``map/<version>.json``
where its pictures lie on the similarity map, ``ignored.json`` the keys of findings that somebody
has decided to live with.
"""

from pathlib import Path
from typing import Any

from filelock import FileLock

from ml.data.store.versions import dataset_folder, read_summary
from ml.utils.files import explain_os_error, read_json, write_json
from ml.workspace import Workspace


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
    return _of_version(workspace, name, version, findings_path(workspace, name, version))


def read_map(workspace: Workspace, name: str, version: int) -> dict[str, Any] | None:
    """``x`` and ``y``, 0 to 1, one for each item of the version; None where none was drawn yet."""
    return _of_version(workspace, name, version, map_path(workspace, name, version))


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
    keys = read_json(_ignored_path(workspace, name))
    return {key for key in keys if isinstance(key, str)} if isinstance(keys, list) else set()


def ignore(workspace: Workspace, name: str, key: str) -> None:
    """Show this finding no more, as long as it is about the same pictures."""
    _change(workspace, name, key, keep=True)


def unignore(workspace: Workspace, name: str, key: str) -> None:
    """Show this finding again."""
    _change(workspace, name, key, keep=False)


def _change(workspace: Workspace, name: str, key: str, *, keep: bool) -> None:
    path = _ignored_path(workspace, name)
    try:
        with FileLock(path.with_suffix(".lock")):
            keys = ignored(workspace, name)
            write_json(path, sorted(keys | {key} if keep else keys - {key}))
    except OSError as error:
        raise explain_os_error(error, path) from error


def _ignored_path(workspace: Workspace, name: str) -> Path:
    return dataset_folder(workspace, name) / "ignored.json"


def _of_version(workspace: Workspace, name: str, version: int, path: Path) -> dict[str, Any] | None:
    """The content of ``path``; None where it is missing, damaged or about other pictures."""
    content = read_json(path)
    fingerprint = read_summary(workspace, name, version).get("fingerprint")
    fits = isinstance(content, dict) and content.get("fingerprint") == fingerprint
    return content if fits and isinstance(content, dict) else None
