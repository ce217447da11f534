"""Section of the report: example pictures and mistakes, as small copies inside the page."""

from typing import Any

from markupsafe import Markup

from ml.data.pixels.thumbnails import data_uri
from ml.data.store.versions import read_picture
from ml.errors import MLError
from ml.sharing.html_report.rendering import render
from ml.sharing.html_report.report_data import Subject
from ml.text.format import count, percentage
from ml.workspace import Workspace

SIDE = 128
"""Pixels."""
MAX_SURE_MISTAKES, MAX_UNSURE, MAX_PAIRS, MAX_OF_A_PAIR = 16, 8, 4, 6
"""Pictures of confident mistakes, of right answers it was least sure of, pairs of classes that are
confused, and pictures of each: 48 at most."""
MAX_BYTES = 900_000
"""All pictures together, as text inside the page; what comes after that is left out, and said."""


class Album:
    """Makes small copies, each once, and counts what is gone and what had no room."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace, self.sources = workspace, dict[str, str | None]()
        self.size = self.gone = self.left_out = 0

    def source(self, picture: str) -> str | None:
        """The picture with that hash as a data URI; None where it is gone or there is no room."""
        if picture not in self.sources:
            self.sources[picture] = self._made(picture)
        encoded_picture = self.sources[picture]
        if encoded_picture and self.size + len(encoded_picture) > MAX_BYTES:
            self.left_out += 1
            return None
        self.size += len(encoded_picture or "")
        return encoded_picture

    def _made(self, picture: str) -> str | None:
        try:
            return data_uri(read_picture(self.workspace, picture), SIDE)
        except (MLError, OSError, ValueError):
            self.gone += 1
            return None


def gallery(subject: Subject) -> Markup:
    """The section."""
    album = Album(subject.workspace)
    groups = _groups(subject, album)
    return render(
        "pictures",
        side=SIDE,
        mistakes=len(subject.results.mistakes()),
        groups=groups,
        missing=_missing(album),  # counted while the groups were made
    )


def _groups(subject: Subject, album: Album) -> list[dict[str, Any]]:
    """Confident mistakes, unsure right answers, and pairs of classes; without empty ones."""
    results = subject.results
    right = results.labels == results.guesses
    order = results.confidence.argsort(kind="stable")
    wrong, names = results.mistakes().tolist(), results.classes
    chosen: list[tuple[dict[str, Any], list[int]]] = [
        (
            {
                "title": f"The most confident of {count(len(wrong), 'mistake')}",
                "about": "Sure and wrong: often a wrong label, an odd picture, or two classes in "
                "one.",
            },
            wrong[:MAX_SURE_MISTAKES],
        ),
        (
            {
                "title": "Right, but least sure",
                "about": "Where a little less would have made a mistake.",
            },
            order[right[order]][:MAX_UNSURE].tolist(),
        ),
    ]
    for truth, guess, number in results.confusions(MAX_PAIRS):
        about = f"{count(number, 'picture')}, the most confident first."
        places = results.where(truth, guess)[:MAX_OF_A_PAIR].tolist()
        chosen.append(({"pair": (names[truth], names[guess]), "about": about}, places))
    return [
        {"pair": None, **group, "pictures": [_picture(album, subject, place) for place in places]}
        for group, places in chosen
        if places
    ]


def _missing(album: Album) -> str | None:
    """What cannot be shown, in a sentence; None where all is there."""
    if album.gone and album.gone == len(album.sources):
        return (
            "The pictures themselves are not in the workspace any more: the data set was deleted, "
            "so the list below has their names and no pictures."
        )
    if album.gone:
        return f"{count(album.gone, 'picture')} could not be read any more and cannot be shown."
    if album.left_out:
        return f"{count(album.left_out, 'picture')} had no room: this file is kept small."
    return None


def _picture(album: Album, subject: Subject, place: int) -> dict[str, Any]:
    """What is shown of the picture at ``place`` of the results."""
    results = subject.results
    truth = results.classes[results.labels[place]]
    guess = results.classes[results.guesses[place]]
    confidence = percentage(float(results.confidence[place]))
    outcome = "recognised" if guess == truth else f"taken for {guess}"
    return {
        "source": album.source(results.hashes[place]),
        "alt": f"{truth}, {outcome}, {confidence}",
        "truth": truth,
        "guess": guess,
        "confidence": confidence,
        "file": results.files[place],
    }
