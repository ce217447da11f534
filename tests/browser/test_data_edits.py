"""Seeing and changing a set by clicking: select and relabel, mend and undo, the map, versions."""

from collections.abc import Callable
from itertools import count

import pytest
from playwright.sync_api import Locator, Page, expect

from ml.data.edits.edits import history
from ml.data.store.versions import DatasetVersion, latest, load_version
from tests.browser.serving import App, wait_until_settled
from tests.helpers import made_up_findings, made_up_runs

pytestmark = pytest.mark.browser
Visit = Callable[[Page, str], Page]
_names = count()
WHERE = """(box, n) => {
  const { x, y } = box._fullData[0], { xaxis, yaxis } = box._fullLayout
  const corner = box.getBoundingClientRect()
  return [corner.x + xaxis._offset + xaxis.l2p(x[n]), corner.y + yaxis._offset + yaxis.l2p(y[n])]
}"""
"""Where Plotly has drawn a point of the first class."""


@pytest.fixture
def version(app: App) -> DatasetVersion:
    """A set of its own for each test, checked and mapped."""
    made_version = made_up_runs.dataset(app.workspace, name=f"made-{next(_names)}")
    suspects = made_up_findings.mislabelled({5: "metal", 6: "paper", 17: "glass"})
    made_up_findings.write_findings(
        app.workspace, made_version, made_up_findings.twins((0, 2), (10, 11)), suspects
    )
    made_up_findings.write_map(app.workspace, made_version)
    return made_version


def tiles(page: Page, key: str) -> Locator:
    return page.locator(f".st-key-tiles-{key} .tile")


