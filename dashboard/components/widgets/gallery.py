"""Gallery: thumbnails with truth, guess and probability."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard.queries.results import Results
from dashboard.queries.thumbnails import thumbnail
from dashboard.text.html import escape
from dashboard.text.markdown import percentage
from ml.workspace import Workspace

CATEGORIES = 8
"""Colours that tell classes apart; the ninth class begins again with the first."""


@dataclass(frozen=True)
class GalleryTile:
    """One picture: ``source`` is a data URI or None where the picture is gone.

    ``category`` chooses the colour of its underline, as a rule the index of the true class.
    """

    source: str | None
    truth: str
    guess: str = ""
    probability: float | None = None
    file: str = ""
    category: int = 0

    @property
    def sentence(self) -> str:
        """What a screen reader says and hovering shows."""
        if not self.guess:
            return self.truth
        surely = "" if self.probability is None else f", {percentage(self.probability)}"
        name = f"{self.file}: " if self.file else ""
        if self.guess == self.truth:
            return f"{name}{self.truth}, recognised{surely}"
        return f"{name}{self.truth}, taken for {self.guess}{surely}"


def gallery_tiles(
    workspace: Workspace, results: Results, places: Iterable[int]
) -> list[GalleryTile]:
    """The tiles of some test pictures, given by their places in ``results``."""
    confidence, tiles = results.confidence, []
    for place in places:
        truth, guess = int(results.labels[place]), int(results.guesses[place])
        picture = results.picture(place)
        tiles.append(
            GalleryTile(
                thumbnail(workspace.root, picture.hash),
                results.classes[truth],
                results.classes[guess],
                float(confidence[place]),
                picture.file,
                truth,
            )
        )
    return tiles


def gallery_html(tiles: Sequence[GalleryTile], label: str) -> str:
    """The gallery as HTML; every text from outside is escaped."""
    return (
        f'<ul class="lens-gallery" aria-label="{escape(label)}">'
        + "".join(f"<li>{figure(tile)}</li>" for tile in tiles)
        + "</ul>"
    )


def figure(tile: GalleryTile) -> str:
    """One picture with its caption as HTML."""
    sentence = escape(tile.sentence)
    picture = (
        f'<img src="{escape(tile.source)}" alt="{sentence}" title="{sentence}" loading="lazy" '
        'width="160" height="160">'
        if tile.source
        else f'<span class="lens-gone" title="{sentence}">Picture gone</span>'
    )
    wrong = bool(tile.guess) and tile.guess != tile.truth
    guess = (
        f'<span class="{"lens-wrong" if wrong else "lens-right"}">{escape(tile.guess)}</span>'
        if tile.guess
        else ""
    )
    surely = f"<b>{percentage(tile.probability)}</b>" if tile.probability is not None else ""
    return (
        f'<figure class="lens-picture lens-category-{tile.category % CATEGORIES}">{picture}'
        f'<figcaption><span class="lens-truth">{escape(tile.truth)}</span>'
        f"<span>{guess}{surely}</span></figcaption></figure>"
    )


def gallery(tiles: Sequence[GalleryTile], label: str) -> None:
    """Draw the gallery. ``label`` says what it holds, for those who cannot see it."""
    st.html(gallery_html(tiles, label))
