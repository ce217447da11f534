"""Selection: the run, data set and search that all pages show, which the address names."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import streamlit as st

from dashboard.state.stored import stored
from dashboard.state.workspace import current_workspace
from ml.data.ingest.bring_in import BUNDLED_NAMES
from ml.data.store.versions import dataset_names
from ml.errors import BadInputError
from ml.runs.folder import Run, find_listed
from ml.tuning.sweep import Sweep, list_sweeps


@dataclass
class Selection:
    """What is selected in this tab. A field's name is its query parameter (``?run=``)."""

    run: str | None = None
    """The id of a run."""
    data: str | None = None
    """The name of a data set."""
    sweep: str | None = None
    """The id of a search."""


def selected() -> Selection:
    """That of this tab: identifiers as they were selected, whether or not they still exist."""
    return stored(Selection)


def current_run() -> Run | None:
    """The selected run, or None where there is none or it no longer exists."""
    return _listed_run(selected().run)


def _listed_run(identifier: str | None) -> Run | None:
    """The run that an address names: by its id, the beginning of one, or ``latest``."""
    try:
        if identifier:
            return find_listed(current_workspace(), identifier, with_model=False)
    except BadInputError:
        pass
    return None


def current_data() -> str | None:
    """The name of the selected data set, or None where there is none or it no longer exists."""
    name = selected().data
    if not name:
        return None
    return name if name in BUNDLED_NAMES or name in dataset_names(current_workspace()) else None


def current_sweep() -> Sweep | None:
    """The selected search, or None where there is none or it no longer exists."""
    identifier = selected().sweep
    if not identifier:
        return None
    return next((one for one in list_sweeps(current_workspace()) if one.id == identifier), None)


def choose_run(identifier: str | None) -> None:
    """Select a run: all pages speak of it from now on, and the address names it."""
    selected().run = identifier
    write_address()


def choose_data(name: str | None) -> None:
    """Select a data set, as ``choose_run`` does with a run."""
    selected().data = name
    write_address()


def choose_sweep(identifier: str | None) -> None:
    """Select a search, as ``choose_run`` does with a run."""
    selected().sweep = identifier
    write_address()


def select(named: Mapping[str, str | None]) -> None:
    """Select what ``named`` holds by query parameter. What it does not name stays selected.

    The beginning of a run's id becomes the id, so that a later run cannot take its place.
    """
    chosen = selected()
    for parameter in query_parameters():
        if named.get(parameter):
            setattr(chosen, parameter, named[parameter])
    if named.get("run") and (run := _listed_run(chosen.run)):
        chosen.run = run.id


def query_parameters() -> dict[str, str | None]:
    """What is selected, by query parameter."""
    chosen = selected()
    return {field.name: getattr(chosen, field.name) for field in fields(Selection)}


def write_address() -> None:
    """Put what is selected into the address, where a page switch has dropped it."""
    for parameter, identifier in query_parameters().items():
        if identifier and st.query_params.get(parameter) != identifier:
            st.query_params[parameter] = identifier
        elif not identifier and parameter in st.query_params:
            del st.query_params[parameter]


def drop_missing() -> list[str]:
    """Unselect what no longer exists. Returns a sentence for each."""
    chosen, sentences = selected(), []
    if chosen.run and current_run() is None:
        chosen.run = None
        sentences.append(
            "The run in the address is not there any more. You may find it in the trash of Runs."
        )
    if chosen.data and current_data() is None:
        chosen.data = None
        sentences.append("The data set in the address is not there any more.")
    if chosen.sweep and current_sweep() is None:
        chosen.sweep = None
        sentences.append("The search in the address is not there any more.")
    return sentences
