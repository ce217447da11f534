"""Every setting: the ends of its range are accepted, what lies beyond is refused in a sentence."""

import contextlib
import json
import math
import re
from dataclasses import FrozenInstanceError, asdict, fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.config import CONFIG_VERSION, TrainConfig, names_of
from ml.errors import BadInputError

FIELDS = {item.name: item for item in fields(TrainConfig)}
NUMBERS = [item for item in fields(TrainConfig) if item.metadata["low"] is not None]
CHOICES = [item for item in fields(TrainConfig) if item.metadata["choices"]]


def values_of(item: Any) -> st.SearchStrategy[Any]:
    about = item.metadata
    if about["choices"]:
        return st.sampled_from(about["choices"])
    if type(item.default) is bool:
        return st.booleans()
    if type(item.default) is int:
        return st.integers(about["low"], about["high"])
    if type(item.default) is float:
        return st.floats(about["low"], about["high"])
    return st.text(max_size=30)


configurations = st.builds(TrainConfig, **{name: values_of(item) for name, item in FIELDS.items()})


@given(configurations)
def test_json_gives_back_the_same_configuration(config: TrainConfig) -> None:
    assert (
        TrainConfig.from_json(json.loads(json.dumps(config.to_json(), allow_nan=False))) == config
    )


@given(configurations)
def test_what_a_shell_can_say_gives_the_same_configuration(config: TrainConfig) -> None:
    texts = {name: str(value) for name, value in asdict(config).items()}
    assert TrainConfig().changed(**texts) == config


@pytest.mark.parametrize("item", NUMBERS, ids=lambda item: item.name)
def test_the_ends_of_a_range_are_accepted_and_beyond_is_refused(item: Any) -> None:
    low, high = item.metadata["low"], item.metadata["high"]
    for end in (low, high):
        assert getattr(TrainConfig(**{item.name: end}), item.name) == end
    is_integer = type(item.default) is int
    beyond = (
        [low - 1, high + 1]
        if is_integer
        else [math.nextafter(low, -1e9), math.nextafter(high, 1e9)]
    )
    for value in beyond:
        with pytest.raises(BadInputError) as caught:
            TrainConfig(**{item.name: value})
        message = str(caught.value)
        assert message.startswith(f"{item.name} goes from {low} to {high}, not ")
        assert message.endswith(".")
        assert repr(value) in message


@pytest.mark.parametrize("item", CHOICES, ids=lambda item: item.name)
def test_each_choice_is_accepted_and_anything_else_refused(item: Any) -> None:
    for choice in item.metadata["choices"]:
        assert getattr(TrainConfig(**{item.name: choice}), item.name) == choice
    other = "other" if type(item.default) is str else -1
    with pytest.raises(BadInputError, match=f"^{item.name} is one of .*, not {other!r}.$"):
        TrainConfig(**{item.name: other})


WRONG = {
    bool: ["maybe", 1, 0, None, 1.0, []],
    int: ["two", "1.5", 1.5, True, None, math.nan, math.inf, [3], "", "nan"],
    float: ["much", True, None, math.nan, math.inf, -math.inf, "nan", "inf", {}, 10**400],
    str: [1, None, True, ["a"], Path("a")],
}


@pytest.mark.parametrize("item", list(FIELDS.values()), ids=lambda item: item.name)
def test_a_value_of_the_wrong_kind_is_refused_in_a_sentence(item: Any) -> None:
    wanted = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}
    kind = type(item.default)
    for value in WRONG[kind]:
        with pytest.raises(BadInputError) as caught:
            TrainConfig(**{item.name: value})
        assert str(caught.value) == f"{item.name} takes {wanted[kind]}, not {value!r}."


@pytest.mark.parametrize("item", list(FIELDS.values()), ids=lambda item: item.name)
def test_every_setting_has_what_a_form_needs(item: Any) -> None:
    about = item.metadata
    assert re.fullmatch(r"[A-Z][\w ]+", about["label"]), about["label"]
    assert about["help"].endswith(".")
    assert about["group"] in (
        "Basics",
        "Model",
        "Data",
        "Optimisation",
        "Reproducibility",
        "Machine",
    )
    assert (about["low"] is None) == (about["high"] is None)
    if about["choices"]:
        assert item.default in about["choices"]
    elif type(item.default) in (int, float):
        assert about["low"] <= item.default <= about["high"]
    if about["log"]:
        assert about["high"] > 0


def test_whole_numbers_and_decimals_are_brought_to_the_kind_of_the_field() -> None:
    config = TrainConfig(epochs=5.0, learning_rate=1, batch_size="32")  # type: ignore[arg-type]
    assert (config.epochs, type(config.epochs)) == (5, int)
    assert (config.learning_rate, type(config.learning_rate)) == (1.0, float)
    assert config.batch_size == 32


@pytest.mark.parametrize("word", ["true", "True", " YES ", "1"])
def test_yes_in_words(word: str) -> None:
    assert TrainConfig(pretrained=False).changed(pretrained=word).pretrained is True


def test_an_unknown_setting_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        BadInputError, match=r"no setting named epoch[.] The settings are: dataset, mo"
    ):
        TrainConfig().changed(epoch=3)
    for name in ("self", "version2", ""):
        with pytest.raises(BadInputError, match="There is no setting named"):
            TrainConfig.from_json({name: 1})


def test_a_configuration_cannot_be_changed_in_place() -> None:
    with pytest.raises(FrozenInstanceError):
        TrainConfig().epochs = 3  # type: ignore[misc]


def test_fields_that_an_older_file_lacks_take_their_default() -> None:
    assert TrainConfig.from_json({"epochs": 3}) == TrainConfig(epochs=3)


def test_a_configuration_of_a_newer_version_is_refused() -> None:
    with pytest.raises(BadInputError, match="Update Lensmith to use it"):
        TrainConfig.from_json({"version": CONFIG_VERSION + 1})


@pytest.mark.parametrize("content", [None, [], 3, "x", {"version": "1"}, {"version": None}])
def test_what_is_no_configuration_is_refused(content: Any) -> None:
    with pytest.raises(BadInputError):
        TrainConfig.from_json(content)


@given(st.dictionaries(st.sampled_from([*FIELDS, "version"]), st.none() | st.text() | st.floats()))
def test_no_content_of_a_file_raises_anything_but_a_sentence(content: dict[str, Any]) -> None:
    with contextlib.suppress(BadInputError):
        TrainConfig.from_json(content)


def test_the_names_are_in_the_order_of_the_form() -> None:
    assert names_of() == list(FIELDS)
