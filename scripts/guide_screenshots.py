"""Takes the pictures of docs/guide: ``python scripts/guide_screenshots.py``.

It starts the app over a scratch workspace, trains on a set that comes with Lensmith, opens each
page in a headless browser and writes ``docs/guide/images/<picture>.png``. Every figure in a picture
is measured in that run. It takes some minutes, and needs what ``requirements-dev.txt`` names and a
Chromium, Chrome or Edge (``LENSMITH_BROWSER`` names one that is not on the path).

The app is used as a person uses it, by address and by ``python -m ml``: nothing of it is imported.
To take a few pictures again without training again, keep the workspace:

    python scripts/guide_screenshots.py --keep /tmp/guide --only data evaluate
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "guide" / "images"
BROWSERS = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    *("msedge", "chrome"),
)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
WIDTH, HEIGHT = 1280, 900
MAX_ROW_DIFFERENCE = 8
"""Up to this difference of its grey a row is as another: lines are drawn a little unevenly."""
MARGIN = 24
"""Pixels of empty page that are left below what is shown."""
BAR = 72
"""Pixels at the top that the bar of the app may cover."""
MAX_BYTES = 150_000
COLOURS = (256, 192, 128, 96, 64)
PATIENCE_MS = 120_000
"""How long a state may take on a busy computer."""
SERVER_SECONDS, TRAINING_SECONDS = 120.0, 900.0
SET, OTHER_SET, SMALL_SET = "recycling", "hands", "fashion"
FIRST, SECOND = "Recycling, first try", "Recycling, balanced"
EPOCHS, EPOCH = 20, 8
"""How long the training takes that is shown at work, and when it is: its curves have a shape."""
STRANGER = next((ROOT / "ml" / "data" / "bundled" / OTHER_SET / "5").glob("*.JPG"))
"""A picture that a model of ``SET`` cannot know."""
TITLE = "Which bin does it go into?"
WORDS = "Photos of waste, one thing at a time, on a plain background."

DRAWN = """() => {
  const app = document.querySelector('[data-testid="stApp"]')
  if (!app || app.getAttribute("data-test-script-state") !== "notRunning") return false
  if (document.fonts.status !== "loaded") return false
  const all = []
  const visit = (root) => {
    for (const element of root.querySelectorAll("*")) {
      all.push(element)
      if (element.shadowRoot) visit(element.shadowRoot)
    }
  }
  visit(document)
  const seen = (element) => {
    const box = element.getBoundingClientRect()
    return box.width > 0 && box.height > 0 && box.top < innerHeight && box.bottom > 0
  }
  return all.filter(seen).every((element) => {
    if (element.matches('[data-testid="stSkeleton"], [data-testid="stSpinner"]')) return false
    if (element.matches('[data-stale="true"]')) return false
    if (element.matches(".lens-plot")) return element.classList.contains("lens-drawn")
    if (element instanceof HTMLImageElement) return element.complete && element.naturalWidth > 0
    return true
  })
}"""
"""Whether the page has been drawn to its end: no skeleton, no half chart, every picture there."""


@dataclass(frozen=True)
class Site:
    """A server over a workspace, the browser, and the runs that there are by their names."""

    address: str
    browser: Browser
    workspace: Path
    runs: dict[str, str]
    search: str = ""

    def open(self, path: str = "", **query: str) -> Page:
        """A fresh tab at an address below the app's, drawn to its end."""
        context = self.browser.new_context(
            viewport={"width": WIDTH, "height": HEIGHT},
            color_scheme="light",
            reduced_motion="reduce",
        )
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        page.goto(f"{self.address}/{path}{'?' + asked if asked else ''}")
        expect(page.locator("h1").first).to_be_visible()
        wait_until_drawn(page)
        return page


def home(site: Site) -> Page:
    """The first screen, before anything has been done."""
    page = site.open()
    expect(page.get_by_role("button", name="Train on these photos")).to_be_visible()
    return page


