"""Charts of a hyperparameter search: scores, parallel coordinates, importances, as Plotly figures.
Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from math import log
from typing import Any

from dashboard.text.choices import choice_label
from dashboard.text.class_names import literal
from dashboard.text.wording import number, percentage
from ml.config import TrainConfig
from ml.tuning.search_space import Axis
from ml.tuning.sweep import Trial

STATES = {
    "running": "under way",
    "done": "whole",
    "pruned": "ended early",
    "cut": "cut short",
    "failed": "failed",
}
SHADES = ("$seq3", "$seq4", "$seq5", "$seq6", "$seq7")
"""From the worst trial to the best."""
_LABELS = {item.name: str(item.metadata["label"]) for item in fields(TrainConfig)}


def setting_label(name: str) -> str:
    """A setting as the form calls it.

    >>> setting_label("learning_rate")
    'Learning rate'
    """
    return _LABELS.get(name, name)


def value_text(value: Any) -> str:
    """A value of a setting as a person reads it.

    >>> value_text(0.00123), value_text(0.000013784), value_text(True)
    ('0.00123', '0.0000138', 'on')
    >>> value_text("adamw"), value_text(32)
    ('AdamW', '32')
    """
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        short = f"{value:.3g}"
        return number(value).rstrip("0") if "e-" in short else short
    return str(value) if isinstance(value, int) else choice_label(value)


def best_so_far(trials: Sequence[Trial]) -> list[tuple[int, float]]:
    """The best accuracy after each trial that is over, by number. Ended early does not count."""
    improvements: list[tuple[int, float]] = []
    best = 0.0
    for trial in trials:
        if trial.accuracy is None or trial.state in ("running", "pruned", "failed"):
            continue
        best = max(best, trial.accuracy)
        improvements.append((trial.number, best))
    return improvements


def progress(trials: Sequence[Trial]) -> dict[str, Any]:
    """Validation accuracy of each trial in per cent, and the best so far as a line of steps."""
    steps = best_so_far(trials)
    measured = [one for one in trials if one.accuracy is not None and one.state in ("done", "cut")]
    early = [one for one in trials if one.accuracy is not None and one.state == "pruned"]
    line = {"color": "$validation", "width": 2.5, "shape": "hv"}
    best = {
        "type": "scatter",
        "mode": "lines",
        "name": "Best so far",
        "line": line,
        "x": [number for number, _ in steps],
        "y": [_points(value) for _, value in steps],
        "hovertemplate": "%{y:.1f} %<extra>Best so far</extra>",
    }
    return {
        "data": [
            best,
            _marks("Trial", measured, {"color": "$validation", "size": 8}),
            *([_marks("Ended early", early, _HOLLOW)] if early else []),
        ],
        "layout": {
            "xaxis": {"title": "Trial", "showgrid": False, **_whole_numbers(len(trials))},
            "yaxis": {"ticksuffix": " %"} | ({} if steps else {"range": [0, 100]}),
        },
    }


_HOLLOW = {"color": "$back", "size": 8, "line": {"color": "$muted", "width": 1.5}}


def _marks(name: str, trials: Sequence[Trial], marker: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [trial.number for trial in trials],
        "y": [_points(trial.accuracy) for trial in trials],
        "marker": marker,
        "hovertemplate": "Trial %{x}: %{y:.1f} %<extra></extra>",
    }


def _points(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 2)


def _whole_numbers(trials: int) -> dict[str, Any]:
    return {"dtick": 1} if trials <= 15 else {}


def parallel(axes: Sequence[Axis], trials: Sequence[Trial], best: int | None) -> dict[str, Any]:
    """One line a trial over one upright axis a setting, the last of them the accuracy.

    The darker, the more accurate; the best trial (its number) is thick, the start dashed.
    """
    shown = [trial for trial in trials if trial.accuracy is not None and trial.state != "failed"]
    accuracies = sorted(trial.accuracy or 0.0 for trial in shown)
    low, high = (accuracies[0], accuracies[-1]) if shown else (0.0, 1.0)
    score = Axis("accuracy", low, high)
    places = list(range(len(axes) + 1))
    shown.sort(key=lambda trial: trial.number == best)  # the best is drawn last, over the others
    data = [_trial_line(axes, score, trial, best) for trial in shown]
    names = [setting_label(axis.name) for axis in axes] + ["Validation accuracy"]
    post = {"type": "line", "y0": 0, "y1": 1, "line": {"color": "$line", "width": 1}}
    ends = [note for place, axis in enumerate(axes) for note in _ends(place, axis)]
    ends += [
        _note(places[-1], 0.0, percentage(low, digits=1)),
        _note(places[-1], 1.0, percentage(high, digits=1)),
    ]
    return {
        "data": data,
        "layout": {
            "hovermode": "closest",
            "shapes": [post | {"x0": place, "x1": place, "layer": "below"} for place in places],
            "annotations": ends if shown else [],
            "xaxis": {
                "tickvals": places,
                "ticktext": [name.replace(" ", "<br>") for name in names],
                "range": [-0.4, places[-1] + 0.4],
                "tickangle": 0,
                "tickfont": {"size": 10},
                "showgrid": False,
                "zeroline": False,
            },
            "yaxis": {"visible": False, "range": [-0.12, 1.12], "zeroline": False},
        },
        "table": _table(axes, names, sorted(shown, key=lambda trial: trial.number)),
    }


def _trial_line(
    axes: Sequence[Axis], score: Axis, trial: Trial, best: int | None
) -> dict[str, Any]:
    """The trace of one trial over the ``axes`` and the axis of the accuracy, ``score``."""
    value, low, high = trial.accuracy or 0.0, score.low, score.high
    heights = [
        *(axis_height(axis, trial.values[axis.name]) for axis in axes),
        axis_height(score, value),
    ]
    rank = (value - low) / (high - low) if high > low else 1.0
    line: dict[str, Any] = {"color": SHADES[round(rank * (len(SHADES) - 1))], "width": 1.6}
    if trial.number == best:
        line = {"color": "$validation", "width": 3.5}
    elif trial.number == 0:
        line |= {"color": "$text", "dash": "dash", "width": 2}
    about = ", ".join(
        f"{setting_label(axis.name)} {value_text(trial.values[axis.name])}" for axis in axes
    )
    hover = f"<b>Trial {trial.number}: {percentage(value, digits=1)}</b><br>{literal(about)}"
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": _name(trial, best),
        "x": list(range(len(heights))),
        "y": heights,
        "line": line,
        "marker": {"color": line["color"], "size": 5},
        "showlegend": trial.number in (0, best),
        "hovertemplate": hover.replace(", ", "<br>") + "<extra></extra>",
    }


def _name(trial: Trial, best: int | None) -> str:
    if trial.number == best:
        return "Best" if trial.number else "Best, the start"
    return "Start" if trial.number == 0 else f"Trial {trial.number}"


def _table(
    axes: Sequence[Axis], names: Sequence[str], trials: Sequence[Trial]
) -> list[list[str | int]]:
    rows: list[list[str | int]] = [["Trial", *names, ""]]
    for trial in trials:
        values = [value_text(trial.values[axis.name]) for axis in axes]
        rows.append(
            [trial.number, *values, percentage(trial.accuracy, digits=1), STATES[trial.state]]
        )
    return rows


def axis_height(axis: Axis, value: Any) -> float:
    """Where a value lies on its axis, 0 at its foot to 1 at its top.

    >>> axis_height(Axis("learning_rate", 1e-4, 1e-2, log=True), 1e-3)
    0.5
    >>> axis_height(Axis("augment", choices=("none", "light", "strong")), "light")
    0.5
    """
    if axis.choices:
        place = axis.choices.index(value) if value in axis.choices else 0
        return place / max(1, len(axis.choices) - 1)
    low, high, position = axis.low, axis.high, float(value)
    if axis.log:
        low, high, position = log(low), log(high), log(max(position, axis.low))
    return round((position - low) / (high - low), 4) if high > low else 0.5


def _ends(place: int, axis: Axis) -> list[dict[str, Any]]:
    if axis.choices:
        return [
            _note(place, axis_height(axis, one), value_text(one), beside=True)
            for one in axis.choices
        ]
    return [_note(place, 0.0, value_text(axis.low)), _note(place, 1.0, value_text(axis.high))]


def _note(place: int, position: float, text: str, *, beside: bool = False) -> dict[str, Any]:
    """The value at a place of an axis: beyond its ends, or ``beside`` it."""
    where = {
        "yanchor": "bottom" if position > 0.5 else "top",
        "yshift": 3 if position > 0.5 else -3,
    }
    if beside and 0 < position < 1:
        where = {"yanchor": "middle", "xanchor": "left", "xshift": 6}
    return {
        "x": place,
        "y": position,
        "text": literal(text),
        "showarrow": False,
        "font": {"size": 11, "color": "$muted"},
        **where,
    }


def importances(shares: Mapping[str, float]) -> dict[str, Any]:
    """The share of each setting in what made trials good, in per cent, as bars."""
    rows = sorted(shares.items(), key=lambda row: -row[1])
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "name": "Share (%)",
                "y": [setting_label(name) for name, _ in rows],
                "x": [round(100 * share, 1) for _, share in rows],
                "marker": {"color": "$cat0"},
                "hovertemplate": "%{y}: %{x:.0f} %<extra></extra>",
            }
        ],
        "layout": {
            "bargap": 0.45,
            "showlegend": False,
            "xaxis": {"range": [0, 103], "ticksuffix": " %"},
            "yaxis": {"autorange": "reversed", "automargin": True},
        },
    }


def rates(measured: Mapping[str, Any]) -> dict[str, Any]:
    """The smoothed training loss over the learning rate, and the rate that was picked."""
    pick = float(measured["pick"])
    mark = {"type": "line", "x0": pick, "x1": pick, "y0": 0, "y1": 1, "yref": "paper"}
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "lines",
                "name": "Training loss",
                "x": measured["rates"],
                "y": [round(value, 5) for value in measured["losses"]],
                "line": {"color": "$train", "width": 2},
                "hovertemplate": "rate %{x:.2g}: loss %{y:.3f}<extra></extra>",
            }
        ],
        "layout": {
            "showlegend": False,
            "shapes": [mark | {"line": {"color": "$text", "width": 1.5, "dash": "dash"}}],
            "xaxis": {"type": "log", "title": "Learning rate", "exponentformat": "power"},
            "yaxis": {},
        },
    }
