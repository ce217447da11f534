"""Per-class metrics: precision, recall, F1 and support, as bars and as a table."""

from typing import Any

import streamlit as st

from dashboard.charts import evaluation as evaluation_charts
from dashboard.components.widgets.plot import plot
from dashboard.queries.results import Results
from dashboard.state.keys import class_table_fold
from dashboard.text.markdown import plain
from ml.metrics.thresholds import MIN_PICTURES_FOR_CURVE
from ml.text import report_sentences
from ml.text.format import listed

HELP = (
    "Precision: of the pictures called this class, the share that are of it. Recall: of the "
    "pictures of this class, the share that were found. F1 is high only where both are. "
    "Support is the number of test pictures of the class."
)


@st.fragment
def per_class_metrics(results: Results) -> None:
    """Draw both; the table can be sorted by each of its columns."""
    key = results.key
    entries = [entry for entry in results.report["per_class"] if entry["support"]]
    empty_classes = [
        entry["class"] for entry in results.report["per_class"] if not entry["support"]
    ]
    with st.container(border=True, key=f"card-classes-{key}"):
        st.markdown(
            f"#### {report_sentences.weakest(entries, plain)}",
            help=HELP,
        )
        order = st.segmented_control(
            "Order of the classes",
            evaluation_charts.ORDERS,
            default=evaluation_charts.ORDERS[0],
            required=True,
            key=f"order-{key}",
            label_visibility="collapsed",
        )
        ordered = evaluation_charts.in_order(entries, order or evaluation_charts.ORDERS[0])
        plot(
            evaluation_charts.per_class(ordered),
            key=f"bars-{key}",
            height=80 + 30 * min(len(ordered), evaluation_charts.MAX_BARS),
            alt=f"Precision, recall and F1 of each class. {report_sentences.weakest(entries)}.",
        )
        if len(ordered) > evaluation_charts.MAX_BARS:
            st.caption(
                f"The first {evaluation_charts.MAX_BARS} of {len(ordered)} classes; "
                "all are in the table."
            )
        if empty_classes:
            st.caption(
                f"There are no pictures of {plain(listed(empty_classes))}. Macro F1 counts such "
                f"a class "
                "as 0 where the model names it all the same."
            )
        with st.expander(
            "All figures as a table", key=class_table_fold(key), on_change="rerun"
        ) as fold:
            if fold.open:
                _table(ordered)


def _table(entries: list[dict[str, Any]]) -> None:
    percent = _columns(entries)
    interval = "The 95 % interval of the recall."
    helps = {
        "Recall from": interval,
        "Recall to": interval,
        "ROC area": "How often a picture of the class is given a higher probability of it than "
        "one of another class; 50 % is chance. Also known as ROC AUC. "
        f"Left out with fewer than {MIN_PICTURES_FOR_CURVE} pictures of the class or of others.",
        "PR area": "Precision, averaged over the levels of recall. Also known as average precision "
        "or PR AUC.",
    }
    st.dataframe(
        {
            "Class": [str(entry["class"]) for entry in entries],
            **percent,
            "Support": [entry["support"] for entry in entries],
        },
        hide_index=True,
        column_config={
            "Class": st.column_config.TextColumn(pinned=True),
            **{
                name: st.column_config.NumberColumn(format="%.0f %%", help=helps.get(name))
                for name in percent
            },
        },
        alt="Precision, recall, F1 and support of each class",
    )


def _columns(entries: list[dict[str, Any]]) -> dict[str, list[float | None]]:
    """The columns of the table in per cent, by heading; None where a figure was not measured."""
    ends = [entry.get("recall_interval") or (None, None) for entry in entries]
    total = sum(entry["support"] for entry in entries)
    with_curve = [
        entry if min(entry["support"], total - entry["support"]) >= MIN_PICTURES_FOR_CURVE else {}
        for entry in entries
    ]
    shares = {
        "Precision": [entry["precision"] for entry in entries],
        "Recall": [entry["recall"] for entry in entries],
        "Recall from": [low for low, _ in ends],
        "Recall to": [high for _, high in ends],
        "F1": [entry["f1"] for entry in entries],
        "ROC area": [entry.get("roc_auc") for entry in with_curve],
        "PR area": [entry.get("average_precision") for entry in with_curve],
    }
    return {
        name: [None if value is None else 100 * value for value in values]
        for name, values in shares.items()
    }