def data(site: Site) -> Page:
    """A set that the doctor has looked at."""
    page = site.open("data", data=SET)
    expect(page.locator("[class*=st-key-card-class-]").first).to_be_visible()
    expect(page.get_by_text("Looking for what is wrong", exact=True)).to_have_count(0)
    return page


def data_classes(site: Site) -> Page:
    """Further down: the classes, each with its drop zone and its newest pictures."""
    page = data(site)
    _to_top(page, ".st-key-card-instant")
    return page


def data_new(site: Site) -> Page:
    """The ways to a set of one's own."""
    page = data(site)
    page.get_by_role("button", name="New set").click()
    expect(page.locator(".st-key-card-road-drop")).to_be_visible()
    return page


def train(site: Site) -> Page:
    """The form."""
    page = site.open("train")
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_visible()
    return page


def train_learning(site: Site) -> Page:
    """A training at work, after some epochs; it is stopped then."""
    log = site.workspace / "learning.log"
    words = ("train", "--dataset", SMALL_SET, "--epochs", str(EPOCHS), "--name", "Clothes")
    with log.open("wb") as out, ml(site.workspace, *words, stderr=out):
        run = within(SERVER_SECONDS, lambda: _run_named_in(log))
        page = site.open("train", run=run)
        charts = page.locator(".lens-plot.lens-drawn")
        expect(charts).to_have_count(2)
        progress = page.locator(".st-key-card-status")
        late = "|".join(map(str, range(EPOCH, EPOCHS + 1)))
        expect(progress).to_contain_text(
            re.compile(rf"epoch ({late}) of"), timeout=1000 * TRAINING_SECONDS
        )
        wait_until_drawn(page)
        _write(page, "train-learning")
    return page


def evaluate(site: Site) -> Page:
    """The report of a finished run."""
    page = site.open("evaluate", run=site.runs[SECOND])
    expect(page.get_by_role("heading", name="Accuracy")).to_be_visible()
    wait_until_drawn(page)
    return page


def classify(site: Site) -> Page:
    """The answers to test pictures, and to one that is unlike all that it learned."""
    page = site.open("classify", run=site.runs[SECOND])
    _try_pictures(page, 3)
    page.locator('[data-testid="stFileUploader"] input').set_input_files(STRANGER)
    expect(page.locator(".lens-answer .lens-verdict")).to_have_count(4)
    wait_until_drawn(page)
    _to_top(page, ".st-key-answer-head")
    return page


def evaluate_cell(site: Site) -> Page:
    """The pictures of the most frequent mistake."""
    page = evaluate(site)
    page.get_by_role("button", name=" taken for ").first.click()
    expect(page.get_by_text("Select pictures to put them right.")).to_be_visible()
    return page


def tune(site: Site) -> Page:
    """The form."""
    page = site.open("tune")
    expect(page.get_by_role("button", name="Start the search")).to_be_visible()
    return page


def tune_result(site: Site) -> Page:
    """A search that is over."""
    page = site.open("tune", sweep=site.search)
    expect(page.locator(".lens-plot.lens-drawn").first).to_be_visible()
    return page


def runs(site: Site) -> Page:
    """The list, the best first, with two runs chosen."""
    page = site.open("runs")
    page.locator(".st-key-runs-sort").get_by_role("combobox").click()
    page.get_by_role("option", name="Best on validation first").click()
    wait_until_drawn(page)
    for name in (FIRST, SECOND):
        page.locator('[data-testid="stCheckbox"]').filter(has_text=f"Choose {name}").click()
        wait_until_drawn(page)
    expect(page.get_by_text("2 runs chosen")).to_be_visible()
    _to_top(page, "h1")
    return page


def runs_compare(site: Site) -> Page:
    """The comparison of the two."""
    page = runs(site)
    _to_top(page, ".st-key-card-compare")
    expect(page.locator(".st-key-card-compare .lens-plot.lens-drawn")).to_be_visible()
    return page


