"""Evaluate in a real browser: a click on the matrix, the keyboard, a phone, hostile names."""

import csv
import sys
from collections.abc import Callable

import numpy as np
import psutil
import pytest
from playwright.sync_api import Locator, Page, expect

from ml.data.store.versions import DatasetVersion, Item, load_version, write_picture, write_version
from ml.evaluation import robustness, stored_reports
from ml.runs.folder import Run, list_runs
from tests.browser.serving import App, wait_until_settled
from tests.helpers import made_up_runs

pytestmark = pytest.mark.browser

HOSTILE = (
    '<img src=x onerror="window.harmed=1">',
    "a class whose name is so long that it fits neither an axis nor a phone " * 2,
    "[link](javascript:window.harmed=1) **bold** $x^2$",
)


@pytest.fixture(scope="module")
def version(app: App) -> DatasetVersion:
    return made_up_runs.dataset(app.workspace)


@pytest.fixture(scope="module")
def run(app: App, version: DatasetVersion) -> Run:
    return made_up_runs.finished(app.workspace, version, made_up_runs.predictions(version, 4, 0.5))


def counted(run: Run, version: DatasetVersion, truth: int, guess: int) -> list[str]:
    """The files of a cell, counted by hand from what the run has saved."""
    with np.load(run.folder / "predictions.npz") as saved:
        labels, guesses = saved["labels"], saved["logits"].argmax(axis=1)
        indices = saved["indices"]
    inside = indices[(labels == truth) & (guesses == guess)]
    return sorted(version.items[place].file for place in inside)


def matrix_of(page: Page, key: str) -> Locator:
    """The matrix, once it is drawn."""
    table = page.locator(f".st-key-matrix-{key} .lens-matrix.lens-drawn table")
    expect(table).to_be_visible()
    return table


def cell(matrix: Locator, row: int, column: int) -> Locator:
    return matrix.locator("tbody tr").nth(row).get_by_role("gridcell").nth(column)


def drawer(page: Page) -> Locator:
    return page.locator('[class*="st-key-drawer-"] .tile')


def files_in(tiles: Locator) -> list[str]:
    return sorted(tile.get_attribute("title").split(",")[0] for tile in tiles.all())


def test_a_click_on_a_cell_shows_exactly_its_pictures(
    app: App, run: Run, version: DatasetVersion, page: Page, visit
) -> None:
    visit(page, app.url("evaluate", run=run.id))
    matrix = matrix_of(page, run.id)
    matrix.evaluate("table => { table.tBodies[0].kept = true }")
    for row, column in ((0, 1), (2, 0), (1, 1)):
        wanted = counted(run, version, row, column)
        assert wanted, "a cell without pictures proves nothing"
        expect(cell(matrix, row, column)).to_have_text(str(len(wanted)))
        cell(matrix, row, column).click()
        truth, guess = made_up_runs.CLASSES[row], made_up_runs.CLASSES[column]
        number = f"{len(wanted)} picture{'' if len(wanted) == 1 else 's'} of {truth}"
        ending = "recognised" if row == column else f"taken for {guess}"
        expect(page.get_by_role("heading", name=f"{number}, {ending}")).to_be_visible()
        expect(drawer(page)).to_have_count(len(wanted))
        assert files_in(drawer(page)) == wanted
    assert matrix.evaluate("table => table.tBodies[0].kept"), "the matrix was drawn anew"
    broken = page.locator(".lens-gallery img").evaluate_all(
        "all => Promise.all(all.map(async image => { image.loading = 'eager'; "
        "await image.decode(); return image.naturalWidth }))"
    )
    assert all(width == 160 for width in broken)


