"""The examination of one version: run every check, and store the findings beside the version."""

import logging
import time
from typing import Any

from ml.data.pixels.parallel import Progress
from ml.data.store.versions import DatasetVersion
from ml.doctor import registry
from ml.doctor.check_context import CheckContext
from ml.doctor.finding import Finding
from ml.doctor.registry import CHECK_FAILED, all_checks, severity_key
from ml.doctor.stored_findings import findings_path, write_content
from ml.errors import BadInputError, MLError, WorkspaceError
from ml.text.format import count, listed
from ml.workspace import Workspace

log = logging.getLogger(__name__)


def examine(
    workspace: Workspace, version: DatasetVersion, progress: Progress = lambda share: None
) -> dict[str, Any]:
    """Examine a version; what ``read_findings`` gives afterwards.

    Raises:
        MLError: the weights of the bundled network are not installed.
        WorkspaceError: the disk is full or cannot be written to.
    """
    start = time.monotonic()
    findings = findings_of(CheckContext(workspace, version, _monotonic(progress)))
    content = {
        "version": version.version,
        "fingerprint": version.fingerprint,
        "time": round(time.time(), 1),
        "seconds": round(time.monotonic() - start, 1),
        "findings": [finding.to_json() for finding in findings],
    }
    write_content(findings_path(workspace, version.name, version.version), content)
    progress(1.0)
    return content


def findings_of(context: CheckContext) -> list[Finding]:
    """What all checks find, most harmful first. A check that fails is a finding of its own.

    Raises:
        MLError, MemoryError: what no check is to blame for, such as missing weights.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    undamaged = bool((context.statistics["width"] > 0).all())
    findings: list[Finding] = []
    failures: dict[str, str] = {}
    # Many small products of matrices: with several threads that wait for one another on a busy
    # computer they took a hundred times as long. The network has threads of its own.
    with threadpool_limits(1):
        for check, kinds in all_checks():
            try:
                findings += check(context)  # what it yields before it fails stands
            except (MemoryError, WorkspaceError):
                raise
            except BadInputError as error:
                # A damaged picture is a finding of its own; what needs all of them is left out.
                if undamaged:
                    failures[kinds[0].label] = str(error)
            except MLError:
                raise
            except Exception as error:
                log.exception("The check for %s failed.", kinds[0].name)
                failures[kinds[0].label] = f"{type(error).__name__}: {error}"
    failures |= registry.import_errors
    if failures:
        findings.append(_failed(context, failures))
    return sorted(findings, key=severity_key)


def _failed(context: CheckContext, failures: dict[str, str]) -> Finding:
    """One finding that names the checks that failed, each with its reason."""
    names = listed([f"“{name}”" for name in failures])
    reasons = "; ".join(
        " ".join(reason.split())[:200] for reason in dict.fromkeys(failures.values())
    )
    return context.finding(
        kind=CHECK_FAILED.name,
        severity="low",
        title=f"{count(len(failures), 'check')} failed: {names}.",
        why=f"What is looked for there was not found out. The reason: {reasons.rstrip('.')}.",
        about=" ".join(sorted(failures)),
    )


def _monotonic(progress: Progress) -> Progress:
    """``progress`` that only goes up, in whatever order checks ask for what takes time."""
    highest = 0.0

    def report(share: float) -> None:
        nonlocal highest
        highest = max(highest, share)
        progress(highest)

    return report
