"""Start-up time of a training: imports with ``fast_imports.loading`` and without.

    python -m benchmarks.imports [--times 5]

All in turn, each in a process of its own; median seconds and the most memory it held.
"""

import argparse
import statistics
import subprocess
import sys

STATEMENTS = {
    "as it is": "with loading(): import ml.training.train",
    "with the garbage collector": "import ml.training.train",
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
    seconds: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    memory: dict[str, float] = {}
    for _ in range(times):
        for name, line in STATEMENTS.items():
            command = [sys.executable, "-W", "ignore", "-c", CODE.format(line)]
            out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            took, held = map(float, out.split())
            seconds[name].append(took)
            memory[name] = max(held, memory.get(name, 0.0))
    for name in STATEMENTS:
        print(
            f"{name}: {statistics.median(seconds[name]):.2f} s, {memory[name]:.0f} MB (n={times})"
        )


if __name__ == "__main__":
    main()
