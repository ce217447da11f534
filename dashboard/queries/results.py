"""Results of finished runs on their test pictures, cached for all sessions."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from ml.evaluation import holdout_reuse
from ml.evaluation.results import Floats, Integers, Results, own_report, read
from ml.evaluation.stored_reports import path_of
from ml.runs.folder import Run
from ml.workspace import Workspace

__all__ = ["Floats", "Integers", "Results", "load", "read", "report_of", "reuse"]

FILES = ("report.json", "predictions.npz", "model/model.json", "dataset.json")


def load(workspace: Workspace, run: Run, other: tuple[str, str] | None = None) -> Results | None:
    """The results of ``run``; None where it has none yet. Kept until one of its files changes.

    Args:
        other: fingerprint and split of other pictures that it was measured on; by default its own
            test pictures.

    Raises:
        BadInputError: they are damaged or do not fit together.
    """
    path = path_of(run, *other) if other else run.folder / "report.json"
    if not path.exists():
        return None
    files = [run.folder / name for name in FILES]
    files += [path, path.with_suffix(".npz")] if other else []
    return _load(workspace.root, run.folder, other, _signature(files))


def _signature(files: Sequence[Path]) -> tuple[tuple[int, int], ...]:
    signature = []
    for path in files:
        try:
            status = path.stat()
            signature.append((status.st_mtime_ns, status.st_size))
        except OSError:
            signature.append((0, 0))
    return tuple(signature)


@st.cache_resource(max_entries=8, show_spinner=False)
def _load(
    root: Path,
    folder: Path,
    other: tuple[str, str] | None,
    signature: tuple[tuple[int, int], ...],
) -> Results:
    """``signature`` changes with the files: it is there for the cache's key."""
    return read(Workspace(root), Run(folder), other)


def report_of(run: Run) -> dict[str, Any] | None:
    """The report of ``run`` on its test pictures, with intervals that allow for their groups; None
    where there is none."""
    return _report_of(run.folder, _signature([run.folder / name for name in FILES]))


@st.cache_data(max_entries=200, show_spinner=False)
def _report_of(folder: Path, signature: tuple[tuple[int, int], ...]) -> dict[str, Any] | None:
    """``signature`` changes with the files: it is there for the cache's key."""
    return own_report(Run(folder))


def reuse(workspace: Workspace, run: Run, results: Results) -> dict[str, Any] | None:
    """How many models were scored on the test pictures of ``run``, and the interval of whichever is
    kept: see ``ml.evaluation.holdout_reuse.summary``."""
    tests = [
        _tested_pictures(one.folder, _signature([one.folder / "predictions.npz"]))
        for one in holdout_reuse.runs_scored(workspace)
    ]
    models = holdout_reuse.count_models(frozenset(results.hashes), tests)
    return holdout_reuse.summary(results, models)


@st.cache_data(max_entries=2000, show_spinner=False)
def _tested_pictures(folder: Path, signature: tuple[tuple[int, int], ...]) -> frozenset[str]:
    """``signature`` changes with the file: it is there for the cache's key."""
    return holdout_reuse.tested_pictures(Run(folder))
