"""The examination of one version: every check, and what they found, kept beside the version."""

import time
from typing import Any

from ml.data.pixels.parallel import Progress
from ml.data.store.versions import DatasetVersion
from ml.doctor.case import Case
from ml.doctor.finding import Finding, harm
from ml.doctor.reading import findings_path, keep
from ml.doctor.registry import all_checks
from ml.errors import BadInputError
from ml.workspace import Workspace


def examine(
    workspace: Workspace, version: DatasetVersion, progress: Progress = lambda share: None
) -> dict[str, Any]:
    """Examine a version; what ``read_findings`` gives afterwards.

    Raises:
        MLError: the weights of the bundled network are not installed.
        WorkspaceError: the disk is full or cannot be written to.
    """
    began = time.monotonic()
    found = findings_of(Case(workspace, version, progress))
    told = {
        "version": version.version,
        "fingerprint": version.fingerprint,
        "time": round(time.time(), 1),
        "seconds": round(time.monotonic() - began, 1),
        "findings": [finding.to_json() for finding in found],
    }
    keep(findings_path(workspace, version.name, version.version), told)
    progress(1.0)
    return told


def findings_of(case: Case) -> list[Finding]:
    """What all checks find, most harmful first."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    whole = bool((case.looks["width"] > 0).all())
    found: list[Finding] = []
    # Many small products of matrices: with several threads that wait for one another on a busy
    # computer they took a hundred times as long. The network has threads of its own.
    with threadpool_limits(1):
        for check, _ in all_checks():
            try:
                found += check(case)
            except BadInputError:
                if whole:
                    raise
                # A damaged picture is a finding of its own; what needs all of them is left out.
    return sorted(found, key=harm)
