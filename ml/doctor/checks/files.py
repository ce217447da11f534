"""Check of files: those that could not be read when the pictures were brought in."""

from collections.abc import Iterator

from ml.data.store.versions import read_report
from ml.doctor.check_context import CheckContext
from ml.doctor.finding import Finding
from ml.doctor.registry import Kind, check
from ml.text.format import count, is_or_are


@check(
    Kind(
        "undecodable",
        label="Unreadable files",
        advice="Save them again as JPEG or PNG and add them, or leave them out.",
        order=10,
    ),
)
def undecodable(context: CheckContext) -> Iterator[Finding]:
    """Refused files stand in the report of the version; a picture may also be damaged since."""
    version = context.version
    refused = read_report(context.workspace, version.name, version.version).get("refused", [])
    if refused:
        files = sorted(str(entry.get("file", "")) for entry in refused)
        first = refused[0]
        example = f"{first.get('file', '')}: {first.get('reason', '')}".rstrip(".")
        yield context.finding(
            kind="undecodable",
            severity="medium",
            title=f"{count(len(refused), 'file')} could not be read.",
            why=f"What cannot be read is not in the set. The first is {example}.",
            about=" ".join(files),
        )
    unreadable = [item for item in context.items.tolist() if context.statistics["width"][item] == 0]
    if number := len(unreadable):
        yield context.finding(
            kind="undecodable",
            severity="high",
            title=f"{count(number, 'picture')} {is_or_are(number)} damaged or missing.",
            why="A training on this set stops at the first picture that cannot be read.",
            advice="Bring the set in again, or delete them.",
            items=unreadable,
        )
