"""The report to hand on, opened from the disk with the network off."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from ml.evaluation import results
from ml.sharing.html_report.page import page as report_page
from ml.sharing.html_report.page import write
from ml.workspace import open_workspace
from tests.helpers import made_up_runs


def test_the_report_opens_from_the_disk_with_the_network_off(
    tmp_path: Path, new_page: Callable[..., Page]
) -> None:
    workspace = open_workspace(tmp_path / "workspace")
    version = made_up_runs.dataset(workspace, ("<b>glass</b>", "metal", "paper"))
    run = made_up_runs.finished(workspace, version, made_up_runs.predictions(version, 3, 0.4))
    report_path = tmp_path / "report.html"
    write(report_path, report_page(workspace, run, results.read(workspace, run)))

    page = new_page(width=390, offline=True)
    messages: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("request", lambda request: requests.append(request.url.split(":")[0]))
    page.goto(report_path.as_uri())
    expect(page.get_by_role("heading", level=1)).to_have_text("made · small_cnn")
    pictures = page.locator("img")
    sizes = pictures.evaluate_all(
        "all => Promise.all(all.map(one => one.decode().then(() => one.naturalWidth)))"
    )
    assert len(sizes) > 10
    assert set(sizes) == {128}
    expect(page.get_by_role("rowheader", name="<b>glass</b>").first).to_be_visible()
    wider = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wider <= 0
    assert messages == []
    assert set(requests) <= {"file", "data"}
