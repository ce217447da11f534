"""How long a training takes to start: importing it as the commands do, and without that care.

    python -m benchmarks.imports [--times 5]

All in turn, each in a process of its own; median seconds and the most memory it held.
"""

import argparse
import statistics
import subprocess
import sys

WAYS = {
    "as it is": "with loading(): import ml.training.train",
    "with torchmetrics": "with loading(lightning=False): import ml.training.train",
    "torch alone": "import torch",
}
CODE = """
import time
from ml.hardware import peak_memory
began = time.perf_counter()
from ml.utils.fast_imports import loading
{}
print(time.perf_counter() - began, peak_memory() / 1e6)
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--times", type=int, default=5)
    times = parser.parse_args().times
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    memory: dict[str, float] = {}
    for _ in range(times):
        for way, line in WAYS.items():
            command = [sys.executable, "-W", "ignore", "-c", CODE.format(line)]
            out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            took, held = map(float, out.split())
            seconds[way].append(took)
            memory[way] = max(held, memory.get(way, 0.0))
    for way in WAYS:
        print(f"{way}: {statistics.median(seconds[way]):.2f} s, {memory[way]:.0f} MB (n={times})")


if __name__ == "__main__":
    main()
