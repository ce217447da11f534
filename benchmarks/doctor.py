"""Precision and recall of the doctor on planted faults, and false findings on clean sets.

    python -m benchmarks.doctor DATA [PART...]

DATA holds ``trashnet_256``, ``sign_language_digits``, ``hymenoptera_data`` and ``nasty_images``.
PART is one of ``PARTS``; all of them unless told. Wanted: exact copies, contradictions and leaks
all found and no false ones; near copies 95 % with at most 1 % of the other pictures named, in
photographs of one part before one camera too (``inspection``); of labels turned at random 70 %
among the first twice as many suspects.

The limits of ``ml.doctor.confirmation`` were chosen on trashnet, ants and bees and castings; the
others were looked at afterwards.
"""

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import inspection, planting
from ml.data.edits.edits import commit
from ml.data.ingest.bring_in import bring_in
from ml.data.sources.folders import BUNDLED
from ml.data.store.versions import DatasetVersion
from ml.doctor import logistic_regression
from ml.doctor.check_context import CheckContext
from ml.doctor.examination import findings_of
from ml.doctor.finding import Finding
from ml.workspace import Workspace, open_workspace

NEAR_KINDS = {"near_duplicate", "near_leak", "leak", "contradiction", "exact_duplicate"}
EXACT_KINDS = {"exact_duplicate", "contradiction", "leak"}
FLIPS = 0.05


def row(name: str, hits: float, total: int, false: str = "") -> None:
    """Print one line of a table."""
    share = f"{hits:5.0f} of {total:5} ({hits / max(total, 1):6.1%})"
    print(f"{name:34} {share}  {false}", flush=True)


def joined(findings: Iterable[Finding], kinds: set[str]) -> dict[int, set[int]]:
    """With which other items each is shown as one picture in findings of ``kinds``."""
    partners: dict[int, set[int]] = {}
    for finding in findings:
        for group in finding.groups if finding.kind in kinds else ():
            for item in group:
                partners.setdefault(item, set()).update(group)
    return partners


def score_pairs(version: DatasetVersion, findings: list[Finding], truth: planting.Planted) -> None:
    """Recall of planted pairs by kind, and the share of other pictures that are named."""
    number = {item.file: n for n, item in enumerate(version.items)}
    planted = {number[file] for pairs in truth.pairs.values() for pair in pairs for file in pair}
    planted |= {number[file] for file in truth.files.get("burst", ())}
    allowed = {"exact": EXACT_KINDS, "contradiction": {"contradiction"}, "leak": {"leak"}}
    for kind, pairs in truth.pairs.items():
        alike = joined(findings, allowed.get(kind, NEAR_KINDS))
        hits = sum(number[b] in alike.get(number[a], ()) for a, b in pairs)
        row(kind, hits, len(pairs))
    for name, kinds in (("exact", {"exact_duplicate", "leak"}), ("near", NEAR_KINDS)):
        found_pairs = set(joined(findings, kinds))
        false = sorted(found_pairs - planted)
        row(f"false alarms, {name}", len(false), len(version.items) - len(planted))
        for item in false[:12]:
            print(f"    {version.items[item].file}")


def faults(workspace: Workspace, data: Path, folder: Path) -> None:
    """Every kind of fault in one set of photos."""
    truth = planting.plant(data, folder / "faults")
    ingested = bring_in(workspace, folder / "faults", "faults")
    version = ingested.version
    began = time.monotonic()
    findings = findings_of(CheckContext(workspace, version))
    print(f"faults: {len(version.items)} photos, {time.monotonic() - began:.1f} s")
    score_pairs(version, findings, truth)
    by_kind = {finding.kind: finding for finding in findings}
    refused = {entry["file"] for entry in ingested.refused}
    row("corrupt", len(refused & set(truth.files["corrupt"])), len(truth.files["corrupt"]),
        f"{len(refused - set(truth.files['corrupt']))} others refused")  # fmt: skip
    burst = {n for n, item in enumerate(version.items) if item.file in truth.files["burst"]}
    grouped = set(by_kind["burst"].items) if "burst" in by_kind else set()
    row("burst", len(grouped & burst), len(burst), f"{len(grouped - burst)} others named")
    tiny = by_kind["tiny_class"].title if "tiny_class" in by_kind else "none"
    row("tiny classes", sum(name in tiny for name in truth.classes), len(truth.classes), tiny)
    for finding in findings:
        print(f"    {finding.severity:6} {finding.title}\n           {finding.why}")


def near(workspace: Workspace, data: Path, folder: Path) -> None:
    """Near copies alone, in sets of several sorts."""
    sources = {
        "trashnet": data / "trashnet_256",
        "hands": data / "sign_language_digits" / "Dataset",
        "ants and bees": data / "hymenoptera_data" / "train",
    }
    for name, source in sources.items():
        into = folder / f"near-{name}"
        copies = planting.copy_classes(source, into, 120, 1, sides=False)
        each = len(copies) // (2 * len(planting.NEAR_COPIES))
        truth = planting.plant_near(copies, into, 1, each, lambda p, root=into: _relative(p, root))
        version = bring_in(workspace, into, f"near-{name}").version
        print(f"near copies in {name}: {len(version.items)} photos")
        score_pairs(version, findings_of(CheckContext(workspace, version)), truth)


def inspect_parts(workspace: Workspace, data: Path, folder: Path) -> None:
    """Photographs of one part before one camera: none planted, then near copies of every kind."""
    for part in inspection.PARTS:
        into = folder / f"inspection-{part}"
        originals = inspection.write_set(into, part, 240)
        clean = bring_in(workspace, into, f"clean-{part}").version
        findings = findings_of(CheckContext(workspace, clean))
        named = set(joined(findings, NEAR_KINDS))
        row(f"false alarms, clean {part}", len(named), len(clean.items))
        truth = planting.plant_near(originals, into, 1, 8, lambda p, root=into: _relative(p, root))
        version = bring_in(workspace, into, f"planted-{part}").version
        score_pairs(version, findings_of(CheckContext(workspace, version)), truth)


