"""Classify in a real browser, with a real model behind it: drop, camera, examples."""

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from ml.data.store.versions import load_version
from ml.runs.folder import Run
from tests.browser.serving import ARGUMENTS, App, find_browser, wait_until_settled
from tests.helpers import made_up_runs

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=window.harmed=1>.png"


@pytest.fixture(scope="module")
def run(app: App) -> Run:
    return made_up_runs.colours(app.workspace, "Colours")


def drop(page: Page, *files: tuple[str, bytes]) -> None:
    page.locator('[data-testid="stFileUploaderDropzoneInput"]').set_input_files(
        [{"name": name, "mimeType": "image/png", "buffer": data} for name, data in files]
    )


def cards(page: Page) -> list[str]:
    return page.locator(".lens-answer").all_inner_texts()


def test_a_dropped_picture_is_answered_without_a_button_and_stays(
    app: App, run: Run, page: Page, visit: Callable[..., Page]
) -> None:
    visit(page, app.url("classify", run=run.id))
    torn = made_up_runs.solid(0)[:60]
    drop(
        page,
        (HOSTILE, made_up_runs.solid(0, 7)),
        ("sky.png", made_up_runs.solid(2)),
        ("t.png", torn),
    )
    expect(page.locator(".lens-answer")).to_have_count(3)
    wait_until_settled(page)
    first, second, third = cards(page)
    assert HOSTILE in first
    assert "red" in first
    assert "Sure" in first
    assert "blue" in second
    assert "Not read" in third
    drop(page, ("leaf.png", made_up_runs.solid(1)))
    expect(page.locator(".lens-answer")).to_have_count(4)
    wait_until_settled(page)
    assert "green" in cards(page)[0]
    assert "red" in cards(page)[1]
    assert page.locator('[data-testid="stFileUploaderFile"]').count() == 0
    assert page.locator('img[src="x"]').count() == 0
    assert page.evaluate("window.harmed") is None
    widths = page.locator(".lens-given").evaluate_all(
        "all => Promise.all(all.map(async image => { image.loading = 'eager'; "
        "await image.decode(); return image.naturalWidth }))"
    )
    assert widths == [40, 40, 40]


def test_a_picture_to_try_is_one_press_away(
    app: App, run: Run, page: Page, visit: Callable[..., Page]
) -> None:
    visit(page, app.url("classify", run=run.id))
    page.get_by_role("button", name="Try this green").first.press("Enter")
    expect(page.locator(".lens-answer")).to_have_count(1)
    wait_until_settled(page)
    assert "green-0.png" in cards(page)[0]
    assert "Labelled green in the data set." in cards(page)[0]


def test_what_the_model_sees_and_what_counted_is_a_fold_away(
    app: App, run: Run, page: Page, visit: Callable[..., Page]
) -> None:
    visit(page, app.url("classify", run=run.id))
    drop(page, ("leaf.png", made_up_runs.solid(1)))
    page.get_by_text("As the model sees it").click()
    seen = page.get_by_alt_text("The picture as the model sees it")
    expect(seen).to_be_visible()
    assert seen.evaluate("async image => { await image.decode(); return image.naturalWidth }") == 32
    page.get_by_text("Why?", exact=True).click()
    slider = page.get_by_label("How strongly the map covers the picture")
    expect(slider).to_have_value("60")
    slider.fill("25")
    shown = page.get_by_alt_text("Covering: the map for green")
    expect(shown).to_have_css("opacity", "0.25")
    # It is green all over: covered with its own mean colour, it stays the same.
    expect(page.get_by_text("Nothing in this picture speaks for green.")).to_be_visible()


def test_the_camera_answers_at_once(
    app: App, run: Run, browser: Browser, visit: Callable[..., Page]
) -> None:
    fake = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    filming = browser.browser_type.launch(executable_path=find_browser(), args=[*ARGUMENTS, *fake])
    try:
        page = filming.new_page(permissions=["camera"])
        visit(page, app.url("classify", run=run.id))
        page.get_by_text("Use the camera").click()
        shutter = page.get_by_role("button", name="Take a photo")
        for shot in (1, 2, 3):
            expect(shutter).to_be_enabled()
            shutter.click() if shot < 3 else shutter.press("Space")
            # The made-up camera may show the same picture twice, which then moves up.
            expect(page.locator(".lens-answer").first).to_contain_text(f"Photo {shot}")
        expect(page.locator(".camera .shots button")).to_have_count(0)
    finally:
        filming.close()


