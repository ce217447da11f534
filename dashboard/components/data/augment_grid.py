"""Augmentation grid: augmented versions of a picture, made by the child that augments."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.text.html import escape
from dashboard.text.markdown import plain
from dashboard.workers.inference import augmenter
from ml.data.augment.operations import Operation, all_operations
from ml.data.augment.policies import POLICIES
from ml.data.pixels.pixels import PixelSpec
from ml.data.store.versions import read_picture
from ml.errors import MLError
from ml.serving.protocol import AugmentRequest
from ml.workspace import Workspace

MAX_SIZE = 160
"""Pictures are made at the size that the model sees, but no larger than they are shown."""
SAMPLES = 6
COLUMNS = "repeat(auto-fill, minmax(max(68px, 11%), 1fr))"
"""Four pictures in a row on a phone, eight on a desk."""
COLOUR_OPERATIONS = ("saturation", "hue", "grey")
"""What does nothing to grey pictures."""


def augmented_versions(
    workspace: Workspace, pictures: Sequence[str], spec: PixelSpec, **fields: Any
) -> tuple[list[str], list[float]]:
    """Changed versions of the first picture as data URIs, and the share of it in each.

    Args:
        pictures: hashes; those after the first are for mixing.
        fields: further fields of ``ml.serving.protocol.AugmentRequest``.

    Raises:
        MLError: why there are none.
    """
    size = min(spec.size, MAX_SIZE)
    pixels = {**spec.to_json(), "size": size}
    return _versions(workspace.root, tuple(pictures), pixels, fields)


@st.cache_data(max_entries=400, show_spinner="Changing the picture")
def _versions(
    root: Path, pictures: tuple[str, ...], pixels: dict[str, Any], fields: dict[str, Any]
) -> tuple[list[str], list[float]]:
    workspace = Workspace(root)
    contents = [read_picture(workspace, picture) for picture in pictures]
    request = AugmentRequest(pixels=pixels, **fields)
    encoded, shares = augmenter().augment(request, contents)
    return [_uri(content) for content in encoded], shares


def _uri(data: bytes) -> str:
    kind = "png" if data.startswith(b"\x89PNG") else "webp"
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def augment_grid(
    sources: Sequence[str], label: str, captions: Sequence[str] = (), *, columns: str = COLUMNS
) -> None:
    """Draw pictures, each with its caption, if any. ``label`` says what they are, ``columns`` is
    the template of the grid."""
    texts = captions or [""] * len(sources)
    figures = "".join(
        f'<li><figure class="lens-picture"><img src="{source}" alt="{escape(caption or label)}">'
        + (f"<figcaption>{escape(caption)}</figcaption>" if caption else "")
        + "</figure></li>"
        for source, caption in zip(sources, texts, strict=True)
    )
    st.html(
        f'<ul class="lens-gallery lens-changed" aria-label="{escape(label)}" '
        f'style="grid-template-columns: {columns}">{figures}</ul>'
    )


def single_operations(
    workspace: Workspace, picture: str, spec: PixelSpec, policy: str, turn: int
) -> None:
    """Every operation by itself: its strength as a slider, and the picture from one end of what
    may happen to the other."""
    steps = {step.operation: step for step in _steps(policy)}
    operations = [
        one for one in all_operations() if spec.channels == 3 or one.name not in COLOUR_OPERATIONS
    ]
    with st.grid(2, min_column_width=280, gap=("medium", "small")) as cells:
        for one in sorted(operations, key=lambda one: one.name not in steps):
            step = steps.get(one.name)
            default = step.strength if step else one.default_strength
            with cells.cell():
                strength = _slider(one, default, f"strength-{policy}-{one.name}")
                text = f"{one.help} Part of {POLICIES[policy].label}." if step else one.help
                st.caption(plain(text))
                try:
                    sources, _ = augmented_versions(
                        workspace,
                        [picture],
                        spec,
                        operation=one.name,
                        strength=strength,
                        count=SAMPLES,
                        turn=turn,
                    )
                except MLError as error:
                    st.caption(plain(str(error)))
                    continue
                row = f"repeat({SAMPLES}, minmax(0, 1fr))"
                augment_grid(sources, f"{one.label}, from one end to the other", columns=row)


def _steps(policy: str) -> Sequence[Any]:
    return POLICIES[policy].steps if policy in POLICIES else ()


def _slider(operation: Operation, default: float, key: str) -> float:
    """The strength that is chosen, in the operation's own unit."""
    if operation.unit in ("degrees", "bits"):
        label = f"{operation.label} ({operation.unit})"
        return float(st.slider(label, 0, int(operation.max_strength), int(default), key=key))
    fine_steps = operation.max_strength <= 0.1
    label = (
        f"{operation.label} (% {operation.unit})" if operation.unit else f"{operation.label} (%)"
    )
    step, form = (0.1, "%.1f") if fine_steps else (1.0, "%.0f")
    maximum, value = round(100 * operation.max_strength, 1), round(100 * default, 1)
    return float(st.slider(label, 0.0, maximum, value, step, format=form, key=key)) / 100
