"""The groups of a version's pictures, by one of the ways of ``ml.data.splits.group_rules``."""

from ml.data.splits import group_rules
from ml.data.splits.capture_time import captured
from ml.data.store.versions import DatasetVersion
from ml.errors import BadInputError
from ml.workspace import Workspace

WAYS = "folder, name:REGEX, number, time, time:SECONDS or none"


def group_by(workspace: Workspace, version: DatasetVersion, way: str) -> group_rules.Groups:
    """The group of each picture, as ``set_groups`` takes them. ``way`` is one of ``WAYS``.

    Raises:
        BadInputError: no such way.
    """
    kind, _, rest = way.partition(":")
    files = [item.file for item in version.items]
    if kind == "name" and rest:
        return group_rules.by_name(files, rest)
    if kind == "time":
        try:
            seconds = float(rest) if rest else group_rules.SECONDS
        except ValueError:
            raise BadInputError(f"A pause is a number of seconds, not {rest!r:.80}.") from None
        times = captured(workspace, {item.hash for item in version.items})
        return group_rules.by_time([times[item.hash] for item in version.items], seconds)
    if way == "folder":
        return group_rules.by_folder(files, version.classes)
    if way == "number":
        return group_rules.by_number(files, version.labels.tolist())
    if way == "none":
        return [None] * len(files)
    raise BadInputError(f"Groups are made by {WAYS}, not by {way!r:.80}.")