def shared(site: Site) -> Page:
    """The page for others."""
    page = site.open(classify=site.runs[SECOND])
    _try_pictures(page, 1)
    return page


PICTURES: dict[str, Callable[[Site], Page]] = {
    "data": data,
    "data-classes": data_classes,
    "data-new": data_new,
    "train": train,
    "evaluate": evaluate,
    "evaluate-cell": evaluate_cell,
    "classify": classify,
    "tune": tune,
    "tune-result": tune_result,
    "runs": runs,
    "runs-compare": runs_compare,
    "shared": shared,
    "train-learning": train_learning,
}
"""By file name; ``home`` is taken over an empty workspace, the last while something trains."""


def main() -> None:
    """Take the pictures that are asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="the scratch workspace, kept")
    parser.add_argument("--only", nargs="+", choices=["home", *PICTURES], metavar="PICTURE")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # end the children
    wanted = asked.only or ["home", *PICTURES]
    browser_path = os.environ.get("LENSMITH_BROWSER") or next(
        (path for name in BROWSERS if (path := shutil.which(name))), None
    )
    if browser_path is None:
        sys.exit("No Chromium, Chrome or Edge was found. Install one, or set LENSMITH_BROWSER.")
    IMAGES.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lensmith-guide-")))
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=browser_path, args=FLAGS)
        stack.callback(browser.close)
        expect.set_options(timeout=PATIENCE_MS)
        if "home" in wanted:
            empty = scratch / "empty"
            with served(empty) as address:
                _take("home", home, Site(address, browser, empty, {}))
        rest = [name for name in PICTURES if name in wanted]
        if rest:
            workspace = (asked.keep or scratch / "workspace").resolve()
            workspace.mkdir(parents=True, exist_ok=True)
            trained, search = prepare(workspace)
            with served(workspace) as address:
                site = Site(address, browser, workspace, trained, search)
                for name in rest:
                    _take(name, PICTURES[name], site)


def prepare(workspace: Path) -> tuple[dict[str, str], str]:
    """Two trainings and a search, where they are not there yet: runs by name, and the search."""
    for name, preset in ((FIRST, "quick"), (SECOND, "balanced")):
        if name not in _runs(workspace):
            answer(workspace, "train", "--dataset", SET, "--preset", preset, "--name", name)
    runs = _runs(workspace)
    answer(workspace, "doctor", SET)
    answer(workspace, "share", runs[SECOND], "--title", TITLE, "--words", WORDS)
    sweeps = workspace / "sweeps"
    if not sweeps.is_dir() or not any(sweeps.iterdir()):
        answer(workspace, "tune", "--better", runs[FIRST], "--minutes", "4", "--trials", "8")
    return runs, max(path.name for path in sweeps.iterdir() if path.is_dir())


@contextlib.contextmanager
def ml(workspace: Path, *words: str, **streams: Any) -> Iterator["subprocess.Popen[bytes]"]:
    """A ``python -m ml`` child at work; it is ended where it still lives."""
    command = [sys.executable, "-m", "ml", *words, "--json"]
    environment = {**os.environ, "LENSMITH_WORKSPACE": str(workspace)}
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **streams}
    child = subprocess.Popen(command, cwd=ROOT, env=environment, **streams)
    try:
        yield child
    finally:
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(60)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def answer(workspace: Path, *words: str) -> Any:
    """What ``python -m ml`` answers to ``words``."""
    print("python -m ml", *words, flush=True)
    with (
        tempfile.TemporaryFile() as errors,
        ml(workspace, *words, stdout=subprocess.PIPE, stderr=errors) as child,
    ):
        out, _ = child.communicate()
        if child.returncode != 0:
            errors.seek(0)
            sys.exit(f"python -m ml {' '.join(words)} failed.\n{errors.read().decode()}")
    return json.loads(out.decode().strip().splitlines()[-1])


@contextlib.contextmanager
def served(workspace: Path) -> Iterator[str]:
    """The address of a server over ``workspace``, which ends with the block."""
    workspace.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
    command += ["--server.headless=true", f"--server.port={port}", "--server.address=127.0.0.1"]
    environment = {**os.environ, "LENSMITH_WORKSPACE": str(workspace)}
    with tempfile.TemporaryFile() as log:
        streams = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": subprocess.STDOUT}
        server = subprocess.Popen(command, cwd=ROOT, env=environment, **streams)
        try:

            def answers() -> bool:
                if server.poll() is not None:
                    log.seek(0)
                    sys.exit(f"The server ended.\n{log.read().decode(errors='replace')}")
                health = f"{address}/_stcore/health"
                with (
                    contextlib.suppress(urllib.error.URLError, OSError),
                    urllib.request.urlopen(health, timeout=2) as reply,
                ):
                    return bool(reply.status == 200)
                return False

            within(SERVER_SECONDS, answers)
            yield address
        finally:
            server.terminate()
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def within(seconds: float, ask: Callable[[], Any]) -> Any:
    """The first answer of ``ask`` that is true; gives up after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (result := ask()):
        if time.monotonic() > deadline:
            sys.exit(f"Nothing happened within {seconds:.0f} seconds.")
        time.sleep(0.1)
    return result


