"""Prediction card: verdict, ranked classes, and the picture as the model sees it."""

import base64
from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard.text.html import escape
from dashboard.text.markdown import percentage, whole_percentage
from dashboard.uploads.session_uploads import Entry
from ml.metrics.calibration import NEVER_SURE

MAX_NAME_LENGTH = 80
"""A longer file name is cut; the whole of it shows when the pointer rests on it."""

UNLIKE = (
    "It is far from every picture that the model learned from. The model can only name its "
    "classes, so this one may mean nothing."
)


def prediction_card(
    entry: Entry,
    run: str,
    threshold: float,
    remove: Callable[[str], None],
    more: Callable[[Entry], None] = lambda entry: None,
) -> None:
    """Draw the card of ``entry`` for the model of ``run``, with a button that removes it; ``more``
    draws what goes between the two."""
    with st.container(border=True, key=f"card-prediction-{entry['id']}", gap="small"):
        st.html(card_html(entry, run, threshold))
        more(entry)
        st.button(
            "Remove",
            key=f"remove-{entry['id']}",
            icon=":material/close:",
            type="tertiary",
            on_click=remove,
            args=(entry["id"],),
        )


def card_html(entry: Entry, run: str, threshold: float) -> str:
    """The card as HTML. The file's name and every class name are escaped."""
    answer = entry["answers"].get(run)
    name = escape(entry["name"][:MAX_NAME_LENGTH])
    heading = f'<h4 title="{escape(entry["name"])}">{name}</h4>'
    if answer is None:
        sentence = "Drop this picture again to ask this model about it."
        return (
            f'<div class="lens-answer"><div>{heading}'
            f'<p class="lens-quiet">{sentence}</p></div></div>'
        )
    if answer.get("error"):
        return (
            f'<div class="lens-answer"><div>{heading}<p class="lens-verdict">'
            '<span class="lens-status lens-failed">Not read</span></p>'
            f'<p class="lens-quiet">{escape(answer["error"])}</p></div></div>'
        )
    truth = ""
    if entry["truth"]:
        right = "lens-right" if entry["truth"] == answer["label"] else "lens-wrong"
        truth = (
            f'<p class="lens-quiet">Labelled <span class="{right}">{escape(entry["truth"])}</span>'
            " in the data set.</p>"
        )
    return (
        f'<div class="lens-answer">{_picture(answer, name)}<div>{heading}'
        f"{_verdict(answer, threshold)}{truth}</div></div>"
        f"{_bars(answer['top'])}{_seen(answer)}"
    )


def data_uri(picture: bytes) -> str:
    """An encoded picture as a data URI; its kind is told by its first bytes."""
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"


def _picture(answer: dict[str, Any], name: str) -> str:
    picture = answer.get("preview") or answer.get("seen")
    if not picture:
        return ""
    return f'<img class="lens-given" src="{data_uri(picture)}" alt="{name}" loading="lazy">'


def verdict(answer: dict[str, Any]) -> tuple[str, str]:
    """How an answer is to be taken: the kind of its badge, and what stands in it."""
    if answer.get("unlike"):
        return "interrupted", "Unlike anything it learned"
    return ("finished", "Sure") if answer["decision"] == "sure" else ("stopped", "Not sure")


def _verdict(answer: dict[str, Any], threshold: float) -> str:
    kind, badge = verdict(answer)
    share = escape(whole_percentage(answer["probability"]))
    unsure_note = _unsure_sentence(answer["probability"], threshold)
    note = {"finished": "", "interrupted": UNLIKE, "stopped": unsure_note}[kind]
    return (
        f'<p class="lens-verdict"><strong>{escape(answer["label"])}</strong> '
        f'{share} <span class="lens-status lens-{kind}">{badge}</span></p>'
        + (f'<p class="lens-quiet">{note}</p>' if note else "")
    )


def _unsure_sentence(probability: float, threshold: float) -> str:
    if threshold >= NEVER_SURE:
        return "This model is never sure: see under the pictures."
    return (
        f"The best guess, but {percentage(probability)} is under the {percentage(threshold)} that "
        "this model needs to be sure."
    )


def _bars(top: list[dict[str, Any]]) -> str:
    """The ranked classes. A bar grows from nothing, unless the system asks for less motion."""
    rows = "".join(
        f'<li><span class="lens-name" title="{escape(one["label"])}">{escape(one["label"])}</span>'
        f'<span class="lens-track"><span style="width:{100 * one["probability"]:.2f}%"></span>'
        f"</span><span>{escape(whole_percentage(one['probability']))}</span></li>"
        for one in top
    )
    return f'<ol class="lens-bars" aria-label="The most probable classes">{rows}</ol>'


def _seen(answer: dict[str, Any]) -> str:
    if not answer.get("seen"):
        return ""
    return (
        '<details class="lens-seen"><summary>As the model sees it</summary>'
        f'<img src="{data_uri(answer["seen"])}" alt="The picture as the model sees it" '
        'loading="lazy"></details>'
    )
