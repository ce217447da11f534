"""Data in a real browser: from nothing to a trained set of one's own, by camera, mouse and keys."""

import io
import re
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from ml.data.store.versions import latest, load_version, read_report
from ml.runs.folder import list_runs
from tests.browser.serving import ARGUMENTS, TIMEOUT_MS, App, find_browser, wait_until_settled
from tests.helpers import made_up_runs

pytestmark = pytest.mark.browser

Visit = Callable[[Page, str], Page]
FAKE = "--use-fake-device-for-media-stream"
ALLOW = "--use-fake-ui-for-media-stream"
A_DOZEN = re.compile(r"^(1[2-9]|[2-9]\d)$")


@pytest.fixture
def filming(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Makes tabs of a browser that has a made-up camera, or none."""
    opened = []

    def make(*arguments: str, width: int = 1280, **settings: object) -> Page:
        path = find_browser()
        camera_browser = browser.browser_type.launch(
            executable_path=path, args=[*ARGUMENTS, *arguments]
        )
        opened.append(camera_browser)
        return camera_browser.new_page(
            viewport={"width": width, "height": 900}, reduced_motion="reduce", **settings
        )

    yield make
    for one in opened:
        one.close()


def png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def rough(seed: int) -> bytes:
    """Coarse noise: no two are alike."""
    random = np.random.default_rng(seed)
    return png(random.integers(0, 255, (12, 16, 3)).repeat(8, axis=0).repeat(8, axis=1))


def smooth(seed: int) -> bytes:
    """A soft slope from one colour to another, with a little noise on it."""
    random = np.random.default_rng(seed)
    ends = random.integers(0, 255, (2, 1, 1, 3))
    slope = np.linspace(0, 1, 128)[None, :, None]
    return png(ends[0] * slope + ends[1] * (1 - slope) + random.integers(0, 12, (96, 128, 3)))


def column(page: Page, name: str) -> Locator:
    """The column of a class."""
    field = page.get_by_role("textbox", name=f"Name of the class {name}", exact=True)
    return page.locator('[class*="st-key-card-class-"]').filter(has=field)


def rename(page: Page, old: str, new: str) -> None:
    field = page.get_by_role("textbox", name=f"Name of the class {old}", exact=True)
    field.fill(new)
    field.press("Enter")
    expect(column(page, new)).to_be_visible()
    wait_until_settled(page)


def drop(page: Page, name: str, files: dict[str, bytes]) -> None:
    """Drop files on a class and wait until they are counted."""
    column(page, name).locator('[data-testid="stFileUploaderDropzoneInput"]').set_input_files(
        [
            {"name": file, "mimeType": "image/png", "buffer": content}
            for file, content in files.items()
        ]
    )
    expect(page.get_by_text(f"added to {name}.")).to_be_visible()
    wait_until_settled(page)


def shoot(page: Page, name: str) -> None:
    """Hold the button of the camera of a class until a dozen are there, and add them."""
    column(page, name).get_by_text("Use the camera").click()
    shutter = page.get_by_role("button", name="Hold to shoot")
    shutter.hover()
    page.mouse.down()
    expect(page.locator(".counter")).to_have_text(A_DOZEN)
    page.mouse.up()


def mend(app: App, page: Page, press: Callable[[Locator], None]) -> None:
    """Mend the most harmful finding with its own button, once the doctor has seen everything."""
    fix = page.locator('[class*="st-key-fix-"] button').first
    expect(fix).to_be_visible(timeout=120_000)  # the doctor gives way to whatever else runs
    expect(page.get_by_text("Looking for what is wrong")).to_have_count(0)
    wait_until_settled(page)
    before = load_version(app.workspace, "my-pictures")
    press(fix)
    deadline = time.monotonic() + TIMEOUT_MS / 1000
    while latest(app.workspace, "my-pictures") == before.version:
        assert time.monotonic() < deadline, "The button changed nothing."
        page.wait_for_timeout(50)
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    wait_until_settled(page)


def train(page: Page, press: Callable[[Locator], None]) -> None:
    """Train on the set in hand, as the page suggests, and wait for the result."""
    press(page.get_by_role("button", name="Train on these pictures"))
    expect(page.get_by_role("combobox", name="Pictures")).to_have_value(re.compile("my-pictures"))
    wait_until_settled(page)
    press(page.get_by_role("button", name="Train", exact=True))
    expect(page.locator(".lens-result")).to_contain_text("Accuracy", timeout=120_000)


def restore(page: Page, number: int, press: Callable[[Locator], None]) -> None:
    """Go back to an older version of the set in hand."""
    press(page.get_by_role("link", name="Data", exact=True))
    expect(page.get_by_role("heading", name="Data", exact=True)).to_be_visible()
    wait_until_settled(page)
    press(page.get_by_role("tab", selected=True))
    page.keyboard.press("End")
    expect(page.get_by_role("tab", name="Versions")).to_have_attribute("aria-selected", "true")
    press(page.locator(f".st-key-restore-version-{number}").get_by_role("button"))
    expect(page.get_by_text(f"Back to version {number}.").first).to_be_visible()
    wait_until_settled(page)


def faulty(kind: Callable[[int], bytes], *planted: bytes) -> dict[str, bytes]:
    """A dozen pictures of a kind, and some that are not right."""
    pictures = [*(kind(seed) for seed in range(12)), *planted]
    return {f"{n}.png": content for n, content in enumerate(pictures)}


def test_a_new_user_shoots_drops_mends_trains_and_goes_back(
    app: App, filming: Callable[..., Page], visit: Visit
) -> None:
    page = visit(filming(FAKE, ALLOW), app.url())
    page.get_by_role("button", name="Use your own pictures").click()
    page.get_by_role("button", name="Make classes").click()
    rename(page, "Class 1", "screen")
    rename(page, "Class 2", "rough")
    page.get_by_role("textbox", name="Add a class").fill("smooth")
    page.get_by_role("textbox", name="Add a class").press("Enter")
    expect(page.get_by_role("button", name="Not ready")).to_be_visible()
    shoot(page, "screen")
    taken = int(page.locator(".counter").inner_text())
    page.get_by_role("button", name="Remove shot 2", exact=True).click()
    page.get_by_role("button", name=f"Add {taken - 1} pictures").click()
    expect(page.get_by_text("added to screen.")).to_be_visible()
    notes = " ".join(
        note
        for number in range(1, latest(app.workspace, "my-pictures") + 1)
        for note in read_report(app.workspace, "my-pictures", number).get("notes", ())
    )
    # A slow camera shows one frame again.
    repeats = re.findall(r"(\d+) pictures? (?:came twice|(?:was|were) in the set already)", notes)
    screen = taken - 1 - sum(map(int, repeats))
    drop(page, "rough", faulty(rough))
    drop(page, "smooth", faulty(smooth, rough(0), png(np.full((96, 128, 3), 90))))
    before = load_version(app.workspace, "my-pictures")
    assert before.counts == {"screen": screen, "rough": 12, "smooth": 14}
    for _ in range(2):
        mend(app, page, Locator.click)
    mended = load_version(app.workspace, "my-pictures")
    assert mended.version == before.version + 2
    train(page, Locator.click)
    (run,) = list_runs(app.workspace)
    assert run.dataset["fingerprint"] == mended.fingerprint
    restore(page, before.version, Locator.click)
    assert load_version(app.workspace, "my-pictures").items == before.items


def test_the_file_road_by_keyboard_alone(
    new_app: Callable[..., App], page: Page, visit: Visit
) -> None:
    app = new_app()
    visit(page, app.url("data"))

    def press(target: Locator) -> None:
        """Go to it with the Tab key alone, and press Enter."""
        expect(target).to_be_visible()
        wait_until_settled(page)
        for _ in range(200):
            if target.evaluate("element => element.matches(':focus')"):
                return page.keyboard.press("Enter")
            page.keyboard.press("Tab")
        raise AssertionError(f"The Tab key does not lead to {target}")

    pictures = {
        "rough": faulty(rough),
        "smooth": faulty(smooth, rough(0), png(np.zeros((9, 9, 3)))),
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, files in pictures.items():
            for file, content in files.items():
                archive.writestr(f"my pictures/{name}/{file}", content)
    with page.expect_file_chooser() as chooser:
        press(page.get_by_role("button", name="Upload", exact=True))
    chooser.value.set_files(
        {"name": "My pictures.zip", "mimeType": "application/zip", "buffer": packed.getvalue()}
    )
    expect(page.get_by_text("26 pictures read.")).to_be_visible()
    before = load_version(app.workspace, "my-pictures")
    for _ in range(2):
        mend(app, page, press)
    train(page, press)
    restore(page, before.version, press)
    assert load_version(app.workspace, "my-pictures").items == before.items


def test_a_camera_that_is_refused_or_not_there_is_told_plainly(
    app: App, filming: Callable[..., Page], visit: Visit
) -> None:
    made_up_runs.dataset(app.workspace, ("cat", "dog"), each=3, name="told")
    for arguments, sentence in (((FAKE,), "was refused"), ((ALLOW,), "There is no camera")):
        page = visit(filming(*arguments), app.url("data", data="told"))
        column(page, "dog").get_by_text("Use the camera").click()
        expect(page.locator(".camera [role=alert]")).to_contain_text(sentence)
        expect(page.get_by_role("button", name="Try again")).to_be_visible()
        expect(page.get_by_role("button", name="Hold to shoot")).to_have_count(0)


def test_shots_survive_a_closed_camera_and_the_space_bar_shoots(
    app: App, filming: Callable[..., Page], visit: Visit
) -> None:
    made_up_runs.dataset(app.workspace, ("cat", "dog"), each=3, name="waits")
    page = visit(filming(FAKE, ALLOW, width=390), app.url("data", data="waits"))
    column(page, "dog").get_by_text("Use the camera").click()
    shutter = page.get_by_role("button", name="Hold to shoot")
    shutter.focus()
    page.keyboard.down(" ")
    expect(page.locator(".counter")).to_have_text(re.compile(r"^[3-9]$"))
    page.keyboard.up(" ")
    main = page.locator('[data-testid="stMain"]')
    assert main.evaluate("element => element.scrollWidth <= element.clientWidth + 1")
    taken = page.locator(".counter").inner_text()
    column(page, "dog").get_by_text("Use the camera").click()
    expect(shutter).to_have_count(0)
    column(page, "dog").get_by_text("Use the camera").click()
    expect(page.locator(".counter")).to_have_text(taken)
    page.get_by_role("button", name=f"Add {taken} pictures").click()
    expect(page.get_by_text(f"{taken} pictures added to dog.")).to_be_visible()
    expect(page.locator(".counter")).to_be_empty()
    assert load_version(app.workspace, "waits").counts["dog"] == 3 + int(taken)


def test_a_folder_that_is_dragged_in_keeps_its_classes(
    app: App, page: Page, visit: Visit, tmp_path: Path
) -> None:
    for label, name in enumerate(("猫", "dog")):
        (tmp_path / "dragged" / name).mkdir(parents=True)
        for seed in range(3):
            path = tmp_path / "dragged" / name / f"{seed}.png"
            path.write_bytes(made_up_runs.picture(50 * label + seed))
    made_up_runs.dataset(app.workspace, ("cat", "dog"), each=3, name="there")
    visit(page, app.url("data", data="there"))
    page.get_by_role("button", name="New set").click()
    expect(page.get_by_role("heading", name="Drop what you have")).to_be_visible()
    wait_until_settled(page)
    zone = page.get_by_test_id("stFileUploaderDropzone").first
    box = zone.bounding_box()
    assert box
    at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    dragged = {"items": [], "files": [str(tmp_path / "dragged")], "dragOperationsMask": 1}
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, **at, "data": dragged})
    expect(page.get_by_text("6 pictures read.")).to_be_visible()
    assert load_version(app.workspace, "dragged").counts == {"dog": 3, "猫": 3}


def test_a_click_takes_a_picture_out_and_undo_brings_it_back(
    app: App, page: Page, visit: Visit
) -> None:
    made_up_runs.dataset(app.workspace, ("cat", "dog"), each=5, name="clicked")
    visit(page, app.url("data", data="clicked"))
    column(page, "cat").get_by_role("button", name="Remove 0-4.png").click()
    expect(column(page, "cat")).to_contain_text("4 pictures")
    expect(column(page, "cat").get_by_role("button", name="Remove 0-4.png")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(column(page, "cat")).to_contain_text("5 pictures")
    assert latest(app.workspace, "clicked") == 3
