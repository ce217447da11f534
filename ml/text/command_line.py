"""Command line of a training: the shell command that repeats what a page has set up or shows."""

import shlex
from dataclasses import fields
from typing import Any

from ml import presets
from ml.config import TrainConfig
from ml.data import catalog
from ml.errors import BadInputError
from ml.workspace import Workspace

BASICS = ("dataset", "preset")
"""Asked for at the top of the page, not under Advanced."""
OPTIONS = ("model", "epochs", "minutes", "devices", "num_nodes", "strategy")
"""Settings that the command line has an option of its own for."""


def command(config: TrainConfig, changed: dict[str, Any]) -> str:
    """What to type in a shell for the same training: the presets there are the same ones."""
    words = ["python", "-m", "ml", "train", "--dataset", config.dataset]
    for name in OPTIONS:
        if name in changed:
            words += [f"--{name.replace('_', '-')}", worded(changed[name])]
    rest = {"preset": config.preset} if config.preset != TrainConfig.preset else {}
    rest |= {name: value for name, value in changed.items() if name not in OPTIONS}
    for name, value in rest.items():
        words += ["--set", f"{name}={worded(value)}"]
    return shlex.join(words)


def command_of(workspace: Workspace, config: TrainConfig) -> str:
    """What to type for the training of a run, named by what differs from the presets of now."""
    try:
        info = catalog.describe(workspace, config.dataset)
        usual = of_preset(config, info)
    except BadInputError:  # the data set is gone: everything is said
        return command(config, differing(config, TrainConfig()))
    changed = {"model": config.model} if presets.default_model(info) != config.model else {}
    return command(config, changed | differing(config, usual))


def of_preset(config: TrainConfig, info: presets.PictureStatistics) -> TrainConfig:
    """What the preset of ``config`` gives its model on the pictures of ``info``.

    Raises:
        BadInputError: there is no such model any more, or it has no such weights.
    """
    chosen = {"model": config.model, "preset": config.preset}
    return presets.configuration(config.dataset, info, **chosen)


def differing(config: TrainConfig, other: TrainConfig) -> dict[str, Any]:
    """The fields of ``config`` that differ from ``other``, data set and preset apart."""
    return {
        item.name: getattr(config, item.name)
        for item in fields(TrainConfig)
        if item.name not in BASICS and getattr(config, item.name) != getattr(other, item.name)
    }


def worded(value: Any) -> str:
    """A value of a setting as the command line takes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
