"""Ingest of 20,000 pictures of 256x192 reaches at least 0.7 of the speed at which Pillow alone
decodes and resizes them on all cores, in bounded memory; training reads no original.

    python -m benchmarks.ingest [PICTURES] [SOURCE]

The pictures are crops and mirror images of those in SOURCE (by default the bundled photos), saved
as JPEG. Ours is the command ``python -m ml ingest``, from its start to its end: read, hash, check,
keep a copy, prepare the pixels that training wants, write the version. Pillow's way is a command as
well (``pillow_alone.py``): it decodes and resizes to the same pixels and keeps nothing, in threads
and in processes, of which the faster counts. Each way ROUNDS times in turn, medians. Before each
the disk is given time to settle.
"""

import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from ml.data import catalog
from ml.data.pixels.pixels import PixelSpec
from ml.data.run_pictures import open_pictures
from ml.data.sources.folders import BUNDLED
from ml.workspace import open_workspace

ROUNDS = 3
SIZE = (256, 192)
CLASSES = 10
SPEC = PixelSpec(224)
MIN_SPEED_RATIO = 0.7


def make(folder: Path, count: int, source: Path) -> list[Path]:
    """``count`` different pictures in class folders, made of those below ``source``."""
    originals = [path for path in sorted(source.rglob("*")) if path.suffix in (".jpg", ".png")]
    rng = np.random.default_rng(0)
    paths: list[Path] = []
    seeds: set[int] = set()
    while len(paths) < count:
        n = len(paths)
        with Image.open(originals[n % len(originals)]) as image:
            photo = image.convert("RGB").resize((320, 240), Image.Resampling.BICUBIC)
        left, top = (int(rng.integers(0, room + 1)) for room in (64, 48))
        photo = photo.crop((left, top, left + SIZE[0], top + SIZE[1]))
        if rng.random() < 0.5:
            photo = photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        out = io.BytesIO()
        photo.save(out, "JPEG", quality=int(rng.integers(85, 94)))
        if hash(out.getvalue()) in seeds:
            continue
        seeds.add(hash(out.getvalue()))
        path = folder / f"class-{n % CLASSES}" / f"{n:05}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(out.getvalue())
        paths.append(path)
    return paths


def timed(folder: Path, kind: str) -> float:
    """Seconds of Pillow's way, from its start to its end."""
    script = Path(__file__).with_name("pillow_alone.py")
    os.sync()
    began = time.perf_counter()
    subprocess.run([sys.executable, str(script), kind, str(folder), str(SPEC.size)], check=True)
    return time.perf_counter() - began


def watch(pid: int, peaks: list[int]) -> None:
    """Append the resident bytes of a process and its children until it ends: what the system
    reports at the end is of the largest alone, and counts whoever started it too."""
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        while process.status() != psutil.STATUS_ZOMBIE:
            family = [process, *process.children(recursive=True)]
            peaks.append(sum(one.memory_info().rss for one in family))
            time.sleep(0.5)  # to look for children takes time from them


def ours(folder: Path, workspace: Path) -> tuple[float, float]:
    """Seconds and peak memory (MB) of the command."""
    command = [sys.executable, "-m", "ml", "ingest", str(folder), "--json", "--workspace"]
    began = time.perf_counter()
    child = subprocess.Popen([*command, str(workspace)], stdout=subprocess.PIPE, text=True,
                             stderr=subprocess.DEVNULL)  # fmt: skip
    assert child.stdout is not None
    peaks: list[int] = []
    watcher = threading.Thread(target=watch, args=(child.pid, peaks))
    watcher.start()
    output = child.stdout.read()
    assert child.wait() == 0
    seconds = time.perf_counter() - began
    watcher.join()
    count = sum(1 for path in folder.rglob("*.jpg"))
    assert json.loads(output.splitlines()[-1])["accepted"] == count
    return seconds, max(peaks) / 2**20


def training_starts(root: Path, name: str) -> tuple[float, int]:
    """Seconds until all pixels can be read with the originals out of reach, and how many."""
    workspace = open_workspace(root)
    hidden = workspace.pictures.rename(root / "hidden")
    began = time.perf_counter()
    record = catalog.run_record(catalog.resolve(workspace, name), 0)
    count = len(open_pictures(workspace, record, SPEC).all_pixels)
    seconds = time.perf_counter() - began
    hidden.rename(workspace.pictures)
    return seconds, count


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    source = Path(sys.argv[2]) if len(sys.argv) > 2 else BUNDLED / "recycling"
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        paths = make(root / "photos", count, source)
        size = sum(path.stat().st_size for path in paths)
        print(f"{count:,} pictures of 256x192, {size / 1e6:.0f} MB, {cores} cores")
        rounds = []
        for n in range(ROUNDS):
            threads = timed(root / "photos", "threads")
            processes = timed(root / "photos", "processes")
            os.sync()
            seconds, peak = ours(root / "photos", root / f"workspace-{n}")
            rounds.append((threads, processes, seconds, peak))
            first_start, second_start = training_starts(root / f"workspace-{n}", "photos")
            assert second_start == count
            # The pictures go at the end: for five minutes ext4 without a journal passes by every
            # number of a file that was removed, which makes new files several times slower.
            shutil.rmtree(root / f"workspace-{n}" / "datasets")
            print(
                f"round {n + 1}: Pillow {threads:.1f} s in threads, {processes:.1f} s in processes;"
                f" ours {seconds:.1f} s, {peak:.0f} MB"
            )
        threads, processes, seconds, peak = (
            statistics.median(part) for part in zip(*rounds, strict=True)
        )
        best = min(threads, processes)
        print(
            f"Pillow {count / best:.0f} pictures/s, ours {count / seconds:.0f}: ratio "
            f"{best / seconds:.2f} (at least {MIN_SPEED_RATIO}); peak {peak:.0f} MB; training "
            f"starts after {first_start:.2f} s, reading no original"
        )


if __name__ == "__main__":
    main()