def panel(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()
    expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")
    wait_until_settled(page)


def press(page: Page, key: str) -> None:
    page.locator(f".st-key-{key}").get_by_role("button").first.click()


def newest(app: App, version: DatasetVersion) -> DatasetVersion:
    return load_version(app.workspace, version.name)


def files_of(version: DatasetVersion, label: str) -> set[str]:
    return {item.file for item in version.items if version.classes[item.label] == label}


def excluded(version: DatasetVersion) -> list[int]:
    return [n for n, item in enumerate(version.items) if item.excluded]


def open_data(app: App, version: DatasetVersion, page: Page, visit: Visit) -> None:
    visit(page, app.url("data", data=version.name))


def test_pictures_are_selected_by_mouse_and_keyboard_and_moved(
    app: App, version: DatasetVersion, page: Page, visit: Visit
) -> None:
    open_data(app, version, page, visit)
    shown = tiles(page, "explorer")
    expect(shown).to_have_count(30)
    shown.nth(0).click()
    shown.nth(1).click()
    shown.nth(3).click()
    shown.nth(1).click()  # not this one after all
    boxes = page.locator(".st-key-tiles-explorer input[type=checkbox]")
    boxes.nth(3).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    expect(page.get_by_text("3 pictures selected")).to_be_visible()
    page.get_by_role("combobox", name="Move to class").fill("paper")
    page.keyboard.press("Enter")
    expect(page.get_by_text("3 pictures moved to paper.")).to_be_visible()
    moved = {"0-0.png", "0-3.png", "0-4.png"}
    assert files_of(newest(app, version), "paper") == files_of(version, "paper") | moved
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Back to version 1.")).to_be_visible()
    assert newest(app, version).items == version.items


def test_a_picture_that_is_looked_at_stays_open_when_a_training_ends(
    app: App, version: DatasetVersion, page: Page, visit: Visit
) -> None:
    busy = made_up_runs.working(app.workspace, version)
    open_data(app, version, page, visit)
    badge = page.get_by_role("button", name="Watch", exact=True)
    expect(badge).to_be_visible()
    tiles(page, "explorer").nth(3).click()
    page.get_by_role("button", name="Look closer").click()
    window = page.get_by_role("dialog")
    expect(window).to_contain_text("0-3.png")
    made_up_runs.end(busy)
    expect(badge).to_have_count(0)
    wait_until_settled(page)
    expect(window).to_contain_text("0-3.png")
    window.get_by_role("button", name="Close").click()
    expect(window).to_have_count(0)
    wait_until_settled(page)
    expect(window).to_have_count(0)
    page.get_by_role("button", name="Look closer").click()
    expect(window).to_contain_text("0-3.png")


def test_a_whole_page_is_excluded_and_found_again_by_the_filter(
    app: App, version: DatasetVersion, page: Page, visit: Visit
) -> None:
    open_data(app, version, page, visit)
    page.get_by_label("File name").fill("2-")
    expect(tiles(page, "explorer")).to_have_count(10)
    page.get_by_role("button", name="Select all").click()
    expect(page.get_by_text("10 pictures selected")).to_be_visible()
    press(page, "exclude-explorer")
    expect(page.get_by_text("10 pictures excluded.")).to_be_visible()
    assert excluded(newest(app, version)) == list(range(20, 30))


def test_a_finding_is_mended_and_undone(
    app: App, version: DatasetVersion, page: Page, visit: Visit
) -> None:
    open_data(app, version, page, visit)
    page.get_by_role("button", name="Exclude the copies").click()
    expect(page.get_by_text("2 pictures excluded.")).to_be_visible()
    assert excluded(newest(app, version)) == [2, 11]
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Back to version 1.")).to_be_visible()
    assert excluded(newest(app, version)) == []


def test_suspects_are_answered_one_by_one_and_shown_among_the_others(
    app: App, version: DatasetVersion, page: Page, visit: Visit
) -> None:
    open_data(app, version, page, visit)
    page.get_by_role("button", name="Keep: 0-5.png").click()
    expect(page.get_by_role("button", name="Keep: 0-5.png")).to_have_count(0)
    assert latest(app.workspace, version.name) == 1
    page.locator('[class*="st-key-card-finding"]').filter(has_text="wrong label").get_by_role(
        "button", name="See the pictures"
    ).click()
    expect(tiles(page, "explorer")).to_have_count(3)
    expect(tiles(page, "explorer").first).to_be_in_viewport()
    page.get_by_role("button", name="Relabel: 0-6.png").click()
    expect(page.get_by_text("1 picture moved to paper.")).to_be_visible()
    assert "0-6.png" in files_of(newest(app, version), "paper")


def test_on_the_map_a_click_shows_neighbours_and_a_lasso_what_is_inside(
    app: App, version: DatasetVersion, page: Page, visit: Visit, drawn
) -> None:
    open_data(app, version, page, visit)
    panel(page, "Map")
    chart = drawn(page, "chart-map")
    chart.scroll_into_view_if_needed()
    chart.evaluate("box => { box.kept = true }")
    points = [chart.evaluate(WHERE, n) for n in range(10)]
    page.mouse.move(*points[2])
    page.mouse.down()
    page.mouse.up()
    expect(tiles(page, "map")).to_have_count(12)
    left, right = min(x for x, _ in points) - 25, max(x for x, _ in points) + 25
    top, bottom = min(y for _, y in points) - 25, max(y for _, y in points) + 25
    page.mouse.move(left, top)
    page.mouse.down()
    for corner in ((right, top), (right, bottom), (left, bottom), (left, top)):
        page.mouse.move(*corner, steps=6)
    page.mouse.up()
    expect(page.get_by_role("heading", name="10 pictures picked")).to_be_visible()
    expect(tiles(page, "map")).to_have_count(10)
    assert chart.evaluate("box => box.kept"), "the map was drawn anew"
    tiles(page, "map").nth(9).click()
    press(page, "exclude-map")
    expect(page.get_by_text("1 picture excluded.")).to_be_visible()
    assert excluded(newest(app, version)) == [9]
    drawn(page, "chart-map")  # the same map: no label and no exclusion moves a picture


def test_versions_are_compared_and_an_older_one_is_restored(
    app: App, version: DatasetVersion, page: Page, visit: Visit
) -> None:
    open_data(app, version, page, visit)
    page.get_by_role("button", name="Other ways").last.click()
    page.get_by_text("Relabel all 3").click()
    expect(page.get_by_text("moved to", exact=False).first).to_be_visible()
    panel(page, "Versions")
    press(page, "compare-version-2")
    expect(page.get_by_text("3 pictures with another label")).to_be_visible()
    expect(page.locator(".st-key-changes-relabelled .tile")).to_have_count(3)
    press(page, "restore-version-1")
    expect(page.get_by_text("Back to version 1.").first).to_be_visible()
    assert newest(app, version).items == version.items
    assert [one["version"] for one in history(app.workspace, version.name)] == [3, 2, 1]
