"""Results table: a row a picture, with its label and a tick to add it."""

import base64
import io
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import streamlit as st
from PIL import Image

from dashboard.components.classify.prediction_card import verdict
from dashboard.server.static import beside
from dashboard.state.widget_key import WidgetKey
from dashboard.text.markdown import whole_percentage
from dashboard.uploads.filters import NOT_ASKED, UNREADABLE, guess_of, label_of, verdict_of
from dashboard.uploads.session_uploads import Entry

THUMBNAIL_SIDE = 112
"""Pixels of a thumbnail; twice what it takes on the page, for dense screens."""
_component = st.components.v2.component(
    "lensmith_answer_table",
    html='<div class="around"><table role="table"><thead role="rowgroup"><tr role="row"></tr>'
    '</thead><tbody role="rowgroup"></tbody></table></div>',
    css=beside(__file__, "results_table.css"),
    js=beside(__file__, "../widgets/create.js", "results_table.js"),
)


class Marks(NamedTuple):
    """What was done in the table just now: ``labels`` by id, ``ticked`` and ``unticked`` ids."""

    labels: dict[str, str]
    ticked: frozenset[str]
    unticked: frozenset[str]


def results_table(
    entries: Sequence[Entry],
    run: str,
    key: str,
    token: str,
    *,
    title: str,
    note: Callable[[Marks], None],
    groups: Sequence[str] = (),
    classes: Sequence[str] | None = None,
    there: frozenset[str] = frozenset(),
) -> str:
    """Draw ``entries`` with what the model of ``run`` said of them. Returns the id of the picture
    that was pressed just now, or nothing.

    Args:
        token: whenever it is new, what is ticked counts as the entries say; from then on the
            browser knows better.
        note: is told what was ticked or labelled, before the page is drawn anew.
        groups: for each entry what stands above it, or empty.
        classes: the labels that can be given; None where nothing can be ticked or labelled.
        there: the ids of pictures that are in the data set already.
    """
    rows = tuple(  # not a list: see tile_grid
        {**_row(entry, run, classes is not None), "there": entry["id"] in there, "group": group}
        for entry, group in zip(entries, groups or [""] * len(entries), strict=True)
    )
    data = {"rows": rows, "classes": tuple(classes or ()), "teach": classes is not None}
    data |= {"token": token, "title": title}
    result = _component(
        key=key,
        data=data,
        on_marks_change=partial(_marked, key, note),
        on_opened_change=lambda: None,
    )
    return str(result.opened) if result.opened in {row["id"] for row in rows} else ""


def _marked(key: str, note: Callable[[Marks], None]) -> None:
    """Tell what the browser sent; what it cannot have sent is left out."""
    message = WidgetKey[Any](key).value(None).marks
    if isinstance(message, dict):
        shown_ids, ticked_ids = (
            frozenset(message.get("shown") or ()),
            frozenset(message.get("ticked") or ()),
        )
        labels = {str(one): str(label) for one, label in dict(message.get("labels") or {}).items()}
        note(Marks(labels, ticked_ids & shown_ids, shown_ids - ticked_ids))


def _row(entry: Entry, run: str, with_labels: bool) -> dict[str, Any]:
    answer, verdict_text = entry["answers"].get(run) or {}, verdict_of(entry, run)
    was_read = verdict_text not in (NOT_ASKED, UNREADABLE)
    probability = float(answer["probability"]) if was_read else 0.0
    return {
        "id": entry["id"],
        "source": _thumbnail(entry, run),
        "name": entry["name"],
        "guess": guess_of(entry, run),
        "said": ""
        if was_read
        else str(answer.get("error") or "This model was not asked about it."),
        "share": whole_percentage(probability) if was_read else "",
        "width": probability,
        "verdict": verdict_text,
        "kind": verdict(answer)[0]
        if was_read
        else ("failed" if verdict_text == UNREADABLE else ""),
        "label": label_of(entry, run),
        "ticked": entry["ticked"],
        "fit": with_labels and was_read and entry["path"] is not None,
    }


def _thumbnail(entry: Entry, run: str) -> str:
    """A small square of the picture as a data URI, made once and kept with the entry."""
    preview = (entry["answers"].get(run) or {}).get("preview")
    if preview and not entry.get("small"):
        with Image.open(io.BytesIO(preview)) as picture:
            picture.draft("RGB", (2 * THUMBNAIL_SIDE, 2 * THUMBNAIL_SIDE))
            side = min(picture.size)
            left, top = ((length - side) // 2 for length in picture.size)
            square = picture.convert("RGB").resize(
                (THUMBNAIL_SIDE, THUMBNAIL_SIDE), box=(left, top, left + side, top + side)
            )
        buffer = io.BytesIO()
        square.save(buffer, "JPEG", quality=80)
        entry["small"] = f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return str(entry.get("small") or "")
