"""Torchvision's own sets by name: found on the disk, or downloaded once and kept.

Light: torchvision itself is imported by ``ml.data.sources.torchvision_read``, when a set is loaded.
"""

import secrets
import shutil
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ml.data.pixels.parallel import Progress
from ml.data.sources.listing import Listing
from ml.errors import BadInputError
from ml.workspace import Workspace

PROBE_SECONDS = 6.0
"""How long the server of a set may take to answer before it counts as out of reach."""


@dataclass(frozen=True)
class TorchSet:
    """One of torchvision's sets. ``folder`` is where its files lie below the root, ``archives``
    what it is downloaded as, ``words`` a line that describes it."""

    name: str
    title: str
    words: str
    folder: str
    url: str
    archives: tuple[str, ...]
    licence: str = ""


_OXFORD = "https://www.robots.ox.ac.uk/~vgg/data/"
_ROWS = (
    TorchSet(
        "cifar10", "CIFAR-10", "CIFAR-10: 60,000 tiny colour photos of 10 kinds of thing",
        "cifar-10-batches-py", "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
        ("cifar-10-python.tar.gz",),
    ),
    TorchSet(
        "cifar100", "CIFAR-100", "CIFAR-100: 60,000 tiny colour photos of 100 kinds of thing",
        "cifar-100-python", "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
        ("cifar-100-python.tar.gz",),
    ),
    TorchSet(
        "mnist", "MNIST", "MNIST: 70,000 handwritten digits, grey, 28 pixels a side",
        "MNIST/raw", "https://ossci-datasets.s3.amazonaws.com/mnist/train-labels-idx1-ubyte.gz",
        (), "CC BY-SA 3.0",
    ),
    TorchSet(
        "fashion_mnist", "Fashion-MNIST", "Fashion-MNIST: 70,000 clothes, grey, 28 pixels",
        "FashionMNIST/raw",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/train-labels-idx1-ubyte.gz",
        (), "MIT",
    ),
    TorchSet(
        "svhn", "SVHN", "SVHN: 99,289 house numbers in colour, digit by digit, 32 pixels",
        ".", "http://ufldl.stanford.edu/housenumbers/test_32x32.mat",
        ("train_32x32.mat", "test_32x32.mat"),
    ),
    TorchSet(
        "stl10", "STL10", "STL10: 13,000 small colour photos of 10 kinds of thing, 96 pixels",
        "stl10_binary", "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",
        ("stl10_binary.tar.gz",),
    ),
    TorchSet(
        "eurosat", "EuroSAT", "EuroSAT: 27,000 pieces of land seen by a satellite, 10 uses",
        "eurosat/2750", "https://huggingface.co/datasets/torchgeo/eurosat",
        ("eurosat/EuroSAT.zip",), "MIT",
    ),
    TorchSet(
        "flowers102", "Flowers102", "Flowers102: 8,189 photos of 102 kinds of flower",
        "flowers-102", f"{_OXFORD}flowers/102/setid.mat", ("flowers-102/102flowers.tgz",),
    ),
    TorchSet(
        "oxford_pets", "Oxford-IIIT Pet", "Oxford-IIIT Pet: 7,349 cats and dogs of 37 breeds",
        "oxford-iiit-pet", f"{_OXFORD}pets/data/annotations.tar.gz",
        ("oxford-iiit-pet/images.tar.gz", "oxford-iiit-pet/annotations.tar.gz"), "CC BY-SA 4.0",
    ),
    TorchSet(
        "gtsrb", "GTSRB", "GTSRB: 39,270 photos of 43 German traffic signs",
        "gtsrb", "https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/",
        ("gtsrb/GTSRB-Training_fixed.zip",),
    ),
)  # fmt: skip
SETS = {row.name: row for row in _ROWS}


def find(text: str) -> TorchSet | None:
    """The set that a person means by ``text``, such as ``CIFAR-10`` or ``torchvision:cifar10``."""

    def plain(name: str) -> str:
        return "".join(c for c in name.casefold() if c.isalnum())

    wanted = plain(text.removeprefix("torchvision:"))
    known = next((row for row in _ROWS if wanted in (plain(row.name), plain(row.title))), None)
    if known is None and text.startswith("torchvision:"):
        raise BadInputError(
            f"{text.removeprefix('torchvision:')[:80]!r} is none of torchvision's sets that are "
            f"known here: {', '.join(SETS)}."
        )
    return known


def root_of(workspace: Workspace, known: TorchSet, root: Path | None = None) -> Path:
    """The root that torchvision is given: ``root``, or a folder of the workspace."""
    return root.expanduser().resolve() if root else workspace.root / "torchvision" / known.name


def load(
    workspace: Workspace,
    known: TorchSet,
    root: Path | None = None,
    progress: Progress | None = None,
) -> Listing:
    """The pictures of a set. Without ``root`` it is downloaded where it is not there yet.

    Raises:
        BadInputError: it is not there and cannot be downloaded, or its files are damaged.
    """
    from ml.data.sources import torchvision_read

    folder = root_of(workspace, known, root)
    if _there(folder, known):
        return torchvision_read.read(known, folder)
    if root is not None:
        raise BadInputError(
            f"{known.title} is not in {folder}. Its files belong into {_place(folder, known)}."
        )
    if any((folder / name).is_file() for name in known.archives):
        torchvision_read.download(known, folder, progress)  # unpacks what was put there by hand
    elif _reachable(known.url):
        _download(folder, known, progress)
    else:
        raise BadInputError(
            f"{known.title} is not on this computer, and {known.url.split('/')[2]} cannot be "
            f"reached to download it. Put its files into {_place(folder, known)}, or connect to "
            "the internet and try again."
        )
    return torchvision_read.read(known, folder)


def _download(folder: Path, known: TorchSet, progress: Progress | None) -> None:
    """Download beside ``folder`` and move it into place whole."""
    from ml.data.sources import torchvision_read

    beside = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}.part")
    for old in folder.parent.glob(f".{folder.name}-*.part"):  # a download that was ended
        shutil.rmtree(old, ignore_errors=True)
    try:
        beside.mkdir(parents=True)
        torchvision_read.download(known, beside, progress)
        with suppress(OSError):
            folder.rmdir()  # empty: somebody looked for it
        beside.replace(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _place(folder: Path, known: TorchSet) -> Path:
    return (folder / known.folder).resolve()


def _there(folder: Path, known: TorchSet) -> bool:
    place = _place(folder, known)
    loose = (place / name for name in known.archives) if known.folder == "." else iter(())
    return any(one.is_file() for one in loose) or (known.folder != "." and _unpacked(place, known))


def _unpacked(place: Path, known: TorchSet) -> bool:
    """Whether anything but what was downloaded lies there."""
    packed = {Path(name).name for name in known.archives}
    return place.is_dir() and any(one.name not in packed for one in _visible(place))


def _visible(place: Path) -> Iterator[Path]:
    yield from (one for one in place.iterdir() if not one.name.startswith("."))


def _reachable(url: str) -> bool:
    """Whether the server answers, soon. Looking up a name cannot be given a limit: a thread can."""
    answered: list[bool] = []

    def ask() -> None:
        request = urllib.request.Request(url, method="HEAD")
        try:
            with urllib.request.urlopen(request, timeout=PROBE_SECONDS):
                answered.append(True)
        except urllib.error.HTTPError:  # it is there, and does not like to be asked this way
            answered.append(True)
        except (OSError, ValueError):
            answered.append(False)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(PROBE_SECONDS)
    return bool(answered and answered[0])
