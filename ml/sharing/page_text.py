"""Page text: the title and the words that an author gives the page for others.

They are kept in the run's ``meta.json`` as ``showcase``. Light.
"""

from dataclasses import dataclass

from ml.errors import BadInputError
from ml.runs.folder import Run

MAX_TITLE_LENGTH = 80
MAX_TEXT_LENGTH = 2000


@dataclass(frozen=True)
class Showcase:
    """A title of one line and words of several, as their author wrote them: plain text."""

    title: str
    words: str = ""


def read(run: Run) -> Showcase:
    """What was written; where nothing was, the run's name or the data set's as the title."""
    stored = run.meta.get("showcase")
    about = stored if isinstance(stored, dict) else {}
    usual = run.meta.get("name") or run.dataset.get("name") or run.id
    return Showcase(
        str(about.get("title") or usual)[:MAX_TITLE_LENGTH], str(about.get("words") or "")
    )


def write(run: Run, title: str, words: str) -> Showcase:
    """Keep them with the run. Empty ones take back what was written.

    Raises:
        BadInputError: the title or the words are too long.
        WorkspaceError: the disk is full or cannot be written to.
    """
    title, words = " ".join(title.split()), words.strip()
    for name, text, most in (("title", title, MAX_TITLE_LENGTH), ("text", words, MAX_TEXT_LENGTH)):
        if len(text) > most:
            raise BadInputError(
                f"The {name} has {len(text):,} letters, and there is room for {most:,}. Shorten it."
            )
    run.update_meta(showcase={"title": title, "words": words} if title or words else None)
    return read(run)
