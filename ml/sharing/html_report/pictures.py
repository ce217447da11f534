"""The pictures of the report: which ones, and small copies of them inside the page."""

from ml.data.pixels.thumbnails import encoded
from ml.data.store.versions import read_picture
from ml.errors import MLError
from ml.sharing.html_report.markup import Html, named, section, tag
from ml.sharing.html_report.subject import Subject
from ml.text.format import count, percentage
from ml.workspace import Workspace

SIDE = 128
"""Pixels."""
SUREST, LEAST_SURE, PAIRS, EACH = 16, 8, 4, 6
"""Pictures of confident mistakes, of right answers it was least sure of, pairs of classes that are
confused, and pictures of each: 48 at most."""
MOST_BYTES = 900_000
"""All pictures together, as text inside the page; what comes after that is left out, and said."""


class Album:
    """Makes small copies, each once, and counts what is gone and what had no room."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace, self.kept = workspace, dict[str, str | None]()
        self.size = self.gone = self.left_out = 0

    def source(self, picture: str) -> str | None:
        """The picture with that hash as a data URI; None where it is gone or there is no room."""
        if picture not in self.kept:
            self.kept[picture] = self._made(picture)
        found = self.kept[picture]
        if found and self.size + len(found) > MOST_BYTES:
            self.left_out += 1
            return None
        self.size += len(found or "")
        return found

    def _made(self, picture: str) -> str | None:
        try:
            return encoded(read_picture(self.workspace, picture), SIDE)
        except (MLError, OSError, ValueError):
            self.gone += 1
            return None


def gallery(subject: Subject) -> Html:
    """The section."""
    results, album = subject.results, Album(subject.workspace)
    right = results.labels == results.guesses
    order = results.confidence.argsort(kind="stable")
    wrong, names = results.mistakes().tolist(), results.classes
    groups = [
        _group(
            album,
            subject,
            f"The most confident of {count(len(wrong), 'mistake')}",
            "Sure and wrong: often a wrong label, an odd picture, or two classes in one.",
            wrong[:SUREST],
        ),
        _group(
            album,
            subject,
            "Right, but least sure",
            "Where a little less would have made a mistake.",
            order[right[order]][:LEAST_SURE].tolist(),
        ),
    ]
    for truth, guess, number in results.confusions(PAIRS):
        title = tag("span", named(names[truth]), " taken for ", named(names[guess]))
        about = f"{count(number, 'picture')}, the most confident first."
        places = results.where(truth, guess)[:EACH].tolist()
        groups.append(_group(album, subject, title, about, places))
    told = None if wrong else "There are no mistakes: every picture was recognised."
    return section("Pictures", tag("p", told) if told else None, _missing(album), *groups)


def _missing(album: Album) -> Html | None:
    """What cannot be shown, in a sentence; None where all is there."""
    if album.gone and album.gone == len(album.kept):
        said = (
            "The pictures themselves are not in the workspace any more: the data set was deleted, "
            "so the list below has their names and no pictures."
        )
    elif album.gone:
        said = f"{count(album.gone, 'picture')} could not be read any more and cannot be shown."
    elif album.left_out:
        said = f"{count(album.left_out, 'picture')} had no room: this file is kept small."
    else:
        return None
    return tag("p", said, class_="told")


def _group(
    album: Album, subject: Subject, title: Html | str, about: str, places: list[int]
) -> Html:
    """Some pictures under a title; nothing where there are none."""
    if not places:
        return Html()
    figures = (tag("li", _figure(album, subject, place)) for place in places)
    return tag(
        "div",
        tag("h3", title),
        tag("p", about, class_="quiet"),
        tag("ul", *figures, class_="gallery"),
        class_="group",
    )


def _figure(album: Album, subject: Subject, place: int) -> Html:
    results = subject.results
    truth = results.classes[results.labels[place]]
    guess = results.classes[results.guesses[place]]
    surely, file = percentage(float(results.confidence[place])), results.files[place]
    said = "recognised" if guess == truth else f"taken for {guess}"
    alt = f"{truth}, {said}, {surely}"
    source = album.source(results.hashes[place])
    shown = (
        tag("img", src=source, alt=alt, width=SIDE, height=SIDE)
        if source
        else tag("span", "Picture gone", class_="gone")
    )
    wrong = tag("span", "taken for ", tag("b", named(guess)), class_="wrong")
    return tag(
        "figure",
        shown,
        tag(
            "figcaption",
            tag("b", named(truth)),
            " ",
            wrong if guess != truth else "recognised",
            ", ",
            tag("span", surely, class_="whole"),
            tag("small", named(file), title=file) if file else None,
        ),
    )
