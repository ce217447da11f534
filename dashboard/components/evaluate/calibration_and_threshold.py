"""Calibration, not-sure threshold and exported file of a run: expanders of Evaluate."""

from functools import partial
from typing import Any

import streamlit as st

from dashboard.charts import evaluation as evaluation_charts
from dashboard.components.widgets.lazy_expander import lazy_expander
from dashboard.components.widgets.plot import plot
from dashboard.queries.results import Results
from dashboard.state.keys import fold_key
from dashboard.text.markdown import with_span
from dashboard.text.wording import count
from ml.metrics.calibration import MIN_PICTURES_FOR_CALIBRATION
from ml.runs.folder import Run
from ml.text import report_sentences


def calibration_and_threshold(run: Run, results: Results) -> None:
    """Draw the folds; what is inside is made when one is opened."""
    title, key = "Can the probabilities be trusted?", fold_key("calibration", results.key)
    lazy_expander(title, key, partial(_calibration, run, results))
    title, key = "When does it say that it is not sure?", fold_key("sure-threshold", results.key)
    lazy_expander(title, key, partial(_threshold, run, results))
    with st.expander("Is the file that you take away the model that was tested?"):
        _parity(run.model)


def _calibration(run: Run, results: Results) -> None:
    calibration = results.report.get("calibration") or {}
    bins = [entry for entry in calibration.get("bins") or [] if entry.get("pictures")]
    if len(results.labels) < MIN_PICTURES_FOR_CALIBRATION or not bins:
        st.write(
            f"{count(len(results.labels), 'test picture')} are too few to tell whether the "
            f"probabilities mean what they say. {MIN_PICTURES_FOR_CALIBRATION} are the least."
        )
        return
    sentence = report_sentences.calibration(
        float(calibration.get("ece") or 0.0), results.confidence, calibration
    )
    st.write(
        "When the model says 80 %, is it right 80 % of the time? Points on the dashed line mean "
        "yes; below it the model is too sure of itself, above it too modest. Bigger points stand "
        f"for more pictures, whiskers are 95 % intervals. {sentence}"
    )
    plot(
        evaluation_charts.reliability(bins, calibration.get("bins_before") or []),
        key=f"reliability-{results.key}",
        height=320,
        alt=f"Probability given against share right. {sentence}",
    )
    if calibration.get("temperature") is not None:
        st.caption(report_sentences.temperature(float(calibration["temperature"])))
    if "brier" in calibration and calibration.get("temperature") != 1.0:  # else nothing was done
        st.table(_effect(calibration))


def _effect(calibration: dict[str, Any]) -> dict[str, list[str]]:
    """What calibration did to the test pictures: the lower, the better."""
    rows = {
        "Calibration error (ECE)": ("ece_before", "ece"),
        "Log loss": ("loss_before", "loss"),
        "Brier score (0 to 2)": ("brier_before", "brier"),
    }
    table: dict[str, list[str]] = {"Lower is better": list(rows)}
    for place, heading in enumerate(("Before", "Calibrated")):
        table[heading] = [f"{float(calibration[names[place]]):.3f}" for names in rows.values()]
    return table


def _threshold(run: Run, results: Results) -> None:
    st.write(report_sentences.threshold(results.threshold, (run.model or {}).get("answers")))
    right = results.labels == results.guesses
    sure, total = results.sure, len(results.labels)
    if sure.any():
        sure_and_right, sure_count = int(right[sure].sum()), int(sure.sum())
        share = sure_and_right / sure_count
        st.write(
            f"It is sure about {sure_count} of {count(total, 'test picture')}, and right about "
            f"{sure_and_right} of those: "
            f"{with_span(share, results.share_interval(sure, right))}."
        )
        answers = (run.model or {}).get("answers")
        if broken := report_sentences.promise_kept(answers, sure_and_right, sure_count):
            st.warning(broken)
    if total < MIN_PICTURES_FOR_CALIBRATION:
        sentence = f"{count(total, 'test picture')} are too few"
        st.caption(f"{sentence} to draw what other levels would do.")
        return
    plot(
        evaluation_charts.thresholds(
            results.confidence.tolist(), right.tolist(), results.threshold
        ),
        key=f"thresholds-{results.key}",
        height=300,
        alt="Share of pictures called sure, and share of those that are right, by threshold.",
    )


def _parity(model: dict[str, Any] | None) -> None:
    st.write(report_sentences.parity((model or {}).get("parity")))
