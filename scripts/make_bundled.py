"""Make the pictures that come with Lensmith: ``python scripts/make_bundled.py SOURCE_DIR``.

SOURCE_DIR holds ``trashnet_256`` (TrashNet at 192x256), ``sign_language_digits/Dataset`` and
``fashion_mnist`` (the four IDX files). The same source gives the same bundle; nothing is chosen by
how well a model does on it. Writes ``ml/data/bundled/<name>/``.
"""

import gzip
import hashlib
import io
import json
import random
import shutil
import statistics
import struct
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

ROOT = Path(__file__).resolve().parent.parent
BUNDLED = ROOT / "ml" / "data" / "bundled"
PER_CLASS = 100
TEST_SHARE = 0.15
SEED = 20240
HANDS_QUALITY = 92
FASHION_TRAIN, FASHION_TEST = 200, 50
FASHION_CLASSES = "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot"


def fresh(name: str) -> Path:
    """The folder of the set, emptied but for its licence and credits, which are written by hand."""
    folder = BUNDLED / name
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name not in ("LICENSE", "CREDITS.md"):
            entry.unlink()
    return folder


def size_of(path: Path) -> tuple[int, int]:
    """Width and height."""
    with Image.open(path) as picture:
        return picture.size


def contradicting(paths: list[Path]) -> set[Path]:
    """The files whose bytes also stand under another class."""
    seen: dict[str, list[Path]] = {}
    for path in paths:
        seen.setdefault(hashlib.sha256(path.read_bytes()).hexdigest(), []).append(path)
    torn = [same for same in seen.values() if len({path.parent for path in same}) > 1]
    return {path for same in torn for path in same}


def recycling(source: Path) -> None:
    """600 TrashNet photos, the bytes as they are: 192 wide and 256 high."""
    folder, rng = fresh("recycling"), random.Random(SEED)
    bad = contradicting(sorted(source.rglob("*.jpg")))
    test: list[str] = []
    for kind in sorted(path for path in source.iterdir() if path.is_dir()):
        good = sorted(set(kind.glob("*.jpg")) - bad)
        chosen = rng.sample(good, PER_CLASS)
        (folder / kind.name).mkdir()
        for path in chosen:
            shutil.copyfile(path, folder / kind.name / path.name)
        held = rng.sample(chosen, round(TEST_SHARE * PER_CLASS))
        test += [f"{kind.name}/{path.name}" for path in held]
    describe(
        folder,
        title="Recycling",
        description="Photos of waste on a plain background, to be sorted for recycling.",
        licence="MIT",
        test=sorted(test),
    )


def persons(source: Path) -> list[list[Path]]:
    """The photos of one person each: ten camera numbers in a row, showing 0 to 9 in order.

    Series that miss a digit or hold a photo of another size are left out.
    """
    photos = sorted(source.glob("*/*.JPG"), key=lambda path: int(path.stem[4:]))
    complete, start = [], 0
    while start + 10 <= len(photos):
        series = photos[start : start + 10]
        numbers = [int(path.stem[4:]) for path in series]
        in_order = [path.parent.name for path in series] == [str(digit) for digit in range(10)]
        if not in_order or numbers[-1] - numbers[0] != 9:
            start += 1
            continue
        start += 10
        if all(size_of(path) == (100, 100) for path in series):
            complete.append(series)
    return complete


def hands(source: Path) -> None:
    """1,000 photos: 100 persons, ten digits each. Whole persons are held back for the test."""
    folder, rng = fresh("hands"), random.Random(SEED)
    chosen = sorted(rng.sample(persons(source), PER_CLASS))
    held = set(rng.sample(range(PER_CLASS), round(TEST_SHARE * PER_CLASS)))
    groups: dict[str, list[str]] = {}
    for digit in range(10):
        (folder / str(digit)).mkdir()
    for number, series in enumerate(chosen):
        files = [f"{path.parent.name}/{path.name}" for path in series]
        groups[f"person {number + 1:03}"] = files
        for file, path in zip(files, series, strict=True):
            with Image.open(path) as photo:
                upright = ImageOps.exif_transpose(photo).convert("RGB")
            # Saving anew leaves out what the camera wrote about itself and the moment.
            clean = Image.fromarray(np.asarray(upright))
            clean.save(folder / file, "JPEG", quality=HANDS_QUALITY, optimize=True)
    describe(
        folder,
        title="Hands",
        description="Hands showing the digits 0 to 9 in Turkish sign language.",
        licence="Apache-2.0",
        test=sorted(file for person in held for file in list(groups.values())[person]),
        groups=groups,
    )


