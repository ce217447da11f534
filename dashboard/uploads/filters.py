"""Filters and sort orders of the pictures on Classify, by the answers of a model. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.uploads.session_uploads import Entry
from ml.data.sources.walk import natural

SURE, UNSURE, UNLIKE, UNREADABLE, NOT_ASKED = "Sure", "Not sure", "Unlike", "Not read", "Not asked"
VERDICTS = (SURE, UNSURE, UNLIKE, UNREADABLE)
LEAST_SURE_FIRST, MOST_SURE_FIRST, BY_LABEL, BY_NAME, AS_THEY_CAME = (
    "Least sure first",
    "Most sure first",
    "By label",
    "By name",
    "As they came",
)
ORDERS = (LEAST_SURE_FIRST, MOST_SURE_FIRST, BY_LABEL, BY_NAME, AS_THEY_CAME)


@dataclass(frozen=True)
class Query:
    """What is looked for: all that fit every part. An empty part is any; ``order`` is one of
    ``ORDERS``. By label, the largest group comes first, and in it the least sure."""

    text: str = ""
    label: str = ""
    verdict: str = ""
    order: str = LEAST_SURE_FIRST


def verdict_of(entry: Entry, run: str) -> str:
    """How the answer of a run's model is to be taken: one of ``VERDICTS``, or ``NOT_ASKED``."""
    answer = entry["answers"].get(run)
    if answer is None:
        return NOT_ASKED
    if answer.get("error"):
        return UNREADABLE
    if answer.get("unlike"):
        return UNLIKE
    return SURE if answer["decision"] == "sure" else UNSURE


def guess_of(entry: Entry, run: str) -> str:
    """The class that the model named; empty where it could not."""
    return str((entry["answers"].get(run) or {}).get("label") or "")


def label_of(entry: Entry, run: str) -> str:
    """The label set by hand, else the guess."""
    return str(entry["label"] or guess_of(entry, run))


def counts(entries: Sequence[Entry], run: str) -> dict[str, int]:
    """How many pictures have each label, the most frequent first. What has none is not counted."""
    by_label = Counter(label_of(entry, run) for entry in entries)
    del by_label[""]
    return dict(sorted(by_label.items(), key=lambda pair: (-pair[1], pair[0].casefold())))


def filtered(entries: Sequence[Entry], run: str, query: Query) -> list[Entry]:
    """The pictures that ``query`` asks for, in its order."""
    wanted = query.text.casefold().strip()
    matching = [
        entry
        for entry in entries
        if wanted in entry["name"].casefold()
        and query.label in ("", label_of(entry, run))
        and query.verdict in ("", verdict_of(entry, run))
    ]
    if query.order in (LEAST_SURE_FIRST, MOST_SURE_FIRST, BY_LABEL):
        direction = -1 if query.order == MOST_SURE_FIRST else 1
        matching.sort(key=lambda entry: direction * _sureness(entry, run, direction))
    if query.order == BY_LABEL:
        rank = {label: place for place, label in enumerate(counts(matching, run))}
        matching.sort(key=lambda entry: rank.get(label_of(entry, run), len(rank)))
    if query.order == BY_NAME:
        matching.sort(key=lambda entry: natural(entry["name"]))
    return matching


def _sureness(entry: Entry, run: str, direction: int) -> float:
    """The probability of the guess; what has none comes last, whichever way it goes."""
    probability = (entry["answers"].get(run) or {}).get("probability")
    return 2.0 * direction if probability is None else float(probability)
