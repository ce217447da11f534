"""A small classifier that was really trained, exported and measured, made once a session."""

import atexit
import io
import shutil
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ml.config import TrainConfig
from ml.data.catalog import run_record
from ml.data.pixels.pixels import PixelSpec
from ml.data.run_pictures import Pictures, open_pictures
from ml.data.store.versions import DatasetVersion, Item, write_picture, write_version
from ml.models import Inputs, build
from ml.models.network import Network
from ml.runs import folder as runs
from ml.runs.folder import Run
from ml.training.finalise import finalise
from ml.workspace import Workspace, open_workspace

CLASSES = ("grün", "red", "blue")
SPEC = PixelSpec(16)


@dataclass(frozen=True)
class Trained:
    """A workspace with a data set and a run, and what the run was made of."""

    workspace: Workspace
    run: Run
    network: Network
    pictures: Pictures
    figures: dict[str, dict[str, float]]


def picture(label: int, seed: int, side: int = 20) -> bytes:
    """A PNG of noise in which one channel is a little brighter: a task with some mistakes in it."""
    random = np.random.default_rng([label, seed])
    pixels = random.normal(110, 60, (side, side, 3))
    pixels[..., (label + 1) % 3] += random.normal(14, 6)
    out = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def dataset(
    workspace: Workspace,
    name: str,
    classes: tuple[str, ...] = CLASSES,
    each: int = 60,
    seed: int = 0,
) -> DatasetVersion:
    """A data set of ``each`` pictures a class."""
    items = tuple(
        Item(write_picture(workspace, picture(label, seed + n)), label, file=f"{label}-{n}.png")
        for label in range(len(classes))
        for n in range(each)
    )
    about = {"width": 20, "height": 20, "colour": True, "bytes": 1}
    return write_version(workspace, name, classes, items, about)


def train(pictures: Pictures) -> Network:
    """A tutorial net after a few epochs."""
    torch.manual_seed(0)
    network = build("tutorial_net", Inputs(3, pictures.spec.size, len(pictures.classes)))
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    pixels = torch.from_numpy(np.array(pictures.pixels("train")))
    labels = torch.from_numpy(pictures.labels("train"))
    for _ in range(60):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(pixels), labels).backward()
        optimizer.step()
    return network.eval()


def make(root: Path) -> Trained:
    """All of it, in a new workspace."""
    workspace = open_workspace(root)
    record = run_record(dataset(workspace, "noise"), 0)
    config = TrainConfig(dataset="noise", model="tutorial_net", image_size=16)
    run = runs.create(workspace, config, record, name="first")
    pictures = open_pictures(workspace, record, SPEC)
    network = train(pictures)
    figures = finalise(
        run,
        network,
        pictures,
        progress=lambda phase, fraction: None,
        cache=workspace.features / "graphs",
    )
    return Trained(workspace, run, network, pictures, figures)


@cache
def trained() -> Trained:
    """The one of this session: read it, and copy it before changing anything."""
    root = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return make(root)
