"""Training in a real browser: the journey with a real training, and charts that are watched."""

import io
import re
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, WebSocketRoute, expect
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from ml.runs import folder as runs
from ml.runs.events import EpochEnd, Event, EventLog, Progress, RunEnded, RunStarted
from ml.runs.folder import Run, list_runs
from ml.utils.files import read_json
from tests.browser.serving import App, wait_until_settled, worker_pid
from tests.helpers import made_up_runs

pytestmark = pytest.mark.browser

Visit = Callable[[Page, str], Page]
Drawn = Callable[[Page, str], Locator]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of small pictures that are easy to tell apart."""
    random = np.random.default_rng(0)
    for index, name in enumerate(("dark spots", "bright spots")):
        (tmp_path / "spots" / name).mkdir(parents=True)
        for number in range(40):
            pixels = random.integers(0, 60, (24, 24, 3)) + 190 * index
            out = io.BytesIO()
            Image.fromarray(pixels.astype(np.uint8)).save(out, "PNG")
            (tmp_path / "spots" / name / f"{number}.png").write_bytes(out.getvalue())
    return tmp_path / "spots"


class Worker:
    """This test in the place of a worker: it says what a training would say."""

    def __init__(self, app: App, epochs: int = 200) -> None:
        version = made_up_runs.dataset(app.workspace)
        self.run = made_up_runs.queued(app.workspace, version, claimed=True, epochs=epochs)
        self.log = EventLog(self.run.folder / "events.jsonl")
        self.epochs, self.epoch = epochs, 0
        self.log(RunStarted("small_cnn", "made", epochs, 10, train_pictures=20))

    def say(self, event: Event) -> None:
        self.log(event)

    def train(self, epochs: int = 1) -> None:
        """Go through some epochs."""
        for _ in range(epochs):
            self.epoch += 1
            step = 10 * self.epoch
            self.log(
                Progress(
                    "train",
                    self.epoch / self.epochs,
                    step,
                    self.epoch,
                    60.0,
                    2 / step,
                    0.6,
                    0.01,
                    99.0,
                )
            )
            self.log(EpochEnd(self.epoch, step, 1 / step, 0.6, 2 / step, 0.5 + self.epoch / 1000))

    def end(self, outcome: str = "finished") -> None:
        self.log(RunEnded(outcome, epochs=self.epoch, seconds=3.0))
        self.log.close()


@pytest.fixture
def worker(app: App) -> Worker:
    return Worker(app)


def points(chart: Locator) -> int:
    """How many epochs of validation the chart shows."""
    return int(chart.evaluate("box => box.data[1].x.length"))


def until_drawn(page: Page, chart: Locator, epochs: int) -> None:
    handle = chart.element_handle()
    page.wait_for_function("([box, count]) => box.data[1].x.length == count", arg=[handle, epochs])


def test_a_stranger_trains_on_a_folder_and_reads_the_result(
    app: App, page: Page, visit: Visit, drawn: Drawn, folder: Path
) -> None:
    visit(page, app.url("train"))
    page.get_by_role("button", name="Use a folder on this computer").click()
    box = page.get_by_role("textbox", name="Folder on this computer")
    box.fill(str(folder))
    box.press("Enter")
    expect(page.get_by_text("80 pictures read.")).to_be_visible()
    page.get_by_text("Quick", exact=True).click()
    pictures = page.get_by_role("combobox", name="Pictures")
    expect(pictures).to_have_value("spots · 80 pictures · 2 classes")
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page).to_have_url(re.compile(r"/train\?run="))
    expect(page.locator(".lens-status.lens-running")).to_be_visible()
    expect(page.locator(".lens-result")).to_contain_text("Accuracy", timeout=180_000)
    expect(page.locator(".lens-result")).to_contain_text("Guessing the biggest class gets 50 %")
    assert points(drawn(page, "chart-loss")) == list_runs(app.workspace)[-1].config.epochs
    page.get_by_role("button", name="Look at its mistakes").click()
    expect(page).to_have_url(re.compile(r"/evaluate\?run="))
    expect(page.locator("h1").first).to_be_visible()
    page.get_by_role("link", name="Classify", exact=True).click()
    picture_path = next((folder / "bright spots").iterdir())
    page.locator('[data-testid="stFileUploaderDropzoneInput"]').set_input_files(picture_path)
    expect(page.locator(".lens-answer")).to_contain_text("bright spots")
    for name in ("Runs", "Home"):
        page.get_by_role("link", name=name, exact=True).click()
        wait_until_settled(page)
    expect(page.get_by_text("Spots", exact=True).first).to_be_visible()
    assert_light(app)


def assert_light(app: App) -> None:
    """The server has loaded no torch and is small, whatever its children do."""
    server = psutil.Process(app.pid)
    if hasattr(server, "memory_maps"):  # not on macOS
        loaded = [entry.path for entry in server.memory_maps() if "torch" in entry.path.lower()]
        assert loaded == []
    assert server.memory_info().rss < 350e6, server.memory_info()


def test_a_live_chart_keeps_its_element_zoom_and_hidden_traces(
    app: App, page: Page, visit: Visit, drawn: Drawn, worker: Worker
) -> None:
    worker.train(5)
    visit(page, app.url("train", run=worker.run.id))
    chart = drawn(page, "chart-loss")
    until_drawn(page, chart, 5)
    page.evaluate(
        """() => {
        window.lost = 0
        for (const box of document.querySelectorAll(".lens-plot-box")) box.mark = "mine"
        new MutationObserver(changes => {
          for (const { removedNodes } of changes)
            for (const node of removedNodes)
              if (node.querySelector?.(".lens-plot, .main-svg")) window.lost += 1
        }).observe(document.body, { childList: true, subtree: true })
      }"""
    )
    plot_area = chart.locator(".nsewdrag").bounding_box()
    assert plot_area
    left, top = plot_area["x"], plot_area["y"]
    width, height = plot_area["width"], plot_area["height"]
    page.mouse.move(left + 0.1 * width, top + 0.1 * height)
    page.mouse.down()
    page.mouse.move(left + 0.6 * width, top + 0.7 * height, steps=5)
    page.mouse.up()
    chart.locator(".legendtoggle").first.click()
    page.wait_for_function(
        "box => box.data[0].visible == 'legendonly'", arg=chart.element_handle(), timeout=20_000
    )
    zoomed = chart.evaluate("box => [...box.layout.xaxis.range, ...box.layout.yaxis.range]")
    for epochs in (6, 7, 10):
        worker.train(epochs - worker.epoch)
        until_drawn(page, chart, epochs)
        ranges = chart.evaluate("box => [...box.layout.xaxis.range, ...box.layout.yaxis.range]")
        assert ranges == zoomed
        assert chart.evaluate("box => [box.mark, box.data[0].visible]") == ["mine", "legendonly"]
    assert page.evaluate("window.lost") == 0
    assert page.evaluate("document.querySelectorAll('.lens-plot-box').length") == 2
    worker.end()
    expect(page.locator(".lens-outcome")).to_contain_text("Finished")
    assert chart.evaluate("box => box.mark") == "mine"  # not even when the run ends


def test_a_slow_server_removes_no_chart_when_the_run_ends(
    new_app: Callable[..., App], page: Page, visit: Visit, drawn: Drawn
) -> None:
    slow = new_app(module="tests.browser.slow_server")
    worker = Worker(slow)
    worker.train(5)
    visit(page, slow.url("train", run=worker.run.id))
    chart = drawn(page, "chart-loss")
    until_drawn(page, chart, 5)
    chart.evaluate("box => { box.mark = 'mine' }")
    worker.end()
    expect(page.locator(".lens-outcome")).to_contain_text("Finished")
    wait_until_settled(page)
    assert chart.evaluate("box => box.mark") == "mine"


def test_a_figure_is_on_screen_within_two_seconds_of_its_event(
    app: App, page: Page, visit: Visit, drawn: Drawn, worker: Worker
) -> None:
    worker.train(3)
    visit(page, app.url("train", run=worker.run.id))
    chart = drawn(page, "chart-accuracy")
    until_drawn(page, chart, 3)
    took = []
    for epochs in range(4, 10):
        worker.train()
        before = time.monotonic()
        until_drawn(page, chart, epochs)
        took.append(time.monotonic() - before)
    took.sort()
    assert took[len(took) // 2] < 2, took  # the median: a machine shared with others stutters
    worker.end()


def test_a_refresh_and_a_second_tab_show_the_running_training(
    app: App, page: Page, new_page: Callable[..., Page], visit: Visit, drawn: Drawn, worker: Worker
) -> None:
    worker.train(4)
    visit(page, app.url("train", run=worker.run.id))
    until_drawn(page, drawn(page, "chart-loss"), 4)
    page.reload()
    until_drawn(page, drawn(page, "chart-loss"), 4)
    second = visit(new_page(), app.url())
    second.get_by_role("button", name="Watch", exact=True).click()
    until_drawn(second, drawn(second, "chart-loss"), 4)
    worker.train()
    for tab in (page, second):
        until_drawn(tab, drawn(tab, "chart-loss"), 5)
    worker.end()
    for tab in (page, second):
        expect(tab.locator(".lens-outcome")).to_contain_text("Finished")


def test_a_late_sidebar_rerun_does_not_empty_the_next_page(
    app: App, page: Page, visit: Visit, drawn: Drawn, worker: Worker
) -> None:
    worker.train(4)
    requests: list[bytes] = []
    lines: list[WebSocketRoute] = []
    drawing: set[str] = set()  # what Streamlit knows pages by

    def listen(browser: WebSocketRoute) -> None:
        server = browser.connect_to_server()
        lines.append(server)

        def hear(message: str | bytes) -> None:
            back = BackMsg.FromString(message) if isinstance(message, bytes) else BackMsg()
            if back.rerun_script.is_auto_rerun and not requests:
                requests.append(message)
            server.send(message)

        def answer(message: str | bytes) -> None:
            forward = ForwardMsg.FromString(message) if isinstance(message, bytes) else ForwardMsg()
            script_hash = forward.new_session.page_script_hash
            if script_hash and requests and script_hash not in drawing:  # it is still being drawn
                server.send(requests[0])
            drawing.add(script_hash)
            browser.send(message)

        browser.on_message(hear)
        server.on_message(answer)

    page.route_web_socket(re.compile("/_stcore/stream"), listen)
    visit(page, app.url())
    while not requests:  # the badge, at Home
        page.wait_for_timeout(100)
    page.get_by_role("button", name="Watch", exact=True).click()
    until_drawn(page, drawn(page, "chart-loss"), 4)
    lines[-1].send(requests[0])
    worker.train()
    page.wait_for_function(  # the chart may be another by then
        "box => document.querySelector(box)?.data?.[1]?.x.length == 5",
        arg=".st-key-chart-loss .lens-plot-box",
    )
    expect(page).to_have_url(re.compile(rf"/train\?run={worker.run.id}$"))
    worker.end()


def test_the_colours_of_a_chart_follow_the_theme(
    app: App, page: Page, visit: Visit, drawn: Drawn, worker: Worker
) -> None:
    worker.train(3)
    worker.end()
    visit(page, app.url("train", run=worker.run.id))
    chart = drawn(page, "chart-loss")
    assert chart.evaluate("box => box.data[0].line.color") == "#0072B2"
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("box => box.data[0].line.color == '#56B4E9'", arg=chart.element_handle())


def test_the_figures_of_a_chart_can_be_read_as_a_table(
    app: App, page: Page, visit: Visit, drawn: Drawn, worker: Worker
) -> None:
    worker.train(3)
    worker.end()
    visit(page, app.url("train", run=worker.run.id))
    drawn(page, "chart-accuracy")
    twin = page.locator(".st-key-chart-accuracy details")
    twin.get_by_text("As a table").click()
    rows = twin.locator("tr")
    expect(rows).to_have_count(4)
    expect(rows.nth(0)).to_have_text("EpochTrainingValidation")
    expect(rows.nth(3)).to_have_text("36050.30")
    alt = page.locator(".st-key-chart-accuracy .lens-plot-box").get_attribute("aria-label")
    assert alt == "The accuracy after epoch 3: training 60.0 %, validation 50.3 %."


def test_the_server_dies_and_the_training_goes_on_and_is_found_again(
    app: App, page: Page, visit: Visit, folder: Path
) -> None:
    run = long_training(app, folder)
    visit(page, app.url("train", run=run.id))
    expect(page.locator(".lens-progress")).to_contain_text("epoch", timeout=180_000)
    pid = worker_pid(run.folder)
    app.kill()
    assert psutil.pid_exists(pid)
    app.start()
    visit(page, app.url("train", run=run.id))
    expect(page.locator(".lens-progress")).to_contain_text("epoch")
    assert worker_pid(run.folder) == pid
    page.get_by_test_id("stMain").get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator(".lens-progress")).to_contain_text("Stopping", timeout=5_000)
    expect(page.locator(".lens-outcome")).to_contain_text("Stopped", timeout=120_000)
    ended = read_json(run.folder / "model" / "model.json")
    assert ended["run"] == run.id


def test_a_killed_worker_shows_as_interrupted_and_resumes(
    app: App, page: Page, visit: Visit, folder: Path
) -> None:
    run = long_training(app, folder)
    visit(page, app.url("train", run=run.id))
    expect(page.locator(".lens-progress")).to_contain_text("epoch", timeout=180_000)
    expect(page.locator(".lens-tile").first).to_contain_text("best")
    psutil.Process(worker_pid(run.folder)).kill()
    expect(page.locator(".lens-outcome")).to_contain_text("Interrupted")
    page.get_by_role("button", name="Resume", exact=True).click()
    expect(page.locator(".lens-progress")).to_contain_text("Starting")
    expect(page.locator(".lens-progress")).to_contain_text("epoch", timeout=180_000)
    assert len([event for event in run.events()[0] if isinstance(event, RunStarted)]) == 2
    page.get_by_test_id("stMain").get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator(".lens-outcome")).to_contain_text("Stopped", timeout=120_000)


def long_training(app: App, folder: Path) -> Run:
    """A run that the server's own dispatcher starts, far longer than the test."""
    from ml import presets
    from ml.data import catalog

    version = catalog.resolve(app.workspace, str(folder))
    info = catalog.describe(app.workspace, version.name)
    config = presets.configuration(version.name, info, model="tutorial_net", epochs=1000)
    return runs.create(app.workspace, config, catalog.run_record(version, 0))
