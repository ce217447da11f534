"""The registry of checks: ``@check`` registers one, with the kinds of finding that it yields.

A check is one module in ``ml/doctor/checks``: it is read because it lies there. The order of
findings, the cards on the page Data and ``python -m ml doctor --list`` follow from its kinds.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ml.doctor import checks
from ml.doctor.finding import SEVERITIES, Finding
from ml.utils.submodules import import_submodules

Check = Callable[..., Iterable[Finding]]
"""Takes a ``CheckContext`` (which asks this module for advice, so that it is not imported here)."""

LAST_ORDER = 1000
"""The ``order`` of a kind that names none."""


@dataclass(frozen=True)
class Kind:
    """A kind of finding.

    Attributes:
        name: what stands as ``kind`` in a finding, such as ``near_duplicate``.
        label: the same for people, a plural such as ``Near copies``.
        advice: what to do, one sentence, where a finding brings no advice of its own.
        order: of findings of one severity those with the lowest come first. Checks run in the
            order of their first kind.
        shows_split: whether the card names the split of each picture.
        follows_split: whether a picture that changed its split or group is no longer meant.
    """

    name: str
    label: str
    advice: str
    order: int = LAST_ORDER
    shows_split: bool = False
    follows_split: bool = False


CHECK_FAILED = Kind(
    "check_failed",
    label="Checks that failed",
    advice="All other findings stand. Look again, and report it if it fails again.",
    order=LAST_ORDER + 1,
)
_checks: dict[Check, tuple[Kind, ...]] = {}
import_errors: dict[str, str] = {}
"""Modules of checks that cannot be imported, each with its reason."""


def check(*kinds: Kind) -> Callable[[Check], Check]:
    """Register the decorated function, which yields findings of these ``kinds``.

    Raises:
        ValueError: a kind has a check already.
    """

    def decorate(function: Check) -> Check:
        registered = {CHECK_FAILED.name} | {
            kind.name for kinds_of_check in _checks.values() for kind in kinds_of_check
        }
        for kind in kinds:
            if kind.name in registered:
                raise ValueError(f"There are two checks for {kind.name}.")
        _checks[function] = kinds
        return function

    return decorate


def all_checks() -> list[tuple[Check, tuple[Kind, ...]]]:
    """Every check with its kinds, in the order in which they run."""
    import_errors.update(import_submodules(checks, skip=import_errors))
    return sorted(_checks.items(), key=lambda row: min(kind.order for kind in row[1]))


def kinds() -> dict[str, Kind]:
    """Every kind of finding by its name, in their order."""
    every_kind = [kind for _, kinds_of_check in all_checks() for kind in kinds_of_check]
    return {
        kind.name: kind for kind in sorted([*every_kind, CHECK_FAILED], key=lambda kind: kind.order)
    }


def kind_of(name: str) -> Kind:
    """The kind of that name. One whose check is gone is last and shows nothing special."""
    return kinds().get(name) or Kind(name, label=name.replace("_", " ").capitalize(), advice="")


def severity_key(finding: Finding) -> tuple[int, int, str, int]:
    """A sort key: most harmful first, then in the order of kinds, then the most pictures."""
    severity = SEVERITIES.index(finding.severity)
    return severity, kind_of(finding.kind).order, finding.kind, -len(finding.items)
