"""Remarks on labelled situations: what the coach should say of each, and where it should be silent.

The table is scripted by the label, not by the rules: curves as trainings of that kind draw them,
with noise, many of each kind. ``benchmarks/coach.py`` provokes the same kinds in real runs.
"""

import dataclasses
import math
from collections import Counter

import numpy as np
import pytest

from ml.config import TrainConfig
from ml.runs.events import EpochEnd
from ml.training.coach import Situation, advise
from ml.training.coach.rules import RULES

SEEDS = range(12)


def epochs(
    train: list[float],
    val: list[float | None],
    accuracy: list[float] | None = None,
    train_accuracy: list[float] | None = None,
) -> list[EpochEnd]:
    right = accuracy or [0.5 + 0.01 * n for n in range(len(val))]
    train_accuracies = train_accuracy or [0.5] * len(train)
    return [
        EpochEnd(n + 1, (n + 1) * 10, train[n], train_accuracies[n], val[n], right[n])
        for n in range(len(train))
    ]


def fall(start: float, end: float, count: int, speed: float = 4.0) -> np.ndarray:
    """A loss that falls from ``start`` towards ``end``, fast at first."""
    return end + (start - end) * np.exp(-speed * np.arange(count) / count)


def situation(label: str, seed: int) -> Situation:
    """One training of the kind ``label``."""
    chance = np.random.default_rng([seed, *label.encode()])
    classes, count = int(chance.choice([3, 6, 10])), int(chance.integers(8, 20))
    guess, near = math.log(classes), np.zeros(count)
    near = chance.normal(0, 0.01, count)
    about = {"config": TrainConfig(), "train_pictures": 400, "val_pictures": 2000}

    def made_of(train, val, accuracy, train_accuracy, **more) -> Situation:
        listed = epochs(*(list(map(float, one)) for one in (train, val, accuracy, train_accuracy)))
        return Situation(listed, classes, **{**about, **more})

    good = np.clip(0.9 - 0.5 * np.exp(-4 * np.arange(count) / count) + near / 2, 0, 1)
    down = fall(guess, 0.3, count) + near
    if label == "rate_too_high":
        if seed % 2:
            up = guess * (1 + chance.uniform(0.3, 2) * np.arange(count)) + near
            return made_of(up, up, np.full(count, 1 / classes), np.full(count, 1 / classes))
        flat = guess + chance.normal(0, 0.02, count)
        return made_of(flat, flat, 1 / classes + near / 3, 1 / classes + near / 3)
    if label == "rate_too_low":
        slow = guess * (1.02 - chance.uniform(0.02, 0.07) * np.arange(count) / count)
        right = 1 / classes + chance.uniform(0.0, 0.15) * np.arange(count) / count
        return made_of(slow, slow + 0.01, right + 0.01, right)
    if label == "overfitting":
        val = fall(guess, 0.5, count, 8) + np.maximum(0, np.arange(count) - count // 2) * 0.06
        return made_of(fall(guess, 0.02, count), val, good - 0.1, np.clip(good + 0.1, 0, 1))
    if label == "class_never_predicted":
        made = made_of(down, down + 0.05, good - 0.2, good - 0.2)
        lost = [dataclasses.replace(item, unpredicted=["glass"]) for item in made.epochs]
        return dataclasses.replace(made, epochs=lost)
    if label == "improving":
        line = guess * (1 - 0.7 * np.arange(count) / count)
        return made_of(
            line, line + 0.02, 0.4 + 0.4 * np.arange(count) / count, good, ended=seed > 5
        )
    if label == "noisy_validation":
        n = int(chance.integers(40, 120))
        right = 0.8 + chance.normal(0, (0.16 / n) ** 0.5, count)
        right[-5:] = 0.8 + np.array([1, -1, 1, -1, 0.6]) * (0.16 / n) ** 0.5
        val = 0.6 + np.array([0, 0.02] * count)[:count] + np.linspace(0, 0.01, count)
        return made_of(down, val, right, good, val_pictures=n)
    if label == "plateau":
        val = np.concatenate([fall(guess, 0.6, 3), 0.61 + chance.uniform(0, 0.012, count)])
        val[2] = 0.6
        train = np.concatenate([fall(guess, 0.5, 3), np.full(count, 0.5) + near / 10])
        right = np.concatenate([[0.5, 0.6, 0.8], 0.75 + near / 5])
        made = made_of(train, val, right, right)
        return dataclasses.replace(
            made,
            epochs=[dataclasses.replace(one, best=one.epoch <= 3) for one in made.epochs],
        )
    if label == "underfitting":
        flat = fall(guess, 0.75 * guess, count, 15) + near / 4
        right = np.clip(0.45 - 0.2 * np.exp(-np.arange(count)) + near / 3, 0, 1)
        return made_of(flat, flat + 0.01, right - 0.02, right, ended=True)
    if label == "too_few_pictures":
        val = fall(guess, 0.7, count, 8) + near / 4
        return made_of(
            fall(guess, 0.02, count),
            val,
            np.clip(0.7 - 0.3 * np.exp(-np.arange(count)), 0, 1),
            np.full(count, 0.99),
            ended=True,
            train_pictures=classes * int(chance.integers(4, 25)),
            val_pictures=90,
        )
    assert label == "finished"  # a training that went well and is over
    flat = fall(guess, 0.2, count, 12)
    return made_of(
        flat + near / 10, flat + 0.02 + near / 10, good, np.full(count, 0.95), ended=True
    )


LABELS = [rule.__name__ for rule in RULES]


def advised_code(now: Situation) -> str:
    note = advise(now)
    return note.code if note else ""


def test_precision_and_recall_on_labelled_situations() -> None:
    answers = [(label, advised_code(situation(label, seed))) for label in LABELS for seed in SEEDS]
    right = Counter(label for label, answer in answers if label == answer)
    of_label = Counter(label for label, _ in answers)
    of_answer = Counter(answer for _, answer in answers)
    for label in LABELS:
        recall, precision = right[label] / of_label[label], right[label] / max(1, of_answer[label])
        print(f"{label:24} precision {precision:.2f} recall {recall:.2f}")
        assert recall >= 0.75, label
        assert precision >= 0.75, label
    assert sum(right.values()) / len(answers) >= 0.9


@pytest.mark.parametrize(
    "quiet",
    [
        epochs([1.0], [1.0]),
        epochs([0.10, 0.09, 0.08], [0.132, 0.138, 0.145]),  # a small loss that jumps a little
        epochs([1.0, 0.9], [None, None]),
    ],
)
def test_nothing_is_said_where_there_is_nothing_to_say(quiet) -> None:
    assert advise(Situation(quiet, 10)) is None


def test_overfitting_names_the_epoch_since_when_and_its_evidence() -> None:
    note = advise(Situation(epochs([1.0, 0.6, 0.4, 0.3], [0.9, 0.7, 0.8, 0.9]), 10))
    assert "since epoch 2" in note.text
    assert "0.70 to 0.90" in note.text


FELL_BY_NOTHING = epochs(
    [1.0, 0.6, 0.4, 0.3], [0.534, 0.56, 0.55, 0.529], train_accuracy=[0.6, 0.7, 0.8, 0.95]
)
MEMORISED = epochs(
    [0.9, 0.5, 0.2, 0.1], [0.9, 0.7, 0.6, 0.53], [0.6, 0.7, 0.8, 0.84], [0.7, 0.9, 0.99, 1.0]
)
FLAT = epochs(
    [0.5] * 9,
    [0.60, 0.605, 0.61, 0.60, 0.605, 0.61, 0.62, 0.61, 0.61],
    train_accuracy=[0.95] * 9,
)
RISING = epochs([1.0, 0.6, 0.4, 0.3], [0.9, 0.7, 0.8, 0.9])
UNPREDICTED_ONCE = [
    *(dataclasses.replace(one, unpredicted=["glass"]) for one in RISING[:3]),
    RISING[3],
]


@pytest.mark.parametrize(
    ("listed", "ended", "said", "not_said"),
    [
        (FELL_BY_NOTHING, False, "", "improving"),
        (FELL_BY_NOTHING, True, "The training is over.", "improving"),
        (MEMORISED, False, "Still improving", "over"),
        (MEMORISED, True, "100% of the training pictures right, so longer training", "go on"),
        (FLAT, False, "you can stop now", "over"),
        (FLAT, True, "The training is over. The model of epoch 1 is kept", "stop"),
        (RISING, False, "the validation loss rises", "rose"),
        (RISING, True, "the validation loss rose", "rises"),
        (UNPREDICTED_ONCE, True, "Overfitting since epoch 2", "never answers"),
        (epochs([0.5, 0.9, 1.4], [0.5, 0.9, 1.4]), False, "stop, and retry", "over"),
        (epochs([0.5, 0.9, 1.4], [0.5, 0.9, 1.4]), True, "too high: retry", "stop"),
    ],
)
def test_a_remark_fits_the_state_of_the_training(
    listed: list[EpochEnd], ended: bool, said: str, not_said: str
) -> None:
    note = advise(Situation(listed, 10, ended=ended))
    text = note.text if note else ""
    assert said in text
    assert not_said not in text


@pytest.mark.parametrize("label", LABELS)
def test_what_is_over_is_never_told_to_stop_or_go_on_by_itself(label: str) -> None:
    for seed in SEEDS:
        note = advise(dataclasses.replace(situation(label, seed), ended=True))
        assert note is not None, "a finished run has a finished remark"
        assert "stop" not in note.text.replace("stopped", "")
        assert not note.text.startswith("Still")


def test_a_regression_is_spoken_of_at_its_end_alone() -> None:
    head = TrainConfig(head="regression", freeze_backbone=True, pretrained=True)
    listed = epochs([0.9, 0.5, 0.4], [0.9, 0.6, 0.7])
    assert head.regression
    assert advise(Situation(listed, 10, head)) is None
    assert advise(Situation(listed, 10, head, ended=True)).code == "best_penalty"


def test_a_plateau_names_the_epoch_whose_model_is_kept() -> None:
    flat = epochs([0.5] * 9, [0.60, 0.605, 0.61, 0.60, 0.605, 0.61, 0.62, 0.61, 0.61])
    with_best = [dataclasses.replace(item, best=item.epoch in (1, 3)) for item in flat]
    assert "that of epoch 3" in advise(Situation(with_best, 10)).text


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("frozen", [True, False])
def test_what_the_coach_would_change_is_a_configuration_and_another_one(
    label: str, frozen: bool
) -> None:
    for seed in SEEDS:
        now = dataclasses.replace(
            situation(label, seed),
            config=TrainConfig(freeze_backbone=frozen, pretrained=frozen, augment="light"),
        )
        note = advise(now)
        if note and note.change:
            assert now.config.changed(**note.change) != now.config


def test_a_flat_loss_is_attributed_to_an_unusual_learning_rate() -> None:
    still = epochs([2.33, 2.30, 2.31, 2.30], [2.30, 2.5, 2.6, 2.7], [0.1] * 4)
    low, high = (TrainConfig(learning_rate=rate) for rate in (1e-6, 1.0))
    assert advise(Situation(still, 10, low)).code == "rate_too_low"
    assert advise(Situation(still, 10, high)).code == "rate_too_high"


def test_a_higher_rate_is_a_tenth_of_what_is_too_high() -> None:
    now = situation("rate_too_high", 1)
    assert advise(now).change == {"learning_rate": pytest.approx(now.config.learning_rate / 10)}


def path_of_penalties(ended: bool) -> Situation:
    """A regression whose weakest penalties suit it worse."""
    losses = [0.9, 0.6, 0.5, 0.52, 0.55]
    accuracies = [0.7, 0.8, 0.842, 0.83, 0.82]
    measured = [
        EpochEnd(n, 6 * n, 0.1, 1.0, loss, share, best=n <= 3)
        for n, (loss, share) in enumerate(zip(losses, accuracies, strict=True), 1)
    ]
    config = TrainConfig(head="regression", epochs=10)
    return Situation(measured, 3, config, train_pictures=500, val_pictures=500, ended=ended)


def test_a_regression_is_told_its_penalty_at_its_end_and_nothing_before() -> None:
    assert advise(path_of_penalties(ended=False)) is None
    note = advise(path_of_penalties(ended=True))
    assert note is not None
    assert (note.code, note.level) == ("best_penalty", "good")
    assert "number 3 suits best. It gets 84 % right" in note.text
