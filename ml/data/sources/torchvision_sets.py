"""Torchvision's own sets by name: found on the disk, or downloaded once and kept.

Light: torchvision itself is imported when a set is read.
"""

import secrets
import shutil
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ml.data.pixels.parallel import Progress
from ml.data.sources import torchvision_read
from ml.data.sources.listing import Listing
from ml.data.sources.torchvision_catalog import TorchSet
from ml.errors import BadInputError
from ml.utils.paths import absolute_path
from ml.workspace import Workspace

PROBE_SECONDS = 6.0
"""How long the server of a set may take to answer before it counts as out of reach."""


def root_of(workspace: Workspace, info: TorchSet, root: Path | None = None) -> Path:
    """The root that torchvision is given: ``root``, or a folder of the workspace."""
    return absolute_path(root) if root else workspace.root / "torchvision" / info.name


def load(
    workspace: Workspace,
    info: TorchSet,
    root: Path | None = None,
    progress: Progress | None = None,
) -> Listing:
    """The pictures of a set. Without ``root`` it is downloaded where it is not there yet.

    Raises:
        BadInputError: it is not there and cannot be downloaded, or its files are damaged.
    """
    folder = root_of(workspace, info, root)
    if _there(folder, info):
        return torchvision_read.read(info, folder)
    if root is not None:
        raise BadInputError(
            f"{info.title} is not in {folder}. Its files belong into {_place(folder, info)}."
        )
    if any((folder / name).is_file() for name in info.archives):
        torchvision_read.download(info, folder, progress)  # unpacks what was put there by hand
    elif _reachable(info.url):
        _download(folder, info, progress)
    else:
        raise BadInputError(
            f"{info.title} is not on this computer, and {info.url.split('/')[2]} cannot be "
            f"reached to download it. Put its files into {_place(folder, info)}, or connect to "
            "the internet and try again."
        )
    return torchvision_read.read(info, folder)


def _download(folder: Path, info: TorchSet, progress: Progress | None) -> None:
    """Download beside ``folder`` and move it into place whole."""
    beside = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}.part")
    for old in folder.parent.glob(f".{folder.name}-*.part"):  # a download that was ended
        shutil.rmtree(old, ignore_errors=True)
    try:
        beside.mkdir(parents=True)
        torchvision_read.download(info, beside, progress)
        with suppress(OSError):
            folder.rmdir()  # empty: somebody looked for it
        beside.replace(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _place(folder: Path, info: TorchSet) -> Path:
    return (folder / info.folder).resolve()


def _there(folder: Path, info: TorchSet) -> bool:
    place = _place(folder, info)
    loose = (place / name for name in info.archives) if info.folder == "." else iter(())
    return any(one.is_file() for one in loose) or (info.folder != "." and _unpacked(place, info))


def _unpacked(place: Path, info: TorchSet) -> bool:
    """Whether anything but what was downloaded lies there."""
    packed = {Path(name).name for name in info.archives}
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
