"""Slice discovery: groups of pictures (by size, light, time, ...) on which a run does worse, with a
test.

``ml.metrics.slices`` has the statistics; here are the groups: by size, shape, light, contrast,
sharpness, time, class, folder, group, kind of file, and what was changed when a picture was
brought in. The groups are made from the pictures alone, never from what the model said of them.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ml.data.splits.group_rules import by_folder
from ml.data.store.versions import Item, load_version
from ml.evaluation import results, stored_reports
from ml.evaluation.evaluate import PictureSelection
from ml.evaluation.evaluate import measure as evaluate
from ml.metrics import slices
from ml.metrics.classification import Floats
from ml.metrics.slices import Group, Slice
from ml.runs.folder import Run
from ml.text.format import percentage
from ml.utils.files import read_json, write_json
from ml.workspace import Workspace

METHOD = "Fisher's exact test, one-sided, adjusted by Holm's method"
GROUPED_METHOD = (
    "Fisher's exact test, one-sided, with counts divided by the design effect of pictures that "
    "belong together, adjusted by Holm's method"
)
FORMAT_VERSION = 2
"""Raised when other groups are made: what was found before does not compare."""
MAX_MISTAKES_STORED = 500
"""Mistakes of a slice that are kept to be looked at."""
SHAPES = ("upright, higher than wide", "about square", "across, wider than high")
MAX_SQUARE_ASPECT = 1.05
HELP = {
    "Size": "The longer side of the picture as it was brought in, in pixels.",
    "Shape": "Width against height.",
    "Brightness": "The mean of its grey, in percent of white.",
    "Contrast": "How much its grey varies (standard deviation), in percent of white.",
    "Sharpness": "The variance of its Laplacian at a side of 256 pixels: low where it is blurred.",
    "Time": "When it was taken, by its camera's clock.",
    "Class": "What it is labelled.",
    "Folder": "Where its file was, besides the folders of classes and splits.",
    "Group": "What it was grouped by, such as a person or a scene.",
    "File": "The kind of its file.",
    "Brought in": "What was changed when it was brought in.",
}
Progress = Callable[[float], None]


def path_of(run: Run, fingerprint: str, split: str) -> Path:
    """Where what was found is kept."""
    return run.folder / "reports" / f"slices-{fingerprint}-{split}.json"


def read(run: Run, fingerprint: str, split: str) -> dict[str, Any] | None:
    """What was found of the model that ``run`` has now; None where nothing was looked for."""
    stored = read_json(path_of(run, fingerprint, split))
    is_current = isinstance(stored, dict) and stored.get("measure") == FORMAT_VERSION
    return stored if is_current and stored_reports.is_of_current_model(run, stored) else None


def measure(
    workspace: Workspace,
    run: Run,
    selection: PictureSelection,
    progress: Progress = lambda fraction: None,
) -> dict[str, Any]:
    """Slices of the pictures that are asked for, and which of them do worse than the rest.

    ``accuracy``, ``pictures``, ``finding`` (a sentence), ``tried`` (how many slices), ``slices``
    [{``kind``, ``name``, ``word``, ``pictures``, ``accuracy``, ``interval``, ``rest``, ``p``,
    ``adjusted``, ``worse``, ``wrong`` (places of mistakes among the predictions)}], the least
    likely by chance first. It is kept in ``reports/slices-<fingerprint>-<split>.json``. Where the
    pictures were measured already the model is not run again.

    Raises:
        BadInputError: there is no model, or the pictures are gone.
    """
    started = time.perf_counter()
    record = selection.record
    answers = results.find(workspace, run, record["fingerprint"], selection.split) or evaluate(
        workspace, run, selection, lambda share: progress(share / 2)
    )
    version = load_version(workspace, record["name"], record["version"])
    items = [version.items[n] for n in answers.indices.tolist()]
    statistics = _statistics(workspace, items, lambda share: progress(0.5 + share / 2))
    correct = answers.guesses == answers.labels
    names = [version.classes[item.label] for item in items]
    tried = slices.find(correct, groups(items, names, version.classes, statistics), answers.groups)
    progress(1.0)
    report = {
        "measure": FORMAT_VERSION,
        "run": run.id,
        "model_sha256": ((run.model or {}).get("sha256") or {}).get("model.onnx"),
        "dataset": record["name"],
        "fingerprint": record["fingerprint"],
        "split": selection.split,
        "pictures": len(correct),
        "accuracy": float(correct.mean()),
        "method": METHOD if answers.groups is None else GROUPED_METHOD,
        "tried": len(tried),
        "finding": finding(correct, tried),
        "slices": [_as_json(one, correct) for one in tried],
        "seconds": time.perf_counter() - started,
    }
    path = path_of(run, record["fingerprint"], selection.split)
    path.parent.mkdir(exist_ok=True)
    write_json(path, report)
    return report


def groups(
    items: Sequence[Item], names: Sequence[str], classes: Sequence[str], statistics: Any
) -> list[Group]:
    """The groups of pictures.

    Args:
        names: the class of each picture.
        classes: of the data set; their folders are no groups of their own.
        looks: of ``ml.doctor.image_statistics``, one a picture.
    """
    files = [item.file for item in items]
    readable = statistics["width"] > 0

    def where_readable(values: Any) -> Floats:
        return np.where(readable, np.asarray(values, np.float64), np.nan)

    width, height = where_readable(statistics["width"]), where_readable(statistics["height"])
    shape = np.digitize(width / height, [1 / MAX_SQUARE_ASPECT, MAX_SQUARE_ASPECT])
    shapes = [SHAPES[n] if there else None for n, there in zip(shape, readable, strict=True)]
    found_groups = slices.same("Class", names)
    found_groups += slices.same("Shape", shapes)
    light, contrast = (
        where_readable(statistics["light"]) / 2.55,
        where_readable(statistics["contrast"]) / 2.55,
    )
    for kind, values, words, say in (
        ("Size", np.maximum(width, height), ("the smallest", "the largest"), _px),
        ("Brightness", light, ("the darkest", "the lightest"), _percent),
        ("Contrast", contrast, ("the palest", "the strongest"), _percent),
        (
            "Sharpness",
            where_readable(statistics["sharp"]),
            ("the most blurred", "the sharpest"),
            _figure,
        ),
        ("Time", where_readable(statistics["time"]), ("the earliest", "the latest"), _moment),
    ):
        found_groups += slices.parts(kind, values, words, say)
    found_groups += slices.same("Folder", by_folder(files, classes))
    found_groups += slices.same("Group", [item.group for item in items])
    suffixes = [PurePosixPath(file.replace("\\", "/")).suffix.casefold() for file in files]
    found_groups += slices.same("File", [suffix or None for suffix in suffixes])
    for note in sorted({note for item in items for note in item.notes}):
        inside = np.array([note in item.notes for item in items])
        found_groups.append(Group("Brought in", note, inside))
    return found_groups


def finding(correct: slices.Flags, tried_slices: Sequence[Slice]) -> str:
    """What there is to say, in a sentence or two."""
    if correct.all() or not correct.any():
        return (
            f"Every picture was {'recognised' if correct.all() else 'mistaken'}: no group differs."
        )
    if not tried_slices:
        return (
            f"{len(correct):,} {'picture is' if len(correct) == 1 else 'pictures are'} too few to "
            f"tell one group from the rest. A group of {slices.MIN_PICTURES_IN_SLICE} and as many "
            "others are the least."
        )
    worse_slices = [one for one in tried_slices if one.worse]
    tried_text = (
        f"the {len(tried_slices)} groups of pictures" if len(tried_slices) > 1 else "the one group"
    )
    if not worse_slices:
        caveat = (
            " With so few pictures only a large difference would show."
            if len(correct) < MIN_PICTURES_FOR_SMALL_DIFFERENCES
            else ""
        )
        return f"None of {tried_text} does clearly worse than the rest.{caveat}"
    worst = worse_slices[0]
    low, high = worst.interval
    does = "does" if len(worse_slices) == 1 else "do"
    return (
        f"{len(worse_slices)} of {tried_text} {does} clearly worse than the rest. "
        f"{'It is' if len(worse_slices) == 1 else 'The clearest is'} {titled(worst.group)}: "
        f"{percentage(worst.accuracy, digits=0)} right ({100 * low:.0f} to {100 * high:.0f}), of "
        f"the rest {percentage(worst.rest, digits=0)}."
    )


MIN_PICTURES_FOR_SMALL_DIFFERENCES = 200
"""With fewer pictures it is said that small differences do not show."""


MIN_P_SAID_WITHOUT_FIGURE = 0.5
"""What chance does as often as this needs no figure."""


def titled(group: Group) -> str:
    """A group as part of a sentence.

    >>> titled(Group("Brightness", "up to 9 %", np.array([True]), "the darkest"))
    'brightness up to 9 % (the darkest)'
    """
    return f"{group.kind.lower()} {group.name}{f' ({group.word})' if group.word else ''}"


def by_chance(adjusted: float) -> str:
    """An adjusted p-value in words: how often chance alone would make any group so bad.

    >>> by_chance(0.0004), by_chance(0.013), by_chance(0.72)
    ('in less than 0.1 % of tests', 'in at most 1.3 % of tests', 'easily')
    """
    if adjusted < 0.001:
        return "in less than 0.1 % of tests"
    return (
        f"in at most {100 * adjusted:.2g} % of tests"
        if adjusted < MIN_P_SAID_WITHOUT_FIGURE
        else "easily"
    )


def _percent(value: float) -> str:
    return percentage(value / 100, digits=0)


def _px(value: float) -> str:
    return f"{value:.0f} px"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _moment(value: float) -> str:
    return time.strftime("%d %b %Y %H:%M", time.gmtime(value))


def _statistics(workspace: Workspace, items: Sequence[Item], progress: Progress) -> Any:
    from ml.doctor.image_statistics import (
        compute_statistics,
    )  # it opens pictures, in processes of its own

    hashes = list(dict.fromkeys(item.hash for item in items))
    row = {digest: place for place, digest in enumerate(hashes)}
    statistics = compute_statistics(workspace, hashes, progress)
    return statistics[[row[item.hash] for item in items]]


def _as_json(one: Slice, correct: slices.Flags) -> dict[str, Any]:
    return {
        "kind": one.group.kind,
        "name": one.group.name,
        "word": one.group.word,
        "pictures": one.pictures,
        "accuracy": one.accuracy,
        "interval": list(one.interval),
        "rest": one.rest,
        "p": one.p,
        "adjusted": one.adjusted,
        "worse": one.worse,
        "wrong": np.flatnonzero(one.group.inside & ~correct)[:MAX_MISTAKES_STORED].tolist(),
    }