def wait_until_drawn(page: Page) -> None:
    """Wait until nothing on the screen is half drawn, twice: one part may start another."""
    for _ in range(2):
        page.wait_for_function(DRAWN)
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")


def _runs(workspace: Path) -> dict[str, str]:
    rows = answer(workspace, "runs")
    return {row["name"]: row["id"] for row in rows if row["status"] == "finished"}


def _run_named_in(log: Path) -> str:
    """The id that ``train`` prints when it has made its run."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line.split()[1] for line in lines if line.startswith("Run ")), "")


def _to_top(page: Page, selector: str) -> None:
    """Scroll so that it stands below the bar of the app."""
    page.locator(selector).first.evaluate(
        """(element, below) => {
          let box = element.parentElement
          while (box && box.scrollHeight <= box.clientHeight + 1) box = box.parentElement
          if (box) box.scrollTop += element.getBoundingClientRect().top - below
        }""",
        BAR,
    )
    wait_until_drawn(page)


def _try_pictures(page: Page, number: int) -> None:
    """Press so many of the pictures to try, and wait for each answer."""
    buttons = page.get_by_role("group", name="Pictures to try").get_by_role("button")
    expect(buttons.first).to_be_visible()
    for place in range(number):
        buttons.nth(place).click()
        expect(page.locator(".lens-answer .lens-verdict")).to_have_count(place + 1)
        wait_until_drawn(page)


def _take(name: str, draw: Callable[[Site], Page], site: Site) -> None:
    page = draw(site)
    if name != "train-learning":  # taken while the training was at work
        wait_until_drawn(page)
        _write(page, name)
    page.context.close()


def _write(page: Page, name: str) -> None:
    """The window as a PNG of few colours, without the empty rest of the page."""
    path = IMAGES / f"{name}.png"
    page.mouse.move(0, 0)
    page.screenshot(path=path, animations="disabled")
    with Image.open(path) as shot:
        picture = shot.convert("RGB")
    picture = picture.crop((0, 0, picture.width, _content_height(picture)))
    for colours in COLOURS:
        few = picture.quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        few.save(path, optimize=True)
        if path.stat().st_size <= MAX_BYTES:
            break
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB", flush=True)


def _content_height(picture: Image.Image) -> int:
    """Where the page ends: below that each row is as the last."""
    last = picture.crop((0, picture.height - 1, picture.width, picture.height))
    apart = ImageChops.difference(picture, last.resize(picture.size)).convert("L")
    rest = apart.point(lambda value: 255 * (value > MAX_ROW_DIFFERENCE)).getbbox()
    return min(picture.height, rest[3] + MARGIN) if rest else picture.height


if __name__ == "__main__":
    main()
