"""Report sentences: the findings of an EvaluationReport in plain text, for pages and the HTML
report.

``report`` is an EvaluationReport (``ml.metrics.report``); what an earlier Lensmith left out is
passed over.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from ml.metrics.calibration import MIN_PICTURES_FOR_CALIBRATION, NEVER_SURE, error_by_chance
from ml.metrics.classification import Floats, wilson
from ml.metrics.thresholds import MIN_PICTURES_FOR_CURVE
from ml.text.format import count, percentage, span, with_span

MIN_PICTURES_WITHOUT_WARNING = 100
"""With fewer test pictures a sentence beside the metrics warns of wide intervals."""


def headline(report: dict[str, Any], named: Callable[[str], str] = str) -> str:
    """Accuracy with its interval, and what guessing gets. ``named`` writes the name of a class."""
    words = f"Accuracy {with_span(report['accuracy'], _interval(report))}."
    baseline = report.get("majority") or {}
    if baseline.get("accuracy") is not None:
        biggest = named(str(baseline.get("class", "")))
        words += f" Guessing the biggest class, {biggest}, gets {percentage(baseline['accuracy'])}."
    return words


def reading(report: dict[str, Any], pictures: int) -> str:
    """What the interval means, what comes without learning, and whether the test is small."""
    words = []
    if around := span(_interval(report)):
        low, high = around.split(" to ")
        words.append(f"Expect between {low} and {high} % on pictures like these.")
    centroid = (report.get("centroid") or {}).get("accuracy")
    if centroid is not None:
        words.append(
            f"Comparing each picture with the mean picture of every class scores "
            f"{percentage(centroid)}."
        )
    if sentence := groups(report, pictures):
        words.append(sentence)
    if pictures < MIN_PICTURES_WITHOUT_WARNING:
        kind = "test picture" if report.get("split", "test") == "test" else "picture"
        words.append(
            f"{count(pictures, kind)} {'is' if pictures == 1 else 'are'} few: the "
            "figures may be far off, in either direction."
        )
    return " ".join(words)


def groups(report: dict[str, Any], pictures: int) -> str:
    """That pictures of a group err together, of ``report["groups"]``; empty where none are
    grouped."""
    about = report.get("groups") or {}
    if not about.get("count"):
        return ""
    effective = max(1, round(float(about.get("effective_pictures", pictures))))
    told = (
        f"they tell about as much as {count(effective, 'picture')} of as many groups"
        if effective < pictures
        else "that costs little here"
    )
    return (
        f"The {count(pictures, 'picture')} come in {count(int(about['count']), 'group')} (one "
        f"person, one scene, copies) that may be wrong together: {told}, and the intervals allow "
        "for it."
    )


def reuse(about: dict[str, Any] | None) -> str:
    """What the choice among models by their scores on one test costs, of
    ``ml.evaluation.holdout_reuse.summary``; empty where there was none."""
    if not about:
        return ""
    low, high = span(about["interval"]).split(" to ")
    start = f"{about['models']} models were scored on these test pictures. "
    if not about["fresh_test"]:
        return (
            f"{start}If this is the one to keep because it scored best, part of that is luck: "
            f"expect between {low} and {high} % instead (Bonferroni). Choose by the validation "
            "score."
        )
    return (
        f"{start}So many looks wear a test out: if each was made after a look at the score before, "
        f"it shows no more than {low} to {high} %. Draw a fresh test: measure the one you keep "
        "once on pictures that none has seen, or make a new split on Data and train again."
    )


def folds(fold_scores: object) -> str:
    """What cross-validation found, ``report["folds"]``; empty where there was none."""
    about = fold_scores if isinstance(fold_scores, dict) else {}
    accuracy, mean = about.get("accuracy"), about.get("mean")
    if not accuracy or mean is None:
        return ""
    return (
        f"Trained on {len(accuracy)} folds of the other pictures, it gets {percentage(mean)} on "
        f"average, from {percentage(min(accuracy))} to {percentage(max(accuracy))} "
        f"(standard deviation {percentage(about.get('std'))})."
    )


def threshold(level: float, answers: dict[str, Any] | None = None) -> str:
    """When a model with that threshold is not sure; ``answers`` is what ``ml.metrics.selective``
    counted, where the model has it."""
    if level >= NEVER_SURE:
        return (
            "This model always says that it is not sure: at no level of certainty do its pictures "
            "show that it is mostly right. More pictures help."
        )
    under = f"A guess under {percentage(level)} is called not sure. "
    if not answers or not answers["pictures"]:
        return f"{under}The level was found on the validation pictures."
    total, answered = answers["pictures"], answers["answered"]
    sentence = (
        f"it answered {answered}, {answers['right']} of them rightly, and left "
        f"{total - answered} ({percentage(1 - answered / total)}) open."
    )
    if not answers["enough"]:
        return (
            f"{under}There were only {count(total, 'validation picture')}, too few to show how "
            f"rarely it errs, so the level is no more than a first guess: of these {sentence}"
        )
    if answers.get("bound") is None:  # of an earlier Lensmith, which showed nothing for it
        return f"{under}The level was chosen on {count(total, 'picture')}: of these {sentence}"
    return (
        f"{under}{promise(answers)} That rests on {count(total, 'picture')} that the model was "
        f"tried on before it had seen them: of these {sentence}"
    )


def promise(answers: dict[str, Any]) -> str:
    """What the threshold of a model promises of its sure answers."""
    wrong = math.ceil(100 * float(answers["bound"]))
    return f"Of 100 answers that it is sure of, at most {wrong} are wrong, 19 times in 20."


def promise_kept(answers: dict[str, Any] | None, right: int, sure: int) -> str:
    """What ``sure`` test pictures say of the promise; empty where it was kept or not given."""
    bound = (answers or {}).get("bound")
    if bound is None or not sure or sure - right <= math.ceil(100 * bound) / 100 * sure:
        return ""
    return (
        f"On the test pictures {percentage(1 - right / sure)} of the sure answers are wrong, more "
        "than was promised. Trust the test more, or test on more pictures."
    )


_LOWER_IS_BETTER = ("ece", "loss", "brier")
NO_DIFFERENCE = 1e-4
"""Probabilities closer than this are told as the same: nobody reads powers of ten."""

_METHODS = {
    "k-nearest and energy": "by its nearest neighbours, Sun et al. 2022, and by how little any "
    "class speaks up, Liu et al. 2020",
    "local density, nearest class and energy": "by how much further its nearest pictures are from "
    "it than theirs from them, Breunig et al. 2000, and by its distance to the middle of the "
    "nearest class, Techapanurak et al. 2019, or how little any class speaks up, Liu et al. 2020",
    "local density, nearest class, energy and residual": "by how much further its nearest pictures "
    "are from it than theirs from them, Breunig et al. 2000, and by its distance to the middle of "
    "the nearest class, Techapanurak et al. 2019, how little any class speaks up, Liu et al. 2020, "
    "or what in it none of them has, Wang et al. 2022",
}
"""How a model tells that, by the name of the method, an earlier Lensmith's too."""


