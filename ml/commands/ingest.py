"""``python -m ml ingest``: bring a folder of pictures into the workspace."""

import argparse
import json
import sys
from pathlib import Path

from ml.data.bringing import BUNDLED_NAMES, bring_in
from ml.data.folders import BUNDLED
from ml.workspace import Workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """SOURCE and ``--name``."""
    parser.add_argument(
        "source", metavar="SOURCE", help="a folder of class folders or of IDX files"
    )
    parser.add_argument("--name", help="the name of the data set (otherwise the folder's)")


class _Progress:
    """Writes ``progress 0.42`` to standard error, at each percent at most."""

    def __init__(self) -> None:
        self.said = -1

    def __call__(self, share: float) -> None:
        percent = int(share * 100)
        if percent > self.said:
            self.said = percent
            print(f"progress {percent / 100:.2f}", file=sys.stderr, flush=True)


def run(args: argparse.Namespace, workspace: Workspace) -> None:
    """Ingest, and say what was taken in and what was refused."""
    bundled = args.source in BUNDLED_NAMES and not args.name
    path = BUNDLED / args.source if bundled else Path(args.source)
    done = bring_in(workspace, path, args.name, progress=_Progress())
    version = done.version
    if args.json:
        found = {
            "name": version.name,
            "version": version.version,
            "fingerprint": version.fingerprint,
            "classes": version.counts,
            "accepted": len(version.items),
            "refused": done.refused,
            "notes": done.notes,
        }
        print(json.dumps(found, ensure_ascii=False))
        return
    counts = ", ".join(f"{name} {count:,}" for name, count in version.counts.items())
    print(f"{version.name}: {len(version.items):,} pictures in {len(version.classes)} classes")
    print(counts)
    for note in done.notes:
        print(note)
    for entry in done.refused:
        print(f"refused {entry['file']}: {entry['reason']}")
