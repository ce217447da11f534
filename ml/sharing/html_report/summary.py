"""Sections of the report: title, metrics with intervals, baselines, and warnings."""

from typing import Any

from markupsafe import Markup

from ml import __version__
from ml.sharing.html_report.rendering import render
from ml.sharing.html_report.report_data import Subject, day
from ml.text import metric_text, report_sentences
from ml.text.format import percentage, with_span


def head(subject: Subject) -> Markup:
    """The name of the run, and on what and when it was measured."""
    results, info, meta = subject.results, subject.info, subject.run.meta
    created = meta.get("created")
    return render(
        "head",
        name=subject.run.name,
        network=subject.network,
        counted=subject.counted,
        dataset=info.title if info else results.dataset,
        version=f", version {results.version}" if results.version else "",
        seen=", never trained on" if results.own else "",
        fingerprint=str(subject.report.get("fingerprint") or "")[:12],
        trained=day(float(created)) if created else None,
        made=f"{day(subject.now)}, with Lensmith {__version__}",
        run=subject.run.id,
        licence=info.licence if info else None,
        notes=str(meta.get("notes") or ""),
    )


def result(subject: Subject) -> Markup:
    """The headline, the metrics with their intervals, baselines, and what to beware of."""
    report = subject.report
    accuracy, interval = report["accuracy"], (report.get("intervals") or {}).get("accuracy")
    return render(
        "result",
        headline=report_sentences.headline(report),
        reading=report_sentences.reading(report, len(subject.results.labels)),
        folds=report_sentences.folds(report.get("folds")),
        tiles=_tiles(report),
        accuracy={"value": accuracy, "text": with_span(accuracy, interval)},
        majority=_baseline(report.get("majority")),
        centroid=_baseline(report.get("centroid")),
        notes=[str(note.get("text", "")) for note in report.get("notes") or []],
    )


def _tiles(report: dict[str, Any]) -> list[dict[str, Any]]:
    """A tile for each metric that the report has."""
    tiles = []
    for metric in metric_text.measured(report):
        interval = metric_text.interval_text(metric, report, unit=True)
        tiles.append(
            {
                "label": metric.label,
                "value": report[metric.name],
                "text": metric_text.value_text(metric, report),
                "interval": f"{interval}, 95 % interval" if interval else "",
                "help": metric.explanation,
            }
        )
    return tiles


def _baseline(measured: dict[str, Any] | None) -> dict[str, Any] | None:
    """What a guesser without learning gets; None where the report does not say."""
    accuracy = (measured or {}).get("accuracy")
    if measured is None or accuracy is None:
        return None
    label = str(measured.get("class", ""))
    return {"value": accuracy, "text": percentage(accuracy), "label": label}
