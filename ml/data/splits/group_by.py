"""Grouping of a version's pictures by a named rule of ``ml.data.splits.group_rules``."""

from ml.data.splits import group_rules
from ml.data.splits.capture_time import capture_times
from ml.data.store.versions import DatasetVersion
from ml.errors import BadInputError
from ml.workspace import Workspace

GROUP_RULES = "folder, name:REGEX, number, time, time:SECONDS or none"


def group_by(workspace: Workspace, version: DatasetVersion, rule: str) -> group_rules.Groups:
    """The group of each picture, as ``set_groups`` takes them. ``rule`` is one of ``GROUP_RULES``.

    Raises:
        BadInputError: there is no such rule.
    """
    kind, _, argument = rule.partition(":")
    files = [item.file for item in version.items]
    if kind == "name" and argument:
        return group_rules.by_name(files, argument)
    if kind == "time":
        try:
            seconds = float(argument) if argument else group_rules.MAX_PAUSE_SECONDS
        except ValueError:
            raise BadInputError(f"A pause is a number of seconds, not {argument!r:.80}.") from None
        times = capture_times(workspace, {item.hash for item in version.items})
        return group_rules.by_time([times[item.hash] for item in version.items], seconds)
    if rule == "folder":
        return group_rules.by_folder(files, version.classes)
    if rule == "number":
        return group_rules.by_number(files, version.labels.tolist())
    if rule == "none":
        return [None] * len(files)
    raise BadInputError(f"Groups are made by {GROUP_RULES}, not by {rule!r:.80}.")
