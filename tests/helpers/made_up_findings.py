"""Findings and similarity maps as the doctor's children leave them, fabricated."""

from typing import Any

import numpy as np

from ml.data.store.versions import DatasetVersion
from ml.doctor.finding import Finding, Fix
from ml.doctor.stored_findings import findings_path, map_path
from ml.utils.files import write_json
from ml.workspace import Workspace


def write_findings(workspace: Workspace, version: DatasetVersion, *findings: Finding) -> None:
    """The doctor has looked at this version and found these."""
    path = findings_path(workspace, version.name, version.version)
    path.parent.mkdir(parents=True, exist_ok=True)
    content: dict[str, Any] = {"version": version.version, "fingerprint": version.fingerprint}
    content |= {
        "time": 1.0,
        "seconds": 2.0,
        "findings": [finding.to_json() for finding in findings],
    }
    write_json(path, content)


def write_map(workspace: Workspace, version: DatasetVersion) -> None:
    """A similarity map on which every class is a cloud of its own."""
    random = np.random.default_rng(0)
    angle = version.labels * 2 * np.pi / max(1, len(version.classes))
    spread = random.normal(0, 0.03, (2, len(angle)))
    x, y = 0.5 + 0.35 * np.cos(angle) + spread[0], 0.5 + 0.35 * np.sin(angle) + spread[1]
    path = map_path(workspace, version.name, version.version)
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"version": version.version, "fingerprint": version.fingerprint}
    write_json(path, content | {"x": x.round(4).tolist(), "y": y.round(4).tolist()})


def twins(*pairs: tuple[int, int]) -> Finding:
    """Pictures that are in the set twice; the second of each pair is the copy."""
    copies = [copy for _, copy in pairs]
    return Finding(
        key=f"exact_duplicate {pairs}",
        kind="exact_duplicate",
        severity="high",
        title=f"{len(pairs)} pictures are in the set twice.",
        why="What is seen twice counts twice.",
        advice="Exclude the copies.",
        items=[n for pair in pairs for n in pair],
        groups=pairs,
        fixes=[
            Fix("Exclude the copies", [{"do": "exclude", "items": copies}]),
            Fix("Delete the copies", [{"do": "delete", "items": copies}]),
        ],
    )


def mislabelled(labels: dict[int, str]) -> Finding:
    """Pictures that a classifier would give another label."""
    surest = next(iter(labels))
    edits = [{"do": "relabel", "items": [surest], "label": labels[surest]}]
    return Finding(
        key=f"label_error {sorted(labels)}",
        kind="label_error",
        severity="medium",
        title=f"{len(labels)} pictures perhaps have a wrong label.",
        why="A classifier learns mistakes as readily as the truth.",
        advice="Look at each and decide.",
        items=list(labels),
        labels=labels,
        scores={n: 1 - rank / 100 for rank, n in enumerate(labels)},
        fixes=[Fix("Relabel the 1 surest", edits)],
    )


def blurred(*items: int) -> Finding:
    """Pictures out of focus."""
    return Finding(
        key=f"blurred {items}",
        kind="blurred",
        severity="low",
        title=f"{len(items)} pictures are blurred.",
        why="Blurred pictures teach little.",
        advice="Keep them if what you will classify is blurred too.",
        items=items,
        scores={n: rank + 1.0 for rank, n in enumerate(items)},
        fixes=[Fix("Exclude them", [{"do": "exclude", "items": list(items)}])],
    )
