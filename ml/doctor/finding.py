"""A finding of the doctor: what is wrong, with the pictures it is about and the fixes for it.

This module is light: pages read findings, a child makes them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SEVERITIES = ("high", "medium", "low")


@dataclass(frozen=True)
class Fix:
    """A button: what it says, and the edits (see ``ml.data.edits.edits``) that it commits in one
    go."""

    label: str
    edits: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong. Item numbers are those of the version that was looked at.

    Attributes:
        key: the same for the same finding on the same pictures, so that it can be ignored.
        kind: the name of a kind that a check declares (see ``ml.doctor.registry``).
        severity: one of ``SEVERITIES``; ValueError where it is none.
        title: how many of what; why: why it matters; advice: what to do. A sentence each.
        items: the pictures it is about, each once.
        groups: pairs or clusters of items that are shown together; may be empty.
        labels: the label that an item should perhaps have (likely label errors alone).
        scores: what to sort the items by, the worst highest.
        fixes: none, one or more; the first is the button.
    """

    key: str
    kind: str
    severity: str
    title: str
    why: str
    advice: str
    items: Sequence[int] = ()
    groups: Sequence[Sequence[int]] = ()
    labels: Mapping[int, str] = field(default_factory=dict)
    scores: Mapping[int, float] = field(default_factory=dict)
    fixes: Sequence[Fix] = ()

    def __post_init__(self) -> None:
        if self.severity not in SEVERITIES:
            raise ValueError(f"{self.severity!r} is no severity of a finding: {SEVERITIES}.")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; item numbers that are keys become text, as JSON wants."""
        return {
            "key": self.key,
            "kind": self.kind,
            "severity": self.severity,
            "title": self.title,
            "why": self.why,
            "advice": self.advice,
            "items": [int(item) for item in self.items],
            "groups": [[int(item) for item in group] for group in self.groups],
            "labels": {str(item): label for item, label in self.labels.items()},
            "scores": {str(item): round(float(score), 4) for item, score in self.scores.items()},
            "fixes": [
                {"label": fix.label, "edits": [dict(edit) for edit in fix.edits]}
                for fix in self.fixes
            ],
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Finding":
        """The finding that ``to_json`` wrote."""
        return cls(
            **{name: content[name] for name in ("key", "kind", "severity", "title", "why")},
            advice=content["advice"],
            items=content["items"],
            groups=content["groups"],
            labels={int(item): label for item, label in content["labels"].items()},
            scores={int(item): score for item, score in content["scores"].items()},
            fixes=[Fix(fix["label"], fix["edits"]) for fix in content["fixes"]],
        )
