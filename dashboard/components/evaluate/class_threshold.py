"""Class threshold: curves of one class against the rest, and what a threshold of one's own does."""

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
from ml.metrics.roc import Curve, average_precision, curve, curve_interval, roc_auc
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
    class_curve = curve(results.probabilities[:, label], results.labels == label, results.groups)
    if not thresholds.has_enough_pictures(class_curve):
        st.write(too_few(names[label], class_curve))
        return
    chosen = _slider(names[label], class_curve, key, label)
    _curves(names[label], class_curve, chosen, key)


def _slider(name: str, class_curve: Curve, results: str, label: int) -> Called:
    """The sentences, the slider and what it does; the browser is answered by this part alone."""
    slider, key = class_threshold_key(results, label), f"{results}-{label}"
    slider.set_default(50.0)
    st.write(
        f"Say you call a picture {plain(name)} whenever its probability of that is at least the "
        "threshold, whatever the other classes get. A higher threshold gives fewer false alarms "
        "and misses more."
    )
    suggestions = (
        (precision_sentence(name, class_curve), thresholds.for_precision(class_curve), "precision"),
        (recall_sentence(name, class_curve), thresholds.for_recall(class_curve), "recall"),
    )
    for sentence, suggestion, metric in suggestions:
        with st.container(horizontal=True, vertical_alignment="center", key=f"{metric}-{key}"):
            st.markdown(sentence, width="stretch")
            if suggestion is not None:
                st.button(
                    f"Set to {percentage(suggestion.threshold, digits=1)}",
                    key=f"set-{metric}-{key}",
                    on_click=partial(slider.set, round(100 * suggestion.threshold, 1)),
                )
    value = st.slider("Threshold", 0.0, 100.0, step=0.1, format="%.1f %%", key=slider)
    chosen = thresholds.call(class_curve, round(10 * value) / 1000)
    metric_tiles(effect(name, chosen), key=f"effect-{key}")
    return chosen


def _curves(name: str, class_curve: Curve, chosen: Called, key: str) -> None:
    auc, auc_interval = roc_auc(class_curve) or 0.0, curve_interval(class_curve)
    mean_precision, share = (
        average_precision(class_curve),
        class_curve.positives / (class_curve.positives + class_curve.negatives),
    )
    sentences = (
        f"It ranks {plain(name)} above another in {with_span(auc, auc_interval)} of pairs",
        f"Precision {percentage(mean_precision)} on average; calling every picture so gets "
        f"{percentage(share)}",
    )
    helps = (
        "The area under the ROC curve (ROC AUC): how often a picture of the class gets a higher "
        "probability of it than one of another class. 50 % is chance. In brackets its 95 % "
        "interval.",
        "The area under the precision-recall curve (average precision, PR AUC): precision, "
        "averaged over the levels of recall.",
    )
    figures = (
        one_vs_rest_charts.roc(class_curve, chosen),
        one_vs_rest_charts.precision_recall(class_curve, chosen),
    )
    for column, sentence, help_text, figure, kind in zip(
        st.columns(2), sentences, helps, figures, ("roc", "pr"), strict=True
    ):
        with column:
            st.markdown(f"**{sentence}**", help=help_text)
            plot(figure, key=f"{kind}-{key}", height=300, alt=sentence)
