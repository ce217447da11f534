"""Apply augmentation: takes the policy that is shown on Data over to the form of Train."""

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

FROZEN_NOTE = (
    "As things are set, only the last layer is trained, on fixed views of each picture: itself, "
    "its mirror image, crops. What you choose here applies where the whole network is trained, "
    "which takes much longer."
)


def apply_augmentation(
    workspace: Workspace, version: DatasetVersion, config: TrainConfig, policy: str, mixing: str
) -> None:
    """Take the choice to Train. Where only the last layer is trained, it would change nothing."""
    whole_network = False
    if config.frozen:
        whole_network = st.checkbox("Train the whole network", key="augment-whole")
    no_effect = config.frozen and not whole_network
    if st.button(
        "Use this for training",
        key="augment-use",
        icon=":material/arrow_forward:",
        disabled=bool(missing(version)) or no_effect,
    ):
        _override(workspace, version, {"augment": policy, "mixing": mixing}, whole_network)
        WANTED_DATASET.send(version.name)
        selection.choose_run(None)
        deep_links.go_to(TRAIN)


def _override(
    workspace: Workspace, version: DatasetVersion, settings: dict[str, Any], whole_network: bool
) -> None:
    """Set ``settings`` as Train's form does: what the presets say anyway is no change."""
    chosen = stored(TrainState).overrides
    if whole_network:
        chosen["freeze_backbone"] = False
    other_overrides = {name: value for name, value in chosen.items() if name not in settings}
    info = catalog.describe(workspace, version.name)
    defaults = presets.configuration(version.name, info, **other_overrides)
    chosen.clear()
    chosen |= other_overrides | {
        k: value for k, value in settings.items() if getattr(defaults, k) != value
    }
