"""Precision, recall, F1 and support of each class, as bars and as a table."""

import streamlit as st

from dashboard import charts_evaluate as charts
from dashboard.components.plot import plot
from dashboard.results import Results
from dashboard.text import plain, rounded

HELP = (
    "Precision: of the pictures called this class, the share that are of it. Recall: of the "
    "pictures of this class, the share that were found. F1 is high only where both are. "
    "Support is the number of test pictures of the class."
)


@st.fragment
def class_figures(results: Results, key: str) -> None:
    """Draw both; the table can be sorted by each of its columns."""
    entries = results.report["per_class"]
    with st.container(border=True, key=f"card-classes-{key}"):
        weakest = charts.in_order(entries, charts.ORDERS[0])[0]
        st.markdown(
            f"#### Weakest class: {plain(weakest['class'])}, F1 {rounded(weakest['f1'])}",
            help=HELP,
        )
        order = st.segmented_control(
            "Order of the classes",
            charts.ORDERS,
            default=charts.ORDERS[0],
            required=True,
            key=f"order-{key}",
            label_visibility="collapsed",
        )
        ordered = charts.in_order(entries, order or charts.ORDERS[0])
        plot(
            charts.per_class(ordered),
            key=f"bars-{key}",
            height=80 + 30 * min(len(ordered), charts.BARS),
            alt=f"Precision, recall and F1 of each class. Weakest: {weakest['class']}.",
        )
        if len(ordered) > charts.BARS:
            st.caption(f"The first {charts.BARS} of {len(ordered)} classes; all are in the table.")
        with st.expander("All figures as a table", key=f"table-{key}", on_change="rerun") as fold:
            if fold.open:
                _table(ordered)


def _table(entries: list[dict[str, object]]) -> None:
    shares = st.column_config.NumberColumn(format="percent")
    st.dataframe(
        {
            "Class": [str(entry["class"]) for entry in entries],
            "Precision": [entry["precision"] for entry in entries],
            "Recall": [entry["recall"] for entry in entries],
            "Recall, low": [_end(entry, 0) for entry in entries],
            "Recall, high": [_end(entry, 1) for entry in entries],
            "F1": [entry["f1"] for entry in entries],
            "Support": [entry["support"] for entry in entries],
        },
        column_config={
            "Class": st.column_config.TextColumn(pinned=True),
            **dict.fromkeys(("Precision", "Recall", "F1"), shares),
            "Recall, low": st.column_config.NumberColumn(
                format="percent", help="Lower end of the 95 % interval of the recall."
            ),
            "Recall, high": st.column_config.NumberColumn(
                format="percent", help="Upper end of the 95 % interval of the recall."
            ),
        },
        alt="Precision, recall, F1 and support of each class",
    )


def _end(entry: dict[str, object], place: int) -> float | None:
    interval = entry.get("recall_interval")
    return float(interval[place]) if isinstance(interval, (list, tuple)) else None
