"""The metrics of an EvaluationReport: add one here, and whatever shows metrics shows it."""

from ml.metrics import calibration, classification
from ml.metrics.registry import LabelledLogits, metric


@metric(
    "accuracy",
    label="Accuracy",
    help="The share of test pictures whose class was guessed right.",
    interval=lambda answers: classification.accuracy_interval(
        answers.confusion, answers.inflation(classification.accuracy_influence)
    ),
)
def accuracy(answers: LabelledLogits) -> float:
    """The share of right answers."""
    return classification.accuracy(answers.confusion)


@metric(
    "balanced_accuracy",
    label="Balanced accuracy",
    help="The mean of the classes' recalls: every class counts the same, however few its pictures.",
    interval=lambda answers: classification.balanced_accuracy_interval(
        answers.confusion,
        answers.inflation(classification.balanced_accuracy_influence, by_class=True),
    ),
)
def balanced_accuracy(answers: LabelledLogits) -> float:
    """The mean recall of the classes that occur."""
    return classification.balanced_accuracy(answers.confusion)


@metric(
    "macro_f1",
    label="Macro F1",
    help="The mean of the classes' F1, which is high only where precision and recall both are.",
    interval=lambda answers: classification.macro_f1_interval(
        answers.confusion, answers.inflation(classification.macro_f1_influence, by_class=True)
    ),
)
def macro_f1(answers: LabelledLogits) -> float:
    """The mean F1 of the classes that occur."""
    return classification.macro_f1(answers.confusion)


@metric(
    "loss",
    label="Log loss",
    help="The mean negative log likelihood of the true class, in nats, before calibration.",
    better="lower",
    unit="number",
    displayed=False,
)
def loss(answers: LabelledLogits) -> float:
    """The cross entropy of the network as it was trained."""
    return calibration.cross_entropy(answers.logits, answers.labels)
