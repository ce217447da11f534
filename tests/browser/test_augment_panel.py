"""What the model sees, by clicking: another kind, another picture, a slider, and on to Train."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.serving import App, wait_until_settled
from tests.helpers import made_up_findings, made_up_runs

pytestmark = pytest.mark.browser


def first(grid: Locator) -> str:
    """The first changed picture of a grid, as the browser has it."""
    return str(grid.locator("img").nth(1).get_attribute("src"))


def test_one_looks_at_augmentation_and_trains_with_it(
    app: App, page: Page, visit: Callable[[Page, str], Page]
) -> None:
    version = made_up_runs.dataset(app.workspace, ("cat", "dog"), each=15, name="seen", side=28)
    made_up_findings.write_findings(app.workspace, version)
    visit(page, app.url("data", data="seen"))
    page.get_by_role("tab", name="What the model sees").click()
    versions = page.locator(".st-key-card-augment .lens-changed")
    expect(versions.locator("img")).to_have_count(16)
    light = first(versions)

    page.get_by_role("radio", name="Documents and digits").click()
    expect(page.get_by_text("a mirrored b is a d")).to_be_visible()
    expect(versions.locator("img").nth(1)).not_to_have_attribute("src", light)
    documents = first(versions)
    page.get_by_role("button", name="Take 1-11.png").click()
    expect(versions.locator("img").nth(1)).not_to_have_attribute("src", documents)
    page.get_by_role("radio", name="MixUp").click()
    expect(versions.locator("figcaption").nth(1)).to_contain_text("%")

    page.get_by_text("Every change by itself").click()
    turned = page.get_by_role("list", name="Turn, from one end to the other")
    expect(turned.locator("img")).to_have_count(6)
    wait_until_settled(page)
    before = first(turned)
    handle = page.get_by_role("slider", name="Turn (degrees)")
    expect(handle).to_have_value("8")
    handle.focus()
    page.keyboard.press("End")
    expect(turned.locator("img").nth(1)).not_to_have_attribute("src", before)

    wait_until_settled(page)
    page.get_by_role("button", name="Use this for training").click()
    expect(page.get_by_role("heading", name="Train", exact=True)).to_be_visible()
    expect(page.get_by_text("2 settings changed")).to_be_visible()
    page.get_by_text("The same from a shell").click()
    expect(page.get_by_text("--set augment=documents --set mixing=mixup")).to_be_visible()
