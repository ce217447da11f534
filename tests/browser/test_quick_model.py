"""Instant mode in a real browser: a change is answered with a score and the guesses it changed."""

from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from ml.data.pixels.pixels import PixelSpec
from ml.data.store.versions import DatasetVersion
from ml.features.backbone import MODEL, Backbone, store_backbone
from ml.features.quick_model import pool_of
from ml.models import catalog as model_catalog
from tests.browser.serving import App, wait_until_settled
from tests.helpers import made_up_runs

pytestmark = pytest.mark.browser
Visit = Callable[[Page, str], Page]


@pytest.fixture
def version(app: App) -> DatasetVersion:
    """A set whose features are known, for the doctor too, which looks at it by itself: they tell
    its classes apart, but for two pictures."""
    made_version = made_up_runs.dataset(app.workspace, name="instant")
    backbone = Backbone("made", PixelSpec(model_catalog.get(MODEL).native_size), b"never run")
    store_backbone(app.workspace, backbone)
    random = np.random.default_rng(0)
    rows = np.eye(8)[made_version.labels] * 3 + random.normal(0, 0.3, (len(made_version.items), 8))
    backbone.store(app.workspace).add(
        [one.hash for one in made_version.items], rows.astype(np.float32)
    )
    return made_version


def test_a_change_is_answered_with_the_score_before_and_now(
    app: App, version: DatasetVersion, page: Page, visit: Visit
) -> None:
    visit(page, app.url("data", data=version.name))
    card = page.locator(".st-key-card-instant")
    expect(card.get_by_text("See after each change")).to_be_visible()
    card.get_by_text("Instant mode").click()
    pool_size = len(pool_of(version))
    expect(card.get_by_text(f"of {pool_size} pictures are guessed right")).to_be_visible()
    expect(card.get_by_text("100 %")).to_be_visible()
    # The doctor's findings push the page down, and Streamlit then closes a list that is open.
    expect(page.get_by_text("Looking for what is wrong")).to_have_count(0)
    wait_until_settled(page)
    first = next(n for n in pool_of(version).tolist())
    page.locator(".st-key-tiles-explorer .tile").nth(first).click()
    page.get_by_role("combobox", name="Move to class").fill(version.classes[1])
    page.keyboard.press("Enter")
    expect(card.get_by_text("before the change")).to_be_visible()
    expect(card.get_by_text(f"On the {pool_size} pictures that were there before")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(card.get_by_text("100 %")).to_be_visible()
    card.get_by_text("Instant mode").click()
    expect(card.get_by_text("See after each change")).to_be_visible()
