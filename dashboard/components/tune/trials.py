"""Trials table: the settings, outcome and run of each trial of a search."""

from collections.abc import Sequence

import streamlit as st

from dashboard.charts.tuning import STATES, setting_label, value_text
from dashboard.state import deep_links
from dashboard.state.navigation import EVALUATE, TRAIN
from dashboard.state.workspace import current_workspace
from dashboard.text.html import escape
from dashboard.text.wording import duration, percentage
from ml.tuning.search_space import Axis
from ml.tuning.sweep import Trial, trial_run

INTERRUPTED_WORD = "broken off"
"""What a trial is that was under way when the search was interrupted; a resume goes on with it."""


def trials_table(axes: Sequence[Axis], trials: Sequence[Trial], *, alive: bool) -> None:
    """The newest first. ``alive``: somebody works on the search."""
    headings = ["Trial", "Validation", "", *(setting_label(axis.name) for axis in axes), "Time"]
    rows = "".join(_row(axes, trial, alive) for trial in reversed(trials))
    st.html(
        f'<div class="lens-files lens-trials" tabindex="0"><table><thead><tr>'
        f"{''.join(f'<th>{escape(heading)}</th>' for heading in headings)}"
        f"</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(axes: Sequence[Axis], trial: Trial, alive: bool) -> str:
    state = STATES[trial.state] if alive or trial.state != "running" else INTERRUPTED_WORD
    cells = [
        _link(trial),
        percentage(trial.accuracy, digits=1),
        f'<span title="{escape(trial.reason)}">',
    ]
    cells[2] += f"{escape(state)}</span>"
    cells += [escape(value_text(trial.values.get(axis.name))) for axis in axes]
    cells.append(duration(trial.seconds) if trial.seconds else "–")
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _link(trial: Trial) -> str:
    """Its number, as a link to its run where that is there."""
    name = f"{trial.number}, the start" if trial.number == 0 else str(trial.number)
    run = trial_run(current_workspace(), trial)
    if run is None:
        return name
    page = EVALUATE if (run.folder / "report.json").exists() else TRAIN
    return f'<a href="{escape(deep_links.link(page, run.id))}" target="_self">{name}</a>'
