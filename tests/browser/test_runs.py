"""Runs in a real browser: delete and undo, the trash, rename, curves over one another."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from ml.data.store.versions import DatasetVersion
from ml.runs import trash
from ml.runs.folder import Run
from tests.browser.serving import App, wait_until_settled
from tests.helpers import made_up_runs

pytestmark = pytest.mark.browser

HOSTILE = '<img src=x onerror="window.harmed=1"> **x** ' + "long " * 5


@pytest.fixture(scope="module")
def version(app: App) -> DatasetVersion:
    return made_up_runs.dataset(app.workspace)


@pytest.fixture
def run(app: App, version: DatasetVersion) -> Run:
    return made_up_runs.finished(app.workspace, version, name="Under test")


def choose(page: Page, run: Run, action: str) -> None:
    """Choose from the menu of a run."""
    page.locator(f".st-key-menu-{run.id} button").click()
    page.get_by_role("menuitem", name=action, exact=True).click()
    wait_until_settled(page)


def row(page: Page, run: Run):
    return page.locator(f".st-key-card-run-{run.id}")


def test_a_deletion_is_undone_and_survives_a_reload_in_the_trash(
    app: App, run: Run, page: Page, visit: Callable[..., Page]
) -> None:
    visit(page, app.url("runs"))
    choose(page, run, "Delete")
    expect(page.get_by_text("Under test moved to the trash.")).to_be_visible()
    expect(row(page, run)).to_have_count(0)
    assert not run.folder.exists()
    page.get_by_role("button", name="Undo").click()
    expect(row(page, run)).to_be_visible()
    assert run.report
    choose(page, run, "Delete")
    expect(row(page, run)).to_have_count(0)
    visit(page, app.url("runs"))
    page.get_by_text("Trash · 1 run").click()
    page.get_by_role("button", name="Restore").click()
    expect(row(page, run)).to_be_visible()


def test_the_trash_is_emptied_after_a_question(
    app: App, run: Run, version: DatasetVersion, page: Page, visit: Callable[..., Page]
) -> None:
    deleted_run = made_up_runs.finished(app.workspace, version)
    trash.delete(app.workspace, deleted_run)
    visit(page, app.url("runs"))
    page.get_by_text("Trash · 1 run").click()
    page.get_by_role("button", name="Empty the trash").click()
    page.get_by_role("dialog").get_by_role("button", name="Keep them").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert trash.trashed(app.workspace)
    page.get_by_role("button", name="Empty the trash").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("Trash ·")).to_have_count(0)
    assert not trash.trashed(app.workspace)
    assert run.folder.exists()


def test_a_question_stays_open_when_a_training_ends(
    app: App, version: DatasetVersion, page: Page, visit: Callable[..., Page]
) -> None:
    busy = made_up_runs.working(app.workspace, version)
    trash.delete(app.workspace, made_up_runs.finished(app.workspace, version))
    visit(page, app.url("runs"))
    page.get_by_text("Trash · 1 run").click()
    page.get_by_role("button", name="Empty the trash").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("This cannot be undone.")
    made_up_runs.end(busy)
    expect(row(page, busy).locator(".lens-finished")).to_be_attached()
    wait_until_settled(page)
    expect(question).to_contain_text("This cannot be undone.")
    page.keyboard.press("Escape")
    expect(question).to_have_count(0)
    wait_until_settled(page)
    page.get_by_role("button", name="Empty the trash").click()
    question.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("Trash ·")).to_have_count(0)
    expect(question).to_have_count(0)
    assert not trash.trashed(app.workspace)


def test_a_fold_opens_at_once_for_whoever_asked_for_less_motion(
    app: App, version: DatasetVersion, page: Page, visit: Callable[..., Page]
) -> None:
    trash.delete(app.workspace, made_up_runs.finished(app.workspace, version))
    visit(page, app.url("runs"))
    page.evaluate(
        """() => {
        window.heights = new Set()
        const fold = document.querySelector('[data-testid="stExpander"] details')
        const look = () => {
          window.heights.add(fold.offsetHeight)
          requestAnimationFrame(look)
        }
        look()
      }"""
    )
    inside = page.get_by_role("button", name="Empty the trash")
    for shown in (True, False):
        page.get_by_text("Trash · 1 run").click()
        expect(inside).to_be_visible(visible=shown)
    assert page.evaluate("window.heights.size") == 2  # closed and open, nothing between
    trash.empty_trash(app.workspace)


def test_a_run_is_renamed_in_its_place_and_a_hostile_name_is_text(
    app: App, run: Run, new_page: Callable[..., Page], visit: Callable[..., Page]
) -> None:
    page = visit(new_page(width=390, height=844), app.url("runs"))
    choose(page, run, "Rename")
    field = row(page, run).get_by_role("textbox", name="Name")
    field.fill(HOSTILE)
    field.press("Enter")
    expect(row(page, run).get_by_role("button", name="<img src=x", exact=False)).to_be_visible()
    assert run.name == HOSTILE.strip()
    assert page.locator('img[src="x"]').count() == 0
    assert page.evaluate("window.harmed") is None
    main = page.locator('[data-testid="stMain"]')
    assert main.evaluate("element => element.scrollWidth <= element.clientWidth + 1")


def test_a_damaged_folder_is_listed_and_the_others_open(
    app: App, run: Run, version: DatasetVersion, page: Page, visit: Callable[..., Page]
) -> None:
    damaged_run = made_up_runs.finished(app.workspace, version)
    (damaged_run.folder / "config.json").write_text("{", encoding="utf-8")
    visit(page, app.url("runs"))
    expect(row(page, damaged_run).get_by_text("Damaged")).to_be_visible()
    row(page, run).get_by_role("button", name="Under test").click()
    expect(page.get_by_role("heading", name="Evaluate")).to_be_visible()
    expect(page.get_by_text("Accuracy", exact=False).first).to_be_visible()
    wait_until_settled(page)
    expect(page.locator(".stException")).to_have_count(0)


def test_chosen_runs_lie_over_one_another(
    app: App, run: Run, version: DatasetVersion, page: Page, visit: Callable[..., Page], drawn
) -> None:
    other = made_up_runs.finished(app.workspace, version, name="The other", epochs=5)
    visit(page, app.url("runs"))
    for one in (run, other):
        row(page, one).locator("label").first.click()
        wait_until_settled(page)
    chart = drawn(page, "compare-curves")
    lengths = chart.evaluate("box => box.data.map(trace => [trace.name, trace.x.length])")
    assert sorted(map(tuple, lengths)) == [("The other", 5), ("Under test", 3)]
    expect(page.get_by_role("row", name="Epochs")).to_contain_text("5")


def test_a_run_that_comes_further_is_seen_without_a_reload(
    app: App, version: DatasetVersion, page: Page, visit: Callable[..., Page]
) -> None:
    run = made_up_runs.working(app.workspace, version, "Watched")
    made_up_runs.working(app.workspace, version, "Goes on")
    for path in ("runs", "evaluate"):
        visit(page, app.url(path, run=run.id))
        sentence = "Running" if path == "runs" else "This run is still training"
        expect(
            page.get_by_test_id("stMain").get_by_text(sentence, exact=True).first
        ).to_be_visible()
    made_up_runs.report(run, version, made_up_runs.predictions(version))
    made_up_runs.end(run)
    expect(page.get_by_text("Accuracy", exact=False).first).to_be_visible()
