"""Checks of appearance: blank, tiny, blurred pictures, and extreme sizes and aspect ratios."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ml.doctor.check_context import CheckContext, exclude
from ml.doctor.finding import Finding
from ml.doctor.registry import Kind, check
from ml.text.format import count, is_or_are

MAX_CONTRAST_OF_BLANK = 4.0
"""A deviation of grey below this is one colour to the eye."""
MIN_FLAT_SHARE_OF_NOTICE = 0.6
MAX_FLAT_SHARE_OF_PHOTOS = 0.3
"""A notice is flat over most of its area; the median photo is flat over less than this."""
MAX_RELATIVE_CONTRAST_OF_NOTICE = 0.6
"""Of the median contrast; a thing photographed before white paper has more."""
MIN_SIDE = 16
"""Pixels. A picture below this is too small among pictures of any size."""
MIN_SIDE_AMONG_PHOTOS, MAX_SIDE_RATIO = 48, 4.0
"""Among photos a picture is too small below this side, or where the usual side is so many times
its own, whichever is less."""
MIN_EXTREME_ASPECT = 3.0
"""The longer side over the shorter one."""
MAX_AREA_RATIO = 16.0
"""Of the number of pixels to the median, in either direction."""
MIN_BLUR_DEVIATIONS, MAX_RELATIVE_SHARPNESS = 3.5, 0.1
"""A blurred picture is so many robust deviations below the median sharpness of its class, and has
less than a tenth of it."""
MAX_EXCEPTION_SHARE = 0.1
"""Above this share of the set a trait is no exception, and is not reported."""
MIN_PICTURES_FOR_USUAL = 20
"""With fewer pictures there is no usual size or sharpness to compare with."""


@check(
    Kind(
        "blank",
        label="Pictures that show nothing",
        advice="Exclude what shows nothing of its class.",
        order=110,
    ),
)
def blank(context: CheckContext) -> Iterator[Finding]:
    """One colour, or a notice such as ``image not found`` where the others are photos."""
    statistics, items = context.statistics, _readable_items(context)
    if not len(items):
        return
    flat, contrast = (float(np.median(statistics[name][items])) for name in ("flat", "contrast"))
    notice = (
        (statistics["flat"] >= MIN_FLAT_SHARE_OF_NOTICE)
        & (statistics["contrast"] <= MAX_RELATIVE_CONTRAST_OF_NOTICE * contrast)
        & (flat <= MAX_FLAT_SHARE_OF_PHOTOS)
    )
    blank_items = [
        n for n in items.tolist() if statistics["contrast"][n] < MAX_CONTRAST_OF_BLANK or notice[n]
    ]
    if not blank_items or len(blank_items) > max(1, MAX_EXCEPTION_SHARE * len(items)):
        blank_items = [
            n for n in items.tolist() if statistics["contrast"][n] < MAX_CONTRAST_OF_BLANK
        ]
    number = len(blank_items)
    if blank_items:
        yield context.finding(
            kind="blank",
            severity="medium",
            title=f"{count(number, 'picture')} {'shows' if number == 1 else 'show'} nothing.",
            why=(
                "An even surface or a notice such as image not found teaches a class what it is "
                "not."
            ),
            items=blank_items,
            scores={n: 100.0 - float(statistics["contrast"][n]) for n in blank_items},
            fixes=[exclude(f"Exclude {'it' if number == 1 else 'them'}", blank_items)],
        )


@check(
    Kind(
        "tiny",
        label="Pictures with too few pixels",
        advice="Add them again in a larger size, or exclude them.",
        order=120,
    ),
    Kind(
        "odd_size",
        label="Pictures of another size than the rest",
        advice="See whether they belong here.",
        order=170,
    ),
)
def sizes(context: CheckContext) -> Iterator[Finding]:
    """Too few pixels to show anything, or quite another size than the rest."""
    items = _readable_items(context)
    width, height = (context.statistics[name].astype(np.float64) for name in ("width", "height"))
    shorter, area = np.minimum(width, height), width * height
    usual_side = float(np.median(shorter[items])) if len(items) else 0.0
    min_side = MIN_SIDE
    if usual_side >= 2 * MIN_SIDE_AMONG_PHOTOS:
        min_side = int(min(MIN_SIDE_AMONG_PHOTOS, usual_side / MAX_SIDE_RATIO))
    tiny = [n for n in items.tolist() if shorter[n] < min_side]
    number = len(tiny)
    if tiny:
        yield context.finding(
            kind="tiny",
            severity="medium",
            title=f"{count(number, 'picture')} {is_or_are(number)} smaller than {min_side} pixels.",
            why="Enlarged to the size that is trained on, hardly anything can be told in them.",
            items=tiny,
            scores={n: -float(shorter[n]) for n in tiny},
            fixes=[exclude(f"Exclude {'it' if number == 1 else 'them'}", tiny)],
        )
    if len(items) < MIN_PICTURES_FOR_USUAL:
        return
    ratio = area / float(np.median(area[items]))
    odd = [
        n
        for n in items.tolist()
        if not 1 / MAX_AREA_RATIO < ratio[n] < MAX_AREA_RATIO and n not in set(tiny)
    ]
    number = len(odd)
    if odd and number <= MAX_EXCEPTION_SHARE * len(items):
        larger = [n for n in odd if ratio[n] > 1]
        how = "larger" if len(larger) == number else "smaller" if not larger else "of another size"
        how = how if how == "of another size" else f"much {how}"
        yield context.finding(
            kind="odd_size",
            severity="low",
            title=f"{count(number, 'picture')} {is_or_are(number)} {how} than the rest.",
            why=(
                "Pictures of another size often come from another camera or place, and a model may "
                "learn that in the place of the thing."
            ),
            items=odd,
            scores={n: abs(float(np.log(ratio[n]))) for n in odd},
            fixes=[exclude(f"Exclude {'it' if number == 1 else 'them'}", odd)],
        )


@check(
    Kind(
        "extreme_aspect",
        label="Pictures far longer than wide",
        advice="Crop them to what matters and add them again, or exclude them.",
        order=140,
    ),
)
def extreme_aspect(context: CheckContext) -> Iterator[Finding]:
    """Far longer in one direction than the others: their ends are cut off in training."""
    items = _readable_items(context)
    sides = np.stack([context.statistics["width"], context.statistics["height"]]).astype(np.float64)
    aspect = sides.max(0) / np.maximum(sides.min(0), 1)
    usual = float(np.median(aspect[items])) if len(items) else 1.0
    elongated = [n for n in items.tolist() if aspect[n] >= max(MIN_EXTREME_ASPECT, 1.5 * usual)]
    number = len(elongated)
    if elongated:
        yield context.finding(
            kind="extreme_aspect",
            severity="low",
            title=(
                f"{count(number, 'picture')} {is_or_are(number)} more than "
                f"{MIN_EXTREME_ASPECT:.0f} times as long as wide."
            ),
            why="Training looks at the middle square, so most of such a picture is never seen.",
            items=elongated,
            scores={n: float(aspect[n]) for n in elongated},
            fixes=[exclude(f"Exclude {'it' if number == 1 else 'them'}", elongated)],
        )


@check(
    Kind(
        "blurred",
        label="Blurred pictures",
        advice="Keep them if what you will classify is blurred too, otherwise exclude them.",
        order=130,
    ),
)
def blurred(context: CheckContext) -> Iterator[Finding]:
    """Far less sharp, for its contrast, than the pictures of its own class."""
    items = _readable_items(context)
    statistics = context.statistics
    items = items[statistics["contrast"][items] >= MAX_CONTRAST_OF_BLANK]
    sharp = np.log(statistics["sharp"][items] / statistics["contrast"][items] ** 2 + 1e-6)
    blur_scores: dict[int, float] = {}
    for label in np.unique(context.labels[items]):
        of_class = np.flatnonzero(context.labels[items] == label)
        if len(of_class) >= MIN_PICTURES_FOR_USUAL:
            below, deviations = _below_median(sharp[of_class])
            is_blurred = (deviations >= MIN_BLUR_DEVIATIONS) & (
                below >= -np.log(MAX_RELATIVE_SHARPNESS)
            )
            rows = of_class[is_blurred].tolist()
            blur_scores |= dict(zip(items[rows].tolist(), below[is_blurred].tolist(), strict=True))
    number = len(blur_scores)
    if blur_scores and number <= MAX_EXCEPTION_SHARE * len(items):
        yield context.finding(
            kind="blurred",
            severity="low",
            title=(
                f"{count(number, 'picture')} {is_or_are(number)} blurred beside the others of the "
                "class."
            ),
            why="What tells the classes apart may not be visible in them.",
            items=list(blur_scores),
            scores=blur_scores,
            fixes=[exclude(f"Exclude {'it' if number == 1 else 'them'}", blur_scores)],
        )


def _readable_items(context: CheckContext) -> npt.NDArray[np.int64]:
    return context.items[context.statistics["width"][context.items] > 0]


def _below_median(
    values: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """How far each value is below the median, (N,), and the same in robust deviations, (N,)."""
    below = np.median(values) - values
    spread = 1.4826 * float(np.median(np.abs(below)))
    return below, below / max(spread, 1e-6)
