"""Fuzzing of the decoder with mutated pictures: ``python benchmarks/fuzz_pictures.py``.

Every function between bytes and pixels is called on each. It may answer or raise ``BadInputError``;
anything else is an escape.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ml.data.pixels.pixels import PixelSpec, decode, facts_and_pixels
from ml.data.pixels.thumbnails import data_uri
from ml.data.splits.capture_time import capture_time as camera_time
from ml.doctor.image_statistics import _measure as measure
from ml.errors import BadInputError
from ml.serving.classification import _decode as decode_for_page
from tests.helpers.mutations import mutated, seed_pictures

SPEC = PixelSpec(64)
FUNCTIONS: dict[str, Callable[[bytes], Any]] = {
    "ingest": lambda data: facts_and_pixels(data, SPEC),
    "whole": decode,
    "thumbnail": data_uri,
    "worker": lambda data: decode_for_page(data, SPEC, 0),
    "frame": lambda data: decode_for_page(data, SPEC, 1280),
    "doctor": measure,
    "capture time": camera_time,
}


def main() -> int:
    """Print counts, the slowest picture and each kind of escape. Returns 0 when none escaped."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--inputs", type=int, default=100_000, help="default: 100,000")
    parser.add_argument("--first", type=int, default=0, help="number of the first (default: 0)")
    options = parser.parse_args()
    seeds = seed_pictures()
    outcomes: Counter[str] = Counter()
    escapes: dict[str, int] = {}
    slowest, slowest_number = 0.0, -1
    began = time.monotonic()
    for number in range(options.first, options.first + options.inputs):
        data = mutated(seeds, number)
        started = time.thread_time()
        for name, function in FUNCTIONS.items():
            try:
                function(data)
                outcomes[f"{name}: read"] += 1
            except BadInputError:
                outcomes[f"{name}: refused"] += 1
            except Exception as error:
                outcomes[f"{name}: ESCAPED"] += 1
                escapes.setdefault(f"{name}: {type(error).__name__}: {error}", number)
        seconds = time.thread_time() - started
        if seconds > slowest:
            slowest, slowest_number = seconds, number
    print(f"{options.inputs:,} inputs from {len(seeds)} files, {time.monotonic() - began:.0f} s")
    for name, count in sorted(outcomes.items()):
        print(f"{name}: {count:,}")
    print(f"slowest: {slowest:.2f} s of CPU (input {slowest_number}), all functions together")
    for sentence, number in escapes.items():
        print(f"escape, first at input {number}: {sentence}")
    print(f"escapes: {len(escapes)} kinds")
    return 1 if escapes else 0


if __name__ == "__main__":
    sys.exit(main())
