"""Training form: pictures and preset first; every other setting has a default that suits them."""

from typing import Any, NoReturn

import streamlit as st

from dashboard.components.data.header import go_to_own_pictures
from dashboard.components.data.ingest_progress import (
    ingest_progress,
    ingest_under_way,
    settle_ingest,
    start_ingest,
    wanted_training,
)
from dashboard.components.train.estimate_button import estimate_button
from dashboard.components.train.findings_summary import findings_summary
from dashboard.components.train.model_list import model_list
from dashboard.components.widgets import config_fields
from dashboard.components.widgets.dataset_preview import dataset_preview
from dashboard.queries.cost_estimate import expected_cost
from dashboard.server import limits
from dashboard.state import selection
from dashboard.state.keys import TRAIN_DATASET, TRAIN_FOLDER
from dashboard.state.messages import DATASET_TO_TRAIN, WANTED_DATASET
from dashboard.state.page_states import TrainState
from dashboard.state.stored import stored
from dashboard.state.workspace import current_workspace
from dashboard.text.html import escape
from dashboard.text.markdown import plain
from dashboard.text.wording import count, roughly, size, unique
from dashboard.workers import engine
from ml import presets
from ml.config import DEFAULT_LEVEL, LEVELS, TrainConfig
from ml.data import catalog
from ml.data.catalog import DatasetInfo
from ml.data.sources.folders import BUNDLED
from ml.errors import BadInputError
from ml.models import catalog as model_catalog
from ml.text import command_line
from ml.text.training_sentences import reason
from ml.utils.paths import example_folder

PRESET_HELP = (
    f"{TrainConfig.__dataclass_fields__['preset'].metadata['help']} "
    "Each sets the model, the epochs and the rest to suit your pictures."
)


def train_form() -> None:
    """The form, from the choice of pictures to the button that starts."""
    config_to_train = wanted_training(settle_ingest())
    if config_to_train:
        begin(config_to_train)
        st.rerun()
    ingest_progress()
    if ingest_under_way():
        return
    workspace = current_workspace()
    infos = {info.name: info for info in catalog.list_datasets(workspace)}
    dataset_to_train = DATASET_TO_TRAIN.take()
    if dataset_to_train is not None and dataset_to_train in infos:
        _start_training(
            infos[dataset_to_train],
            presets.configuration(dataset_to_train, infos[dataset_to_train]),
        )
    with st.container(border=True, key="card-pictures"):
        info = _dataset_picker(infos)
        with st.container(horizontal=True):
            if st.button("Use your own pictures", key="own", icon=":material/photo_library:"):
                go_to_own_pictures(workspace)
            if limits.local_mode():
                _folder_field()
        level = _preset_picker()
        changed = stored(TrainState).overrides
        _drop_missing_model(info, changed)
        try:
            config = presets.configuration(info.name, info, **{**changed, "preset": level})
        except BadInputError as error:
            st.warning(plain(str(error)), icon=":material/error:")
            config = None
        _train_button(info, config, changed)
    config_fields.advanced(_suggested(info, level, changed, config))
    model_list(config.model if config else "")
    if config:
        with st.expander("The same from a shell"):
            st.code(command_line.command(config, changed), language="bash", wrap_lines=True)


def _preset_picker() -> str:
    """Draw the choice of the preset; the chosen level."""
    preset = st.segmented_control(
        "Effort",
        list(LEVELS),
        default=DEFAULT_LEVEL,
        required=True,
        format_func=str.capitalize,
        key="preset",
        help=PRESET_HELP,
        persist_state="session",
    )
    return str(preset or DEFAULT_LEVEL)


def _drop_missing_model(info: DatasetInfo, overrides: dict[str, Any]) -> None:
    """Drop the chosen model from ``overrides``, with a note, where it does not exist any more."""
    default_model = presets.default_model(info)
    if overrides.get("model", default_model) not in model_catalog.names():
        missing_model = plain(str(overrides.pop("model")))
        st.info(
            f"The model {missing_model} is not there any more. {default_model} is chosen instead."
        )