def test_a_chart_reserves_its_height_before_it_is_drawn(
    app: App, page: Page, visit, drawn, run: Run
) -> None:
    watch = """
      window.heights = new Set()
      const look = () => {
        const place = document.querySelector('[class*="st-key-bars-"]')
        if (place) heights.add(Math.round(place.getBoundingClientRect().height))
        requestAnimationFrame(look)
      }
      look()
    """
    page.add_init_script(watch)
    visit(page, app.url("evaluate", run=run.id))
    chart = drawn(page, f"bars-{run.id}")
    (height,) = page.evaluate("[...heights]")  # of all moments at which the page was painted
    assert height >= 240
    place = page.locator(f".st-key-bars-{run.id}")
    below = page.get_by_text("All figures as a table")
    place.get_by_text("As a table").click()
    table = place.locator("table")
    expect(table).to_be_visible()
    boxes = [one.bounding_box() for one in (chart, table, below)]
    assert boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"]
    assert boxes[1]["y"] + boxes[1]["height"] <= boxes[2]["y"]


@pytest.mark.skipif(sys.platform == "darwin", reason="psutil has no memory_maps on macOS")
def test_neither_the_page_nor_a_click_on_a_cell_waits_for_pandas(
    new_app: Callable[..., App], page: Page, visit
) -> None:
    app = new_app()
    version = made_up_runs.dataset(app.workspace)
    run = made_up_runs.finished(app.workspace, version, made_up_runs.predictions(version, 4, 0.5))
    visit(page, app.url("evaluate", run=run.id))
    cell(matrix_of(page, run.id), 0, 1).click()
    expect(drawer(page).first).to_be_visible()
    loaded = [one.path for one in psutil.Process(app.pid).memory_maps()]
    assert any("numpy" in path for path in loaded)
    assert not any("pandas" in path for path in loaded)


def test_the_keyboard_reaches_what_the_mouse_does(
    app: App, run: Run, version: DatasetVersion, page: Page, visit: Callable[..., Page]
) -> None:
    visit(page, app.url("evaluate", run=run.id))
    wanted = counted(run, version, 0, 1)
    for label, name, heading in (("Truth", "glass", "of glass"), ("Guess", "metal", "for metal")):
        page.get_by_role("combobox", name=label).focus()
        page.keyboard.type(name)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
    expect(drawer(page)).to_have_count(len(wanted))
    assert files_in(drawer(page)) == wanted


def test_the_arrow_keys_walk_through_the_matrix_and_enter_opens_a_cell(
    app: App, run: Run, version: DatasetVersion, page: Page, visit: Callable[..., Page]
) -> None:
    visit(page, app.url("evaluate", run=run.id))
    matrix = matrix_of(page, run.id)
    cell(matrix, 0, 0).focus()
    for key, row, column in (
        ("ArrowRight", 0, 1),
        ("ArrowDown", 1, 1),
        ("ArrowDown", 2, 1),
        ("ArrowDown", 2, 1),  # there is no further row
        ("End", 2, 2),
        ("Home", 2, 0),
    ):
        page.keyboard.press(key)
        expect(cell(matrix, row, column)).to_be_focused()
        number = len(counted(run, version, row, column))
        truth, guess = made_up_runs.CLASSES[row], made_up_runs.CLASSES[column]
        verdict = f"taken for {guess}" if row != column else "recognised"
        expect(page.get_by_role("tooltip")).to_contain_text(f"{number} of ")
        expect(page.get_by_role("tooltip")).to_contain_text(f"{truth}\n{verdict}")
    page.keyboard.press("Enter")
    wanted = counted(run, version, 2, 0)
    expect(drawer(page)).to_have_count(len(wanted))
    assert files_in(drawer(page)) == wanted
    expect(cell(matrix, 2, 0)).to_be_focused()
    expect(matrix.locator('[tabindex="0"]')).to_have_count(1)


