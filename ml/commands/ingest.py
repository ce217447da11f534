"""``python -m ml ingest``: bring pictures into the workspace."""

import argparse
import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ml.data.ingest.bring_in import BUNDLED_NAMES, bring_in
from ml.data.ingest.ingest import Ingested
from ml.data.pixels.parallel import MIN_ITEMS_FOR_PROCESSES, prestarted_processes
from ml.data.sources.folders import BUNDLED
from ml.data.sources.hub_registry import all_hubs
from ml.data.sources.listing import DRAWING, LAYOUT
from ml.data.sources.walk import has_many
from ml.errors import BadInputError
from ml.presets import default_pixels
from ml.utils.progress import Progress
from ml.workspace import Workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """SOURCE and what to make of it."""
    parser.add_argument(
        "source",
        metavar="SOURCE",
        nargs="+",
        help="a folder or zip of class folders, a folder of IDX files, a CSV or TSV of files and "
        f"labels, pictures (with --class), or a set by name, {_named_sets()}",
    )
    parser.add_argument("--name", help="the name of the data set (otherwise the source's)")
    parser.add_argument("--into", metavar="NAME", help="add the pictures to this data set")
    parser.add_argument(
        "--keep-test",
        action="store_true",
        help="with --into: leave the test as it is, new pictures are for training and validation",
    )
    parser.add_argument("--class", dest="label", help="all pictures are of this class")
    parser.add_argument(
        "--root", type=Path, metavar="DIR", help="where the files of a set by name lie"
    )


def _named_sets() -> str:
    """What each hub offers, for the help."""
    return "; ".join(
        f"of {hub.label}: {', '.join(known.name for known in hub.list())}" for hub in all_hubs()
    )


def run(args: argparse.Namespace, workspace: Workspace) -> None:
    """Ingest, and say what was taken in, what was changed and what was refused."""
    if args.name and args.into:
        raise BadInputError("Give --name for a new data set or --into for one that is there.")
    if args.keep_test and not args.into:
        raise BadInputError("--keep-test goes with --into NAME: a new set has no test yet.")
    is_bundled = args.source == [args.source[0]] and args.source[0] in BUNDLED_NAMES
    path: Path | str | list[Path]
    if is_bundled and not (args.name or args.into or args.label):
        path = BUNDLED / args.source[0]
    elif len(args.source) == 1:
        path = args.source[0]
    else:
        path = [Path(source) for source in args.source]
    try:
        has_many_pictures = isinstance(path, str) and has_many(Path(path), MIN_ITEMS_FOR_PROCESSES)
        with _sigterm_as_interrupt(), prestarted_processes(has_many_pictures):
            result = bring_in(
                workspace,
                path,
                args.name,
                progress=Progress(),
                into=args.into,
                label=args.label,
                root=args.root,
                keep_test=args.keep_test,
                pixels_for=default_pixels,
            )
    except BadInputError as error:
        if LAYOUT in str(error) and not args.json:
            print(DRAWING)
        raise
    _print_json(result) if args.json else _print_result(result)


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """Treat SIGTERM as Ctrl-C, so that an unfinished ingest removes its files."""
    try:
        previous_handler = signal.signal(signal.SIGTERM, signal.default_int_handler)
    except ValueError:  # not the main thread: nobody's signals to set
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous_handler)


def _print_json(result: Ingested) -> None:
    version = result.version
    output = {
        "name": version.name,
        "version": version.version,
        "fingerprint": version.fingerprint,
        "classes": version.counts,
        "accepted": result.accepted,
        "refused": result.refused,
        "changed": result.changed,
        "notes": result.notes,
    }
    print(json.dumps(output, ensure_ascii=False))


def _print_result(result: Ingested) -> None:
    version = result.version
    counts = ", ".join(f"{name} {count:,}" for name, count in version.counts.items())
    print(f"{version.name}: {len(version.items):,} pictures in {len(version.classes)} classes")
    print(counts)
    for note in result.notes:
        print(note)
    for entry in result.changed:
        print(f"changed {entry['file']}: {entry['change']}")
    for entry in result.refused:
        print(f"refused {entry['file']}: {entry['reason']}")
