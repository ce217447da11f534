"""Class balance: pictures a class as bars, and the sizes and shapes of the pictures."""

from collections import Counter

import streamlit as st

from dashboard.charts import dataset as dataset_charts
from dashboard.components.widgets.plot import plot
from dashboard.queries.picture_facts import MAX_MEASURED, sizes_of
from dashboard.text.markdown import plain
from dashboard.text.wording import count, size
from ml.data.store.versions import DatasetVersion
from ml.workspace import Workspace

ORDERS = ("Most first", "Fewest first", "By name")


@st.fragment
def class_balance(workspace: Workspace, version: DatasetVersion) -> None:
    """Draw the bars of the classes, then sizes and shapes."""
    if not version.classes:
        st.caption("There is no class yet.")
        return
    _classes(version)
    if version.items:
        _sizes(workspace, version)


def _classes(version: DatasetVersion) -> None:
    counts = version.counts
    out = Counter(version.classes[item.label] for item in version.items if item.excluded)
    with st.container(border=True, key="card-balance"):
        st.markdown(f"#### {plain(dataset_charts.balance_finding(counts))}")
        order = st.segmented_control(
            "Order of the classes",
            ORDERS,
            default=ORDERS[0],
            required=True,
            key="balance-order",
            label_visibility="collapsed",
        )
        keys = {
            "Most first": lambda name: (-counts[name], name),
            "Fewest first": lambda name: (counts[name], name),
        }
        names = sorted(counts, key=keys.get(str(order), lambda name: name.casefold()))
        ordered = {name: counts[name] for name in names}
        plot(
            dataset_charts.balance(ordered, out),
            key="chart-balance",
            height=70 + 28 * min(len(names), dataset_charts.MAX_BARS),
            alt=f"Pictures of each class. {dataset_charts.balance_finding(counts)}.",
            table=len(names) <= dataset_charts.MAX_BARS,
        )
        if len(names) <= dataset_charts.MAX_BARS:
            return
        st.caption(
            f"The first {dataset_charts.MAX_BARS} of {len(names)} classes; all are in the table."
        )
        with st.expander("All classes as a table", key="balance-table", on_change="rerun") as fold:
            if fold.open:
                st.dataframe(
                    {
                        "Class": names,
                        "In use": [counts[name] for name in names],
                        "Excluded": [out[name] for name in names],
                    },
                    hide_index=True,
                    alt="Pictures of each class",
                )


def _sizes(workspace: Workspace, version: DatasetVersion) -> None:
    sizes = sizes_of(workspace, version)
    about = version.about
    with st.container(border=True, key="card-sizes"):
        typical = f"{about.get('width', 0)} x {about.get('height', 0)} pixels"
        st.markdown(f"#### A usual picture has {typical}")
        size_in_bytes = int(about.get("bytes") or 0)
        sentences = [f"{size(size_in_bytes)} in all."] if size_in_bytes >= 500_000 else []
        sentences += (
            [f"Measured on {count(len(sizes), 'picture')}."] if len(sizes) == MAX_MEASURED else []
        )
        if sentences:
            st.caption(" ".join(sentences))
        for column, figure, key, alt in zip(
            st.columns(2, gap="medium"),
            (dataset_charts.sides(sizes), dataset_charts.shapes(sizes)),
            ("sides", "shapes"),
            ("How large the pictures are", "What shape the pictures have"),
            strict=True,
        ):
            with column:
                plot(figure, key=f"chart-{key}", height=260, alt=alt)
