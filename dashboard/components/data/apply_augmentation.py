"""From looking at augmentation to training with it."""

from typing import Any

import streamlit as st

from dashboard.queries.readiness import missing
from dashboard.state import deep_links, selection
from dashboard.state.messages import WANTED_DATASET
from dashboard.state.navigation import TRAIN
from dashboard.state.page_states import TrainState
from dashboard.state.stored import stored
from ml import presets
from ml.config import TrainConfig
from ml.data import catalog
from ml.data.store.versions import DatasetVersion
from ml.workspace import Workspace

FROZEN = (
    "As things are set, only the last layer is trained, on fixed views of each picture: itself, "
    "its mirror image, crops. What you choose here applies where the whole network is trained, "
    "which takes much longer."
)


def apply_augmentation(
    workspace: Workspace, version: DatasetVersion, config: TrainConfig, policy: str, mixing: str
) -> None:
    """Take the choice to Train. Where only the last layer is trained, it would change nothing."""
    whole = False
    if config.frozen:
        whole = st.checkbox("Train the whole network", key="augment-whole")
    useless = config.frozen and not whole
    if st.button(
        "Use this for training",
        key="augment-use",
        icon=":material/arrow_forward:",
        disabled=bool(missing(version)) or useless,
    ):
        _override(workspace, version, {"augment": policy, "mixing": mixing}, whole)
        WANTED_DATASET.send(version.name)
        selection.choose_run(None)
        deep_links.go_to(TRAIN)


def _override(
    workspace: Workspace, version: DatasetVersion, wanted: dict[str, Any], whole: bool
) -> None:
    """Set ``wanted`` as Train's form does: what the presets say anyway is no change."""
    chosen = stored(TrainState).overrides
    if whole:
        chosen["freeze_backbone"] = False
    rest = {name: value for name, value in chosen.items() if name not in wanted}
    info = catalog.describe(workspace, version.name)
    usual = presets.configuration(version.name, info, **rest)
    chosen.clear()
    chosen |= rest | {k: value for k, value in wanted.items() if getattr(usual, k) != value}
