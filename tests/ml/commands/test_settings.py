"""What is asked for on the command line becomes the settings of a run."""

import argparse
from pathlib import Path

import pytest

from ml.commands import _common
from ml.errors import BadInputError


def asked(*words: str) -> dict[str, object]:
    parser = argparse.ArgumentParser()
    _common.add_settings(parser)
    return _common.settings(parser.parse_args(words))


def test_set_overrides_options_and_options_override_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text('{"version": 1, "preset": "quick", "epochs": 2, "seed": 3, "batch_size": 8}')
    merged = asked(
        "--config", str(file), "--preset", "thorough", "--epochs", "4", "--set", "seed=5"
    )
    expected = {"preset": "thorough", "epochs": 4, "seed": "5", "batch_size": 8}
    assert {name: merged[name] for name in expected} == expected
    assert asked("--preset", "thorough", "--set", "preset=quick") == {"preset": "quick"}


def test_a_setting_without_a_value_is_a_sentence() -> None:
    with pytest.raises(BadInputError, match="FIELD=VALUE"):
        asked("--set", "epochs")


def test_a_file_of_settings_is_read(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{"epochs": 4}')
    assert _common.read_settings(path) == {"epochs": 4}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read: No such file"),
        (b"{", "is not valid JSON"),
        (b"\xff\xfe\xff", "is not valid JSON"),
        (b"[1]", "must hold a JSON object"),
    ],
)
def test_a_file_that_holds_no_settings_is_a_sentence(
    content: bytes | None, sentence: str, tmp_path: Path
) -> None:
    path = tmp_path / "settings.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInputError, match=sentence):
        _common.read_settings(path)
