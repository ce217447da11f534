"""Threshold sentences: what a threshold for one class does, in words. Pure."""

from dashboard.components.widgets.metric_tiles import MetricTile
from dashboard.text.markdown import percentage, plain, span
from dashboard.text.wording import count
from ml.metrics import thresholds
from ml.metrics.calibration import MIN_PICTURES_FOR_CALIBRATION, TARGET
from ml.metrics.roc import Curve
from ml.metrics.thresholds import Called


def too_few(name: str, curve: Curve) -> str:
    """Why there are no curves, as Markdown."""
    smaller_count = min(curve.positives, curve.negatives)
    subject = plain(name) if smaller_count == curve.positives else "all other classes together"
    return (
        f"The test has {count(smaller_count, 'picture')} of {subject}: too few for its curves to "
        f"show "
        f"anything. {thresholds.MIN_PICTURES_FOR_CURVE} are the least."
    )


def precision_sentence(name: str, curve: Curve) -> str:
    """Which threshold makes the called right, if any does, as Markdown."""
    target, threshold_effect = percentage(TARGET), thresholds.for_precision(curve)
    if threshold_effect is not None and threshold_effect.precision is not None:
        return (
            f"The lowest threshold at which at least {target} of what is called {plain(name)} is "
            f"{plain(name)}: **{percentage(threshold_effect.threshold, digits=1)}** "
            f"({threshold_effect.hits:,} of "
            f"{threshold_effect.called:,}; 95 % interval "
            f"{span(threshold_effect.precision_interval)}). It finds "
            f"{percentage(threshold_effect.recall)} "
            f"of {plain(name)}. It was read off these very pictures: expect a little less of new "
            "ones."
        )
    if curve.positives < MIN_PICTURES_FOR_CALIBRATION:
        return (
            f"The test has {count(curve.positives, 'picture')} of {plain(name)}, too few to name "
            f"a threshold. {MIN_PICTURES_FOR_CALIBRATION} are the least."
        )
    return (
        f"At no threshold is {target} of what is called {plain(name)} really {plain(name)}, "
        f"counted "
        f"on {MIN_PICTURES_FOR_CALIBRATION} pictures or more."
    )


def recall_sentence(name: str, curve: Curve) -> str:
    """Which threshold still finds most of the class, as Markdown; empty where there are too few."""
    threshold_effect = thresholds.for_recall(curve)
    if threshold_effect is None or threshold_effect.recall is None:
        return ""
    return (
        f"The highest at which at least {percentage(TARGET)} of {plain(name)} is found: "
        f"**{percentage(threshold_effect.threshold, digits=1)}** ({threshold_effect.hits:,} of "
        f"{threshold_effect.positives:,}; 95 % "
        f"interval {span(threshold_effect.recall_interval)}). Of what "
        f"it calls {plain(name)}, "
        f"{percentage(threshold_effect.precision)} is."
    )


def effect(name: str, chosen: Called) -> list[MetricTile]:
    """What the threshold does, each with its interval or with what it is counted among."""
    precision, recall = chosen.precision, chosen.recall
    precision_interval = span(chosen.precision_interval)
    recall_interval = span(chosen.recall_interval)
    return [
        MetricTile(
            "Precision",
            percentage(precision),
            f"{precision_interval}, 95 % interval"
            if precision_interval
            else "nothing is called it",
            help=f"The share of the pictures called {name} that are {name}.",
        ),
        MetricTile(
            "Recall",
            percentage(recall),
            f"{recall_interval}, 95 % interval" if recall_interval else "",
            help=f"The share of the pictures of {name} that are called so.",
        ),
        MetricTile(
            "False alarms",
            f"{chosen.false_alarms:,}",
            f"of {count(chosen.negatives, 'other picture')}",
            help=f"Pictures of other classes that are called {name}.",
        ),
        MetricTile(
            "Missed",
            f"{chosen.missed:,}",
            f"of {count(chosen.positives, 'picture')} of it",
            help=f"Pictures of {name} that are not called so.",
        ),
    ]
