"""What the report begins with: what was measured, the result with its intervals, and baselines."""

from ml import __version__
from ml.sharing.html_report.markup import Html, facts, figure, named, section, table, tag
from ml.sharing.html_report.subject import Subject, day
from ml.text import metric_text, report_sentences
from ml.text.format import percentage, with_span


def head(subject: Subject) -> Html:
    """The name of the run, and on what and when it was measured."""
    created = subject.run.meta.get("created")
    about = {
        "Model": subject.network,
        "Pictures": _pictures(subject),
        "Trained": day(float(created)) if created else None,
        "Report made": f"{day(subject.now)}, with Lensmith {__version__}",
        "Run": tag("code", subject.run.id),
        "Licence of the pictures": subject.info.licence if subject.info else None,
        "Notes": str(subject.run.meta.get("notes") or ""),
    }
    title = tag("h1", named(subject.run.name))
    return tag("header", tag("p", "Report on a classifier", class_="kind"), title, facts(about))


def _pictures(subject: Subject) -> Html:
    """How many, of which set in which version, and whether the model has seen them."""
    results = subject.results
    title = subject.info.title if subject.info else results.dataset
    version = f", version {results.version}" if results.version else ""
    seen = ", never trained on" if results.own else ""
    mark = str(subject.report.get("fingerprint") or "")[:12]
    known = [" (fingerprint ", tag("code", mark), ")"] if mark else []
    return tag("span", f"{subject.counted} of ", named(title), f"{version}{seen}", *known)


def result(subject: Subject) -> Html:
    """The headline, the three figures with their intervals, baselines, and what to beware of."""
    report, results = subject.report, subject.results
    words = report_sentences.headline(report)
    reading = report_sentences.reading(report, len(results.labels))
    tiles = []
    for metric in metric_text.measured(report):
        interval = metric_text.interval_text(metric, report, unit=True)
        value = metric_text.value_text(metric, report)
        tiles.append(
            tag(
                "div",
                tag("h3", metric.label),
                tag("p", figure(report[metric.name], value), class_="figure"),
                tag("p", f"{interval}, 95 % interval" if interval else "", class_="quiet"),
                tag("p", metric.explanation, class_="quiet"),
            )
        )
    folds = report_sentences.folds(report.get("folds"))
    notes = [tag("li", str(one.get("text", ""))) for one in report.get("notes") or []]
    return section(
        words,
        tag("p", reading),
        tag("p", folds) if folds else None,
        tag("div", *tiles, class_="tiles"),
        _baselines(subject),
        tag("h3", "Beware") if notes else None,
        tag("ul", *notes, class_="notes") if notes else None,
    )


NEAREST = "Says the class whose mean training picture is nearest, pixel by pixel."


def _baselines(subject: Subject) -> Html:
    """The model beside what comes without learning."""
    report = subject.report
    interval = (report.get("intervals") or {}).get("accuracy")
    accuracy = report["accuracy"]
    rows: list[list[Html | str]] = [
        ["This model", figure(accuracy, with_span(accuracy, interval)), "What was trained."]
    ]
    majority = report.get("majority") or {}
    if (share := majority.get("accuracy")) is not None:
        about = tag("span", "Says ", named(majority.get("class", "")), ", whatever it is shown.")
        rows.append(["The biggest class", figure(share, percentage(share)), about])
    centroid = report.get("centroid") or {}
    if (share := centroid.get("accuracy")) is not None:
        rows.append(["The nearest mean picture", figure(share, percentage(share)), NEAREST])
    return table("Beside what comes without learning", ("", "Accuracy", "What it does"), rows)
