"""Localisation of heat maps: the peak lies on what decides the class in at least 90 % of pictures,
and no longer with a network of other weights (the sanity check of Adebayo et al. 2018,
https://arxiv.org/abs/1810.03292).

    python -m benchmarks.why FOLDER [--model M] [--epochs N] [--set FIELD=VALUE]...

FOLDER has `train/` and `test/` with a folder a class, such as the CIFAR-10 pictures. Their classes
are forgotten: into each picture a symbol is pasted, at a place drawn by lot, and which of four it
is decides the class. A model is trained on that and asked why, for every test picture (at most 300)
that it gets right: by each way to explain it that it has, for the class that it named.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

SYMBOLS = {
    "bars": ("#.#.#.", "#.#.#.", "#.#.#.", "#.#.#.", "#.#.#.", "#.#.#."),
    "cross": ("..##..", "..##..", "######", "######", "..##..", "..##.."),
    "ring": ("######", "#....#", "#....#", "#....#", "#....#", "######"),
    "steps": ("##....", "##....", "####..", "####..", "######", "######"),
}
SYMBOL_SHARE = 0.25
"""The share of a picture's side that a symbol takes."""
MAX_PICTURES = 300
Pixels = npt.NDArray[np.uint8]
Box = tuple[int, int, int]
"""Top, left and side of a symbol, in pixels."""


def paste(picture: Pixels, name: str, chance: np.random.Generator) -> tuple[Pixels, Box]:
    """``picture`` (S, S, C) with the symbol of that name at some place, and where that is."""
    side = max(6, round(SYMBOL_SHARE * len(picture)))
    rows = [[value == "#" for value in row] for row in SYMBOLS[name]]
    drawn = Image.fromarray(np.array(rows, np.uint8) * 255)
    symbol = np.asarray(drawn.resize((side, side), Image.Resampling.NEAREST))
    top, left = chance.integers(0, len(picture) - side, 2).tolist()
    changed = picture.copy()
    changed[top : top + side, left : left + side] = symbol[:, :, None]
    return changed, (top, left, side)


def is_on(position: tuple[int, int], box: Box) -> bool:
    """Whether a place (row, column) lies on a symbol."""
    top, left, side = box
    return top <= position[0] < top + side and left <= position[1] < left + side


def alike(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]) -> float:
    """The rank correlation of two maps of one shape; 0 where one of them is the same all over."""
    ranks = [value.ravel().argsort(kind="stable").argsort() for value in (first, second)]
    flat = np.ptp(first) == 0 or np.ptp(second) == 0
    return 0.0 if flat else float(np.corrcoef(ranks)[0, 1])


def _plant(source: Path, target: Path) -> dict[str, Box]:
    """Copies of the pictures with symbols in them, by their symbol; the places by file name."""
    chance, boxes = np.random.default_rng(0), dict[str, Box]()
    names = list(SYMBOLS)
    for split in ("train", "test"):
        for number, path in enumerate(sorted((source / split).glob("*/*"))):
            with Image.open(path) as opened:
                side = min(opened.size)
                picture = np.asarray(opened.convert("RGB").crop((0, 0, side, side)))
            name = names[number % len(names)]
            changed, box = paste(picture, name, chance)
            file = target / split / name / f"{split}-{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(changed).save(file)
            boxes[file.name] = box
    return boxes


def _shuffled(folder: Path, target: Path) -> Path:
    """A model folder like ``folder``, whose network has weights that learned nothing."""
    import torch

    from ml.data.pixels.pixels import PixelSpec
    from ml.export.onnx import export_onnx
    from ml.inference.model_folder import read_manifest
    from ml.models import Inputs, build
    from ml.utils.files import sha256_of, write_json

    manifest = read_manifest(folder)
    spec = PixelSpec.from_json(manifest["pixels"])
    torch.manual_seed(1)
    network = build(manifest["model"], Inputs(spec.channels, spec.size, len(manifest["classes"])))
    target.mkdir()
    export_onnx(network, spec, target / "model.onnx", {})
    sums = {"model.onnx": sha256_of(target / "model.onnx")}
    write_json(target / "model.json", {**manifest, "sha256": sums})
    return target


def main() -> int:
    """Plant, train, ask and print; 1 where the claim does not hold."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    from ml.explain.heat import peak
    from ml.explain.why import Explainer
    from ml.inference.classifier import Classifier

    with tempfile.TemporaryDirectory() as root:
        planted = Path(root) / "planted"
        boxes = _plant(Path(sys.argv[1]), planted)
        arguments = (
            sys.argv[2:] if "--model" in sys.argv else ["--model", "small_cnn", *sys.argv[2:]]
        )
        command = [sys.executable, "-m", "ml", "train", "--dataset", str(planted), "--json"]
        process = subprocess.run(
            [*command, "--workspace", f"{root}/workspace", *arguments],
            capture_output=True,
            text=True,
        )
        if process.returncode:
            sys.exit(process.stderr.strip().splitlines()[-1])
        run = json.loads(process.stdout.splitlines()[-1])
        folder = Path(root) / "workspace" / "runs" / run["run"] / "model"
        classifier = Classifier.load(folder, 1)
        explainer = Explainer(classifier, folder)
        strange = _shuffled(folder, Path(root) / "strange")
        stranger = Explainer(Classifier.load(strange, 1), strange)
        accuracy = run["test"]["accuracy"]
        print(f"{classifier.manifest['model']}: {accuracy:.1%} of the test pictures are right")
        files = sorted((planted / "test").glob("*/*"))
        files = files[:: max(1, len(files) // MAX_PICTURES)][:MAX_PICTURES]
        holds = True
        for method in explainer.methods():
            on, strange_on, same, drops = [], [], [], []
            for file in files:
                square = classifier.see(file.read_bytes())
                label = classifier.classes[classifier.logits(square[None])[0].argmax()]
                if label != file.parent.name:
                    continue
                scale = classifier.spec.size / np.asarray(Image.open(file)).shape[0]
                box = tuple(round(value * scale) for value in boxes[file.name])
                explanation = explainer.explain(square, file.parent.name, method.name)
                heat = np.array(explanation["heat"], np.float32)
                other_heat = method.heat(
                    stranger, square, list(classifier.classes).index(file.parent.name)
                )
                on.append(is_on(peak(heat, len(square)), box))
                strange_on.append(is_on(peak(other_heat, len(square)), box))
                same.append(alike(heat, other_heat))
                drops.append(explanation["elsewhere"] - explanation["covered"])
            print(
                f"{method.name}: peak on the symbol in {np.mean(on):.1%} of {len(on)}; covering it "
                f"costs {100 * np.mean(drops):.0f} points more than elsewhere. Other weights: "
                f"{np.mean(strange_on):.1%}, rank correlation {np.mean(same):.2f}",
                flush=True,
            )
            holds &= bool(np.mean(on) >= 0.9 and abs(np.mean(same)) < 0.5)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
