"""What was measured besides: kinds of pictures, worse pictures, and what more would bring."""

from ml.evaluation import learning_curve as curve
from ml.evaluation import robustness, slice_discovery
from ml.sharing.html_report.figures import bars, learning_curve
from ml.sharing.html_report.markup import Html, figure, named, section, table, tag
from ml.sharing.html_report.subject import Subject
from ml.text import report_sentences
from ml.text.format import count, percentage, span, with_span

KINDS = 30
"""Groups of pictures that are listed at most, the least likely by chance first."""


def kinds_of_pictures(subject: Subject) -> Html:
    """Groups of these pictures that do worse than the rest; nothing where none were looked for."""
    results = subject.results
    found = slice_discovery.read(subject.run, results.fingerprint, results.split)
    if found is None or found["pictures"] != len(results.labels):
        return Html()
    heads = ("Group", "Worse", "Pictures", "Accuracy (95 %)", "The rest", "By chance alone")
    rows = [
        [
            tag("span", f"{one['kind']}: ", named(one["name"]), _worded(one["word"])),
            "yes" if one["worse"] else "–",
            f"{one['pictures']:,}",
            figure(one["accuracy"], with_span(one["accuracy"], one["interval"])),
            figure(one["rest"], percentage(one["rest"])),
            slice_discovery.by_chance(one["adjusted"]),
        ]
        for one in found["slices"][:KINDS]
    ]
    more = f"The first {KINDS} of {found['tried']} groups. " if found["tried"] > KINDS else ""
    about = (
        f"{more}A group is called worse where chance alone would make any of the {found['tried']} "
        f"so bad in less than 5 % of tests ({found['method']})."
    )
    listed = table("Groups of pictures, the least likely by chance first", heads, rows)
    return section(
        "Is it worse on some kind of picture?",
        tag("p", tag("strong", found["finding"])),
        *((listed, tag("p", about, class_="quiet")) if rows else ()),
    )


def _worded(word: str) -> str:
    return f" ({word})" if word else ""


def worse_pictures(subject: Subject) -> Html:
    """Accuracy under each kind of corruption; nothing where that was not measured."""
    found = robustness.read(subject.run)
    if found is None:
        return Html()
    strengths = len(found["kinds"][0]["accuracy"])
    heads = ("Kind", "Mean", "", *(f"Strength {n + 1}" for n in range(strengths)))
    rows = [
        [
            row["label"],
            figure(row["mean"], percentage(row["mean"], digits=1)),
            bars([row["mean"]], found["clean"]),
            *(figure(share, percentage(share)) for share in row["accuracy"]),
        ]
        for row in found["kinds"]
    ]
    about = (
        f"Accuracy on {count(found['pictures'], 'test picture')} of the run's own, spoilt in each "
        "way at five strengths, from weak to strong. Dashed: the pictures as they are."
    )
    return section(
        "How it takes worse pictures",
        tag("p", tag("strong", report_sentences.corruptions(found))),
        table("Accuracy by kind of corruption", heads, rows),
        tag("p", about, class_="quiet"),
    )


def more_pictures(subject: Subject) -> Html:
    """The learning curve; nothing where that was not measured."""
    found = curve.read(subject.run)
    if found is None:
        return Html()
    fits = f"mean of {found['draws']} fits each" if found["draws"] > 1 else "one fit each"
    about = (
        "The same settings on a quarter, a half, three quarters and all of the training pictures. "
        f"Accuracy on {count(found['pictures'], 'validation picture')}, {fits}; whiskers are 95 % "
        "intervals"
        + ("; hollow is what twice the pictures might bring." if found["twice"] else ".")
    )
    rows = [
        [
            f"{point['train']:,}",
            figure(point["accuracy"], percentage(point["accuracy"], digits=1)),
            f"{span(point['interval'])} %",
        ]
        for point in found["points"]
    ]
    heads = ("Training pictures", "Validation accuracy", "95 % interval")
    return section(
        "What more pictures would bring",
        tag("p", tag("strong", found["finding"])),
        tag("figure", learning_curve(found), tag("figcaption", about)),
        table("Accuracy by number of training pictures", heads, rows),
    )
