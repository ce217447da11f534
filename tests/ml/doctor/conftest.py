"""Small sets with known faults, and features that cost nothing."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from ml.data.pixels.pixels import read_facts
from ml.data.sources.folders import BUNDLED
from ml.data.store.versions import DatasetVersion, Item, write_picture, write_version
from ml.doctor.check_context import CheckContext
from ml.workspace import Workspace


class Shot(NamedTuple):
    """A picture to be put into a set."""

    data: bytes
    label: str = "a"
    split: str | None = None
    file: str = ""
    group: str | None = None
    excluded: bool = False


def photos(count: int, name: str = "recycling", label: str = "*") -> list[bytes]:
    """Real photos that come with Lensmith, spread over the classes."""
    files = sorted((BUNDLED / name).glob(f"{label}/*.[jJ][pP][gG]"))
    chosen = np.random.default_rng(0).permutation(len(files))[:count]
    return [files[n].read_bytes() for n in sorted(chosen)]


def open_bytes(data: bytes) -> Image.Image:
    import io

    return Image.open(io.BytesIO(data)).convert("RGB")


@pytest.fixture
def make_version(workspace: Workspace) -> Callable[..., DatasetVersion]:
    """``make_version([Shot(..), ..])`` writes pictures and a version of them."""

    def make(
        shots: Sequence[Shot], name: str = "pets", report: dict[str, object] | None = None
    ) -> DatasetVersion:
        classes = tuple(sorted({shot.label for shot in shots}))
        items = tuple(
            Item(
                write_picture(workspace, shot.data),
                classes.index(shot.label),
                shot.split,
                shot.file or f"{shot.label}/{n}.jpg",
                shot.group,
                excluded=shot.excluded,
            )
            for n, shot in enumerate(shots)
        )
        facts = [read_facts(shot.data) for shot in shots] or [None]
        first = facts[0]
        about = {
            "width": first.width if first else 0,
            "height": first.height if first else 0,
            "colour": bool(first and first.colour),
            "bytes": 1,
        }
        return write_version(workspace, name, classes, items, about, report=report)

    return make


@pytest.fixture
def make_context(
    workspace: Workspace,
    make_version: Callable[..., DatasetVersion],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., CheckContext]:
    """A case whose features are its thumbnails, 8 by 8, instead of what the network sees."""

    def features(context: CheckContext) -> npt.NDArray[np.float32]:
        cells = context.statistics["thumb"].reshape(-1, 8, 8, 8, 8).mean((2, 4))
        return cells.reshape(len(cells), 64).astype(np.float32)

    monkeypatch.setattr(CheckContext, "features", property(features))

    def make(shots: Sequence[Shot], **options: object) -> CheckContext:
        return CheckContext(workspace, make_version(shots, **options))

    return make
