"""A training of two processes, started from the page and watched there."""

from collections.abc import Callable

import psutil
import pytest
from playwright.sync_api import Page, expect

from ml.runs.events import EpochEnd, RunStarted
from ml.runs.folder import list_runs
from tests.browser.serving import App, wait_until_settled, worker_pid
from tests.helpers.trained import dataset

pytestmark = pytest.mark.browser


def test_two_devices_are_chosen_on_the_page_seen_live_and_stopped(
    app: App, page: Page, visit: Callable[[Page, str], Page]
) -> None:
    dataset(app.workspace, "noise", each=40)
    visit(page, app.url("train"))
    pictures = page.get_by_role("combobox", name="Pictures")
    pictures.click()
    page.get_by_role("option", name="noise").click()
    wait_until_settled(page)
    page.get_by_text("Advanced", exact=True).click()
    wait_until_settled(page)

    def fill(tab: str, label: str, value: str) -> None:
        page.get_by_role("tab", name=tab).click()
        box = page.get_by_role("spinbutton", name=label)
        box.fill(value)
        box.press("Enter")
        wait_until_settled(page)

    fill("Machine", "Devices", "2")
    fill("Basics", "Epochs", "1000")
    shell = page.get_by_text("The same from a shell")
    shell.click()
    expect(page.locator("code").filter(has_text="--devices 2")).to_be_visible()
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.locator(".lens-status.lens-running")).to_be_visible()
    expect(page.locator(".lens-progress")).to_contain_text("epoch", timeout=180_000)
    expect(page.locator(".lens-tile").last).to_contain_text("2 × CPU")
    run = list_runs(app.workspace)[-1]
    worker = psutil.Process(worker_pid(run.folder))
    other_ranks = worker.children()
    assert len(other_ranks) == 1
    shown = page.locator(".lens-tile").nth(2).inner_text()
    expect(page.locator(".lens-tile").nth(2)).not_to_have_text(shown)  # epochs go by
    page.get_by_test_id("stMain").get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator(".lens-outcome")).to_contain_text("Stopped", timeout=120_000)
    events = run.events()[0]
    started = [event for event in events if isinstance(event, RunStarted)]
    assert [event.choices["processes"] for event in started] == [2]
    epochs = [event.epoch for event in events if isinstance(event, EpochEnd)]
    assert epochs == list(range(1, len(epochs) + 1)), "one log, one voice"
    psutil.wait_procs([worker, *other_ranks], timeout=30)
    assert not any(process.is_running() for process in (worker, *other_ranks))