def labels(workspace: Workspace, data: Path, folder: Path) -> None:
    """Labels turned at random, in hands, clothes and things thrown away."""
    hands = bring_in(workspace, data / "sign_language_digits" / "Dataset", "digits").version
    clothes = bring_in(workspace, BUNDLED / "fashion").version
    trash = bring_in(workspace, data / "trashnet_256", "trash").version
    for version, max_pictures in (
        (hands, len(hands.items)),
        (clothes, 2000),
        (trash, len(trash.items)),
    ):
        chance = np.random.default_rng(0)
        order = chance.permutation(len(version.items)).tolist()
        turned = order[: round(FLIPS * max_pictures)]
        names = version.classes
        edits = [{"do": "exclude", "items": order[max_pictures:]}] if order[max_pictures:] else []
        edits += [
            {"do": "relabel", "items": [item],
             "label": names[(version.items[item].label + int(chance.integers(1, len(names))))
                            % len(names)]}
            for item in turned
        ]  # fmt: skip
        before = _suspects(workspace, version)
        edited_version = commit(workspace, version.name, edits, base=version.version)
        began = time.monotonic()
        suspects = _suspects(workspace, edited_version)
        within = suspects[: 2 * len(turned)]
        print(
            f"labels turned in {version.name}: {max_pictures} pictures, "
            f"{time.monotonic() - began:.1f} s"
        )
        row("found", len(set(within) & set(turned)), len(turned),
            f"{len(suspects)} suspects; {len(before)} before any was turned")  # fmt: skip


def groups(workspace: Workspace, data: Path, folder: Path) -> None:
    """The grouped split that is proposed for hands, from times and from names, and its accuracy."""
    version = bring_in(workspace, data / "sign_language_digits" / "Dataset", "hands-all").version
    _propose(workspace, version)
    bare = folder / "bare"
    for path in sorted((data / "sign_language_digits" / "Dataset").rglob("*.JPG")):
        target = bare / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(path) as picture:  # saved without what the camera noted
            picture.convert("RGB").save(target, quality=95)
    _propose(workspace, bring_in(workspace, bare, "hands-without-times").version)


def known(workspace: Workspace, data: Path, folder: Path) -> None:
    """Faults that real sets have: contradictions in trashnet, a notice among the ants."""
    trash = bring_in(workspace, data / "trashnet_256", "trash-known").version
    ants = bring_in(workspace, data / "hymenoptera_data", "ants-known").version
    for version in (trash, ants):
        print(f"{version.name}: {len(version.items)} pictures")
        for finding in findings_of(CheckContext(workspace, version)):
            names = [version.items[item].file for item in finding.items[:6]]
            print(f"    {finding.kind:16} {finding.title} {names}")


def speed(workspace: Workspace, data: Path, folder: Path) -> None:
    """600 photos, everything computed for the first time."""
    planting.copy_classes(data / "trashnet_256", folder / "speed", 100, 3, sides=False)
    workspace = open_workspace(folder / "workspace-speed")  # nothing is kept in it yet
    version = bring_in(workspace, folder / "speed", "speed").version
    for name in ("first time", "again"):
        began, cpu_seconds = time.monotonic(), time.process_time()
        findings_of(CheckContext(workspace, version))
        wall, cpu_seconds = time.monotonic() - began, time.process_time() - cpu_seconds
        print(
            f"{len(version.items)} photos, {name}: {wall:.1f} s, "
            f"of the processor {cpu_seconds:.1f} s"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak if sys.platform != 'darwin' else peak / 1024:.0f} MB")


def _propose(workspace: Workspace, version: DatasetVersion) -> None:
    context = CheckContext(workspace, version)
    burst = {finding.kind: finding for finding in findings_of(context)}.get("burst")
    print(f"{version.name}: {len(version.items)} pictures")
    if burst is None:
        print("    no series found")
        return
    print(f"    {burst.title} {burst.why}")
    regrouped = commit(workspace, version.name, burst.fixes[0].edits, base=version.version)
    regrouped_context = CheckContext(workspace, regrouped)
    for name, side_context in (("random", context), ("grouped", regrouped_context)):
        test, train = (np.flatnonzero(side_context.split_numbers == side) for side in (2, 0))
        probabilities = logistic_regression.predict(
            side_context.classifier_inputs[train],
            side_context.labels[train],
            side_context.classifier_inputs[test],
            len(version.classes),
        )
        right = float((probabilities.argmax(1) == side_context.labels[test]).mean())
        print(f"    {name:8} test of {len(test)} pictures: {right:.1%} by a quick head")


def _suspects(workspace: Workspace, version: DatasetVersion) -> list[int]:
    by_kind = {finding.kind: finding for finding in findings_of(CheckContext(workspace, version))}
    if "label_error" not in by_kind:
        return []
    scores = by_kind["label_error"].scores
    return sorted(scores, key=lambda item: -scores[item])


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


PARTS = {
    "faults": faults, "near": near, "inspection": inspect_parts, "labels": labels,
    "groups": groups, "known": known, "speed": speed,
}  # fmt: skip


def main() -> None:
    """Measure the parts that are named."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, metavar="DATA")
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], metavar="PART")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        workspace = open_workspace(folder / "workspace")
        for name in args.parts or PARTS:
            PARTS[name](workspace, args.data, folder)


if __name__ == "__main__":
    main()
