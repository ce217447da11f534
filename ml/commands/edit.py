"""``python -m ml edit``: change a data set. Each call makes one new version of it."""

import argparse
import json
import sys
from typing import Any

from ml.data import catalog
from ml.data.edits.cli_parser import OPTIONS
from ml.data.edits.edits import Edit, commit, create
from ml.data.splits.group_rules import count_torn_groups
from ml.data.splits.splits import in_test
from ml.data.store.versions import DatasetVersion, read_summary
from ml.errors import BadInputError
from ml.presets import default_pixels
from ml.workspace import Workspace

EPILOG = (
    "A PICTURE is a file name, the first digits of its hash, or # and its number. The edits are "
    "done in the order in which they are given."
)


class _InOrder(argparse.Action):
    """Appends (option, value) to one list for all options."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        options = [*(getattr(namespace, self.dest) or []), (self.option_strings[0], values)]
        setattr(namespace, self.dest, options)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """DATASET, ``--create``, and an option for each kind of edit."""
    parser.epilog = EPILOG
    parser.add_argument("dataset", metavar="DATASET", help="a data set's name, or a path")
    parser.add_argument("--create", action="store_true", help="make an empty set of that name")
    for name, option in OPTIONS.items():
        parser.add_argument(
            name,
            action=_InOrder,
            dest="asked",
            nargs="+" if option.several else None,
            metavar=option.metavar,
            help=option.help,
        )


def run(args: argparse.Namespace, workspace: Workspace) -> None:
    """Edit, and say what changed."""
    options = args.asked or []
    if not options and not args.create:
        raise BadInputError("There is nothing to change. See: python -m ml edit --help")
    if args.create:
        version = create(workspace, args.dataset)
    else:
        version = catalog.resolve(workspace, args.dataset, pixels_for=default_pixels)
    changed = args.create
    if options:
        old, edits = version, list[Edit]()
        for option, value in options:
            edits += OPTIONS[option].edits(workspace, version, value)
        version = commit(workspace, old.name, edits, base=old.version)
        changed = changed or version != old
    print_version(workspace, version, as_json=args.json, changed=changed)


def print_version(
    workspace: Workspace, version: DatasetVersion, *, as_json: bool, changed: bool = True
) -> None:
    """Print what a version has and how it came about, and warn of a test set that tells little."""
    summary = read_summary(workspace, version.name, version.version)
    change = summary.get("change", "") if changed else "Nothing changed."
    groups = [item.group for item in version.items]
    if torn := count_torn_groups(groups, in_test(version.items).tolist()):
        print(
            f"{torn} group{' is' if torn == 1 else 's are'} on both sides of the test. Draw "
            "another test set with --draw-test SEED.",
            file=sys.stderr,
        )
    if as_json:
        output = {
            "name": version.name,
            "version": version.version,
            "parent": summary.get("parent", 0),
            "fingerprint": version.fingerprint,
            "change": change,
            "classes": version.counts,
            "pictures": len(version.items),
            "excluded": summary.get("excluded", 0),
        }
        print(json.dumps(output, ensure_ascii=False))
        return
    print(f"{version.name} version {version.version}: {change}")
    print(", ".join(f"{name} {count:,}" for name, count in version.counts.items()))
