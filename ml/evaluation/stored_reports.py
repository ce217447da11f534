"""Stored reports: the measurements of a run on its own test pictures and on others. Light."""

from pathlib import Path
from typing import Any

from ml.data.store.versions import SPLITS
from ml.runs.file_types import Report, is_report
from ml.runs.folder import Run
from ml.utils.typed_json import read_typed


def path_of(run: Run, fingerprint: str, split: str) -> Path:
    """Where the report on other pictures than the run's own test pictures is kept; its predictions
    are beside it, as ``.npz``."""
    return run.folder / "reports" / f"{fingerprint}-{split}.json"


def is_own(run: Run, fingerprint: str, split: str) -> bool:
    """Whether these are the test pictures of the run, whose report is ``report.json``."""
    return split == "test" and fingerprint == run.dataset.get("fingerprint")


def report_of(run: Run, fingerprint: str, split: str) -> dict[str, Any] | None:
    """The report on other pictures by the model that ``run`` has now; None where there is none."""
    report = read_typed(path_of(run, fingerprint, split), Report)
    fits = report and is_report(report) and is_of_current_model(run, report)
    return report if fits else None


def others(run: Run) -> list[dict[str, Any]]:
    """The reports on other pictures by the model that ``run`` has now, the newest first."""
    dated = []
    for path in (run.folder / "reports").glob("*.json"):
        fingerprint, _, split = path.stem.partition("-")
        if split not in ("all", *SPLITS) or not path.with_suffix(".npz").is_file():
            continue
        report = report_of(run, fingerprint, split)
        if report is not None:
            dated.append((path.stat().st_mtime_ns, report))
    return [report for _, report in sorted(dated, key=lambda one: -one[0])]


def is_of_current_model(run: Run, report: dict[str, Any]) -> bool:
    """Whether what was measured is the model that ``run`` has now: it may have been resumed."""
    model = ((run.model or {}).get("sha256") or {}).get("model.onnx")
    return bool(model) and report.get("model_sha256") == model
