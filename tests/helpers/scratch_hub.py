"""A hub in a file of its own, as somebody adds one: two datasets that are made up when loaded."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ml.data.sources import hub_registry, hubs

HUB = '''
"""The hub ``attic``, which makes its pictures up."""

import io
from dataclasses import dataclass

from PIL import Image

from ml.data.sources.listing import Candidate, Listing
from ml.data.sources.hub_registry import named_source


@dataclass(frozen=True)
class Box:
    name: str
    title: str
    words: str
    licence: str = ""


BOXES = (Box("shoes", "Old shoes", "Old shoes: left and right"), Box("hats", "Hats", "Hats", "MIT"))


def _png(shade: int) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((24, 24), 10 + shade).convert("RGB").save(out, "PNG")
    return out.getvalue()


@named_source(
    "attic", label="the attic", help="A set of the attic", list=lambda: BOXES, licence="CC0"
)
def load(workspace, known, root, progress):
    progress(1.0)
    candidates = (
        Candidate(f"{side}/{n}.png", side, None, lambda n=n: _png(n))
        for side in ("left", "right")
        for n in range(6)
    )
    return Listing(classes=("left", "right"), count=12, candidates=candidates)
'''


@contextmanager
def scratch_hub(folder: Path) -> Iterator[None]:
    """While this lasts, ``folder`` holds a module with the hub ``attic``."""
    (folder / "attic.py").write_text(HUB, encoding="utf-8")
    hub_registry.all_hubs()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hubs, "__path__", [*hubs.__path__, str(folder)])
        patch.setattr(hub_registry, "_hubs", dict(hub_registry._hubs))
        yield
    sys.modules.pop(f"{hubs.__name__}.attic", None)
