"""Planted faults in real pictures, with the ground truth that ``benchmarks.doctor`` measures
against."""

import io
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

QUALITY = 92
SIDES = ("train", "test")
BURST = 12


@dataclass
class Planted:
    """The truth: by kind the pairs of files, or the files, that a finding must name."""

    pairs: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    files: dict[str, list[str]] = field(default_factory=dict)
    classes: list[str] = field(default_factory=list)

    def pair(self, kind: str, original: str, copy: str) -> None:
        """Note that ``copy`` was made of ``original``."""
        self.pairs.setdefault(kind, []).append((original, copy))


def open_rgb(path: Path) -> Image.Image:
    """The picture in ``path``, in RGB."""
    with Image.open(path) as picture:
        return picture.convert("RGB")


def resized(picture: Image.Image, chance: np.random.Generator) -> Image.Image:
    """At 60 % of its size."""
    width, height = picture.size
    return picture.resize((round(width * 0.6), round(height * 0.6)), Image.Resampling.BICUBIC)


def encoded(picture: Image.Image, chance: np.random.Generator) -> Image.Image:
    """As a JPEG of quality 40."""
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=40)
    return open_rgb_bytes(data.getvalue())


def cropped(picture: Image.Image, chance: np.random.Generator) -> Image.Image:
    """Without 5 % of its width and height, somewhere."""
    width, height = picture.size
    left, top = (float(edge) for edge in chance.uniform(0, 0.05, 2) * (width, height))
    box = (left, top, left + 0.95 * width, top + 0.95 * height)
    return picture.crop(tuple(round(edge) for edge in box))  # type: ignore[arg-type]


def flipped(picture: Image.Image, chance: np.random.Generator) -> Image.Image:
    """Its mirror image."""
    return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def lighter(picture: Image.Image, chance: np.random.Generator) -> Image.Image:
    """12 % brighter; what is white stays white."""
    return picture.point(lambda level: min(255, round(1.12 * level)))


def darker(picture: Image.Image, chance: np.random.Generator) -> Image.Image:
    """15 % darker."""
    return picture.point(lambda level: round(0.85 * level))


def flatter(picture: Image.Image, chance: np.random.Generator) -> Image.Image:
    """Of four fifths of its contrast."""
    return picture.point(lambda level: round(0.8 * (level - 128) + 128))


NEAR_COPIES: dict[str, Callable[[Image.Image, np.random.Generator], Image.Image]] = {
    "resized": resized, "encoded": encoded, "cropped": cropped, "flipped": flipped,
    "lighter": lighter, "darker": darker, "flatter": flatter,
}  # fmt: skip


def open_rgb_bytes(data: bytes) -> Image.Image:
    """The picture in ``data``, in RGB."""
    return Image.open(io.BytesIO(data)).convert("RGB")


def with_remark(data: bytes, remark: bytes) -> bytes:
    """The same JPEG with a comment in it: other bytes, the same pixels."""
    assert data[:2] == b"\xff\xd8"
    return data[:2] + b"\xff\xfe" + (len(remark) + 2).to_bytes(2, "big") + remark + data[2:]


def plant_near(
    originals: Sequence[Path], into: Path, seed: int, each: int, name: Callable[[Path], str]
) -> Planted:
    """Near copies of each kind in the folders of their originals, which are below ``into``."""
    chance, truth = np.random.default_rng(seed), Planted()
    chosen = iter(chance.permutation(len(originals)).tolist())
    for kind, change in NEAR_COPIES.items():
        for _ in range(each):
            original = originals[next(chosen)]
            copy = original.with_name(f"{kind} {original.stem}.jpg")
            change(open_rgb(original), chance).save(copy, quality=QUALITY)
            truth.pair(f"near: {kind}", name(original), name(copy))
    return truth


def copy_classes(source: Path, into: Path, each: int, seed: int, *, sides: bool) -> list[Path]:
    """Copy ``each`` pictures of every class folder of ``source``; with ``sides`` 15 % to ``test``
    and the rest to ``train``. Returns the files made."""
    chance, copies = np.random.default_rng(seed), []
    for folder in sorted(path for path in source.iterdir() if path.is_dir()):
        files = sorted(folder.glob("*.[jJ][pP]*[gG]"))
        chosen = chance.permutation(len(files))[:each].tolist()
        for rank, number in enumerate(chosen):
            side = SIDES[rank < 0.15 * len(chosen)] if sides else ""
            target = into / side / folder.name / files[number].name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(files[number], target)
            copies.append(target)
    return copies


