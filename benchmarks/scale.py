"""Memory by data set size, which stays flat: ``python benchmarks/scale.py``.

Small pictures are written into a folder, and each step of the way is done in a process of its own:
bringing them in, opening the version, dealing it out to training, validation and test, and passing
an epoch of augmented batches that are read from the disk, as for a set beyond memory. What is told
is the peak of the process's own memory (``RssAnon``) above what it held once its modules were
loaded; pages of mapped files are not counted, the system takes them back when it needs them.

The pictures are 8 px wide: what grows with their number shows, and nothing else. Linux alone. Below
10,000 pictures (``ml.data.store.versions.MIN_PACKED_ITEMS``) items are objects: a smaller size
says nothing.
"""

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

CLASSES, SIDE, BATCH = 10, 8, 256
PROJECTED_PICTURES = 10_000_000


def main() -> None:
    """Print a table: each step, with its peak at both sizes and what it comes to at ten million."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pictures", type=int, default=20_000, help="the smaller of the two sizes")
    parser.add_argument("--step", nargs=2, metavar=("NAME", "FOLDER"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.step:
        measure(args.step[0], Path(args.step[1]))
        return
    small_count, large_count = args.pictures, 10 * args.pictures
    peaks: dict[str, list[float]] = {name: [] for name in STEPS}
    for count in (small_count, large_count):
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder) / "made", count)
            for name in STEPS:
                command = [sys.executable, __file__, "--step", name, folder]
                output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
                peaks[name].append(json.loads(output.splitlines()[-1]))
    print(f"Peak memory in MB above the loaded modules; pictures of {SIDE} px\n")
    print(f"{'':14}{small_count:>12,}{large_count:>12,}{'bytes each':>12}{'10 million':>14}")
    for name, (small, large) in peaks.items():
        each = max(0.0, large - small) / (large_count - small_count)
        projection = f"{small / 1e6 + each * PROJECTED_PICTURES / 1e6:,.0f} MB"
        print(f"{name:14}{small / 1e6:12.1f}{large / 1e6:12.1f}{each:12.0f}{projection:>14}")


def write(folder: Path, count: int) -> None:
    """``count`` different pictures in class folders."""
    chance = np.random.default_rng(0)
    for label in range(CLASSES):
        (folder / f"class-{label}").mkdir(parents=True)
    for number in range(count):
        pixels = chance.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "PNG", compress_level=1)
        path = folder / f"class-{number % CLASSES}" / f"{number:08d}.png"
        path.write_bytes(out.getvalue())


def measure(name: str, folder: Path) -> None:
    """Do one step and print the peak of its own memory in bytes."""
    prepared = STEPS[name](folder)
    before, over, peak = held(), threading.Event(), [0]

    def watch() -> None:
        while not over.is_set():
            peak[0] = max(peak[0], held())
            time.sleep(0.005)

    thread = threading.Thread(target=watch)
    thread.start()
    prepared()
    over.set()
    thread.join()
    print(json.dumps(peak[0] - before))


def held() -> int:
    """The memory of this process that no file stands for, in bytes."""
    for line in Path(f"/proc/{os.getpid()}/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024
    raise SystemExit("This measures on Linux alone.")


def bring_in(folder: Path) -> Callable[[], object]:
    """Pictures into the workspace, from a folder."""
    from ml.data.ingest import bring_in as bringing
    from ml.workspace import open_workspace

    workspace = open_workspace(folder / "workspace")
    return lambda: bringing.bring_in(workspace, folder / "made")


def open_version(folder: Path) -> Callable[[], object]:
    """A version, which names every picture."""
    from ml.data.store.versions import load_version
    from ml.workspace import open_workspace

    workspace = open_workspace(folder / "workspace")
    return lambda: load_version(workspace, "made")


def deal(folder: Path) -> Callable[[], object]:
    """What a run keeps of its pictures, written as it is."""
    from ml.data.catalog import run_record
    from ml.data.store.versions import load_version
    from ml.utils.files import write_json
    from ml.workspace import open_workspace

    version = load_version(open_workspace(folder / "workspace"), "made")
    return lambda: write_json(folder / "record.json", run_record(version, 0))


def epoch(folder: Path) -> Callable[[], object]:
    """The version opened, and an epoch of augmented batches of pixels that stay on the disk."""
    import torch

    from ml.data import datamodule
    from ml.data.pixels.pixels import PixelSpec
    from ml.data.run_pictures import open_pictures
    from ml.utils.files import read_json
    from ml.workspace import open_workspace

    datamodule.MAX_RESIDENT_SHARE = 0.0  # as if the memory were small
    workspace = open_workspace(folder / "workspace")
    torch.set_num_threads(1)

    def passed() -> None:
        record = read_json(folder / "record.json")
        pictures = open_pictures(workspace, record, PixelSpec(16, "rgb", "crop"))
        data = datamodule.PixelData(pictures, BATCH, 0, "light", torch.device("cpu"))
        for _ in data.train_dataloader():
            pass

    return passed


STEPS: dict[str, Callable[[Path], Callable[[], object]]] = {
    "bring in": bring_in,
    "open": open_version,
    "deal out": deal,
    "epoch": epoch,
}

if __name__ == "__main__":
    main()
