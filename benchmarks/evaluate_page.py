"""Evaluate with 40 classes and 10,000 test pictures: its first view within 3 s, and a click on a
cell or a moved threshold within 1 s, in a real browser.

    python -m benchmarks.evaluate_page [rounds]

The run is made up: its report and predictions are what a training would leave behind. In each round
the server is new, so it has read nothing yet, and so is the browser; it has shown Home, as it does
to whoever starts Lensmith. Times are from the click or the address to what is seen. On a busy
machine they say little: beside them stand the seconds of a processor that the server took, and the
time that Home takes again.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Page, expect, sync_playwright

from ml.data.store.versions import DatasetVersion
from ml.metrics.report import make_report
from ml.runs.folder import Run
from ml.utils.files import read_json, write_json
from ml.workspace import Workspace, open_workspace
from tests.browser.serving import ARGUMENTS, App, find_browser, wait_until_settled
from tests.helpers import made_up_runs

expect.set_options(timeout=60_000)

CLASSES, EACH = 40, 250
LIMITS = {"first view": 3.0, "again": 3.0}
QUICK = 1.0
"""Seconds that everything after the first view may take."""


def made(workspace: Workspace) -> Run:
    """The run, with the report that is made of its predictions."""
    classes = tuple(f"class {number:02}" for number in range(CLASSES))
    version: DatasetVersion = made_up_runs.dataset(workspace, classes, EACH, name="large")
    truth = made_up_runs.predictions(version, seed=1, wrong=0.15)
    run = made_up_runs.finished(workspace, version, truth)
    manifest = read_json(run.folder / "model" / "model.json")
    report = make_report(truth.logits, truth.labels, truth.labels, "test", manifest)
    about = {"dataset": version.name, "fingerprint": version.fingerprint, "seconds": 1.0}
    write_json(run.folder / "report.json", report | about)
    return run


def timed(act: Callable[[], object], is_visible: Callable[[], object]) -> float:
    """Seconds from ``act`` until ``is_visible`` returns."""
    began = time.perf_counter()
    act()
    is_visible()
    return time.perf_counter() - began


def drawn(page: Page, key: str) -> None:
    """Wait for a chart."""
    page.wait_for_selector(f".st-key-{key} .lens-plot.lens-drawn", state="visible")


def first_view(page: Page, app: App, run: Run) -> float:
    """Headline, matrix and the drawer beside it."""

    def seen() -> None:
        page.wait_for_selector(".lens-tiles", state="visible")
        matrix = f".st-key-matrix-{run.id} .lens-matrix.lens-drawn td:not(.corner)"
        page.wait_for_selector(matrix, state="visible")
        page.wait_for_selector(f".st-key-card-drawer-{run.id} button", state="visible")

    return timed(lambda: page.goto(app.url("evaluate", run=run.id)), seen)


def cell(page: Page, run: Run, row: int, column: int) -> float:
    """A click on a cell, until its heading and its pictures are seen."""
    line = page.locator(f".st-key-matrix-{run.id} tbody tr").nth(row)
    truth = line.get_by_role("rowheader").inner_text()
    cell_locator = line.get_by_role("gridcell").nth(column)
    cell_locator.hover()

    def seen() -> None:
        heading = page.get_by_role("heading", name=f"of {truth}, ")
        heading.wait_for(state="visible")
        page.locator('[class*="st-key-drawer-"] .tile img').first.wait_for(state="visible")

    return timed(cell_locator.click, seen)


def threshold(page: Page, run: Run) -> float:
    """The threshold of a class moved by a key, until its tiles say something else."""
    page.get_by_text("How well is one class told from the rest").click()
    drawn(page, f"roc-{run.id}")
    wait_until_settled(page)
    tile = page.locator('[data-key^="effect-"] .lens-value').nth(2)
    before = tile.inner_text()
    handle = page.get_by_role("slider", name="Threshold")
    handle.focus()
    wait_until_settled(page)
    return timed(lambda: page.keyboard.press("Home"), lambda: expect(tile).not_to_have_text(before))


def home(page: Page, app: App) -> float:
    """Home, until it is drawn."""
    return timed(lambda: page.goto(app.url()), lambda: wait_until_settled(page))


def round_of(browser: Browser, workspace: Workspace, run: Run) -> dict[str, tuple[float, float]]:
    """One new server: seconds by the clock and of the server's processor, by what was waited for;
    and the megabytes of the server."""
    app = App(workspace).start()
    timings: dict[str, tuple[float, float]] = {}
    try:
        server = psutil.Process(app.pid)

        def note(name: str, act: Callable[[], float]) -> None:
            before = server.cpu_times()
            seconds = act()
            wait_until_settled(page)
            after = server.cpu_times()
            cpu_seconds = after.user + after.system - before.user - before.system
            timings[name] = seconds, cpu_seconds

        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        note("Home, new browser", lambda: home(page, app))
        note("first view", lambda: first_view(page, app, run))
        for index, name in enumerate(("first cell", "second cell", "third cell")):
            note(name, partial(cell, page, run, index, index))
        note("threshold", lambda: threshold(page, run))
        note("Home again", lambda: home(page, app))
        note("again", lambda: first_view(page, app, run))
        note("again, a cell", lambda: cell(page, run, 5, 5))
        timings["memory"] = (server.memory_info().rss / 1e6, 0.0)
        for context in browser.contexts:
            context.close()
    finally:
        app.kill()
    return timings


def main() -> None:
    """Print the figures."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        workspace = open_workspace(Path(folder) / "workspace")
        run = made(workspace)
        browser = playwright.chromium.launch(executable_path=find_browser(), args=ARGUMENTS)
        taken, loads = [], []
        for _ in range(rounds):
            taken.append(round_of(browser, workspace, run))
            loads.append(os.getloadavg()[0])
        browser.close()
    print(
        f"{CLASSES} classes, {CLASSES * EACH:,} test pictures, {rounds} rounds, "
        f"{os.cpu_count()} cores, load {min(loads):.1f} to {max(loads):.1f}"
    )
    for name in taken[0]:
        values = sorted(one[name][0] for one in taken)
        if name == "memory":
            print(f"server {values[-1]:.0f} MB at most")
            continue
        limit = LIMITS.get(name, 0.0 if name.startswith("Home") else QUICK)
        cpu_seconds = statistics.median(one[name][1] for one in taken)
        print(
            f"{name:18} median {statistics.median(values):5.2f} s  least {values[0]:5.2f}  most "
            f"{values[-1]:5.2f}  server's processor {cpu_seconds:4.2f} s"
            + (f"  (at most {limit:g} s)" if limit else "")
        )


if __name__ == "__main__":
    main()
