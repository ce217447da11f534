"""Augmentation panel: one picture and what a policy and mixing (MixUp, CutMix) make of it."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard.components.data.apply_augmentation import FROZEN_NOTE, apply_augmentation
from dashboard.components.data.augment_grid import (
    augment_grid,
    augmented_versions,
    single_operations,
)
from dashboard.components.widgets.picture_buttons import PictureButton, picture_buttons
from dashboard.queries.thumbnails import thumbnail
from dashboard.state.keys import AUGMENT_MIXING, AUGMENT_POLICY, SINGLE_CHANGES_FOLD
from dashboard.state.page_states import AugmentationState, TrainState
from dashboard.state.stored import stored
from dashboard.state.widget_key import WidgetKey
from dashboard.text.markdown import plain
from ml import presets
from ml.config import TrainConfig
from ml.data import catalog
from ml.data.augment.policies import BASIC_CHOICES, POLICIES
from ml.data.pixels.pixels import PixelSpec
from ml.data.store.versions import DatasetVersion
from ml.errors import BadInputError, MLError
from ml.workspace import Workspace

VERSION_COUNT = 15
PARTNER_COUNT = 6
MAX_CHOICES = 8
"""Pictures to choose from at a time."""
KINDS = {name: (one.label, one.help) for name, one in POLICIES.items()} | BASIC_CHOICES
MIXING = {
    "none": ("None", ""),
    "mixup": ("MixUp", "Another picture lies over this one; the model is asked how much of each."),
    "cutmix": ("CutMix", "A part of another picture; the model is asked how much of each."),
}


@st.fragment
def augment_panel(workspace: Workspace, version: DatasetVersion) -> None:
    """Draw the choices, the picture with its versions, and each change by itself."""
    places = [n for n, item in enumerate(version.items) if not item.excluded]
    if not places:
        st.caption("There is no picture yet. Drop some on a class above.")
        return
    config = _configuration(workspace, version)
    policy = _policy_pills(AUGMENT_POLICY, "Augmentation", KINDS, config.augment)
    st.caption(plain(KINDS[policy][1]))
    mixing = _policy_pills(AUGMENT_MIXING, "Two pictures in one", MIXING, config.mixing)
    if mixing != "none":
        st.caption(plain(MIXING[mixing][1]))
    with st.container(border=True, key="card-augment"):
        place = _picture(workspace, version, places)
        spec = PixelSpec(config.image_size, config.colour, config.fit)
        turn = stored(AugmentationState).turn
        _versions(workspace, version, places, place, spec, policy, mixing, turn)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Draw again", key="augment-again", on_click=_draw_again, icon=":material/casino:"
            )
            apply_augmentation(workspace, version, config, policy, mixing)
        if config.frozen:
            st.caption(FROZEN_NOTE)
    with st.expander("Every change by itself", key=SINGLE_CHANGES_FOLD, on_change="rerun") as fold:
        if fold.open:
            st.caption(
                "A slider shows what a change does. A training uses the strengths of what is "
                "chosen above."
            )
            single_operations(workspace, version.items[place].hash, spec, policy, turn)


def _configuration(workspace: Workspace, version: DatasetVersion) -> TrainConfig:
    """What Train would do with these pictures now, with what was changed by hand."""
    info = catalog.describe(workspace, version.name)
    try:
        return presets.configuration(version.name, info, **stored(TrainState).overrides)
    except BadInputError:
        return presets.configuration(version.name, info)


def _policy_pills(
    key: WidgetKey[str], label: str, choices: dict[str, tuple[str, str]], default: str
) -> str:
    key.set_default(default)
    choice = st.pills(
        label, list(choices), format_func=lambda name: choices[name][0], required=True, key=key
    )
    return str(choice or default)


def _picture(workspace: Workspace, version: DatasetVersion, places: Sequence[int]) -> int:
    """The item number of the picture in hand, and a row of others to press."""
    state = stored(AugmentationState)
    choices = _spread(places, min(MAX_CHOICES, len(places)), state.offset)
    if state.item is None or state.fingerprint != version.fingerprint:
        place = choices[0]
    else:
        place = state.item
    buttons = [
        PictureButton(str(n), source, f"Take {version.items[n].file or f'picture {n + 1}'}")
        for n in choices
        if (source := thumbnail(workspace.root, version.items[n].hash))
    ]
    with st.container(horizontal=True, vertical_alignment="center"):
        picked = picture_buttons(buttons, "Pictures to take", "augment-pictures")
        if len(places) > MAX_CHOICES:
            st.button("Others", key="augment-others", on_click=_show_others, type="tertiary")
    if picked is not None:
        place = state.item = int(picked)
        state.fingerprint = version.fingerprint
    return place


def _spread(places: Sequence[int], count: int, start: int) -> list[int]:
    """``count`` of the places from all over the set, so that every class has a turn."""
    return [places[(start + n * len(places) // count) % len(places)] for n in range(count)]


def _versions(
    workspace: Workspace,
    version: DatasetVersion,
    places: Sequence[int],
    place: int,
    spec: PixelSpec,
    policy: str,
    mixing: str,
    turn: int,
) -> None:
    """The picture as it is, and what the model would see of it."""
    partners = []
    if mixing != "none":
        partners = _spread([n for n in places if n != place] or [place], PARTNER_COUNT, turn)
    hashes = [version.items[n].hash for n in (place, *partners)]
    options: dict[str, Any] = {"mixing": mixing, "turn": turn}
    try:
        unchanged, _ = augmented_versions(
            workspace, hashes[:1], spec, policy="none", count=1, turn=0
        )
        changed, shares = augmented_versions(
            workspace, hashes, spec, policy=policy, count=VERSION_COUNT, **options
        )
    except MLError as error:
        st.warning(plain(str(error)), icon=":material/error:")
        return
    names = [version.classes[version.items[n].label] for n in (place, *partners)]
    captions = [
        _mixture(share, names[0], names[1 + n % len(partners)]) if partners else ""
        for n, share in enumerate(shares)
    ]
    augment_grid(
        [*unchanged, *changed], "The picture, and what the model sees", ["As it is", *captions]
    )


def _mixture(share: float, name: str, other: str) -> str:
    """What is asked of the model: how much of which class."""
    own = round(100 * share)
    return f"{own} % {name}, {100 - own} % {other}" if name != other else f"100 % {name}"


def _draw_again() -> None:
    stored(AugmentationState).turn += 1


def _show_others() -> None:
    state = stored(AugmentationState)
    state.offset += 1
    state.item = None
