"""Write docs/settings.md from the metadata of the settings: ``python scripts/settings_page.py``."""

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ml.config import TrainConfig  # noqa: E402

PAGE = ROOT / "docs" / "settings.md"
INTRODUCTION = """# Settings of a training

Written by `python scripts/settings_page.py` from the fields of `ml.config.TrainConfig`, from which
the form on Train and the command line are made too. From a shell: `--set name=value`. A setting
that is not given has the value of the preset and of the model for these pictures, else the one
below.
"""
ENVIRONMENT = """## Environment variables

A value or a name that is not known is refused at the start, so that no slip opens a server.

| name | what it does |
|---|---|
| `LENSMITH_WORKSPACE` | The folder for data sets, runs and models; else `./workspace`. |
| `LENSMITH_PRIORITY` | `normal` lets trainings started from a page take their full share of the CPU. |
| `LENSMITH_THREADS` | How many CPU threads a training may use where its setting says 0. |
| `LENSMITH_PUBLIC` | `1`: strangers use this server. Uploads are limited, paths on disk are not offered. |
| `LENSMITH_MODE` | `demo`: the server shows one classifier and nothing else ([sharing](sharing.md)). |
| `LENSMITH_DEMO` | The run that the demo shows: its id, the start of it, or `latest`. |
| `LENSMITH_PLUGINS` | `1` or `0`: whether models in `workspace/plugins` are offered ([plugins](adding-a-model.md)). |
| `LENSMITH_WEIGHTS` | A mirror for torchvision's weights and timm's, in place of PyTorch's server and Hugging Face's. |
| `LENSMITH_ACCEPT_LICENCES` | Licences of timm's weights that you accept though they restrict use, such as `cc-by-nc-4.0`; with commas. |
| `LENSMITH_TORCH_INDEX` | Where `launch.py` gets the CPU build of PyTorch; https, or a folder as `file:`. |
| `LENSMITH_BROWSER` | The browser of the tests: the path of a Chromium, Chrome or Edge. |
"""  # noqa: E501


def page() -> str:
    """The whole page as Markdown: a section a group, a row a setting."""
    settings = dataclasses.fields(TrainConfig)
    groups = dict.fromkeys(setting.metadata["group"] for setting in settings)
    lines = [INTRODUCTION]
    for group in groups:
        lines += [f"## {group}", "", "| name | label | values | default | what it does |"]
        lines += ["|---|---|---|---|---|"]
        lines += [row(item) for item in settings if item.metadata["group"] == group]
        lines += [""]
    return "\n".join([*lines, ENVIRONMENT])


def row(setting: "dataclasses.Field[Any]") -> str:
    """A row of the table: name, label, values, default, help."""
    about = setting.metadata
    cells = (f"`{setting.name}`", about["label"], values(setting))
    default = f"`{shown(setting.default)}`" if setting.default != "" else "none"
    return f"| {' | '.join(cells)} | {default} | {about['help']} |"


def values(setting: "dataclasses.Field[Any]") -> str:
    """The choices of a setting, its range with the unit, or its type."""
    about = setting.metadata
    if about["choices"]:
        return ", ".join(f"`{shown(choice)}`" for choice in about["choices"])
    if isinstance(setting.default, bool):
        return "`true`, `false`"
    if about["low"] is not None:
        unit = f" {about['unit']}" if about["unit"] else ""
        return f"{shown(about['low'])} to {shown(about['high'])}{unit}"
    return "a name"


def shown(value: Any) -> str:
    """A value as the command line takes it.

    >>> shown(True), shown(1e-06), shown(100_000.0)
    ('true', '1e-06', '100000')
    """
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def differences() -> Iterator[str]:
    """The lines in which the page on disk is not the one that would be written."""
    written = PAGE.read_text(encoding="utf-8").splitlines() if PAGE.exists() else []
    yield from sorted(set(written) ^ set(page().splitlines()))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
