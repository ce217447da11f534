"""A search in a real browser: started, followed, and its result opened."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from ml.tuning.sweep import list_sweeps
from tests.browser.serving import App, wait_until_settled
from tests.helpers.trained import dataset

pytestmark = pytest.mark.browser
Visit = Callable[[Page, str], Page]
Drawn = Callable[[Page, str], Locator]


def test_a_search_is_started_followed_and_leads_to_a_run(
    app: App, page: Page, visit: Visit, drawn: Drawn
) -> None:
    dataset(app.workspace, "noise", each=20)
    visit(page, app.url("tune", data="noise"))
    page.get_by_role("combobox", name="Model").fill("Tutorial")
    page.keyboard.press("Enter")
    expect(page.get_by_text("One training takes")).to_be_visible()
    page.get_by_role("spinbutton", name="Number of trials, at most").fill("3")
    page.keyboard.press("Tab")
    wait_until_settled(page)
    page.get_by_role("button", name="Start the search").click()
    card = page.locator(".st-key-card-tune-status")
    expect(card.get_by_text("Finished")).to_be_visible(timeout=180_000)
    (sweep,) = list_sweeps(app.workspace)
    assert sweep.base.model == "tutorial_net"
    assert f"sweep={sweep.id}" in page.url
    assert len(sweep.state.ended) == 3
    expect(card.locator(".lens-result")).to_have_text((sweep.result or {})["sentence"])
    rows = page.locator(".st-key-card-tune-trials tbody tr")
    expect(rows).to_have_count(3)
    chart = drawn(page, "tune-parallel")
    expect(chart.locator(".trace.scatter")).to_have_count(3)
    page.locator(".st-key-tune-parallel").get_by_text("As a table").click()
    expect(page.locator(".st-key-tune-parallel table tr")).to_have_count(4)
    page.get_by_role("button", name="Open the run it started from").click()
    expect(page.locator("h1", has_text="Evaluate")).to_be_visible()
    expect(page.get_by_text("test pictures").first).to_be_visible()


def test_a_learning_rate_is_found_and_leads_to_a_training_with_it(
    app: App, page: Page, visit: Visit, drawn: Drawn
) -> None:
    dataset(app.workspace, "noise", each=20)
    visit(page, app.url("tune", data="noise"))
    page.get_by_role("combobox", name="Model").fill("Tutorial")
    page.keyboard.press("Enter")
    expect(page.get_by_text("One training takes")).to_be_visible()
    wait_until_settled(page)
    page.get_by_text("Find a learning rate").click()
    page.get_by_role("button", name="Test it").click()
    title = page.locator("h3", has_text=re.compile(r"A rate of \S+ suits"))
    expect(title).to_be_visible(timeout=120_000)
    expect(drawn(page, "tune-rates").locator(".trace.scatter")).to_have_count(1)
    rate = re.findall(r"A rate of (\S+) suits", title.inner_text())[0]
    page.get_by_role("button", name=f"Train with {rate}").click()
    expect(page.locator("h1", has_text="Train")).to_be_visible()
    page.get_by_text("The same from a shell").click()
    shell = page.locator("code", has_text="python -m ml train")
    expect(shell).to_contain_text("--model tutorial_net")
    expect(shell).to_contain_text(f"learning_rate={rate}")