def test_a_matrix_of_forty_classes_names_every_class(
    app: App, page: Page, visit: Callable[..., Page]
) -> None:
    classes = tuple(f"class {place:02}" for place in range(40))
    version = made_up_runs.dataset(app.workspace, classes, each=3, name="forty")
    run = made_up_runs.finished(app.workspace, version, made_up_runs.predictions(version, 1, 0.2))
    visit(page, app.url("evaluate", run=run.id))
    page.get_by_text("All 40 classes").click()
    page.get_by_text("% of row").click()
    matrix = matrix_of(page, run.id)
    for role in ("rowheader", "columnheader"):
        names = matrix.locator("[scope]").and_(matrix.get_by_role(role))
        expect(names).to_have_text(list(classes))
    number, wanted = cell(matrix, 0, 0), len(counted(run, version, 0, 0))
    expect(number).to_have_css("font-size", "0px")
    page.get_by_role("button", name="Show every number").click()
    expect(number).to_have_css("font-size", "12px")
    expect(number).to_have_text(f"{100 * wanted / 3:.0f}")
    around = page.locator(".lens-matrix .scroll")
    assert around.evaluate("element => element.scrollWidth > element.clientWidth")


def test_from_a_wrong_cell_to_the_retraining_in_four_clicks_or_four_keys(
    app: App, page: Page, visit: Callable[..., Page]
) -> None:
    version = made_up_runs.dataset(app.workspace, name="journey")
    run = made_up_runs.finished(
        app.workspace,
        version,
        made_up_runs.predictions(version, 4, 0.5),
        "seen",
        model="tutorial_net",
    )
    visit(page, app.url("evaluate", run=run.id))
    cell(matrix_of(page, run.id), 0, 1).click()  # one
    tile = page.locator('[class*="st-key-drawer-"] .tile').first
    file = tile.get_attribute("title").split(",")[0]
    tile.click()  # two
    page.get_by_role("button", name="The label should be metal").click()  # three
    retrain = page.get_by_role("button", name="Retrain with the same settings")
    expect(tile).to_contain_text("→ metal")
    expect(page.get_by_text("1 picture moved to metal.").first).to_be_visible()
    retrain.click()  # four
    expect(page.locator("h1")).to_have_text("Train")
    made = list_runs(app.workspace)[-1]
    newer = load_version(app.workspace, "journey")
    assert {item.file: item.label for item in newer.items}[file] == 1
    assert (made.config, made.meta["parent"]) == (run.config, run.id)
    assert made.dataset["fingerprint"] == newer.fingerprint != version.fingerprint

    visit(page, app.url("evaluate", run=run.id))
    for place in (
        page.locator(f'[class*="st-key-cell-{run.id}"] button').first,
        page.locator('[class*="st-key-drawer-"] .tile input').last,
        page.get_by_role("button", name="Exclude", exact=True),
        page.get_by_role("button", name="Retrain with the same settings"),
    ):
        expect(place).to_be_enabled()
        place.focus()
        page.keyboard.press("Space")
        wait_until_settled(page)
    expect(page.locator("h1")).to_have_text("Train")
    assert sum(item.excluded for item in load_version(app.workspace, "journey").items) == 1
    assert len([one for one in list_runs(app.workspace) if one.meta["parent"] == run.id]) == 2


def test_hostile_names_are_text_and_a_phone_is_wide_enough(
    app: App, new_page: Callable[..., Page], visit: Callable[..., Page], drawn
) -> None:
    version = made_up_runs.dataset(app.workspace, HOSTILE, each=4, name="hostile")
    run = made_up_runs.finished(
        app.workspace, version, made_up_runs.predictions(version, 1, 0.6), name=HOSTILE[0]
    )
    page = visit(new_page(width=390, height=844), app.url("evaluate", run=run.id))
    matrix_of(page, run.id)
    page.locator(f'[class*="st-key-cell-{run.id}"] button').first.click()
    wait_until_settled(page)
    drawn(page, f"bars-{run.id}")
    expect(drawer(page).first).to_be_visible()
    assert page.locator('img[src="x"]').count() == 0
    assert page.locator('a[href^="javascript"]').count() == 0
    assert page.evaluate("window.harmed") is None
    expect(page.get_by_text("<img src=x", exact=False).first).to_be_visible()
    main = page.locator('[data-testid="stMain"]')
    assert main.evaluate("element => element.scrollWidth <= element.clientWidth + 1")


