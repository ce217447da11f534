"""Every export format answers as the run does: top-1 agreement, difference of probabilities, size
and time a picture, on the run's own test pictures.

    python -m benchmarks.exports [DATASET:MODEL ...]

Each data set is trained on with its model and few epochs, and exported to every format whose
packages are installed. A bundle is proved on the files of the pictures, in a process of its own,
and its time counts decoding; the others are asked about prepared pixels.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from ml.export.registry import all_exporters

DEFAULT = ("recycling:efficientnet_lite0", "fashion:small_cnn", "fashion:attention_cnn")
EPOCHS = 3


def ml(workspace: Path, *words: str) -> dict[str, object]:
    """What ``python -m ml WORDS --json`` prints last."""
    command = [sys.executable, "-m", "ml", *words, "--json", "--workspace", str(workspace)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8")
    answer: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return answer


def measured(workspace: Path, folder: Path, pair: str) -> list[str]:
    """The rows of the table for a data set and a model."""
    dataset, model = pair.split(":")
    ml(workspace, "train", "--dataset", dataset, "--model", model, "--epochs", str(EPOCHS))
    rows = []
    for exporter in all_exporters():
        if exporter.missing:
            continue
        path = folder / f"{dataset}-{model}-{exporter.name}{exporter.suffix}"
        parity = ml(
            workspace, "export", "latest", "--format", exporter.name, "--output", str(path)
        )["parity"]
        assert isinstance(parity, dict), f"{pair} as {exporter.name} was not measured"
        mean, speed = parity.get("mean_probability_difference"), parity.get("milliseconds")
        rows.append(
            f"| {dataset}, {model} | `{exporter.name}` | {parity['images']} | "
            f"{100 * parity['top1_agreement']:.1f} % | "
            f"{parity['max_probability_difference']:.1e} | "
            f"{'' if mean is None else f'{mean:.1e}'} | {path.stat().st_size / 1e6:.1f} MB | "
            f"{'' if speed is None else f'{speed:.1f} ms'} |"
        )
    return rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", nargs="*", default=DEFAULT, metavar="DATASET:MODEL")
    args = parser.parse_args()
    print("| run | format | pictures | same class | largest | mean | size | a picture |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for pair in args.pairs:
            print("\n".join(measured(folder / "workspace", folder, pair)), flush=True)


if __name__ == "__main__":
    main()
