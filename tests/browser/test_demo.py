"""One classifier alone in a real browser: what a server in demo mode shows, whatever is asked."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from ml.sharing import page_text
from tests.browser.serving import App, wait_until_settled
from tests.helpers import made_up_runs

pytestmark = pytest.mark.browser


def test_a_demo_shows_one_classifier_and_no_address_leads_anywhere_else(
    new_app: Callable[..., App],
    new_page: Callable[..., Page],
    visit: Callable[[Page, str], Page],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LENSMITH_MODE", "demo")
    app = new_app()
    run = made_up_runs.finished(app.workspace, made_up_runs.dataset(app.workspace, name="bins"))
    page_text.write(run, "Which bin?", "One thing at a time.")
    page = visit(new_page(width=390, color_scheme="dark"), app.url("train"))  # the very first visit
    for path in ("train", "data", "runs", ""):
        page.goto(app.url(path))
        expect(page.get_by_role("heading", name="Which bin?")).to_be_visible()
        wait_until_settled(page)
        assert page.locator("h1").count() == 1
        expect(page.get_by_role("link", name="Train")).to_have_count(0)
    page.get_by_text("About this classifier").click()
    expect(page.get_by_text("What it cannot do")).to_be_visible()
