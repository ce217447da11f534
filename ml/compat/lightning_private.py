"""Lightning: the hook that a module is in, and the averaged network of ``WeightAveraging``.

Where a later Lightning calls them otherwise, a step takes a little longer, and the averaged network
is found by its type.
"""

import logging
from typing import Any

from lightning.pytorch.callbacks import WeightAveraging
from torch import nn
from torch.optim.swa_utils import AveragedModel

TRIED_WITH = "lightning 2.6.6"
HOOK_NAME = "_current_fx_name"
"""Lightning notes in this attribute of the module which hook it is in."""

log = logging.getLogger(__name__)


class QuickHookName:
    """Mixed into a LightningModule before its base: noting the hook takes no detour.

    Lightning notes it some forty times a step, and ``nn.Module.__setattr__`` first looks whether
    the value is a parameter or a module: a tenth of a millisecond each step.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if name == HOOK_NAME:
            self.__dict__[name] = value
        else:
            super().__setattr__(name, value)


def averaged_network(callback: WeightAveraging) -> nn.Module | None:
    """The LightningModule that holds the averaged weights; None before training starts."""
    if hasattr(callback, "_average_model"):
        model = callback._average_model
    else:
        log.warning("WeightAveraging has no _average_model, as it had in %s.", TRIED_WITH)
        values = vars(callback).values()
        model = next((value for value in values if isinstance(value, AveragedModel)), None)
    return model.module if model else None
