"""What a threshold for one class does, in words: pure functions of its curve."""

from dashboard.components.widgets.metric_tiles import MetricTile
from dashboard.text.markdown import percentage, plain, span
from dashboard.text.wording import count
from ml.metrics import thresholds
from ml.metrics.calibration import MIN_PICTURES_FOR_CALIBRATION, TARGET
from ml.metrics.classification import wilson
from ml.metrics.roc import Curve
from ml.metrics.thresholds import Called


def too_few(name: str, found: Curve) -> str:
    """Why there are no curves, as Markdown."""
    fewest = min(found.positives, found.negatives)
    what = plain(name) if fewest == found.positives else "all other classes together"
    return (
        f"The test has {count(fewest, 'picture')} of {what}: too few for its curves to show "
        f"anything. {thresholds.MIN_PICTURES_FOR_CURVE} are the least."
    )


def precision_sentence(name: str, found: Curve) -> str:
    """Which threshold makes the called right, if any does, as Markdown."""
    asked, one = percentage(TARGET), thresholds.for_precision(found)
    if one is not None and one.precision is not None:
        return (
            f"The lowest threshold at which at least {asked} of what is called {plain(name)} is "
            f"{plain(name)}: **{percentage(one.threshold, digits=1)}** ({one.hits:,} of "
            f"{one.called:,}; 95 % interval {span(wilson(one.precision, one.called))}). It finds "
            f"{percentage(one.recall)} "
            f"of {plain(name)}. It was read off these very pictures: expect a little less of new "
            "ones."
        )
    if found.positives < MIN_PICTURES_FOR_CALIBRATION:
        return (
            f"The test has {count(found.positives, 'picture')} of {plain(name)}, too few to name "
            f"a threshold. {MIN_PICTURES_FOR_CALIBRATION} are the least."
        )
    return (
        f"At no threshold is {asked} of what is called {plain(name)} really {plain(name)}, counted "
        f"on {MIN_PICTURES_FOR_CALIBRATION} pictures or more."
    )


def recall_sentence(name: str, found: Curve) -> str:
    """Which threshold still finds most of the class, as Markdown; empty where there are too few."""
    one = thresholds.for_recall(found)
    if one is None or one.recall is None:
        return ""
    return (
        f"The highest at which at least {percentage(TARGET)} of {plain(name)} is found: "
        f"**{percentage(one.threshold, digits=1)}** ({one.hits:,} of {one.positives:,}; 95 % "
        f"interval {span(wilson(one.recall, one.positives))}). Of what it calls {plain(name)}, "
        f"{percentage(one.precision)} is."
    )


def effect(name: str, chosen: Called) -> list[MetricTile]:
    """What the threshold does, each with its interval or with what it is counted among."""
    precision, recall = chosen.precision, chosen.recall
    right = "" if precision is None else span(wilson(precision, chosen.called))
    found = "" if recall is None else span(wilson(recall, chosen.positives))
    return [
        MetricTile(
            "Precision",
            percentage(precision),
            f"{right}, 95 % interval" if right else "nothing is called it",
            help=f"The share of the pictures called {name} that are {name}.",
        ),
        MetricTile(
            "Recall",
            percentage(recall),
            f"{found}, 95 % interval" if found else "",
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
