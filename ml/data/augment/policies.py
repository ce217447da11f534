"""Augmentation policies: steps for each kind of picture, RandAugment, TrivialAugment. No torch."""

from dataclasses import dataclass

from ml.data.augment.operations import get


@dataclass(frozen=True)
class Step:
    """An operation at a strength, applied to a share ``chance`` of the pictures."""

    operation: str
    strength: float
    chance: float = 1.0


@dataclass(frozen=True)
class Choice:
    """An operation that may be drawn: its largest strength, and the index of the random number
    that sets it; the other numbers are neutral."""

    operation: str
    most: float
    number: int = 0


@dataclass(frozen=True)
class Policy:
    """One choice of the setting ``augment``: ``steps`` one after another, or ``draws`` of the
    ``choices`` at ``magnitude`` (0 to 1 of the largest strength; None: drawn as well).

    Cache keys hash the repr of a policy: renaming a field makes caches be computed again.
    """

    name: str
    label: str
    help: str
    steps: tuple[Step, ...] = ()
    choices: tuple[Choice, ...] = ()
    draws: int = 0
    magnitude: float | None = None

    @property
    def numbers(self) -> int:
        """How many random numbers the policy needs for each picture."""
        return (
            sum(1 + get(step.operation).numbers for step in self.steps)
            + NUMBERS_PER_DRAW * self.draws
        )


NUMBERS_PER_DRAW = 3
"""Random numbers of a draw: the operation, its magnitude, its sign."""
LEVELS = 30
"""The number of steps of the magnitude, as in the papers."""

RANDAUGMENT_CHOICES = (
    ("", 0.0, 0),  # the identity
    ("shear", 0.3, 0),
    ("shear", 0.3, 1),
    ("shift", 0.45, 0),
    ("shift", 0.45, 1),
    ("turn", 30.0, 0),
    ("brightness", 0.9, 0),
    ("saturation", 0.9, 0),
    ("contrast", 0.9, 0),
    ("sharpness", 0.9, 0),
    ("posterize", 4.0, 0),
    ("solarize", 1.0, 0),
    ("autocontrast", 1.0, 0),
    ("equalize", 1.0, 0),
)
"""The 14 operations of RandAugment, with the strengths of its ImageNet experiments."""
TRIVIALAUGMENT_STRENGTHS = {
    "shear": 0.99,
    "shift": 1 / 7,
    "turn": 135.0,
    "posterize": 6.0,
} | dict.fromkeys(("brightness", "saturation", "contrast", "sharpness"), 0.99)
"""The wider strengths of TrivialAugment. Its shift of 32 of 224 pixels is a share of the side
here."""

_ALL = (
    Policy(
        "photos",
        "Photos",
        "For photos of things, animals, places. A mirrored cup is a cup; upside down it is rare, "
        "so no picture is turned over. Where left and right tell classes apart (hands, signs, "
        "writing), take documents.",
        (
            Step("flip", 0.5),
            Step("crop", 0.4),
            Step("brightness", 0.25),
            Step("contrast", 0.25),
            Step("saturation", 0.25),
            Step("hue", 8),
            Step("erase", 0.3, 0.25),
        ),
    ),
    Policy(
        "documents",
        "Documents and digits",
        "For writing, digits, forms, signs. No flips and no quarter turns: a mirrored b is a d, "
        "and a 6 upside down is a 9.",
        (
            Step("turn", 8),
            Step("shift", 0.06),
            Step("scale", 0.1),
            Step("shear", 0.1, 0.5),
            Step("brightness", 0.15),
            Step("contrast", 0.25),
            Step("blur", 0.012, 0.3),
            Step("noise", 0.06, 0.5),
        ),
    ),
    Policy(
        "medical",
        "Medical",
        "For X-rays and other views of the body. No flips: the heart is on the left, and a "
        "mirrored picture shows a body that is not there. Colours stay, since they are part of the "
        "finding. For cells and tissue, which have no left and right, take aerial and microscope.",
        (
            Step("turn", 10),
            Step("shift", 0.05),
            Step("scale", 0.1),
            Step("brightness", 0.15),
            Step("contrast", 0.2),
            Step("blur", 0.006, 0.2),
            Step("noise", 0.04, 0.3),
        ),
    ),
    Policy(
        "aerial",
        "Aerial and microscope",
        "For views from straight above, and through a microscope. There is no up and no left, so "
        "all flips and quarter turns are as true as the picture itself.",
        (
            Step("flip", 0.5),
            Step("upside_down", 0.5),
            Step("quarter", 0.75),
            Step("crop", 0.3),
            Step("brightness", 0.2),
            Step("contrast", 0.2),
            Step("saturation", 0.15),
        ),
    ),
    Policy(
        "randaugment",
        "RandAugment",
        "Two changes out of 14, drawn anew for each picture, at a fixed strength (Cubuk and "
        "others, 2020). No flips are among them. Some change colours a lot.",
        choices=tuple(Choice(*one) for one in RANDAUGMENT_CHOICES),
        draws=2,
        magnitude=9 / LEVELS,
    ),
    Policy(
        "trivialaugment",
        "TrivialAugment",
        "One change out of 14 for each picture, at a strength that is drawn too, from nothing to a "
        "lot (Müller and Hutter, 2021). No flips are among them. Some change colours a lot.",
        choices=tuple(
            Choice(name, TRIVIALAUGMENT_STRENGTHS.get(name, most), number)
            for name, most, number in RANDAUGMENT_CHOICES
        ),
        draws=1,
    ),
    Policy(
        "robust",
        "Robust",
        "For pictures that will be worse than those trained on: speckle, dead pixels, uneven and "
        "coloured light, an odd lens, few shades. Takes longer. Evaluate measures what it bought, "
        "with corruptions of other kinds.",
        (
            Step("flip", 0.5),
            Step("shift", 0.05),
            Step("shear", 0.15, 0.25),
            Step("lens", 0.5, 0.25),
            Step("tint", 0.3, 0.25),
            Step("posterize", 4.0, 0.1),
            Step("solarize", 0.5, 0.07),
            Step("shade", 0.6, 0.25),
            Step("speckle", 0.4, 0.25),
            Step("dots", 0.1, 0.2),
        ),
    ),
)
POLICIES = {policy.name: policy for policy in _ALL}

BASIC_CHOICES = {
    "none": ("None", "Every picture as it is, every time."),
    "shift": ("Shift", "Moved by up to a twentieth of the side: safe for nearly every picture."),
    "light": (
        "Light",
        "Moved a little, and half of the pictures mirrored. Not where left and right tell classes "
        "apart.",
    ),
    "strong": (
        "Strong",
        "Mirrored, cropped, turned a little, recoloured, with a part erased. Not where left and "
        "right tell classes apart.",
    ),
}
"""Label and help of the choices of ``augment`` that ``ml.data.augment.batch`` carries out by
itself."""
