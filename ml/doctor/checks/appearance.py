"""Pictures that show nothing or too little, or are of quite another shape than the others."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ml.doctor.check_context import Case, exclude
from ml.doctor.finding import Finding
from ml.doctor.registry import Kind, check
from ml.text.format import count, is_or_are

NOTHING = 4.0
"""A deviation of grey below this is one colour to the eye."""
DRAWN, PHOTO, PALE = 0.6, 0.3, 0.6
"""Most of a notice is flat, where less than ``PHOTO`` of the usual picture is, and its contrast is
below this part of the usual; a thing photographed before white paper has more."""
TINY = 16
TINY_AMONG_PHOTOS, MUCH_SMALLER = 48, 4.0
NARROW = 3.0
ODD = 16.0
"""So many times the usual number of pixels, or that part of it, is another kind of picture."""
BLUR_SPREAD, BLUR_SHARE = 3.5, 0.1
"""Blurred: so many robust deviations below the usual sharpness, and less than a tenth of it."""
RARE = 0.1
"""What more than this share of the set has is no exception."""
ENOUGH = 20
"""So many pictures say what is usual."""


@check(
    Kind(
        "blank",
        label="Pictures that show nothing",
        advice="Exclude what shows nothing of its class.",
        order=110,
    ),
)
def blank(case: Case) -> Iterator[Finding]:
    """One colour, or a notice such as ``image not found`` where the others are photos."""
    looks, items = case.looks, _seen(case)
    if not len(items):
        return
    flat, contrast = (float(np.median(looks[name][items])) for name in ("flat", "contrast"))
    notice = (looks["flat"] >= DRAWN) & (looks["contrast"] <= PALE * contrast) & (flat <= PHOTO)
    found = [n for n in items.tolist() if looks["contrast"][n] < NOTHING or notice[n]]
    if not found or len(found) > max(1, RARE * len(items)):
        found = [n for n in items.tolist() if looks["contrast"][n] < NOTHING]
    number = len(found)
    if found:
        yield case.finding(
            kind="blank",
            severity="medium",
            title=f"{count(number, 'picture')} {'shows' if number == 1 else 'show'} nothing.",
            why=(
                "An even surface or a notice such as image not found teaches a class what it is "
                "not."
            ),
            items=found,
            scores={n: 100.0 - float(looks["contrast"][n]) for n in found},
            fixes=[exclude(f"Exclude {'it' if number == 1 else 'them'}", found)],
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
def sizes(case: Case) -> Iterator[Finding]:
    """Too few pixels to show anything, or quite another size than the rest."""
    items = _seen(case)
    width, height = (case.looks[name].astype(np.float64) for name in ("width", "height"))
    shorter, area = np.minimum(width, height), width * height
    usual_side = float(np.median(shorter[items])) if len(items) else 0.0
    least = TINY
    if usual_side >= 2 * TINY_AMONG_PHOTOS:
        least = int(min(TINY_AMONG_PHOTOS, usual_side / MUCH_SMALLER))
    tiny = [n for n in items.tolist() if shorter[n] < least]
    number = len(tiny)
    if tiny:
        yield case.finding(
            kind="tiny",
            severity="medium",
            title=f"{count(number, 'picture')} {is_or_are(number)} smaller than {least} pixels.",
            why="Enlarged to the size that is trained on, hardly anything can be told in them.",
            items=tiny,
            scores={n: -float(shorter[n]) for n in tiny},
            fixes=[exclude(f"Exclude {'it' if number == 1 else 'them'}", tiny)],
        )
    if len(items) < ENOUGH:
        return
    ratio = area / float(np.median(area[items]))
    odd = [n for n in items.tolist() if not 1 / ODD < ratio[n] < ODD and n not in set(tiny)]
    number = len(odd)
    if odd and number <= RARE * len(items):
        larger = [n for n in odd if ratio[n] > 1]
        how = "larger" if len(larger) == number else "smaller" if not larger else "of another size"
        how = how if how == "of another size" else f"much {how}"
        yield case.finding(
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
def extreme_aspect(case: Case) -> Iterator[Finding]:
    """Far longer in one direction than the others: their ends are cut off in training."""
    items = _seen(case)
    sides = np.stack([case.looks["width"], case.looks["height"]]).astype(np.float64)
    aspect = sides.max(0) / np.maximum(sides.min(0), 1)
    usual = float(np.median(aspect[items])) if len(items) else 1.0
    found = [n for n in items.tolist() if aspect[n] >= max(NARROW, 1.5 * usual)]
    number = len(found)
    if found:
        yield case.finding(
            kind="extreme_aspect",
            severity="low",
            title=(
                f"{count(number, 'picture')} {is_or_are(number)} more than {NARROW:.0f} times as "
                "long as wide."
            ),
            why="Training looks at the middle square, so most of such a picture is never seen.",
            items=found,
            scores={n: float(aspect[n]) for n in found},
            fixes=[exclude(f"Exclude {'it' if number == 1 else 'them'}", found)],
        )


@check(
    Kind(
        "blurred",
        label="Blurred pictures",
        advice="Keep them if what you will classify is blurred too, otherwise exclude them.",
        order=130,
    ),
)
def blurred(case: Case) -> Iterator[Finding]:
    """Far less sharp, for its contrast, than the pictures of its own class."""
    items = _seen(case)
    looks = case.looks
    items = items[looks["contrast"][items] >= NOTHING]
    sharp = np.log(looks["sharp"][items] / looks["contrast"][items] ** 2 + 1e-6)
    found: dict[int, float] = {}
    for label in np.unique(case.labels[items]):
        of_class = np.flatnonzero(case.labels[items] == label)
        if len(of_class) >= ENOUGH:
            behind, deviations = _behind(sharp[of_class])
            less = (deviations >= BLUR_SPREAD) & (behind >= -np.log(BLUR_SHARE))
            rows = of_class[less].tolist()
            found |= dict(zip(items[rows].tolist(), behind[less].tolist(), strict=True))
    number = len(found)
    if found and number <= RARE * len(items):
        yield case.finding(
            kind="blurred",
            severity="low",
            title=(
                f"{count(number, 'picture')} {is_or_are(number)} blurred beside the others of the "
                "class."
            ),
            why="What tells the classes apart may not be visible in them.",
            items=list(found),
            scores=found,
            fixes=[exclude(f"Exclude {'it' if number == 1 else 'them'}", found)],
        )


def _seen(case: Case) -> npt.NDArray[np.int64]:
    return case.items[case.looks["width"][case.items] > 0]


def _behind(
    values: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """How far each is below the median, and that in robust deviations."""
    below = np.median(values) - values
    spread = 1.4826 * float(np.median(np.abs(below)))
    return below, below / max(spread, 1e-6)