def test_a_label_corrected_in_the_table_makes_a_new_version(
    app: App, run: Run, page: Page, visit: Callable[..., Page], tmp_path: Path
) -> None:
    old = load_version(app.workspace, "colours")
    packed = tmp_path / "shots.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for label in range(3):
            archive.writestr(f"shots/{label}.png", made_up_runs.solid(label, 30))
        archive.writestr("__MACOSX/shots/._0.png", b"litter")
    visit(page, app.url("classify", run=run.id))
    page.locator('[data-testid="stFileUploaderDropzoneInput"]').set_input_files(packed)
    expect(page.get_by_role("heading", name="3 pictures")).to_be_visible()
    wait_until_settled(page)
    page.get_by_role("radio", name="Table").click()
    wrong = page.get_by_role("combobox", name="Label of shots/0.png")
    wrong.focus()
    wrong.select_option("blue")
    expect(page.get_by_role("checkbox", name="Add shots/0.png to the data set")).to_be_checked()
    page.get_by_role("checkbox", name="Add shots/1.png to the data set").check()
    wait_until_settled(page)
    page.get_by_role("button", name="Add 2 pictures").click()
    expect(page.get_by_role("button", name="Retrain with the same settings")).to_be_visible()
    expect(page.get_by_text("In the set")).to_have_count(2)
    new = load_version(app.workspace, "colours")
    assert new.version == old.version + 1
    assert {item.hash: new.classes[item.label] for item in new.items[len(old.items) :]} == {
        hashlib.sha256(made_up_runs.solid(0, 30)).hexdigest(): "blue",
        hashlib.sha256(made_up_runs.solid(1, 30)).hexdigest(): "green",
    }
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Add 2 pictures")).to_be_enabled()
    assert load_version(app.workspace, "colours").items == old.items


def test_a_phone_is_wide_enough_for_long_names(
    app: App, run: Run, new_page: Callable[..., Page], visit: Callable[..., Page]
) -> None:
    page = visit(new_page(width=390, height=844), app.url("classify", run=run.id))
    drop(page, ("x" * 200 + ".png", made_up_runs.solid(1)))
    expect(page.locator(".lens-bars")).to_be_visible()
    main = page.locator('[data-testid="stMain"]')
    assert main.evaluate("element => element.scrollWidth <= element.clientWidth + 1")


def test_the_live_camera_answers_keeps_a_frame_and_stops(
    app: App, run: Run, browser: Browser, visit: Callable[..., Page]
) -> None:
    fake = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    filming = browser.browser_type.launch(executable_path=find_browser(), args=[*ARGUMENTS, *fake])
    try:
        page = filming.new_page(permissions=["camera"])
        visit(page, app.url("classify", run=run.id))
        page.get_by_role("button", name="Start", exact=True).click()
        # The made-up camera shows green.
        expect(page.locator(".live .label")).to_have_text("green")
        expect(page.locator(".live .status")).to_have_text("Sure")
        live = page.locator(".live")
        answered = int(live.get_attribute("data-answers") or 0)
        page.get_by_role("button", name="Keep this frame").click()
        expect(page.locator(".lens-answer")).to_contain_text(["Live frame 1"])
        wait_until_settled(page)
        assert "green" in cards(page)[0]
        # The frames went on while the page was run, and their answers ran no page.
        expect(live).not_to_have_attribute("data-answers", str(answered))
        expect(page.locator('[data-testid="stApp"]')).to_have_attribute(
            "data-test-script-state", "notRunning"
        )
        page.get_by_test_id("stMain").get_by_role("button", name="Stop", exact=True).click()
        expect(page.get_by_role("button", name="Start", exact=True)).to_be_focused()
        assert page.locator(".live video").evaluate("video => video.srcObject") is None
    finally:
        filming.close()
