"""The live camera while a training runs, for ``benchmarks.classify``: how often it answers, whether
the page with the camera keeps drawing, and what a rerun of another page takes meanwhile.

Chromium's made-up camera stands before the lens; small_cnn on the bundled Fashion-MNIST trains.
"""

import itertools
import os
import statistics
import time
from typing import Any

import psutil

from benchmarks.page import RERUN, p95, queue_training, say, until_training
from ml.runs.folder import Run
from tests.browser.serving import ARGUMENTS, App, find_browser, wait_until_settled, worker_pid

CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
WATCH = """() => {
  const root = document.querySelector(".st-key-card-live-camera")
  const inside = element => [...element.querySelectorAll("*")].flatMap(one =>
    one.shadowRoot ? [...one.shadowRoot.querySelectorAll(".live")] :
    one.matches(".live") ? [one] : [])
  const live = inside(root)[0]
  window.answers = []
  window.gaps = []
  new MutationObserver(() => window.answers.push(performance.now()))
    .observe(live, { attributes: true, attributeFilter: ["data-answers"] })
  let last = performance.now()
  const tick = now => { window.gaps.push(now - last); last = now; requestAnimationFrame(tick) }
  requestAnimationFrame(tick)
}"""


def reruns(page: Any, seconds: float) -> list[float]:
    """Milliseconds of whole reruns of the Train form, over a stretch of time."""
    took, turn, end = [], itertools.cycle((0, 1)), time.monotonic() + seconds
    while time.monotonic() < end:
        took.append(page.evaluate(RERUN, next(turn)))
        page.wait_for_timeout(500)
    return took


def live(playwright: Any, app: App, run: Run, seconds: float) -> None:
    """Print how it went."""
    browser = playwright.chromium.launch(executable_path=find_browser(), args=[*ARGUMENTS, *CAMERA])
    form = browser.new_page()
    form.goto(app.url("train"))
    form.wait_for_selector(".st-key-preset [role=radio]")
    wait_until_settled(form)
    training = queue_training(app)
    until_training(training)
    say("reruns while it trains, without the camera")
    before = reruns(form, seconds / 3)
    page = browser.new_context(permissions=["camera"]).new_page()
    page.goto(app.url("classify", run=run.id))
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_text("answers a second").wait_for()
    say("the camera runs")
    page.evaluate(WATCH)
    page.wait_for_timeout(1000 * seconds)
    answers, gaps = page.evaluate("[window.answers, window.gaps]")
    say("reruns beside the camera")
    reruns_beside = reruns(form, seconds / 3)
    training_goes_on = psutil.pid_exists(worker_pid(training.folder))
    threads = psutil.Process(app.pid).num_threads()
    memory = psutil.Process(app.pid).memory_info().rss / 1e6
    page.get_by_role("button", name="Stop", exact=True).click()
    browser.close()
    training.ask_to_stop()
    each = [
        sum(start <= one < start + 1000 for one in answers)
        for start in range(int(answers[0]), int(answers[-1]) - 1000, 1000)
    ]
    waits = [later - earlier for earlier, later in itertools.pairwise(answers)]
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; trains: {training_goes_on}")
    print(
        f"answers a second over {seconds:.0f} s: mean {1000 / statistics.mean(waits):.1f}, "
        f"fewest in one second {min(each)}  (at least 4)"
    )
    print(f"from answer to answer: p50 {statistics.median(waits):.0f} ms, p95 {p95(waits):.0f} ms")
    print(f"from drawing to drawing of that page: p95 {p95(gaps):.0f} ms, most {max(gaps):.0f} ms")
    for name, took in (("without", before), ("beside", reruns_beside)):
        print(
            f"rerun of Train {name} the camera: p50 {statistics.median(took):.0f} ms, "
            f"p95 {p95(took):.0f} ms ({len(took)})"
        )
    print(f"server: {memory:.0f} MB, {threads} threads")
