"""From a finished run to a downloaded bundle in two clicks, in a real browser."""

import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.serving import App
from tests.helpers import made_up_runs

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("start", ["train", "evaluate"])
def test_two_clicks_download_a_bundle_that_checks_itself(
    app: App, page: Page, visit: Callable[..., Page], tmp_path: Path, start: str
) -> None:
    run = made_up_runs.colours(app.workspace, f"Colours {start}")
    visit(page, app.url(start, run=run.id))
    section = page.locator(".st-key-card-take-away")
    section.get_by_role("button", name="Make it").click()
    ready = section.get_by_role("button", name="Download,")
    expect(ready).to_be_visible()
    expect(section).to_contain_text("Tried on 12 test pictures: the same class for 100 %")
    with page.expect_download() as waiting:
        ready.click()
    waiting.value.save_as(tmp_path / "bundle.zip")
    with zipfile.ZipFile(tmp_path / "bundle.zip") as archive:
        archive.extractall(tmp_path)
    command = [sys.executable, "-I", "check.py"]
    done = subprocess.run(command, cwd=tmp_path / run.id, capture_output=True, encoding="utf-8")
    assert done.stdout.startswith("The same classifier: 10 pictures")