def unlike(about: dict[str, Any] | None) -> str:
    """When a picture is called unlike anything learned, of ``model["unlike"]``; empty for a model
    that cannot tell."""
    if not about or not about.get("pictures"):
        return ""
    validation, share = int(about["validation"]), float(about["false_alarms"])
    rule = (
        f"A picture is unlike anything it learned where it lies further from the "
        f"{count(about['pictures'], 'training picture')} that the model carries than"
    )
    if (validation + 1) * share < 1:
        return (
            f"{rule} every picture that it was tried on does. There were only "
            f"{count(validation, 'such picture')}, so it may call "
            f"1 in {validation + 1} pictures of the kind that it knows so."
        )
    return (
        f"{rule} {percentage(1 - share)} of the {count(validation, 'picture')} that it was tried "
        "on do. Of pictures of the kind that it knows, it calls "
        f"{_false_alarms(about, share)} so by mistake."
    )


def unlike_method(about: dict[str, Any] | None) -> str:
    """By what a model tells that, with its papers, for whoever asks; empty where nobody knows."""
    way = _METHODS.get((about or {}).get("method", ""), "")
    return f"It tells {way}." if way else ""


def _false_alarms(about: dict[str, Any], share: float) -> str:
    """How often a picture is called unlike by mistake, and how often at most."""
    bound = about.get("false_alarms_bound")
    if bound is None:  # of an earlier Lensmith
        return f"about 1 in {round(1 / share)}"
    return f"about {round(100 * share)} of 100 (at most {math.ceil(100 * bound)}, 19 times in 20)"


