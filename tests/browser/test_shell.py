"""The shell in a real browser: navigation, deep links, themes, phones, a broken workspace."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from dashboard.state.navigation import PAGES, url_path
from ml.utils.files import write_json
from tests.browser.serving import App, wait_until_settled
from tests.helpers import made_up_runs

pytestmark = pytest.mark.browser

CARD = {"light": "rgb(255, 255, 255)", "dark": "rgb(26, 28, 32)"}
BACKGROUND = {"light": "rgb(251, 251, 250)", "dark": "rgb(18, 19, 22)"}


def test_every_page_opens_from_the_menu_and_the_sidebar_has_the_version(
    app: App, page: Page, visit: Callable[..., Page]
) -> None:
    visit(page, app.url())
    expect(page.get_by_text("Lensmith 0.", exact=False)).to_be_visible()
    for row in PAGES:
        page.get_by_role("link", name=row.title, exact=True).click()
        expect(page).to_have_url(re.compile(rf"/{url_path(row.path)}(\?.*)?$"))
        expect(page.locator("h1").first).to_be_visible()
        wait_until_settled(page)
        expect(page.locator(".stException")).to_have_count(0)


@pytest.mark.parametrize("path", ["train", "evaluate"])
def test_a_deep_link_is_kept_when_it_is_the_first_visit_after_the_start(
    path: str, app: App, page: Page, visit: Callable[..., Page]
) -> None:
    version = made_up_runs.dataset(app.workspace, name="deep")
    run = made_up_runs.finished(app.workspace, version)
    app.kill()
    app.start()
    visit(page, app.url(path, run=run.id))
    expect(page).to_have_url(re.compile(rf"/{path}\?run={run.id}$"))
    expect(page.get_by_role("link", name="Evaluate", exact=True)).to_be_visible()


def test_the_run_stays_in_the_address_over_a_page_switch(
    app: App, page: Page, visit: Callable[..., Page]
) -> None:
    run = made_up_runs.finished(app.workspace, made_up_runs.dataset(app.workspace, name="kept"))
    visit(page, app.url("train", run=run.id))
    page.get_by_role("link", name="Runs", exact=True).click()
    expect(page).to_have_url(re.compile(rf"/runs\?run={run.id}$"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_follows_the_system_and_its_colours_are_ours(
    scheme: str, app: App, new_page: Callable[..., Page], visit: Callable[..., Page]
) -> None:
    page = visit(new_page(color_scheme=scheme), app.url("train"))
    expect(page.locator('[data-testid="stApp"]')).to_have_css(
        "background-color", BACKGROUND[scheme]
    )
    expect(page.locator(".st-key-card-pictures")).to_have_css("background-color", CARD[scheme])


@pytest.mark.parametrize("path", [url_path(row.path) for row in PAGES])
def test_nothing_is_wider_than_a_phone(
    path: str, app: App, new_page: Callable[..., Page], visit: Callable[..., Page]
) -> None:
    page = visit(new_page(width=390, height=844, has_touch=True), app.url(path))
    main = page.locator('[data-testid="stMain"]')
    assert main.evaluate("element => element.scrollWidth <= element.clientWidth + 1")


def test_a_newer_workspace_is_refused_without_a_traceback(
    new_app: Callable[..., App], page: Page
) -> None:
    app = new_app()
    write_json(app.workspace.root / "schema.json", {"schema": 999, "lensmith": "9.0"})
    page.goto(app.url())
    expect(page.get_by_role("alert")).to_contain_text("was written by a newer Lensmith (9.0)")
    expect(page.locator(".stException")).to_have_count(0)
    write_json(app.workspace.root / "schema.json", {"schema": 1})
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("button", name="Train on these photos")).to_be_visible()


def test_the_app_works_under_a_base_path_and_draws_its_charts_there(
    new_app: Callable[..., App],
    page: Page,
    visit: Callable[..., Page],
    drawn: Callable[..., object],
) -> None:
    app = new_app(base_path="lens")
    run = made_up_runs.finished(app.workspace, made_up_runs.dataset(app.workspace))
    visit(page, app.url("train", run=run.id))
    drawn(page, "chart-loss")
    fonts = (
        "document.fonts.check('16px Inter') && [...document.fonts].some(f => f.status=='loaded')"
    )
    page.wait_for_function(fonts)


def test_nothing_is_fetched_from_outside(
    app: App, page: Page, visit: Callable[..., Page], drawn: Callable[..., object]
) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    run = made_up_runs.finished(app.workspace, made_up_runs.dataset(app.workspace, name="inside"))
    visit(page, app.url("train", run=run.id))
    drawn(page, "chart-loss")
    own = (f"http://127.0.0.1:{app.port}/", f"ws://127.0.0.1:{app.port}/", "data:", "blob:")
    assert [url for url in requests if not url.startswith(own)] == []
