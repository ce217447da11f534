"""Shared by the peers of ``benchmarks.peers``: the time budget, the pictures, and the output
format.

It runs in their environments, so it needs numpy alone.
"""

import argparse
import gzip
import itertools
import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

MARGIN = 0.04
"""The share of the budget that every peer leaves free, as Lensmith does."""
MEASURED = 6
"""Batches that a peer times before it plans, the first of which does not count."""
ENDLESS = 1e9


class Budget:
    """The seconds that a process has, counted from when it was started.

    ``set`` is ``ants`` or ``fashion``, ``data`` where its pictures are, ``weights`` the file of the
    pretrained network.
    """

    def __init__(self) -> None:
        parser = argparse.ArgumentParser()
        parser.add_argument("set", choices=("ants", "fashion"))
        parser.add_argument("data", type=Path)
        parser.add_argument("out", type=Path)
        parser.add_argument("--began", type=float, required=True)
        parser.add_argument("--seconds", type=float, required=True)
        parser.add_argument("--weights", type=Path)
        parser.add_argument("--frozen", action="store_true", help="train the last layer alone")
        args = parser.parse_args()
        self.set, self.data, self.out, self.weights = args.set, args.data, args.out, args.weights
        self.began, self.seconds, self.frozen = args.began, args.seconds, args.frozen

    def left(self) -> float:
        """Seconds until a model must be ready, the margin taken off."""
        return self.began + self.seconds * (1 - MARGIN) - time.time()

    def epochs(self, batches: int, batch: float, after: float = 0.0, share: float = 1.0) -> int:
        """How many epochs of so many ``batches`` fit into a ``share`` of what is left, at least 1.

        ``batch`` and ``after`` are the seconds of a batch, and of what comes after an epoch.
        """
        return max(1, int(share * self.left() / (batches * batch + after)))

    def answer(self, names: Sequence[str], guesses: Sequence[str], **about: object) -> None:
        """Write the guess for each test picture, by class name, and what there is to say."""
        np.savez(self.out.with_suffix(".npz"), names=np.array(names), guesses=np.array(guesses))
        self.out.with_suffix(".json").write_text(json.dumps(about))

    def ready(self) -> float:
        """Seconds since the start: to be asked when the model is saved."""
        return time.time() - self.began


def pace(ends: Sequence[float]) -> float:
    """Seconds of a batch, from the moments at which some ended; endless where hardly one did."""
    took = [later - earlier for earlier, later in itertools.pairwise(ends)]
    return statistics.median(took) if took else ENDLESS


def photos(data: Path, split: str) -> list[str]:
    """The names of the pictures of ``train`` or ``val``, such as ``val/ants/1.jpg``."""
    paths = sorted(path for path in (data / split).glob("*/*") if path.suffix == ".jpg")
    return [path.relative_to(data).as_posix() for path in paths]


def idx(data: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Pictures uint8 (N, 28, 28) and labels uint8 (N,) of ``train`` or ``t10k``."""
    with gzip.open(data / f"{split}-images-idx3-ubyte.gz") as file:
        pictures = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28)
    with gzip.open(data / f"{split}-labels-idx1-ubyte.gz") as file:
        return pictures, np.frombuffer(file.read(), np.uint8, offset=8)


def numbered(count: int) -> list[str]:
    """The names of the test pictures of Fashion-MNIST."""
    return [f"t10k/{number:05d}" for number in range(count)]