def corruptions(measured: dict[str, Any]) -> str:
    """What ``ml.evaluation.robustness.measure`` found. Of few pictures no kind is called the
    hardest."""
    pictures = measured["pictures"]
    interval = measured.get("clean_interval") or wilson(measured["clean"], pictures)
    clean = with_span(measured["clean"], interval)
    sentence = f"{percentage(measured['corrupted'])} right on worse pictures, {clean} as they are."
    if pictures < MIN_PICTURES_FOR_CALIBRATION:
        return f"{sentence} {count(pictures, 'picture')} are too few to tell which kind is hardest."
    weakest = min(measured["kinds"], key=lambda row: row["mean"])
    return f"{sentence} Hardest: {weakest['label']} ({percentage(weakest['mean'])})."


def weakest_class(entries: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The entry of ``report["per_class"]`` with the lowest F1: the one rule for what is called the
    weakest class. None where no class has pictures."""
    measured = [entry for entry in entries if entry["support"]]
    return min(measured, key=lambda entry: (entry["f1"], entry["class"]), default=None)


def weakest(entries: Sequence[dict[str, Any]], named: Callable[[str], str] = str) -> str:
    """Which class has the lowest F1, of ``report["per_class"]``; with few pictures of it none is
    called so. Classes without pictures take no part."""
    worst = weakest_class(entries)
    if worst is None:
        return "No class has pictures"
    name, pictures = named(str(worst["class"])), int(worst["support"])
    if pictures < MIN_PICTURES_FOR_CURVE:
        return f"Weakest class: too few pictures to tell ({name} has {pictures})"
    return f"Weakest class: {name}, F1 {percentage(worst['f1'])}"


def calibration(error: float, confidence: Floats, measured: dict[str, Any] | None = None) -> str:
    """How far probabilities are off, beside what chance makes of so many pictures. ``confidence``
    (N,) are the probabilities of the guesses, ``error`` is their calibration error, ``measured``
    the part ``calibration`` of a report: calibration that did harm is told."""
    by_chance = error_by_chance(confidence)
    apart = count(round(100 * error), "percentage point")
    sentence = (
        f"On average the two are {apart} apart. On {count(len(confidence), 'picture')} even exact "
        f"probabilities may seem up to {100 * by_chance:.1f} apart by chance: "
    )
    if is_calibration_harmful(measured or {}):
        within = "this is no more than that" if error <= by_chance else "these are off by more"
        return (
            f"{sentence}{within}. But calibration made them worse on these pictures: as the "
            "network gave them they were better by every measure. Train the model again: "
            "probabilities are now left alone where changing them does not help."
        )
    if error <= by_chance:
        return f"{sentence}this shows nothing against them."
    return f"{sentence}these are off by more than that."


def is_calibration_harmful(measured: dict[str, Any]) -> bool:
    """Whether each measure of a report's ``calibration`` is worse than before calibration."""
    names = [one for one in _LOWER_IS_BETTER if measured.get(f"{one}_before") is not None]
    figures = [(float(measured[f"{one}_before"]), measured.get(one)) for one in names]
    return bool(figures) and all(after is not None and after > before for before, after in figures)


def temperature(value: float) -> str:
    """What calibration did to the probabilities of the network."""
    if value == 1.0:
        return "Probabilities are left as the network gives them: changing them did not help."
    did = "softened" if value > 1 else "sharpened"
    return (
        f"Probabilities are {did} by a temperature of {value:.2f}, found on the validation "
        "pictures; 1 would leave them as the network gives them."
    )


def parity(result: object) -> str:
    """How closely the exported file answers as PyTorch does, of ``model["parity"]``."""
    if not isinstance(result, dict):
        return "This run has no exported model."
    apart = float(result.get("max_probability_difference", 0.0))
    difference = (
        f"no probability differs by as much as {percentage(NO_DIFFERENCE)}"
        if apart < NO_DIFFERENCE
        else f"no probability differs by more than {percentage(apart)}"
    )
    return (
        "The exported file (ONNX) is what was tested here and what Classify runs. It was compared "
        f"with PyTorch on {count(int(result.get('images', 0)), 'test picture')}: both name the "
        f"same class for {percentage(result.get('top1_agreement'))}, and {difference}."
    )


def _interval(report: dict[str, Any]) -> Any:
    return (report.get("intervals") or {}).get("accuracy")
