"""docs/settings.md is what the settings say of themselves."""

import doctest
from dataclasses import fields

from ml.config import TrainConfig
from scripts import settings_page


def test_the_page_is_written_from_the_settings() -> None:
    advice = "Write it anew: python scripts/settings_page.py"
    assert not list(settings_page.differences()), advice


def test_every_setting_has_a_row_with_its_help() -> None:
    rows = settings_page.page().splitlines()
    for setting in fields(TrainConfig):
        (row,) = [line for line in rows if line.startswith(f"| `{setting.name}` |")]
        assert setting.metadata["help"] in row


def test_the_examples_hold() -> None:
    assert doctest.testmod(settings_page).failed == 0
