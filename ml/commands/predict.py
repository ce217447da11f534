"""``python -m ml predict``: classify pictures, one JSON object a line."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from ml.data.opening import FORMATS
from ml.data.walk import files_below, read_file
from ml.errors import BadInputError
from ml.model_folder import find_model
from ml.predict import Classifier, unreadable
from ml.workspace import Workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """RUN, IMAGE... and ``--top-k``."""
    parser.add_argument(
        "model", metavar="RUN", help="a run's id or the start of it, latest, or a model's folder"
    )
    parser.add_argument(
        "images", metavar="IMAGE", nargs="+", type=Path, help="a picture, or a folder of pictures"
    )
    parser.add_argument(
        "--top-k", type=int, default=5, metavar="K", help="how many classes to rank (default: 5)"
    )


def run(args: argparse.Namespace, workspace: Workspace) -> int:
    """Print an object for each picture; 0 where at least one could be classified."""
    if args.top_k < 1:
        raise BadInputError(f"--top-k takes a number from 1 on, not {args.top_k}.")
    classifier = Classifier.load(find_model(workspace, args.model))
    read = 0
    for path in _expanded(args.images):
        try:
            answer = classifier.classify(_read(path), str(path), args.top_k)
        except BadInputError as error:
            answer = unreadable(str(path), str(error))
        read += answer["error"] is None
        print(json.dumps(answer, ensure_ascii=False), flush=True)
    if not read:
        raise BadInputError("None of these pictures could be read. Each line says why.")
    return 0


def _expanded(paths: list[Path]) -> Iterator[Path]:
    """Files as they are, folders as the pictures below them, in order."""
    # HEIC is not read yet: it is listed to be told so rather than passed over.
    suffixes = {".heic", ".heif"} | {
        suffix for suffix, kind in Image.registered_extensions().items() if kind in FORMATS
    }
    for path in paths:
        if path.is_dir():
            yield from (file for file in files_below(path) if file.suffix.lower() in suffixes)
        else:
            yield path


def _read(path: Path) -> bytes:
    if not path.exists():
        raise BadInputError(f"There is no file {path}. Check the path.")
    return read_file(path)
