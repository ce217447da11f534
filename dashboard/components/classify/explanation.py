"""Explanation panel: the heat map of an answer, its check, and the similar training pictures. Drawn
on request."""

import io
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image

from dashboard.components.classify.prediction_card import data_uri
from dashboard.components.classify.similar_pictures import similar_pictures
from dashboard.components.widgets.error_message import error_message
from dashboard.components.widgets.heatmap_overlay import heatmap_overlay
from dashboard.state.keys import heat_map_key
from dashboard.text.markdown import percentage, plain
from dashboard.uploads.session_uploads import Entry
from dashboard.workers.inference import explainer
from ml.explain.overlay import overlay
from ml.runs.folder import Run
from ml.workspace import Workspace

MIN_PROBABILITY_DROP = 0.05
"""A drop of probability that is at least so much larger than elsewhere is one that shows."""
MIN_PROBABILITY_TO_CHECK = 0.1
"""A class that is no more probable than this has too little to lose for a check."""


@st.fragment
def explanation(workspace: Workspace, run: Run, entry: Entry) -> None:
    """Draw the panel for the answer of ``run`` to ``entry``."""
    answer = entry["answers"].get(run.id) or {}
    if not answer.get("seen") or not st.toggle("Why?", key=f"why-{run.id}-{entry['id']}"):
        return
    with error_message():
        _map(run, entry, answer)
    similar_pictures(workspace, run, answer)


def _map(run: Run, entry: Entry, answer: dict[str, Any]) -> None:
    """The map, with what to choose above it and what to make of it below."""
    key = f"{run.id}-{entry['id']}"
    heat_maps: dict[tuple[str, str], dict[str, Any]] = answer.setdefault("why", {})
    top_labels = [one["label"] for one in answer["top"]]
    other_labels = [name for name in (run.model or {}).get("classes", []) if name not in top_labels]
    label = st.selectbox("What speaks for", [*top_labels, *other_labels], key=f"why-label-{key}")
    label = str(label or top_labels[0])
    method = heat_map_key(run.id, entry["id"])
    method_name = str(method.value("") or "")
    heat_map = heat_maps.get((label, method_name))
    if heat_map is None:
        with st.spinner("Looking for what counted"):
            heat_map = explainer().explain(run.folder, answer["seen"], label, method_name)
        heat_maps[label, method_name] = heat_maps[label, heat_map["method"]] = heat_map
    methods = {one["name"]: one for one in heat_map["methods"]}
    if len(methods) > 1:
        st.segmented_control(
            "Map",
            list(methods),
            default=next(iter(methods)),
            key=method,
            format_func=lambda name: methods[name]["label"],
            label_visibility="collapsed",
            required=True,
        )
    heatmap_overlay(
        data_uri(answer["seen"]),
        data_uri(_colours(answer["seen"], heat_map["heat"])),
        f"{methods[heat_map['method']]['label']}: the map for {label}",
        key=f"heat-{key}",
    )
    st.caption(methods[heat_map["method"]]["says"])
    st.write(sentence(heat_map, label))


def _colours(seen: bytes, heat: list[list[float]]) -> bytes:
    """A map as large as the picture that was seen, as PNG."""
    picture = np.asarray(Image.open(io.BytesIO(seen)))
    coloured = overlay(np.atleast_3d(picture), np.array(heat, np.float32), strength=1.0)
    buffer = io.BytesIO()
    Image.fromarray(coloured).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def sentence(heat_map: dict[str, Any], label: str) -> str:
    """What covering the bright part does, and what that says of the map."""
    name = plain(label)
    if not np.any(heat_map["heat"]):
        return f"Nothing in this picture speaks for {name}."
    before, covered, elsewhere = heat_map["before"], heat_map["covered"], heat_map["elsewhere"]
    if before < MIN_PROBABILITY_TO_CHECK:
        return (
            f"The model gives {name} {percentage(before)}: too little to check the map by covering "
            "what is bright."
        )
    check = (
        f"With the brightest fifth covered, {name} goes from {percentage(before)} to "
        f"{percentage(covered)}; with as much covered elsewhere, to {percentage(elsewhere)}."
    )
    if elsewhere - covered >= MIN_PROBABILITY_DROP:
        return f"{check} So what is bright did count."
    return f"{check} So the answer does not hang on the bright part alone."
