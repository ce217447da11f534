"""What to train on and how: pictures and preset first, everything else has a good value already."""

from pathlib import Path
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
from dashboard.queries.cost_estimate import expected
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
from ml.config import TrainConfig
from ml.data import catalog
from ml.data.catalog import DatasetInfo
from ml.data.sources.folders import BUNDLED
from ml.errors import BadInputError
from ml.models import catalog as model_catalog
from ml.preset_levels import DEFAULT_LEVEL, LEVELS
from ml.text import command_line
from ml.text.training_sentences import reason

PRESET_HELP = (
    f"{TrainConfig.__dataclass_fields__['preset'].metadata['help']} "
    "Each sets the model, the epochs and the rest to suit your pictures."
)


def train_form() -> None:
    """The form, from the choice of pictures to the button that starts."""
    wanted = wanted_training(settle_ingest())
    if wanted:
        begin(wanted)
        st.rerun()
    ingest_progress()
    if ingest_under_way():
        return
    workspace = current_workspace()
    known = {info.name: info for info in catalog.list_datasets(workspace)}
    at_once = DATASET_TO_TRAIN.take()
    if at_once is not None and at_once in known:
        _go(known[at_once], presets.configuration(at_once, known[at_once]))
    with st.container(border=True, key="card-pictures"):
        info = _choose(known)
        with st.container(horizontal=True):
            if st.button("Use your own pictures", key="own", icon=":material/photo_library:"):
                go_to_own_pictures(workspace)
            if limits.local_mode():
                _folder()
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
        level = str(preset or DEFAULT_LEVEL)
        changed = stored(TrainState).overrides
        if (
            changed.get("model", info_model := presets.default_model(info))
            not in model_catalog.names()
        ):
            gone = plain(str(changed.pop("model")))
            st.info(f"The model {gone} is not there any more. {info_model} is chosen instead.")
        try:
            config = presets.configuration(info.name, info, **{**changed, "preset": level})
        except BadInputError as error:
            st.warning(plain(str(error)), icon=":material/error:")
            config = None
        _start(info, config, changed)
    config_fields.advanced(_suggested(info, level, changed, config))
    model_list(config.model if config else "")
    if config:
        with st.expander("The same from a shell"):
            st.code(command_line.command(config, changed), language="bash", wrap_lines=True)


def _suggested(
    info: DatasetInfo, level: str, changed: dict[str, Any], config: TrainConfig | None
) -> TrainConfig:
    """What each field would be had nobody changed it, the others being as they are: a change of one
    moves what the recipe says of others. ``config`` is None where the changes do not go together.
    """
    plain_recipe = presets.suggest(info, changed.get("model"), level)
    found = TrainConfig(dataset=info.name).changed(**plain_recipe)
    if config is None:
        return found
    unchanged: dict[str, Any] = {}
    for name in changed:
        rest = {other: value for other, value in changed.items() if other != name}
        try:
            without = presets.configuration(info.name, info, **{**rest, "preset": level})
        except BadInputError:  # the rest needs it
            without = found
        unchanged[name] = getattr(without, name)
    return config.changed(**unchanged)


def _choose(known: dict[str, DatasetInfo]) -> DatasetInfo:
    wanted = WANTED_DATASET.take()
    if wanted is None or wanted not in known:
        wanted = TRAIN_DATASET.value(None)
    name = wanted if wanted is not None and wanted in known else next(iter(known))
    if TRAIN_DATASET.value(None) != name:
        TRAIN_DATASET.set(name)
    labels = unique({name: _named(info) for name, info in known.items()})
    st.selectbox(
        "Pictures",
        list(known),
        format_func=lambda name: labels.get(name, name),
        key=TRAIN_DATASET,
        help=TrainConfig.__dataclass_fields__["dataset"].metadata["help"],
        persist_state="session",
    )
    info = known[name]
    dataset_preview(current_workspace(), info)
    findings_summary(current_workspace(), info)
    return info


def _named(info: DatasetInfo) -> str:
    return (
        f"{info.title} · {count(info.pictures, 'picture')} · "
        f"{count(len(info.classes), 'class', 'classes')}"
    )


def _folder() -> None:
    """A folder on this computer: read at once, then it is one of the data sets."""
    with st.popover("Use a folder on this computer", icon=":material/folder_open:"):
        st.text_input(
            "Folder on this computer",
            key=TRAIN_FOLDER,
            placeholder=str(Path.home() / "pictures"),
            help="One folder of pictures for each class, such as pets/cat and pets/dog.",
            on_change=_folder_given,
        )


def _folder_given() -> None:
    given = TRAIN_FOLDER.value("").strip().strip("\"'")
    if given:
        start_ingest(Path(given).expanduser())


def _start(info: DatasetInfo, config: TrainConfig | None, changed: dict[str, Any]) -> None:
    if config:
        found = expected(current_workspace(), config, info.pictures)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.html(
                f'<p class="lens-quiet">{_how_much(config)} of '
                f"{escape(model_catalog.get(config.model).label)}: about {roughly(found.seconds)}, "
                f"{size(found.memory)} of memory and {size(found.disk)} of disk "
                f"({escape(found.basis)}). {escape(reason(config, info.pictures))}</p>",
                width="content",
            )
            if not found.measured and info.ready:
                estimate_button(current_workspace(), config)
        if remark := presets.size_remark(changed.get("image_size"), config):
            st.caption(remark)
    if st.button("Train", type="primary", key="train", disabled=config is None) and config:
        _go(info, config)


def _how_much(config: TrainConfig) -> str:
    """How long it is trained: the epochs, or where a limit of time decides, at most so many."""
    said = count(config.epochs, "epoch")
    return f"Within {roughly(60 * config.minutes)}, at most {said}" if config.minutes else said


def _go(info: DatasetInfo, config: TrainConfig) -> NoReturn:
    """Start at once, or after the pictures have been brought in."""
    if info.ready:
        begin(config)
    else:
        start_ingest(BUNDLED / info.name, {"train": config.to_json()})
    st.rerun()


def begin(config: TrainConfig) -> None:
    """Make the run, put it into the queue and take it in hand."""
    selection.choose_run(engine.start(current_workspace(), config).id)