def _suggested(
    info: DatasetInfo, level: str, overrides: dict[str, Any], config: TrainConfig | None
) -> TrainConfig:
    """What each field would be had nobody changed it, the others being as they are: a change of one
    moves what the recipe says of others. ``config`` is None where the changes do not go together.
    """
    recipe = presets.recommended_settings(info, overrides.get("model"), level)
    default = TrainConfig(dataset=info.name).changed(**recipe)
    if config is None:
        return default
    defaults: dict[str, Any] = {}
    for name in overrides:
        other_overrides = {other: value for other, value in overrides.items() if other != name}
        try:
            without = presets.configuration(info.name, info, **{**other_overrides, "preset": level})
        except BadInputError:  # the rest needs it
            without = default
        defaults[name] = getattr(without, name)
    return config.changed(**defaults)


def _dataset_picker(infos: dict[str, DatasetInfo]) -> DatasetInfo:
    wanted = WANTED_DATASET.take()
    if wanted is None or wanted not in infos:
        wanted = TRAIN_DATASET.value(None)
    name = wanted if wanted is not None and wanted in infos else next(iter(infos))
    if TRAIN_DATASET.value(None) != name:
        TRAIN_DATASET.set(name)
    labels = unique({name: _dataset_label(info) for name, info in infos.items()})
    st.selectbox(
        "Pictures",
        list(infos),
        format_func=lambda name: labels.get(name, name),
        key=TRAIN_DATASET,
        help=TrainConfig.__dataclass_fields__["dataset"].metadata["help"],
        persist_state="session",
    )
    info = infos[name]
    dataset_preview(current_workspace(), info)
    findings_summary(current_workspace(), info)
    return info


def _dataset_label(info: DatasetInfo) -> str:
    return (
        f"{info.title} · {count(info.pictures, 'picture')} · "
        f"{count(len(info.classes), 'class', 'classes')}"
    )


def _folder_field() -> None:
    """A folder on this computer: read at once, then it is one of the data sets."""
    with st.popover("Use a folder on this computer", icon=":material/folder_open:"):
        st.text_input(
            "Folder on this computer",
            key=TRAIN_FOLDER,
            placeholder=example_folder("pictures"),
            help="One folder of pictures for each class, such as pets/cat and pets/dog.",
            on_change=_folder_given,
        )


def _folder_given() -> None:
    text = TRAIN_FOLDER.value("").strip().strip("\"'")
    if text:
        start_ingest(text)


def _train_button(info: DatasetInfo, config: TrainConfig | None, overrides: dict[str, Any]) -> None:
    if config:
        cost = expected_cost(current_workspace(), config, info.pictures)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.html(
                f'<p class="lens-quiet">{_duration_text(config)} of '
                f"{escape(model_catalog.get(config.model).label)}: about {roughly(cost.seconds)}, "
                f"{size(cost.memory)} of memory and {size(cost.disk)} of disk "
                f"({escape(cost.basis)}). {escape(reason(config, info.pictures))}</p>",
                width="content",
            )
            if not cost.measured and info.ready:
                estimate_button(current_workspace(), config)
        if remark := presets.size_remark(overrides.get("image_size"), config):
            st.caption(remark)
    if st.button("Train", type="primary", key="train", disabled=config is None) and config:
        _start_training(info, config)


def _duration_text(config: TrainConfig) -> str:
    """How long it is trained: the epochs, or where a limit of time decides, at most so many."""
    effort = "Last layer" if config.regression else count(config.epochs, "epoch")
    return f"Within {roughly(60 * config.minutes)}, at most {effort}" if config.minutes else effort


def _start_training(info: DatasetInfo, config: TrainConfig) -> NoReturn:
    """Start at once, or after the pictures have been brought in."""
    if info.ready:
        begin(config)
    else:
        start_ingest(BUNDLED / info.name, {"train": config.to_json()})
    st.rerun()


def begin(config: TrainConfig) -> None:
    """Make the run, put it into the queue and take it in hand."""
    selection.choose_run(engine.start(current_workspace(), config).id)
