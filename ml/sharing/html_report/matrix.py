"""The confusion matrix as a table that can be read aloud, shaded in one hue."""

from ml.evaluation.results import MOST_CONFUSED, most_confused
from ml.sharing.html_report.markup import Html, Part, framed, joined, named, section, tag
from ml.sharing.html_report.subject import Subject
from ml.text.format import count, percentage, shortened

WHOLE = 30
"""With more classes than this, the most confused of them are shown."""
DENSE, LABEL = 12, 30
"""With more classes than this, names stand upright, of so many characters; numbers are small."""
TRUTH, GUESS = "Truth (the label) ↓", "Guess (what the model said) →"
FLIP = 0.36
"""From this share of a row on, a cell is dark and its numbers light (in the dark theme the other
way round). Between the two lies a tone on which neither would be legible; it is left out."""


def confusion(subject: Subject) -> Html:
    """The section."""
    names, matrix = subject.results.classes, subject.report["confusion"]
    shown = list(range(len(names)))
    told: str | None = None
    if len(names) > WHOLE:
        shown = most_confused(matrix, MOST_CONFUSED)
        told = (
            f"There are {len(names)} classes. Shown are the {MOST_CONFUSED} with the most "
            "mistakes, as truth or as guess; what was taken for another class is in the percent "
            "and in the last column, but has no column of its own."
        )
    made = _table([names[n] for n in shown], [matrix[row] for row in shown], shown)
    dense = "dense" if len(shown) > DENSE else ""
    about = (
        "Each row is a true class, each column what the model said. A cell has the number of "
        "pictures and their percent of the row; framed is what was right. The stronger the tone, "
        "the more of the row."
    )
    frequent = _frequent(subject)
    return section(
        "What is taken for what",
        tag("p", told, class_="told") if told else None,
        framed(made, "Confusion matrix", f"matrix {dense}".strip()),
        tag("p", about, class_="quiet"),
        tag("h3", "Most frequent mistakes") if frequent else None,
        tag("ol", *frequent) if frequent else None,
    )


def _table(names: list[str], rows: list[list[int]], shown: list[int]) -> Html:
    dense = len(names) > DENSE
    columns = [_name(name, dense, scope="col", class_="name") for name in names]
    head = [
        tag(
            "tr",
            tag("th", TRUTH, scope="col", rowspan=2, class_="truth"),
            tag("th", GUESS, scope="colgroup", colspan=len(names), class_="guess"),
            tag("th", "Pictures", scope="col", rowspan=2, class_="name"),
        ),
        tag("tr", *columns),
    ]
    body = []
    for place, (name, row) in enumerate(zip(names, rows, strict=True)):
        total = sum(row)
        cells = [
            _cell(row[column], total, (name, names[at]), at == place)
            for at, column in enumerate(shown)
        ]
        body.append(tag("tr", _name(name, dense, scope="row"), *cells, tag("td", f"{total:,}")))
    caption = tag("caption", "Confusion matrix: rows are the truth, columns the guess")
    return tag("table", caption, tag("thead", *head), tag("tbody", *body))


def _name(name: str, dense: bool, **attributes: str) -> Html:
    """The heading of a row or a column; a long name is shortened where there is no room."""
    short = shortened(name, LABEL) if dense else name
    return tag("th", named(short), title=name if short != name else None, **attributes)


def _cell(number: int, total: int, names: tuple[str, str], right: bool) -> Html:
    truth, guess = names
    share = number / total if total else 0.0
    class_ = f"cell tone{tone(share)}" + (" right" if right else "")
    if not number:
        return tag("td", "0", class_=f"{class_} none")
    seen = "recognised" if right else f"taken for {guess}"
    parts: list[Part] = [tag("b", f"{number:,}"), tag("small", percentage(share))]
    title = f"{number:,} of {total:,} {truth}: {seen}"
    return tag("td", joined(parts), class_=class_, title=title)


def tone(share: float) -> int:
    """The tone of a cell, 0 to 9, for its share of the row. The square root lifts the few mistakes
    out of the background of a full diagonal.

    >>> [tone(share) for share in (0.0, 0.001, 0.1, 0.35, 0.36, 0.7, 1.0)]
    [0, 1, 3, 5, 7, 8, 9]
    """
    if share >= FLIP:
        return 9 if share > 0.82 else 8 if share > 0.5 else 7
    return max(1, round(5 * (share / FLIP) ** 0.5)) if share > 0 else 0


def _frequent(subject: Subject, most: int = 5) -> list[Html]:
    """The most frequent mistakes, each as a sentence."""
    names, matrix = subject.results.classes, subject.report["confusion"]
    return [
        tag(
            "li",
            f"{count(number, 'picture')} of ",
            named(names[truth]),
            " taken for ",
            named(names[guess]),
            f": {percentage(number / sum(matrix[truth]))} of that class",
        )
        for truth, guess, number in subject.results.confusions(most)
    ]
