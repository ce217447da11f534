"""Learning curve panel: accuracy by the number of training pictures, and what more would bring."""

from functools import partial

import streamlit as st

from dashboard.charts.learning_curve import learning_curve
from dashboard.components.widgets.lazy_expander import lazy_expander
from dashboard.components.widgets.measurement_panel import begin_measurement, measurement_panel
from dashboard.components.widgets.plot import plot
from dashboard.state.keys import fold_key
from dashboard.text.wording import count, roughly
from ml.evaluation import learning_curve as curve
from ml.runs.folder import Run
from ml.workspace import Workspace

COMMAND, TITLE, ICON = "curve", "Training on fewer pictures", ":material/trending_up:"
EXTRAPOLATION_NOTE = "; that of the hollow mark is of the gain alone."


def learning_curve_panel(workspace: Workspace, run: Run) -> None:
    """The fold; what is inside is drawn when it is opened."""
    lazy_expander(
        "What would more pictures bring?",
        fold_key("curve", run.id),
        partial(_panel, workspace, run),
    )


def begin_learning_curve(workspace: Workspace, run: Run) -> None:
    """Start measuring, and have the fold open when Evaluate is drawn."""
    begin_measurement(workspace, run, COMMAND, TITLE)
    fold_key("curve", run.id).set(True)


def _panel(workspace: Workspace, run: Run) -> None:
    kind = curve.pictures_name({"measured_on": curve.measured_on(run)})
    st.write(
        "The same settings on a quarter, a half, three quarters and all of the training pictures, "
        f"measured on the {kind}"
        + (", as the score above. Nothing is chosen by them." if kind == "test pictures" else ".")
    )
    measured = curve.read(run)
    if measured is None:
        measurement_panel(workspace, run, COMMAND, TITLE, ICON, _label(workspace, run))
        return
    st.markdown(f"**{measured['finding']}**")
    plot(learning_curve(measured), key=f"curve-{run.id}", height=320, alt=measured["finding"])
    fits = f"mean of {measured['draws']} fits each" if measured["draws"] > 1 else "one fit each"
    st.caption(
        f"Accuracy on {count(measured['pictures'], kind.removesuffix('s'))}, {fits}, all trained "
        f"for as "
        "many steps. Whiskers are 95 % intervals"
        + (EXTRAPOLATION_NOTE if measured["twice"] else ".")
    )


def _label(workspace: Workspace, run: Run) -> str:
    """With the time it takes, where that is more than some seconds."""
    config = run.settings
    if config.frozen:
        return "Measure it"
    pictures = sum((run.dataset.get("counts") or {}).values())
    return f"Measure it, in about {roughly(curve.seconds(workspace, config, pictures))}"
