"""Writes small sets in torchvision's own layouts, as their authors publish them."""

import csv
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy.io

from tests.helpers.pictures import as_bytes, picture, write_idx

COUNT = 6


def pixels(count: int, side: int, seed: int = 0) -> np.ndarray:
    """(count, side, side, 3) of soft noise."""
    return np.stack([np.asarray(picture(seed + n, side, side)) for n in range(count)])


def jpeg(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(as_bytes(picture(seed, 40, 30), "JPEG"))


def cifar_batch(path: Path, images: np.ndarray, labels: list[int], key: str = "labels") -> None:
    """A batch as the authors' Python wrote them: (n, 3072), channel after channel."""
    flat = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps({"data": flat, key: labels, "batch_label": "x"}, protocol=2))


def cifar10(root: Path, names: tuple[str, ...] = ("plane", "car")) -> None:
    folder = root / "cifar-10-batches-py"
    for n, name in enumerate([*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]):
        labels = [k % len(names) for k in range(COUNT)]
        cifar_batch(folder / name, pixels(COUNT, 32, 100 * n), labels)
    meta = pickle.dumps({"label_names": list(names), "num_vis": 3072}, protocol=2)
    (folder / "batches.meta").write_bytes(meta)


def cifar100(root: Path) -> None:
    folder = root / "cifar-100-python"
    for n, name in enumerate(("train", "test")):
        labels = [k % 3 for k in range(COUNT)]
        cifar_batch(folder / name, pixels(COUNT, 32, 100 * n), labels, "fine_labels")
    names = {"fine_label_names": ["apple", "bee", "cup"], "coarse_label_names": ["x"]}
    (folder / "meta").write_bytes(pickle.dumps(names, protocol=2))


def _idx(folder: Path) -> None:
    for n, part in enumerate(("train", "t10k")):
        write_idx(folder / f"{part}-images-idx3-ubyte", pixels(COUNT, 28, 100 * n)[:, :, :, 0])
        write_idx(folder / f"{part}-labels-idx1-ubyte", np.arange(COUNT) % 3)


def mnist(root: Path) -> None:
    _idx(root / "MNIST" / "raw")


def fashion_mnist(root: Path) -> None:
    _idx(root / "FashionMNIST" / "raw")


def svhn(root: Path) -> None:
    root.mkdir(parents=True, exist_ok=True)
    for n, part in enumerate(("train", "test")):
        images = pixels(COUNT, 32, 100 * n).transpose(1, 2, 3, 0)
        labels = np.array([10, 1, 2, 10, 1, 2], dtype=np.uint8)[:, None]  # ten is nought
        scipy.io.savemat(root / f"{part}_32x32.mat", {"X": images, "y": labels})


def stl10(root: Path) -> None:
    folder = root / "stl10_binary"
    folder.mkdir(parents=True)
    for n, part in enumerate(("train", "test")):
        images = pixels(COUNT, 96, 100 * n).transpose(0, 3, 2, 1)  # column after column
        images.astype(np.uint8).tofile(folder / f"{part}_X.bin")
        (np.arange(COUNT) % 2 + 1).astype(np.uint8).tofile(folder / f"{part}_y.bin")
    (folder / "class_names.txt").write_text("airplane\nbird\n", encoding="utf-8")


def eurosat(root: Path) -> None:
    for n in range(COUNT):
        kind = ("Forest", "River")[n % 2]
        jpeg(root / "eurosat" / "2750" / kind / f"{kind}_{n}.jpg", n)


def flowers102(root: Path) -> None:
    folder = root / "flowers-102"
    for n in range(1, 10):
        jpeg(folder / "jpg" / f"image_{n:05d}.jpg", n)
    scipy.io.savemat(folder / "imagelabels.mat", {"labels": np.arange(9) % 3 + 1})
    ids = {"trnid": [1, 2, 3], "valid": [4, 5, 6], "tstid": [7, 8, 9]}
    scipy.io.savemat(folder / "setid.mat", {k: np.array(v) for k, v in ids.items()})


def oxford_pets(root: Path) -> None:
    folder = root / "oxford-iiit-pet"
    (folder / "annotations").mkdir(parents=True)
    for part, start in (("trainval", 0), ("test", 10)):
        lines = []
        for n in range(start, start + 4):
            breed, label = (("Abyssinian", 1), ("saint_bernard", 2))[n % 2]
            jpeg(folder / "images" / f"{breed}_{n}.jpg", n)
            lines.append(f"{breed}_{n} {label} 1 1\n")
        (folder / "annotations" / f"{part}.txt").write_text("".join(lines), encoding="utf-8")


def gtsrb(root: Path) -> None:
    folder = root / "gtsrb"
    training, final = folder / "GTSRB" / "Training", folder / "GTSRB" / "Final_Test" / "Images"
    for sign in range(43):
        path = training / f"{sign:05d}" / "00000_00000.ppm"
        path.parent.mkdir(parents=True)
        path.write_bytes(as_bytes(picture(sign), "PPM"))
    final.mkdir(parents=True)
    with (folder / "GT-final_test.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter=";")
        table.writerow(["Filename", "Width", "Height", "ClassId"])
        for n, sign in enumerate((14, 13)):
            (final / f"{n:05d}.ppm").write_bytes(as_bytes(picture(500 + n), "PPM"))
            table.writerow([f"{n:05d}.ppm", 20, 16, sign])


WRITERS: dict[str, Callable[[Path], None]] = {
    "cifar10": cifar10, "cifar100": cifar100, "mnist": mnist, "fashion_mnist": fashion_mnist,
    "svhn": svhn, "stl10": stl10, "eurosat": eurosat, "flowers102": flowers102,
    "oxford_pets": oxford_pets, "gtsrb": gtsrb,
}  # fmt: skip
"""By the name of the set."""
