"""Other data sets: the same model measured on the pictures of another data set."""

from functools import partial
from typing import Any

import streamlit as st

from dashboard.components.evaluate.report_picker import show_report
from dashboard.components.widgets.lazy_expander import lazy_expander
from dashboard.components.widgets.measurement_panel import measurement_panel, measurement_pending
from dashboard.state.keys import fold_key
from dashboard.text.markdown import plain
from dashboard.text.wording import count
from ml.data.catalog import list_datasets
from ml.data.store.versions import read_summary
from ml.evaluation import stored_reports
from ml.evaluation.class_match import Fit, fit
from ml.runs.folder import Run
from ml.text.format import listed
from ml.workspace import Workspace

MAX_REFUSALS = 8
"""So many sets that do not fit are named, each with its reason."""


def other_datasets(workspace: Workspace, run: Run) -> None:
    """The fold; what is inside is drawn when it is opened."""
    draw = partial(_panel, workspace, run)
    lazy_expander("How does it do on other pictures?", fold_key("others", run.id), draw)


def _panel(workspace: Workspace, run: Run) -> None:
    st.write(
        "Pictures from elsewhere show what the test pictures cannot: another camera, another "
        "place, another time. Classes are matched by their names."
    )
    if run.model is None:
        st.write("This run has no model to measure.")
        return
    classes = [str(name) for name in run.model.get("classes") or ()]
    own_dataset = str(run.dataset.get("name"))
    fits = [fit(classes, info) for info in list_datasets(workspace) if info.name != own_dataset]
    usable = {match.name: match for match in fits if not match.reason}
    if usable:
        _choice(workspace, run, usable)
    else:
        st.write("No other data set has a class that this model knows. Bring one in on Data.")
    refused = [match for match in fits if match.reason]
    if refused:
        more = len(refused) - MAX_REFUSALS
        st.caption("These do not fit:")
        st.caption(
            "\n".join(
                f"- **{plain(match.title)}**: {plain(match.reason)}"
                for match in refused[:MAX_REFUSALS]
            )
            + (f"\n- and {more} more" if more > 0 else "")
        )


def _choice(workspace: Workspace, run: Run, usable: dict[str, Fit]) -> None:
    chosen = st.selectbox(
        "Pictures",
        list(usable),
        format_func=lambda name: (
            f"{usable[name].title} · {count(usable[name].pictures, 'picture')}"
            if name in usable
            else name
        ),
        key=f"others-{run.id}",
    )
    if chosen not in usable:
        return
    match = usable[chosen]
    st.caption(plain(about(match, len((run.model or {}).get("classes") or ()))))
    fingerprint = str(read_summary(workspace, match.name).get("fingerprint"))
    options = ("--dataset", match.name)
    pending = measurement_pending(workspace, run, "evaluate", options)
    if not pending and stored_reports.report_of(run, fingerprint, "all") is not None:
        st.button(
            "Show it",
            key=f"show-others-{run.id}",
            icon=":material/visibility:",
            on_click=partial(show_report, run, fingerprint, "all"),
        )
        return
    measurement_panel(
        workspace,
        run,
        "evaluate",
        f"Looking at {match.title}",
        ":material/photo_library:",
        "Measure on these",
        options,
        partial(_measured, run),
    )


def _measured(run: Run, report: dict[str, Any]) -> None:
    show_report(run, str(report["fingerprint"]), str(report["split"]))


def about(match: Fit, class_count: int) -> str:
    """What would be measured and what left out, in a sentence or two."""
    common = listed(match.common)
    text = f"{len(match.common)} of the model's {class_count} classes are in it: {common}."
    if match.left_out:
        text += (
            f" {count(match.left_out, 'picture')} of {listed(match.strange)} would be left out: "
            f"the "
            "model does not know "
            f"{'this class' if len(match.strange) == 1 else 'these classes'}."
        )
    return text
