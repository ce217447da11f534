"""What the model sees, without a browser: the choices, the sliders, and the way to Train."""

import io
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from dashboard.components.data import augment_grid, findings
from dashboard.components.data.augment_grid import COLOUR_OPERATIONS
from dashboard.components.data.augment_panel import KINDS, MIXING, VERSION_COUNT
from dashboard.state.keys import DATA_PANEL, SINGLE_CHANGES_FOLD, TRAIN_DATASET
from dashboard.state.page_states import TrainState
from dashboard.state.stored import stored_in
from dashboard.text.choices import choice_label
from dashboard.text.markdown import plain
from dashboard.workers.inference import InferenceClient
from ml.config import TrainConfig
from ml.data.augment.operations import all_operations
from ml.data.augment.policies import POLICIES
from ml.data.edits import edits
from ml.data.store.versions import DatasetVersion, Item, write_picture, write_version
from ml.errors import BadInputError, MLError
from ml.serving.protocol import AugmentRequest
from ml.workspace import Workspace
from tests.helpers import made_up_runs
from tests.helpers.page_visits import visit, words

PANEL = "What the model sees"


class Stand:
    """Answers as the worker does, with one plain picture, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.refuses = ""

    def augment(
        self, request: AugmentRequest, pictures: Sequence[bytes]
    ) -> tuple[list[bytes], list[float]]:
        self.asked.append({**vars(request), "pictures": len(pictures)})
        if self.refuses:
            raise BadInputError(self.refuses)
        out = io.BytesIO()
        Image.new("RGB", (8, 8)).save(out, "PNG")
        return [out.getvalue()] * request.count, [0.25] * request.count


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Stand:
    stand_in = Stand()
    monkeypatch.setattr(augment_grid, "augmenter", lambda: stand_in)
    monkeypatch.setattr(findings, "begin_job", lambda *_, **__: None)  # no doctor behind our back
    st.cache_data.clear()
    return stand_in


@pytest.fixture
def version(workspace: Workspace) -> DatasetVersion:
    return made_up_runs.dataset(workspace)


def small(workspace: Workspace) -> DatasetVersion:
    """Grey pictures of 28 px, which are learned from scratch."""
    items = []
    for seed in range(20):
        out = io.BytesIO()
        Image.new("L", (28, 28), 10 * seed).save(out, "PNG")
        items.append(Item(write_picture(workspace, out.getvalue()), seed % 2, file=f"{seed}.png"))
    about = {"width": 28, "height": 28, "colour": False, "bytes": 1}
    return write_version(workspace, "made", ("a", "b"), tuple(items), about)


def panel() -> AppTest:
    at = visit("data", data="made")
    at.session_state[DATA_PANEL] = PANEL
    at.run()
    assert not at.exception, at.exception
    return at


def again(at: AppTest) -> AppTest:
    at.run()
    assert not at.exception, at.exception
    return at


def shown(at: AppTest) -> str:
    return "".join(str(item.value) for item in at.html if "lens-changed" in str(item.value))


def test_every_choice_of_the_settings_is_shown_with_a_sentence() -> None:
    choices = TrainConfig.__dataclass_fields__
    assert set(KINDS) == set(choices["augment"].metadata["choices"])
    assert set(MIXING) == set(choices["mixing"].metadata["choices"])
    assert all(label and text.endswith(".") for label, text in KINDS.values())


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_drawn_and_says_why(
    worker: Stand, workspace: Workspace, version: DatasetVersion, kind: str
) -> None:
    at = panel()
    at.pills(key="augment-kind").set_value(kind)
    again(at)
    assert worker.asked[-1]["policy"] in (kind, "none")
    assert shown(at).count("<img") == VERSION_COUNT + 1
    assert plain(KINDS[kind][1]) in words(at)


def test_the_choice_goes_to_train_and_what_is_usual_anyway_is_no_change(
    worker: Stand, workspace: Workspace
) -> None:
    small(workspace)
    at = panel()
    assert at.pills(key="augment-kind").value == "shift"
    at.pills(key="augment-kind").set_value("documents")
    again(at)
    at.pills(key="augment-mixing").set_value("cutmix")
    again(at)
    assert worker.asked[-1]["pictures"] > 1
    assert "25 % a, 75 % b" in shown(at)
    at.button(key="augment-use").click()
    again(at)
    assert at.title[0].value == "Train"
    assert stored_in(at.session_state, TrainState).overrides == {
        "augment": "documents",
        "mixing": "cutmix",
    }
    assert at.session_state[TRAIN_DATASET] == "made"
    at = panel()
    at.button(key="augment-use").click()
    again(at)
    assert stored_in(at.session_state, TrainState).overrides == {}


def test_a_frozen_backbone_is_named_and_can_be_unfrozen(
    worker: Stand, workspace: Workspace
) -> None:
    items = tuple(
        Item(write_picture(workspace, made_up_runs.picture(n, 90)), n % 2, file=f"{n}.png")
        for n in range(20)
    )
    about = {"width": 90, "height": 90, "colour": True, "bytes": 1}
    write_version(workspace, "made", ("a", "b"), items, about)
    at = panel()
    assert "only the last layer is trained" in words(at)
    assert at.button(key="augment-use").disabled
    at.pills(key="augment-kind").set_value("aerial")
    at.checkbox(key="augment-whole").check()
    again(at)
    at.button(key="augment-use").click()
    again(at)
    assert stored_in(at.session_state, TrainState).overrides == {
        "augment": "aerial",
        "freeze_backbone": False,
    }


def test_every_change_has_a_slider_that_begins_where_the_policy_has_it(
    worker: Stand, workspace: Workspace, version: DatasetVersion
) -> None:
    at = panel()
    at.pills(key="augment-kind").set_value("photos")
    at.session_state[SINGLE_CHANGES_FOLD] = True
    again(at)
    names = [one.name for one in all_operations()]
    assert len(at.slider) == len(names)
    for step in POLICIES["photos"].steps:
        value = at.slider(key=f"strength-photos-{step.operation}").value
        assert value == pytest.approx(step.strength * (1 if step.strength >= 1 else 100))
    before = len(worker.asked)
    at.slider(key="strength-photos-turn").set_value(90)
    again(at)
    (one,) = worker.asked[before:]  # the others are remembered
    assert (one["operation"], one["strength"]) == ("turn", 90)


def test_grey_pictures_have_no_colours_to_change(worker: Stand, workspace: Workspace) -> None:
    small(workspace)
    at = panel()
    at.session_state[SINGLE_CHANGES_FOLD] = True
    again(at)
    assert len(at.slider) == len(all_operations()) - len(COLOUR_OPERATIONS)


def test_what_the_worker_refuses_is_said_in_place(
    worker: Stand, workspace: Workspace, version: DatasetVersion
) -> None:
    worker.refuses = "The picture is damaged and cannot be decoded. Copy it again."
    at = panel()
    assert any("damaged" in item.value for item in at.warning)


@pytest.mark.parametrize("kind", ["none", "empty", "one"])
def test_sets_without_enough_pictures_are_no_trouble(
    worker: Stand, workspace: Workspace, kind: str
) -> None:
    if kind == "one":
        made_up_runs.dataset(workspace, ("only",), each=1)
    else:
        edits.create(workspace, "made", ("a", "b") if kind == "empty" else ())
    at = panel()
    if kind == "one":
        assert at.button(key="augment-use").disabled
        at.pills(key="augment-mixing").set_value("mixup")
        again(at)
    assert not at.error


def test_the_real_worker_answers_and_repeats_itself() -> None:
    client = InferenceClient()
    try:
        picture = made_up_runs.picture(1)
        pixels = {"size": 32, "colour": "rgb", "fit": "crop"}
        request = AugmentRequest(pixels=pixels, count=5, turn=0, policy="photos", mixing="cutmix")
        versions, shares = client.augment(request, [picture, made_up_runs.picture(2)])
        assert len(versions) == len(shares) == 5
        assert all(one.startswith(b"\x89PNG") for one in versions)
        with pytest.raises(BadInputError, match="no change named melt"):
            client.augment(replace(request, operation="melt", strength=1.0), [picture])
        assert client.augment(request, [picture, made_up_runs.picture(2)]) == (versions, shares)
    finally:
        client.close()


def test_a_worker_that_gives_up_twice_is_a_sentence() -> None:
    client = InferenceClient(command=(sys.executable, "-c", "raise SystemExit(1)"))
    with pytest.raises(MLError, match="gave up on them, twice"):
        client.augment(AugmentRequest(pixels={}, count=1, turn=0), [b"picture"])


def test_the_form_names_the_choices_as_the_panel_does() -> None:
    for name, (label, _) in {**KINDS, **MIXING}.items():
        assert choice_label(name) == label
