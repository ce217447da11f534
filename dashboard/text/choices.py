"""Choices: labels of the choices of a ``TrainConfig`` field, for forms and charts."""

from typing import Any

from ml.data.augment.policies import POLICIES

LABELS = {
    **{"none": "None", "sgd": "SGD", "adamw": "AdamW", "rgb": "Colour", "grey": "Grey"},
    **{"mixup": "MixUp", "cutmix": "CutMix", "ddp": "DDP", "fsdp": "FSDP"},
    **{name: policy.label for name, policy in POLICIES.items()},
}


def choice_label(value: Any) -> str:
    """One of a field's choices as a form shows it.

    >>> choice_label("adamw"), choice_label("onecycle"), choice_label("32")
    ('AdamW', 'Onecycle', '32')
    """
    return LABELS.get(str(value), str(value).capitalize())
