"""Baseline of ``benchmarks.ingest``: Pillow alone decodes and resizes a folder of JPEGs.

    python benchmarks/pillow_alone.py threads|processes FOLDER SIDE

Decodes each and resizes its middle square to SIDE px, on all cores, and keeps nothing.
"""

import os
import sys
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from PIL import Image


def decode_and_resize(path: Path, side: int) -> tuple[int, int]:
    """The size of the result."""
    with Image.open(path) as image:
        short = min(image.size)
        left, top = ((length - short) // 2 for length in image.size)
        square = image.convert("RGB").resize(
            (side, side), Image.Resampling.BICUBIC, box=(left, top, left + short, top + short)
        )
    return square.size


def main() -> None:
    """All of them."""
    kind, folder, side = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    pool: type[Executor] = ThreadPoolExecutor if kind == "threads" else ProcessPoolExecutor
    with pool(os.cpu_count()) as workers:
        work = partial(decode_and_resize, side=side)
        assert set(workers.map(work, folder.rglob("*.jpg"), chunksize=32)) == {(side, side)}


if __name__ == "__main__":
    main()
