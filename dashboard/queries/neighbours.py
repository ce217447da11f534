"""Neighbours: the training pictures nearest to a picture, asked of the inference worker once."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from dashboard.queries.datasets import version_at
from dashboard.workers.inference import client
from ml.data.store.picture_key import PictureKey, key_of_item
from ml.data.store.versions import read_picture
from ml.errors import BadInputError, MLError
from ml.inference import ood_reference
from ml.runs.folder import Run
from ml.workspace import Workspace

MAX_NEIGHBOURS = 3


@dataclass(frozen=True)
class Neighbour:
    """A training picture, and the label under which it was learned."""

    picture: PictureKey
    label: str


def has_neighbours(run: Run) -> bool:
    """Whether the model of ``run`` carries the pictures that it learned from."""
    return ood_reference.FILE in ((run.model or {}).get("sha256") or {})


def nearest(
    workspace: Workspace, run: Run, pictures: Iterable[PictureKey]
) -> list[list[Neighbour]]:
    """Up to ``MAX_NEIGHBOURS`` neighbours of each picture, the nearest first; none for one that is
    gone.

    Raises:
        BadInputError: the pictures that the model learned from are gone, or the model is damaged.
        MLError: the worker cannot be started.
    """
    record = run.dataset
    try:
        version = version_at(workspace, str(record["name"]), int(record["version"]))
    except (MLError, OSError, KeyError, TypeError, ValueError) as error:
        raise BadInputError(
            "The pictures that this model learned from are not here any more."
        ) from error
    model = str(((run.model or {}).get("sha256") or {}).get("model.onnx"))
    neighbours = []
    for picture in pictures:
        candidates = _nearest(workspace.root, run.folder, model, picture.hash)
        known_items = [(item, label) for item, label in candidates if item < len(version.items)]
        neighbours.append(
            [Neighbour(key_of_item(version, item), label) for item, label in known_items]
        )
    return neighbours


@st.cache_data(max_entries=4000, show_spinner=False)
def _nearest(root: Path, folder: Path, model: str, digest: str) -> list[tuple[int, str]]:
    """Item numbers and labels.

    Args:
        model: the hash of the file that answers, for the cache's key alone.
        digest: the hash of the picture.
    """
    try:
        data = read_picture(Workspace(root), digest)
    except (MLError, OSError):
        return []
    answer = client().classify(folder, data, "", top_k=1)
    return [(int(one["item"]), str(one["label"])) for one in answer["nearest"][:MAX_NEIGHBOURS]]
