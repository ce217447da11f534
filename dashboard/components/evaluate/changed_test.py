"""Changed test: a notice that the test of a run has changed, with its score by both tests."""

from dataclasses import asdict

import streamlit as st

from dashboard.queries.datasets import version_at
from dashboard.queries.results import Results
from dashboard.text.changed_test import changed_test_sentence
from ml.data.store.versions import DatasetVersion
from ml.errors import MLError
from ml.evaluation.changed_test import changed_test
from ml.text.format import percentage
from ml.workspace import Workspace


def changed_test_notice(
    workspace: Workspace,
    results: Results,
    newer: DatasetVersion | None,
    model: str = "The same model",
) -> None:
    """Draw the notice where a newer version of the set has another test than ``results``.

    Args:
        model: what the model is called in the sentence.
    """
    if newer is None or results.version is None or newer.name != results.dataset:
        return
    try:
        old = version_at(workspace, results.dataset, results.version)
    except MLError:  # gone: there is nothing to compare with
        return
    if old.fingerprint != results.fingerprint:
        return
    changed = changed_test(results, old, newer)
    if changed is None:
        return
    before = _score(changed.right_before, changed.pictures_before)
    after = _score(changed.right_after, changed.pictures_after)
    sentence = changed_test_sentence(**asdict(changed.changes))
    st.warning(
        f"{sentence} {model}, the same answers: {before} by the test it was measured on, {after} "
        "by the changed one.",
        icon=":material/straighten:",
    )


def _score(right: int, pictures: int) -> str:
    if not pictures:
        return "no picture left"
    return f"{percentage(right / pictures, digits=1)} ({right:,} of {pictures:,})"