def read_idx(path: Path, ndim: int) -> np.ndarray:
    """The array in an IDX file."""
    raw = gzip.decompress(path.read_bytes())
    shape = struct.unpack(f">{ndim}I", raw[4 : 4 + 4 * ndim])
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * ndim).reshape(shape)


def write_idx(path: Path, array: np.ndarray) -> None:
    """Write an IDX file, compressed, the same bytes each time."""
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    buffer = io.BytesIO()
    with gzip.GzipFile("", "wb", 9, buffer, mtime=0) as file:
        file.write(head + array.tobytes())
    path.write_bytes(buffer.getvalue())


def fashion(source: Path) -> None:
    """2,000 training and 500 test pictures of Fashion-MNIST, equally many a class."""
    folder = fresh("fashion")
    counts = dict.fromkeys(FASHION_CLASSES.split(","), FASHION_TRAIN + FASHION_TEST)
    for part, per_class in (("train", FASHION_TRAIN), ("t10k", FASHION_TEST)):
        pictures = read_idx(source / f"{part}-images-idx3-ubyte.gz", 3)
        labels = read_idx(source / f"{part}-labels-idx1-ubyte.gz", 1)
        rng = np.random.default_rng(SEED)
        chosen = [rng.choice(np.flatnonzero(labels == k), per_class, False) for k in range(10)]
        chosen_rows = np.sort(np.concatenate(chosen))
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", pictures[chosen_rows])
        write_idx(folder / f"{part}-labels-idx1-ubyte.gz", labels[chosen_rows])
    write_about(
        folder,
        {
            "title": "Fashion",
            "description": "Small grey pictures of clothes, the set that many articles begin with.",
            "licence": "MIT",
            "classes": counts,
            "width": 28,
            "height": 28,
            "colour": False,
        },
    )


def describe(folder: Path, **about: object) -> None:
    """Write what is known of a set of class folders."""
    kinds = sorted(path for path in folder.iterdir() if path.is_dir())
    files = sorted(folder.glob("*/*"))
    sizes = [size_of(path) for path in files]
    facts = {
        "classes": {kind.name: len(list(kind.iterdir())) for kind in kinds},
        "width": int(statistics.median(width for width, _ in sizes)),
        "height": int(statistics.median(height for _, height in sizes)),
        "colour": True,
    }
    write_about(folder, about | facts)


def write_about(folder: Path, about: dict[str, object]) -> None:
    """``about.json``, with a hash over all the pictures: by it a changed bundle is known."""
    digest = hashlib.sha256()
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    for name in sorted(files):
        if files[name].suffix in (".jpg", ".JPG", ".gz"):
            digest.update(name.encode() + files[name].read_bytes())
    text = json.dumps({**about, "sha256": digest.hexdigest()}, ensure_ascii=False, indent=1)
    (folder / "about.json").write_text(text + "\n", encoding="utf-8")


def main() -> None:
    """Make all three and say how large they are."""
    if len(sys.argv) != 2:
        sys.exit("Give the folder that holds the sources: scripts/make_bundled.py SOURCE_DIR")
    source = Path(sys.argv[1])
    recycling(source / "trashnet_256")
    hands(source / "sign_language_digits" / "Dataset")
    fashion(source / "fashion_mnist")
    for folder in sorted(BUNDLED.iterdir()):
        sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
        print(f"{folder.name}: {len(sizes)} files, {sum(sizes) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
