"""Section of the report: calibration of the probabilities, and the not-sure threshold."""

from typing import Any

from markupsafe import Markup

from ml.metrics.calibration import MIN_PICTURES_FOR_CALIBRATION
from ml.metrics.report import bin_interval
from ml.sharing.html_report.figures import reliability
from ml.sharing.html_report.rendering import render
from ml.sharing.html_report.report_data import Subject
from ml.text import report_sentences
from ml.text.format import count, with_span

SCORES = {
    "Calibration error (ECE)": "ece",
    "Log loss": "loss",
    "Brier score (0 to 2)": "brier",
}


def probabilities(subject: Subject) -> Markup | None:
    """Reliability as a chart and as a table, and what calibration did."""
    measured = subject.report.get("calibration") or {}
    bins = _filled(measured.get("bins"))
    if not bins:
        return None
    results = subject.results
    if len(results.labels) < MIN_PICTURES_FOR_CALIBRATION:
        return render(
            "too_few_to_calibrate", counted=subject.counted, least=MIN_PICTURES_FOR_CALIBRATION
        )
    error, bins_before = float(measured.get("ece") or 0.0), _filled(measured.get("bins_before"))
    points = count(round(100 * error), "percentage point")
    title = f"Probabilities are {points} off on average"
    alt = f"Probability given against share right. {title}; the table has the numbers."
    temperature = measured.get("temperature")
    return render(
        "probabilities",
        title=title,
        finding=report_sentences.calibration(error, results.confidence, measured),
        chart=reliability(bins, bins_before, alt),
        uncalibrated=bool(bins_before),
        bins=[_bin(one) for one in bins],
        temperature=None
        if temperature is None
        else report_sentences.temperature(float(temperature)),
        scores=_scores(measured),
    )


def _filled(bins: list[dict[str, float]] | None) -> list[dict[str, float]]:
    """The bins that have pictures."""
    return [one for one in bins or [] if one.get("pictures")]


def _bin(one: dict[str, float]) -> dict[str, Any]:
    pictures = int(one["pictures"])
    low, high = bin_interval(one)
    return {
        "range": f"{100 * one['low']:.0f} to {100 * one['high']:.0f} %",
        "pictures": pictures,
        "confidence": one["confidence"],
        "accuracy": one["accuracy"],
        "interval": f"{100 * low:.0f} to {100 * high:.0f} %",
    }


def _scores(measured: dict[str, Any]) -> list[dict[str, Any]]:
    """The scores of these pictures before and after calibration."""
    rows = []
    for label, name in SCORES.items():
        if name not in measured:
            continue
        before, after = measured.get(f"{name}_before"), float(measured[name])
        rows.append(
            {
                "label": label,
                "before": before,
                "before_text": "–" if before is None else f"{float(before):.3f}",
                "after": after,
                "after_text": f"{after:.3f}",
            }
        )
    return rows


def refusing(subject: Subject) -> Markup:
    """The threshold below which it is not sure, what that does, and when a picture is unlike."""
    results = subject.results
    right, sure = results.labels == results.guesses, results.sure
    answered, hits = int(sure.sum()), int(right[sure].sum())
    effect = None
    if answered:
        share = with_span(hits / answered, results.share_interval(sure, right))
        effect = (
            f"It is sure about {answered:,} of the {subject.counted}, and right about {hits:,} of "
            f"those: {share}. It leaves {len(right) - answered:,} open."
        )
    model = subject.model
    return render(
        "refusing",
        threshold=report_sentences.threshold(results.threshold, model.get("answers")),
        effect=effect,
        out_of_distribution=" ".join(
            sentence(model.get("unlike"))
            for sentence in (report_sentences.unlike, report_sentences.unlike_method)
        ).strip(),
    )