def plant(data: Path, into: Path, seed: int = 0, each: int = 150) -> Planted:
    """Make a set of photos with ``train`` and ``test`` in ``into`` and plant every fault in it.

    ``data`` holds ``trashnet_256``, ``hymenoptera_data`` and ``nasty_images``.
    """
    copies = copy_classes(data / "trashnet_256", into, each, seed, sides=True)
    classes = sorted({path.parent.name for path in copies})
    chance = np.random.default_rng([seed, 1])

    def name(path: Path) -> str:
        return path.relative_to(into).as_posix()

    train = [path for path in copies if path.parent.parent.name == "train"]
    order = [train[n] for n in chance.permutation(len(train))]
    number_near = 20 * len(NEAR_COPIES)
    truth = plant_near(order[:number_near], into, seed, 20, name)
    remaining = iter(order[number_near:])
    for number in range(20):
        original = next(remaining)
        copy = original.with_name(f"same {original.name}")
        copy.write_bytes(with_remark(original.read_bytes(), b"saved again %d" % number))
        truth.pair("exact", name(original), name(copy))
    for number in range(10):
        original = next(remaining)
        other_classes = [label for label in classes if label != original.parent.name]
        copy = (
            into / "train" / other_classes[number % len(other_classes)] / f"other {original.name}"
        )
        shutil.copyfile(original, copy)
        truth.pair("contradiction", name(original), name(copy))
    for _ in range(15):
        original = next(remaining)
        copy = into / "test" / original.parent.name / f"leaked {original.name}"
        shutil.copyfile(original, copy)
        truth.pair("leak", name(original), name(copy))
    for number in range(20):
        original, kind = next(remaining), list(NEAR_COPIES)[number % len(NEAR_COPIES)]
        copy = into / "test" / original.parent.name / f"leaked {kind} {original.stem}.jpg"
        NEAR_COPIES[kind](open_rgb(original), chance).save(copy, quality=QUALITY)
        truth.pair("near leak", name(original), name(copy))
    _plant_corrupt(data / "nasty_images" / "undecodable", into, classes, truth, name)
    _plant_classes(data / "hymenoptera_data" / "val", into, truth)
    _plant_burst(
        data / "hymenoptera_data" / "train" / "bees", into, classes[0], chance, truth, name
    )
    return truth


def _plant_corrupt(
    source: Path, into: Path, classes: Sequence[str], truth: Planted, name: Callable[[Path], str]
) -> None:
    for number, path in enumerate(sorted(file for file in source.rglob("*") if file.is_file())):
        if path.suffix.lower() not in (".txt", ".md", ".csv"):
            copy = into / "train" / classes[number % len(classes)] / f"corrupt {path.name}"
            shutil.copyfile(path, copy)
            truth.files.setdefault("corrupt", []).append(name(copy))


def _plant_classes(source: Path, into: Path, truth: Planted) -> None:
    """Two classes of six pictures each."""
    for label in ("ants", "bees"):
        for number, path in enumerate(sorted((source / label).glob("*.jpg"))[:6]):
            target = into / SIDES[number >= 4] / label / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        truth.classes.append(label)


def _plant_burst(
    source: Path,
    into: Path,
    label: str,
    chance: np.random.Generator,
    truth: Planted,
    name: Callable[[Path], str],
) -> None:
    """Shots of one scene, numbered: a camera that pans over a photo, with a little noise."""
    photo = open_rgb(max(source.glob("*.jpg"), key=lambda path: path.stat().st_size))
    width, height = photo.size
    for number in range(BURST):
        left = round(width * 0.35 * number / BURST)
        top = round(height * (0.1 + float(chance.uniform(-0.05, 0.05))))
        shot = photo.crop((left, top, left + round(0.6 * width), top + round(0.75 * height)))
        grain = np.asarray(shot.resize((400, 300)), np.float32) + chance.normal(0, 4, (300, 400, 3))
        side = SIDES[number % 4 == 3]
        path = into / side / label / f"shot_{number + 1:04}.jpg"
        Image.fromarray(grain.clip(0, 255).astype(np.uint8)).save(path, quality=QUALITY)
        truth.files.setdefault("burst", []).append(name(path))
