"""One class against all others: its curves, and what a threshold of one's own would do."""

from functools import partial

import streamlit as st

from dashboard.charts import one_vs_rest as one_vs_rest_charts
from dashboard.charts.evaluation import ORDERS, in_order
from dashboard.components.evaluate.threshold_sentences import (
    effect,
    precision_sentence,
    recall_sentence,
    too_few,
)
from dashboard.components.widgets.lazy_expander import lazy_expander
from dashboard.components.widgets.metric_tiles import metric_tiles
from dashboard.components.widgets.plot import plot
from dashboard.queries.results import Results
from dashboard.state.keys import class_threshold_key, fold_key
from dashboard.text.markdown import percentage, plain, with_span
from ml.metrics import thresholds
from ml.metrics.roc import Curve, average_precision, curve, roc_auc, roc_auc_interval
from ml.metrics.thresholds import Called


def class_threshold(results: Results) -> None:
    """The fold; what is inside is drawn when it is opened."""
    title = "How well is one class told from the rest, and at which threshold?"
    lazy_expander(title, fold_key("class-threshold", results.key), partial(_panel, results))


@st.fragment
def _panel(results: Results) -> None:
    names, key = list(results.classes), results.key
    entries = [entry for entry in results.report["per_class"] if entry["support"]]
    weakest = in_order(entries, ORDERS[0])[0]["class"]
    label = st.selectbox(
        "Class",
        range(len(names)),
        index=names.index(weakest) if weakest in names else 0,
        format_func=lambda place: names[place],
        key=f"told-class-{key}",
    )
    found = curve(results.probabilities[:, label], results.labels == label)
    if not thresholds.has_enough_pictures(found):
        st.write(too_few(names[label], found))
        return
    chosen = _slider(names[label], found, key, label)
    _curves(names[label], found, chosen, key)


def _slider(name: str, found: Curve, results: str, label: int) -> Called:
    """The sentences, the slider and what it does; the browser is answered by this part alone."""
    slider, key = class_threshold_key(results, label), f"{results}-{label}"
    slider.set_default(50.0)
    st.write(
        f"Say you call a picture {plain(name)} whenever its probability of that is at least the "
        "threshold, whatever the other classes get. A higher threshold gives fewer false alarms "
        "and misses more."
    )
    offers = (
        (precision_sentence(name, found), thresholds.for_precision(found), "precision"),
        (recall_sentence(name, found), thresholds.for_recall(found), "recall"),
    )
    for sentence, offer, word in offers:
        with st.container(horizontal=True, vertical_alignment="center", key=f"{word}-{key}"):
            st.markdown(sentence, width="stretch")
            if offer is not None:
                st.button(
                    f"Set to {percentage(offer.threshold, digits=1)}",
                    key=f"set-{word}-{key}",
                    on_click=partial(slider.set, round(100 * offer.threshold, 1)),
                )
    value = st.slider("Threshold", 0.0, 100.0, step=0.1, format="%.1f %%", key=slider)
    chosen = thresholds.call(found, round(10 * value) / 1000)
    metric_tiles(effect(name, chosen), key=f"effect-{key}")
    return chosen


def _curves(name: str, found: Curve, chosen: Called, key: str) -> None:
    area = roc_auc(found) or 0.0
    around = roc_auc_interval(area, found.positives, found.negatives)
    mean, share = average_precision(found), found.positives / (found.positives + found.negatives)
    said = (
        f"It ranks {plain(name)} above another in {with_span(area, around)} of pairs",
        f"Precision {percentage(mean)} on average; calling every picture so gets "
        f"{percentage(share)}",
    )
    help_ = (
        "The area under the ROC curve (ROC AUC): how often a picture of the class gets a higher "
        "probability of it than one of another class. 50 % is chance. In brackets its 95 % "
        "interval.",
        "The area under the precision-recall curve (average precision, PR AUC): precision, "
        "averaged over the levels of recall.",
    )
    figures = (
        one_vs_rest_charts.roc(found, chosen),
        one_vs_rest_charts.precision_recall(found, chosen),
    )
    for column, words, about, figure, kind in zip(
        st.columns(2), said, help_, figures, ("roc", "pr"), strict=True
    ):
        with column:
            st.markdown(f"**{words}**", help=about)
            plot(figure, key=f"{kind}-{key}", height=300, alt=words)