def test_the_predictions_can_be_taken_away(
    app: App, run: Run, page: Page, visit: Callable[..., Page], tmp_path
) -> None:
    visit(page, app.url("evaluate", run=run.id))
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Predictions as CSV").click()
    waiting.value.save_as(tmp_path / "saved.csv")
    with (tmp_path / "saved.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    right = sum(line["truth"] == line["guess"] for line in lines)
    assert right / len(lines) == pytest.approx(run.report["accuracy"])


def test_robustness_is_measured_on_the_page_for_two_runs(
    app: App, new_page: Callable[..., Page], visit: Callable[[Page, str], Page], drawn
) -> None:
    run, other = (made_up_runs.colours(app.workspace, name) for name in ("first", "second"))
    robustness.measure(app.workspace, other)
    page = visit(new_page(width=390, color_scheme="dark"), app.url("evaluate", run=run.id))
    page.get_by_text("How does it take worse pictures?").click()
    button = page.get_by_role("button", name="Measure it")
    expect(button).to_be_visible()
    wait_until_settled(page)  # what is drawn below it would move it away under the pointer
    button.click()
    chart = drawn(page, f"robustness-{run.id}")
    report = robustness.read(run)
    assert report == {**robustness.read(other), **{n: report[n] for n in ("run", "seconds")}}
    fold = page.locator(f".st-key-fold-robustness-{run.id}")
    expect(fold).to_contain_text("right on worse pictures")
    wait_until_settled(page)  # what is drawn after the measuring would close the list
    fold.get_by_role("combobox").focus()
    page.keyboard.type("second")
    expect(page.get_by_role("option", name="second")).to_be_visible()
    page.keyboard.press("Enter")
    expect(fold).to_contain_text("Against the other run: 0.0 points more on worse pictures")
    expect(chart).to_have_css("min-height", "420px")  # it grows and moves the button below it
    wait_until_settled(page)
    page.get_by_role("button", name="Train a robust one").click()
    expect(page.locator("h1")).to_have_text("Train")
    expect(page.get_by_text("3 settings changed")).to_be_visible()


def test_a_run_is_measured_on_another_set_and_the_page_then_shows_that(
    app: App, page: Page, visit: Callable[[Page, str], Page], drawn
) -> None:
    run = made_up_runs.colours(app.workspace, "elsewhere too")
    shown = [
        (0, 0, 30),
        (0, 1, 31),
        (0, 0, 32),
        (1, 1, 33),
        (1, 1, 34),
    ]  # the second is mislabelled
    items = tuple(
        Item(
            write_picture(app.workspace, made_up_runs.solid(colour, seed)),
            label,
            file=f"{seed}.png",
        )
        for label, colour, seed in shown
    )
    about = {"width": 40, "height": 40, "colour": True, "bytes": 1}
    write_version(app.workspace, "elsewhere", made_up_runs.COLOURS[:2], items, about)
    visit(page, app.url("evaluate", run=run.id))
    expect(page.get_by_role("heading", name="Accuracy 100 %")).to_be_visible()
    drawn(page, f"bars-{run.id}")  # what grows above moves the button away from under the mouse
    page.get_by_text("How does it do on other pictures?").click()
    page.get_by_role("button", name="Measure on these").click()
    expect(page.get_by_role("heading", name="Accuracy 80 %")).to_be_visible()
    expect(page.get_by_text("Everything below is about all pictures of elsewhere")).to_be_visible()
    wait_until_settled(page)
    (report,) = stored_reports.others(run)
    cell(matrix_of(page, f"{run.id}-{report['fingerprint'][:12]}-all"), 0, 1).click()
    expect(drawer(page)).to_have_count(1)
    assert files_in(drawer(page)) == ["31.png"]
