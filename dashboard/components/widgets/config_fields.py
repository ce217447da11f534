"""Config fields: the settings of ``TrainConfig`` as widgets, each with help, change mark and reset.

What the user changed is kept apart from what the presets suggest, so that another data set or
preset moves everything that was not chosen by hand.
"""

import math
from dataclasses import Field, fields
from functools import partial
from typing import Any

import streamlit as st

from dashboard.state.keys import ADVANCED_FOLD, field_key
from dashboard.state.page_states import TrainState
from dashboard.state.stored import stored
from dashboard.text.choices import choice_label
from dashboard.text.markdown import plain
from dashboard.text.wording import count
from ml.config import GRADIENT_SETTINGS, TrainConfig
from ml.models import catalog as model_catalog
from ml.text.command_line import BASICS, worded


def groups() -> dict[str, list[Field[Any]]]:
    """The fields under Advanced by their group, in the order of the configuration."""
    by_group: dict[str, list[Field[Any]]] = {}
    for item in fields(TrainConfig):
        if item.name not in BASICS and not item.metadata["shell"]:
            by_group.setdefault(item.metadata["group"], []).append(item)
    return by_group


def advanced(suggested: TrainConfig) -> None:
    """All fields that have a good value already. ``suggested`` is what the presets say.

    They are drawn only while they are looked at: two dozen widgets are most of what a rerun of the
    page costs the browser.
    """
    changed = stored(TrainState).overrides
    fold = st.expander("Advanced", key=ADVANCED_FOLD, on_change="rerun")  # another label closes it
    if fold.open:
        config = suggested.changed(**changed)
        shown = {
            name: [one for one in of if applies(one.name, config)] for name, of in groups().items()
        }
        names = [name for name, of in shown.items() if of]
        for tab, name in zip(fold.tabs(names), names, strict=True):
            with tab, st.grid(2, min_column_width=240, gap=("small", "medium")) as grid:
                for item in shown[name]:
                    with grid.cell():
                        field(item, getattr(suggested, item.name))
    if changed:
        with st.container(horizontal=True, vertical_alignment="center"):
            text = f"{count(len(changed), 'setting')} changed"
            st.markdown(f":violet[{text}]", width="content")
            st.button("Reset all", type="tertiary", on_click=changed.clear, icon=":material/undo:")


def applies(name: str, config: TrainConfig) -> bool:
    """Whether a setting has an effect beside the others: a regression knows no learning rate."""
    if name == "head":
        return config.frozen
    return not (config.regression and name in GRADIENT_SETTINGS)


def field(item: Field[Any], suggested: Any) -> None:
    """One field: its widget, and where it was changed the way back to ``suggested``."""
    changed, key = stored(TrainState).overrides, field_key(item.name)
    about = item.metadata
    unit = f" ({about['unit']})" if about["unit"] else ""
    changed_mark = ":violet[ · changed]" if item.name in changed else ""
    value = changed.get(item.name, suggested)
    key.set(value)
    settings: dict[str, Any] = {
        "label": f"{about['label']}{unit}{changed_mark}",
        "key": key,
        "help": about["help"],
        "on_change": partial(_field_changed, item.name, suggested),
    }
    if item.name == "model":
        st.selectbox(options=model_catalog.names(), format_func=model_label, **settings)
        st.caption(model_catalog.get(value).help)
    elif about["choices"]:
        st.selectbox(options=about["choices"], format_func=choice_label, **settings)
    elif isinstance(suggested, bool):
        st.toggle(**settings)
    elif isinstance(suggested, float):
        st.number_input(
            min_value=float(about["low"]),
            max_value=float(about["high"]),
            step=_step(value, about),
            format="%g",
            **settings,
        )
    else:
        st.number_input(
            min_value=int(about["low"]), max_value=int(about["high"]), step=1, **settings
        )
    if item.name in changed:
        st.button(
            f"Reset to {plain(str(_value_text(item, suggested)))}",
            key=f"reset-{item.name}",
            type="tertiary",
            on_click=partial(changed.pop, item.name, None),
        )


def model_label(name: str) -> str:
    """A model as the list shows it."""
    info = model_catalog.get(name)
    return f"{info.label} · {info.parameters / 1e6:.2g} million weights"


def _field_changed(name: str, suggested: Any) -> None:
    value, overrides = field_key(name).value(None), stored(TrainState).overrides
    if value == suggested or value is None:
        overrides.pop(name, None)
    else:
        overrides[name] = value


def _step(value: float, metadata: Any) -> float:
    """A step that suits the size of the value: a tenth of its power of ten on a log scale."""
    if not metadata["log"]:
        return 1.0 if metadata["high"] >= 100 else 0.01
    return float(10.0 ** math.floor(math.log10(value))) if value > 0 else 1e-4


def _value_text(item: Field[Any], value: Any) -> Any:
    if item.name == "model":
        return model_catalog.get(value).label
    if isinstance(value, bool):
        return "on" if value else "off"
    return choice_label(value) if item.metadata["choices"] else worded(value)
